import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import * as aegislib from 'aegislib';
import { AegisModule, ForbiddenError } from 'aegislib';
import type { Task } from 'aegislib';
import { aegisExpress, aegisFastify, aegisHono } from 'aegislib/web';
import { serviceOf } from './behavesLikeAdapter.js';
import { approveAll } from './mail.js';
import { counted } from './counted.js';
import { WEB_FRAMEWORKS } from './webApps.js';
import type { Host, RunningApp } from './webApps.js';

const POLICIES = `
  @id("known") permit (principal, action, resource) when { context has session && context.session has user_id };
  @id("much") @reason("over a thousand is too much") forbid (principal, action, resource) when { context.input.amount > 1000 };
  @id("some") @effect("approval_needed") @reason("over a hundred needs a person") forbid (principal, action, resource) when { context.input.amount > 100 };
  @id("trainee") @reason("trainees refund nothing") forbid (principal, action, resource) when { context.session.user_id == "trainee" };`;

const moduleOf = (options: object = {}): AegisModule =>
  AegisModule.create({ policies: { text: POLICIES }, sessions: 'async-local', ...options });
const session = (user: string): object | null => (user === 'nobody' ? null : { user_id: user });

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly text: string;
  readonly location: string | null;
}

for (const framework of WEB_FRAMEWORKS) {
  describe(`Aegis in ${framework.name}`, () => {
    let module: AegisModule;
    let app: RunningApp | undefined;
    let played = 0;
    beforeEach(() => {
      module = moduleOf();
      played += 1;
    });
    afterEach(async () => {
      await app?.close();
      app = undefined;
      await module.close();
    });
    after(function () {
      const wrong = this.test?.parent?.tests.filter((test) => test.state === 'failed').length ?? 0;
      counted({ what: `Aegis on the web: ${framework.name}`, cases: played, wrong });
    });

    const start = async (host: Partial<Host> = {}): Promise<RunningApp> => (app = await framework.start({ module, session, ...host }));
    async function request(
      path: string,
      { user = 'eve', json, method }: { user?: string; json?: unknown; method?: string } = {},
    ): Promise<Answer> {
      const response = await fetch(`${app?.url}${path}`, {
        method: method ?? (json === undefined ? 'GET' : 'POST'),
        headers: { 'x-user': user, ...(json !== undefined && { 'content-type': 'application/json' }) },
        ...(json !== undefined && { body: JSON.stringify(json) }),
      });
      const text = await response.text();
      const body = (text.startsWith('{') ? JSON.parse(text) : {}) as Record<string, unknown>;
      return { status: response.status, body, text, location: response.headers.get('location') };
    }

    it('runs an allowed call in the session of its request', async () => {
      const { entered } = await start();
      const answer = await request('/defer', { json: { id: 'order-1', amount: 5 } });
      expect(answer.status).to.equal(200);
      expect(answer.text).to.include('refunded 5 for order-1');
      expect(entered).to.deep.equal(['order-1']);
    });

    it('answers 403 to what policy denies, with the reason and no stack', async () => {
      const { entered } = await start();
      const { status, body, text } = await request('/defer', { json: { id: 'order-2', amount: 5_000 } });
      expect(status).to.equal(403);
      expect(body).to.include({ error: 'policy_violation', tool: 'refund' });
      expect(body['message']).to.include('over a thousand is too much');
      expect(text).to.not.match(/\bat .*\.[jt]s:\d/);
      expect(entered).to.deep.equal([]);
    });

    it('gives policies the session of each of many requests at once, and none of another', async () => {
      const { entered } = await start({
        session: async (user) => (await new Promise((resolve) => setTimeout(resolve, user.length)), session(user)),
      });
      const users = Array.from({ length: 30 }, (_, i) => ['trainee', 'eve', 'nobody'][i % 3] as string);
      const statuses = await Promise.all(
        users.map(async (user, i) => (await request('/defer', { user, json: { id: `order-${i}`, amount: i } })).status),
      );
      expect(statuses).to.deep.equal(users.map((user) => (user === 'eve' ? 200 : 403)));
      expect(entered).to.have.length(10);
    });

    it('answers 202 to a pending approval that is returned, and says where its task is', async () => {
      const { entered } = await start({ authorize: () => true });
      for (const path of ['/defer', '/send']) {
        const { status, body, location } = await request(path, { json: { id: `order-${path}`, amount: 500 } });
        expect(status).to.equal(202);
        expect(body).to.include({ status: 'PENDING', tool: 'refund' });
        expect(body['message']).to.include('over a hundred needs a person');
        expect(location).to.equal(`/tasks/${String(body['task_id'])}`);
        const [asked] = await module.approvals.list();
        expect(body['approval_id']).to.equal(asked?.decisionId);
        const task = await request(location ?? '');
        expect(task.body).to.include({ status: 'pending', task_id: body['task_id'] });
        const done = new Promise((resolve) => module.tasks.once('completed', resolve));
        await approveAll(module);
        await done;
        expect((await request(location ?? '')).body['status']).to.equal('completed');
      }
      expect(entered).to.deep.equal(['order-/defer', 'order-/send']);
    });

    it('answers 202 to a pending approval that is thrown, and runs the call when it comes again', async () => {
      const { entered } = await start();
      const json = { id: 'order-4', amount: 500 };
      expect(await request('/throw', { json })).to.deep.include({ status: 202 });
      expect(entered).to.deep.equal([]);
      await approveAll(module);
      expect((await request('/throw', { json, user: 'mallory' })).status).to.equal(202); // another session is another call
      expect((await request('/throw', { json })).status).to.equal(200);
      expect(entered).to.deep.equal(['order-4']);
    });

    it('answers 400 to params that cannot be', async () => {
      await start();
      const { status, body } = await request('/wrong', { json: {} });
      expect(status).to.equal(400);
      expect(body).to.include.keys('error', 'message', 'path');
    });

    it('answers 502 where no decision can be had, and tells nothing of why', async () => {
      const away = moduleOf({
        policies: undefined,
        decisions: serviceOf(() => {
          throw new Error('a secret of the service');
        }),
      });
      const { entered } = await start({ module: away });
      const { status, text } = await request('/defer', { json: { id: 'order-5', amount: 5 } });
      expect(status).to.equal(502);
      expect(text).to.not.include('secret');
      expect(entered).to.deep.equal([]);
      await away.close();
    });

    it('leaves what is no error of ours to the host', async () => {
      await start();
      expect(await request('/fails')).to.deep.include({ status: 500, body: { host: 'Error: a secret of the host' } });
    });

    it('ends a request whose session cannot be told, and enters no handler', async () => {
      for (const broken of [
        () => {
          throw new Error('who is this?');
        },
        () => Promise.reject(new Error('who is this?')),
      ]) {
        const { entered } = await start({ session: broken });
        expect(await request('/defer', { json: { id: 'order-6', amount: 5 } })).to.deep.include({
          status: 500,
          body: { host: 'Error: who is this?' },
        });
        expect(entered).to.deep.equal([]);
        await app?.close();
      }
      const { entered } = await start({ session: () => new Map() });
      const { status, body } = await request('/defer', { json: { id: 'order-6', amount: 5 } });
      expect([status, body['error'], entered]).to.deep.equal([500, 'internal_error', []]);
    });

    describe('shows tasks', () => {
      const make = async (user: string, id: string): Promise<string> =>
        String((await request('/defer', { user, json: { id, amount: 500 } })).body['task_id']);

      it('to nobody whom the host has not let', async () => {
        for (const access of [false, undefined, null, 'yes', 1, {}, Promise.resolve(false)]) {
          await start({ authorize: () => access as never });
          const id = await make('eve', 'order-7');
          for (const path of ['/tasks', '/tasks/stats', `/tasks/${id}`]) {
            const { status, text } = await request(path);
            expect([path, status]).to.deep.equal([path, 403]);
            expect(text).to.not.include(id);
          }
          await app?.close();
        }
        await start({
          authorize: () => {
            throw new Error('who is this?');
          },
        });
        expect(await request('/tasks')).to.deep.include({ status: 500, body: { host: 'Error: who is this?' } });
      });

      it('and their stats to whom it lets, without params, sessions and results', async () => {
        await start({ authorize: (user) => user === 'operator' });
        const id = await make('eve', 'order-8');
        const done = new Promise((resolve) => module.tasks.once('completed', resolve));
        await approveAll(module);
        await done;
        await make('eve', 'order-9');
        const { status, body, text } = await request('/tasks', { user: 'operator' });
        expect(status).to.equal(200);
        expect((body['tasks'] as { status: string }[]).map((task) => task.status)).to.deep.equal(['completed', 'pending']);
        expect(text).to.not.match(/order-8|order-9|user_id|refunded|ann/);
        expect((await request('/tasks/stats', { user: 'operator' })).body).to.include({ total: 2, completed: 1, pending: 1, denied: 0 });
        expect((await request(`/tasks/${id}`, { user: 'operator' })).body).to.have.all.keys(
          'task_id',
          'approval_id',
          'status',
          'tool',
          'agent',
          'reason',
          'created_at',
          'updated_at',
          'expires_at',
        );
        expect((await request('/tasks/task-of-nobody', { user: 'operator' })).status).to.equal(404);
        expect((await request('/tasks', { user: 'eve' })).status).to.equal(403);
        expect([405, 404]).to.include((await request('/tasks', { user: 'operator', method: 'DELETE' })).status);
      });

      it('of one user to that one, and no stats, which tell of the others', async () => {
        await start({ authorize: (user) => (task: Pick<Task, 'session'>) => task.session?.['user_id'] === user });
        const mine = await make('eve', 'order-10');
        const other = await make('bob', 'order-11');
        const { body, text } = await request('/tasks');
        expect((body['tasks'] as { task_id: string }[]).map((task) => task.task_id)).to.deep.equal([mine]);
        expect(text).to.not.include(other);
        expect((await request(`/tasks/${other}`)).status).to.equal(404);
        expect((await request(`/tasks/${mine}`)).status).to.equal(200);
        expect((await request('/tasks/stats')).status).to.equal(403);
        expect(((await request('/tasks?limit=1')).body['tasks'] as unknown[]).length).to.equal(1);
      });

      it('filtered as asked, and refuses a filter that it cannot read', async () => {
        await start({ authorize: () => true, show: ['params', 'session', 'result', 'people'] });
        await make('eve', 'order-12');
        const [asked] = (await request('/tasks?status=pending&tool=refund&agent=web')).body['tasks'] as Record<string, unknown>[];
        expect(asked).to.deep.include({ params: { id: 'order-12', amount: 500 }, session: { user_id: 'eve' } });
        const done = new Promise((resolve) => module.tasks.once('completed', resolve));
        await approveAll(module);
        await done;
        const [task] = (await request('/tasks?status=completed&tool=refund&agent=web')).body['tasks'] as Record<string, unknown>[];
        // a task that has ended keeps its digests, not its params
        expect(task).to.deep.include({ params: {}, session: { user_id: 'eve' }, result: 'refunded 500 for order-12' });
        expect((await request('/tasks?status=pending')).body).to.deep.equal({ tasks: [] });
        for (const query of ['status=perhaps', 'limit=0', 'limit=-1', 'limit=x', 'status=pending&status=completed', 'tool=a&tool=b'])
          expect([query, (await request(`/tasks?${query}`)).status]).to.deep.equal([query, 400]);
      });
    });
  });
}

describe('A ForbiddenError that a handler throws, without any of this', () => {
  const refusal = (): never => {
    throw new ForbiddenError('not allowed', { toolName: 'refund' });
  };

  // Express and Hono print it too
  const { error } = console;
  before(() => (console.error = () => {}));
  after(() => (console.error = error));

  it('is a 403 in Express, with a page that shows the stack outside production', async () => {
    const server = createServer(express().get('/', refusal)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    expect([response.status, response.headers.get('content-type')]).to.deep.equal([403, 'text/html; charset=utf-8']);
    expect(await response.text()).to.match(/web\.spec/);
    server.closeAllConnections();
    server.close();
  });

  it('is a 403 in Fastify', async () => {
    const app = fastify();
    app.get('/', refusal);
    const { statusCode, body } = await app.inject('/');
    expect([statusCode, JSON.parse(body)]).to.deep.equal([
      403,
      { statusCode: 403, code: 'forbidden', error: 'Forbidden', message: 'not allowed' },
    ]);
    await app.close();
  });

  it('is a 500 in Hono that tells nothing', async () => {
    const app = new Hono();
    app.get('/', refusal);
    const response = await app.request('/');
    expect([response.status, await response.text()]).to.deep.equal([500, 'Internal Server Error']);
  });
});

describe('Aegis on the web is refused', () => {
  const makers = { express: aegisExpress, fastify: aegisFastify, hono: aegisHono } as unknown as Record<
    string,
    (options: object) => unknown
  >;

  it('without a session function, and on a module without async-local sessions', async () => {
    await using module = AegisModule.create({ policies: { text: POLICIES } });
    await using local = moduleOf();
    for (const make of Object.values(makers)) {
      expect(() => make({ module: local })).to.throw(aegislib.ConfigError, 'session');
      expect(() => make({ module, session: () => null })).to.throw(aegislib.ConfigError, 'async-local');
    }
  });

  it('a route of tasks without an authorize function', async () => {
    await using module = moduleOf();
    const options = { module, session: () => null };
    for (const authorize of [undefined, true, 'everybody']) {
      expect(() => aegisExpress(options).tasks({ authorize } as never)).to.throw(aegislib.ConfigError, 'authorize');
      expect(() => aegisHono(options).tasks({ authorize } as never)).to.throw(aegislib.ConfigError, 'authorize');
      expect(() => aegisFastify({ ...options, tasks: { authorize } as never })).to.throw(aegislib.ConfigError, 'authorize');
    }
  });
});
