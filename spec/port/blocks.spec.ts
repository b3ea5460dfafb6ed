import { expect } from 'chai';
import { Hono, type Context } from 'hono';
import { setTimeout as sleep } from 'node:timers/promises';
import { aegisHono } from '../../lib/adapter/web/index.js';
import { AegisModule, AuthError, ForbiddenError, guard, isPending, TransportError } from '../../lib/index.js';
import type { Guarded, Task, TaskStatus } from '../../lib/index.js';
import { sendJson } from '../support/dataPlaneStandIn.js';
import { rejection } from '../support/rejection.js';
import { counterpart, MASKED } from './worlds.js';

describe('The blocks of the Python SDK', () => {
  counterpart(
    'quick-start/guard',
    'runs what is allowed, and what a person allows in the background',
    { 'database.drop_table': 'approval_needed' },
    async (world) => {
      world.configure();
      const sent: string[] = [];
      const post = guard(
        async (channel: string, text: string): Promise<void> => {
          sent.push(`${channel} ${text}`);
        },
        { agentId: 'ops-agent', toolName: 'slack.post_message', params: ['channel', 'text'], approval: 'wait' },
      );
      await post('#support', 'hello');
      expect(sent).to.deep.equal(['#support hello']);

      const drop = guard(async (table: string): Promise<Guarded<string>> => `dropped ${table}`, {
        agentId: 'admin-agent',
        toolName: 'database.drop_table',
        params: ['table'],
      });
      const pending = await drop('users');
      if (!isPending(pending)) throw new Error('it did not wait');
      expect(String(pending)).to.equal("Tool 'database.drop_table' execution pending approval: a person has to agree");
      await world.decide(pending.decisionId, true);
      expect(await pending.completed).to.equal('dropped users');
    },
  );

  counterpart('async/guard', 'awaits an asynchronous function', {}, async (world) => {
    world.configure();
    const fetchData = guard(
      async (url: string) => {
        await sleep(1);
        return { url, items: 2 };
      },
      { agentId: 'async-agent', toolName: 'async_tool', params: ['url'], approval: 'wait' },
    );
    expect(await fetchData('https://aegis.example/data')).to.deep.equal({ url: 'https://aegis.example/data', items: 2 });
  });

  counterpart(
    'approval-workflow/callback',
    'tells how it ended, and lists what waits',
    { 'server.shutdown': 'approval_needed' },
    async (world) => {
      const aegis = world.configure({ approvalPolling: { enabled: true, maxAttempts: 100 } });
      const settled: (readonly [unknown, unknown])[] = [];
      const shutdown = guard(async (server: string): Promise<Guarded<string>> => `${server} is down`, {
        agentId: 'admin',
        toolName: 'server.shutdown',
        params: ['server'],
        onSettled: (result, error) => settled.push([result, error]),
      });
      const [yes, no] = [await shutdown('one'), await shutdown('two')];
      if (!isPending(yes) || !isPending(no)) throw new Error('it did not wait');
      expect(yes.message).to.match(/^Tool 'server\.shutdown' execution pending approval: /);
      const waiting = await AegisModule.current.tasks.listTasks({ agentId: 'admin', status: 'pending' });
      expect(waiting.map(({ taskId, status, toolName }) => [taskId, status, toolName])).to.deep.equal([
        [yes.taskId, 'pending', 'server.shutdown'],
        [no.taskId, 'pending', 'server.shutdown'],
      ]);
      await world.decide(yes.decisionId, true);
      expect(await yes.completed).to.equal('one is down');
      await world.decide(no.decisionId, false);
      expect(await rejection(no.completed)).to.be.instanceOf(ForbiddenError);
      expect(settled[0]).to.deep.equal(['one is down', undefined]);
      expect(settled[1]?.[1]).to.be.instanceOf(ForbiddenError);
      expect(aegis.scheduler.queueSize).to.equal(0);
    },
  );

  counterpart('task-management/query', 'lists, reads, clears and counts', { refund: 'approval_needed' }, async (world) => {
    world.configure();
    const { tasks } = AegisModule.current;
    const refund = guard(async (order: string): Promise<Guarded<string>> => order, {
      agentId: 'admin-agent',
      toolName: 'refund',
      params: ['order'],
    });
    const [one, two] = [await refund('a'), await refund('b')];
    if (!isPending(one) || !isPending(two)) throw new Error('it did not wait');
    expect(await tasks.listTasks({ status: 'pending' })).to.have.length(2);
    expect(await tasks.listTasks({ agentId: 'admin-agent' })).to.have.length(2);
    const task = await tasks.getTask(one.taskId);
    expect(task).to.include({ status: 'pending' });
    expect(task?.createdAtMs).to.be.a('number');
    expect(await tasks.getTask('none')).to.equal(undefined);
    await world.decide(one.decisionId, true);
    await one.completed;
    expect(await tasks.clearCompleted({ maxAgeSeconds: 3_600 })).to.equal(0);
    const { total, pending } = await tasks.getStats();
    expect([total, pending]).to.deep.equal([2, 1]);
    expect(await tasks.clearCompleted()).to.equal(1);
    await two.cancel();
  });

  counterpart(
    'decision-effects/four',
    'does what each of the four says',
    { risky: 'deny', note: 'sanitize', drop: 'approval_needed' },
    async (world) => {
      world.configure({ agentId: 'agent' });
      const ran: string[] = [];
      const tool = (toolName: string) =>
        guard(
          async (text: string): Promise<Guarded<string>> => {
            ran.push(toolName);
            return text;
          },
          { toolName, params: ['text'] },
        );
      expect(await tool('look')('x')).to.equal('x');
      expect(await rejection(tool('risky')('x'))).to.be.instanceOf(ForbiddenError);
      expect(await tool('note')('x')).to.equal(MASKED);
      const pending = await tool('drop')('x');
      if (!isPending(pending)) throw new Error('it did not wait');
      expect(ran).to.deep.equal(['look', 'note']);
      await world.decide(pending.decisionId, true);
      expect(await pending.completed).to.equal('x');
      expect(ran).to.deep.equal(['look', 'note', 'drop']);
    },
  );

  counterpart('error-handling/catch', 'throws an error of the class that says why', { risky_tool: 'deny' }, async (world) => {
    world.configure({ retries: world.plane && 0 } as object);
    const risky = guard(async (data: string) => data, { agentId: 'agent', toolName: 'risky_tool', params: ['data'], approval: 'wait' });
    const error = await rejection(risky('sensitive'));
    expect(error).to.be.instanceOf(ForbiddenError);
    expect(error.message).to.contain('not permitted').and.not.contain('sensitive');
    if (world.plane === undefined) return;
    world.plane.handler = (_request, reply) => sendJson(reply, { message: 'who are you?' }, 401);
    expect(await rejection(risky('x'))).to.be.instanceOf(AuthError);
    world.plane.handler = (_request, reply) => sendJson(reply, { message: 'later' }, 503);
    expect(await rejection(risky('x'))).to.be.instanceOf(TransportError);
    await world.plane.close();
    expect(await rejection(risky('x'))).to.be.instanceOf(TransportError);
  });

  counterpart('session/decide', 'decides with a session, and runs nothing', { tool: 'deny' }, async (world) => {
    const aegis = world.configure();
    const session = { user_id: 'user-1', session_id: 'session-1', context: 'production' };
    const decision = await aegis.decide({ agentId: 'agent', toolName: 'tool', params: { key: 'value' }, session });
    expect(decision).to.include({ effect: 'deny', reason: 'not permitted' });
    if (world.plane !== undefined) expect(JSON.parse(world.plane.requests[0]?.body ?? '')).to.have.deep.property('session', session);
    expect((await aegis.tasks.getStats()).total).to.equal(0);
  });

  counterpart('integration/one-line', 'guards a function that exists already', {}, async (world) => {
    world.configure();
    const sendEmail = async (to: string, subject: string, body: string): Promise<string> => `${to}: ${subject} ${body}`;
    const guarded = guard(sendEmail, { agentId: 'email-service', params: ['to', 'subject', 'body'], approval: 'wait' });
    expect(await guarded('ann', 'hello', 'you')).to.equal(await sendEmail('ann', 'hello', 'you'));
    if (world.plane !== undefined)
      expect(JSON.parse(world.plane.requests[0]?.body ?? '')).to.have.nested.property('tool.name', 'sendEmail');
  });

  counterpart('integration/web-service', 'answers over HTTP', { 'user.delete': 'deny', 'user.merge': 'approval_needed' }, async (world) => {
    const aegis = world.configure({ sessions: 'async-local', agentId: 'api-service' });
    const create = guard(async (email: string) => ({ userId: '1', email }), {
      toolName: 'user.create',
      params: ['email'],
      approval: 'wait',
    });
    const remove = guard(async (email: string) => email, { toolName: 'user.delete', params: ['email'], approval: 'wait' });
    const merge = guard(async (email: string): Promise<Guarded<string>> => email, { toolName: 'user.merge', params: ['email'] });
    const app = new Hono();
    const web = aegisHono({ session: (_c: Context) => ({ user_id: 'ann' }) });
    app.use(web.requests);
    app.post('/users/:email', async (c) => c.json(await create(c.req.param('email'))));
    app.delete('/users/:email', async (c) => c.json(await remove(c.req.param('email'))));
    app.put('/users/:email', async (c) => c.json(await merge(c.req.param('email'))));
    app.get('/stats', async (c) => c.json(await aegis.tasks.getStats()));
    app.onError(web.errors((_error, c) => c.text('Internal Server Error', 500)));
    const ask = async (method: string, path: string): Promise<readonly [number, unknown]> => {
      const answer = await app.request(path, { method });
      return [answer.status, await answer.json()];
    };
    expect(await ask('POST', '/users/ann')).to.deep.equal([200, { userId: '1', email: 'ann' }]);
    const [status, body] = await ask('DELETE', '/users/ann');
    expect(status).to.equal(403);
    expect(body).to.include({ tool: 'user.delete' });
    expect((await ask('PUT', '/users/ann'))[0]).to.equal(202);
    expect((await ask('GET', '/stats'))[1]).to.include({ total: 1, pending: 1 });
    await aegis.tasks.clearAll();
  });

  counterpart('integration/async-program', 'awaits what it calls', {}, async (world) => {
    world.configure();
    const operation = guard(
      async (data: { key: string }) => {
        await sleep(1);
        return { processed: true, data };
      },
      { agentId: 'async-service', toolName: 'operation', approval: 'wait' },
    );
    expect(await operation({ key: 'value' })).to.deep.equal({ processed: true, data: { key: 'value' } });
  });

  counterpart(
    'integration/approvals',
    'notifies at every end, and lists for a dashboard',
    { 'server.reboot': 'approval_needed' },
    async (world) => {
      world.configure({ approvalPolling: { maxAttempts: 200 } });
      const notes: string[] = [];
      const reboot = guard(async (server: string): Promise<Guarded<string>> => `${server} rebooted`, {
        agentId: 'admin-ops',
        toolName: 'server.reboot',
        params: ['server'],
        onSettled: (result, error) => notes.push(error === undefined ? `done: ${result}` : `refused: ${(error as Error).name}`),
      });
      const pendingApprovals = async (): Promise<readonly Task[]> => AegisModule.current.tasks.listTasks({ status: 'pending' });
      const pending = [await reboot('a'), await reboot('b'), await reboot('c')];
      expect(await pendingApprovals()).to.have.length(3);
      const [yes, no, cancelled] = pending.map((one) => {
        if (!isPending(one)) throw new Error('it did not wait');
        return one;
      });
      if (yes === undefined || no === undefined || cancelled === undefined) throw new Error('there are three');
      await world.decide(yes.decisionId, true);
      await yes.completed;
      await world.decide(no.decisionId, false);
      await rejection(no.completed);
      await cancelled.cancel();
      expect(notes).to.deep.equal(['done: a rebooted', 'refused: ForbiddenError', 'refused: ApprovalCancelledError']);
      expect(await pendingApprovals()).to.deep.equal([]);
    },
  );

  counterpart('error-handling/answers', 'lets a program answer each kind of error in its own way', { risky: 'deny' }, async (world) => {
    world.configure({ agentId: 'agent' });
    const answerOf = async (call: () => Promise<unknown>): Promise<unknown> => {
      try {
        return await call();
      } catch (error) {
        if (error instanceof ForbiddenError) return { error: 'not permitted' };
        if (error instanceof AuthError) return { error: 'sign in' };
        if (error instanceof TransportError) return { error: 'try later' };
        throw error;
      }
    };
    const tool = (toolName: string) => guard(async (value: string) => value, { toolName, params: ['value'], approval: 'wait' });
    expect(await answerOf(() => tool('look')('x'))).to.equal('x');
    expect(await answerOf(() => tool('risky')('x'))).to.deep.equal({ error: 'not permitted' });
    if (world.plane === undefined) return;
    for (const [status, error] of [
      [401, 'sign in'],
      [403, 'not permitted'],
      [429, 'try later'],
    ] as const) {
      world.plane.handler = (_request, reply) => sendJson(reply, { message: 'no' }, status);
      expect(await answerOf(() => tool('look')('x')), String(status)).to.deep.equal({ error });
    }
  });

  counterpart('monitoring/tasks', 'counts, clears, and finds what failed', { job: 'approval_needed' }, async (world) => {
    world.configure({ agentId: 'agent' });
    const { tasks } = AegisModule.current;
    const job = guard(
      async (name: string): Promise<Guarded<string>> => {
        if (name === 'bad') throw new RangeError('out of range');
        return name;
      },
      { toolName: 'job', params: ['name'] },
    );
    const [bad, waiting] = [await job('bad'), await job('waiting')];
    if (!isPending(bad) || !isPending(waiting)) throw new Error('it did not wait');
    await world.decide(bad.decisionId, true);
    expect(await rejection(bad.completed)).to.be.instanceOf(RangeError);
    expect((await tasks.getStats()).pending).to.equal(1);
    const failed: TaskStatus = 'failed';
    const found = await tasks.listTasks({ status: failed });
    expect(found.map((task) => task.taskId)).to.deep.equal([bad.taskId]);
    expect(found[0]).to.have.nested.property('error.message', 'out of range');
    expect(await tasks.clearCompleted({ maxAgeSeconds: 86_400 })).to.equal(0);
    expect(await tasks.clearCompleted({ maxAgeMs: 0 })).to.equal(1);
    await waiting.cancel();
  });
});
