import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as common from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter, ExecutionContext, INestApplication } from '@nestjs/common';
import * as core from '@nestjs/core';
import { AegisModule, ConfigError, getGuard } from 'aegislib';
import type { Task } from 'aegislib';
import { aegisNest } from 'aegislib/nest';
import { tasksRoute } from 'aegislib/web';
import { expect } from 'chai';
import { counted } from './counted.js';
import { Basket, BasketController, Doorman, Ledger, Orders, ShopClosed, ShopController } from './nestShop.js';
import type { ShopRequest } from './nestShop.js';

const POLICIES = `
  @id("known") permit (principal, action, resource) when { context has session && context.session has user_id };
  @id("much") @reason("over a thousand is too much") forbid (principal, action, resource) when { context.input.amount > 1000 };
  @id("some") @effect("approval_needed") @reason("over a hundred needs a person") forbid (principal, action, resource) when { context.input.amount > 100 };
  @id("trainee") @reason("trainees do nothing") forbid (principal, action, resource) when { context.session.user_id == "trainee" };`;

const requestOf = (context: ExecutionContext): ShopRequest => context.switchToHttp().getRequest<ShopRequest>();

@common.Catch(ShopClosed)
class ClosedFilter implements ExceptionFilter {
  catch(_error: ShopClosed, host: ArgumentsHost): void {
    host.switchToHttp().getResponse<{ status(code: number): { json(body: object): void } }>().status(418).json({ host: 'closed' });
  }
}

interface Shop {
  readonly app: INestApplication;
  readonly aegis: AegisModule;
  readonly url: string;
  readonly entries: readonly string[];
}

interface StartOptions {
  readonly store?: string;
  readonly session?: (context: ExecutionContext) => object | null | Promise<object | null>;
  readonly closes?: boolean;
  readonly configure?: (aegis: AegisModule) => void;
}

async function startShop({ store, session, closes, configure }: StartOptions = {}): Promise<Shop> {
  const nest = aegisNest({ ...common, ...core });
  const aegis = AegisModule.configure({
    policies: { text: POLICIES },
    sessions: 'async-local',
    env: false,
    resolve: nest.resolve,
    ...(store !== undefined && { store, recovery: { leaseMs: 1_000, sweepMs: 100 } }),
  });
  configure?.(aegis);

  @common.Controller('tasks')
  class TasksController {
    readonly #route = tasksRoute({ authorize: (request: ShopRequest) => request.user === 'operator' });

    @common.Get(':id')
    async one(@common.Req() request: ShopRequest, @common.Param('id') id: string): Promise<object> {
      const { status, body } = await this.#route({ request, id });
      if (status !== 200) throw new common.HttpException(body, status);
      return body;
    }
  }

  @common.Module({
    imports: [
      nest.forRoot({
        module: aegis,
        session: session ?? ((context: ExecutionContext) => ({ user_id: requestOf(context).user })),
        tasksAt: '/tasks',
        ...(closes !== undefined && { closes }),
      }),
    ],
    controllers: [ShopController, BasketController, TasksController],
    providers: [
      Orders,
      Basket,
      Ledger,
      { provide: core.APP_GUARD, useClass: Doorman },
      { provide: core.APP_FILTER, useClass: ClosedFilter },
    ],
  })
  class ShopModule {}

  const app = await core.NestFactory.create(ShopModule, { logger: false });
  await app.listen(0, '127.0.0.1');
  return { app, aegis, url: await app.getUrl(), entries: app.get(Ledger).entries };
}

describe('Aegis in Nest 12', () => {
  let shop: Shop | undefined;
  let played = 0;
  beforeEach(() => (played += 1));
  afterEach(async () => {
    await shop?.app.close();
    shop = undefined;
    await AegisModule.close();
  });
  after(function () {
    const wrong = this.test?.parent?.tests.filter((test) => test.state === 'failed').length ?? 0;
    counted({ what: 'Aegis on the web: Nest 12', cases: played, wrong });
  });

  const start = async (options: StartOptions = {}): Promise<Shop> => (shop = await startShop(options));
  async function send(
    path: string,
    json?: object,
    user: string | undefined = 'eve',
  ): Promise<{ status: number; body: Record<string, unknown>; location: string | null }> {
    const response = await fetch(`${shop?.url}${path}`, {
      headers: { ...(user !== '' && { 'x-user': user }), 'content-type': 'application/json' },
      ...(json && { method: 'POST', body: JSON.stringify(json) }),
    });
    return {
      status: response.status,
      body: (await response.json()) as Record<string, unknown>,
      location: response.headers.get('location'),
    };
  }
  async function approveAll(): Promise<void> {
    for (const { decisionId, digest } of (await shop?.aegis.approvals.list()) ?? [])
      await shop?.aegis.approvals.approve(decisionId, { by: 'ann', digest });
  }

  it('guards methods of injected classes under experimentalDecorators, in the session of the request', async () => {
    const { entries } = await start();
    expect(getGuard(Orders, 'refund')).to.include({ toolName: 'refund' });
    expect(await send('/refunds', { id: 'order-1', amount: 5 })).to.deep.include({ status: 201, body: { text: 'refunded 5 for order-1' } });
    expect(entries).to.deep.equal(['order-1']);
  });

  it('answers 403 to what policy denies, with the reason and no stack, and does not enter the method', async () => {
    const { entries } = await start();
    for (const [amount, user, why] of [
      [5_000, 'eve', 'over a thousand is too much'],
      [5, 'trainee', 'trainees do nothing'],
    ] as const) {
      const { status, body } = await send('/refunds', { id: 'order-2', amount }, user);
      expect(status).to.equal(403);
      expect(body).to.include({ error: 'policy_violation', tool: 'refund' });
      expect(body['message']).to.include(why);
      expect(JSON.stringify(body)).to.not.match(/\bat .*\.[jt]s:\d/);
    }
    expect(entries).to.deep.equal([]);
  });

  it('answers 202 to a pending approval that is returned, and runs it once it is approved', async () => {
    const { aegis, entries } = await start();
    const { status, body, location } = await send('/refunds', { id: 'order-3', amount: 500 });
    expect(status).to.equal(202);
    expect(body).to.include({ status: 'PENDING', tool: 'refund' });
    expect(location).to.equal(`/tasks/${String(body['task_id'])}`);
    expect((await send(location ?? '')).status).to.equal(403);
    expect((await send(location ?? '', undefined, 'operator')).body).to.include({ status: 'pending' });
    const done = new Promise((resolve) => aegis.tasks.once('completed', resolve));
    await approveAll();
    await done;
    expect(entries).to.deep.equal(['order-3']);
  });

  it('answers 202 to a pending approval that is thrown, and runs the call when it comes again', async () => {
    const { entries } = await start();
    expect((await send('/redeem', { id: 'order-4', amount: 500 })).status).to.equal(202);
    await approveAll();
    expect((await send('/redeem', { id: 'order-4', amount: 500 }, 'mallory')).status).to.equal(202);
    expect((await send('/redeem', { id: 'order-4', amount: 500 })).body).to.deep.equal({ text: 'redeemed 500 for order-4' });
    expect(entries).to.deep.equal(['order-4']);
  });

  it("keeps requests' sessions apart, also where the session takes its time", async () => {
    const { entries } = await start({
      session: async (context) => {
        const { user = '' } = requestOf(context);
        await new Promise((resolve) => setTimeout(resolve, user.length));
        return { user_id: user };
      },
    });
    const users = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? 'eve' : 'trainee'));
    const statuses = await Promise.all(
      users.map(async (user, i) => (await send('/refunds', { id: `order-${i}`, amount: 5 }, user)).status),
    );
    expect(statuses).to.deep.equal(users.map((user) => (user === 'eve' ? 201 : 403)));
    expect(entries).to.have.length(10);
  });

  it('ends a request whose session cannot be told, and enters no handler', async () => {
    const { entries } = await start({
      session: () => {
        throw new common.UnauthorizedException('who is this?');
      },
    });
    expect((await send('/refunds', { id: 'order-5', amount: 5 })).status).to.equal(401);
    expect(entries).to.deep.equal([]);
  });

  it("leaves the host's own errors to the host and to Nest", async () => {
    await start();
    expect(await send('/fails?how=own')).to.deep.include({ status: 418, body: { host: 'closed' } });
    expect((await send('/fails?how=found')).body).to.include({ message: 'no such order' });
    expect((await send('/fails?how=else')).body).to.deep.equal({ statusCode: 500, message: 'Internal server error' });
    expect((await send('/whoami', undefined, 'banned')).status).to.equal(403);
    expect((await send('/whoami', undefined, '')).status).to.equal(401);
    expect((await send('/whoami')).body).to.deep.equal({ user: 'eve' });
  });

  it('guards classes of which each request has an instance of its own', async () => {
    const { entries } = await start();
    expect((await send('/baskets', { id: 'order-6', amount: 5 })).body).to.deep.equal({ text: 'filled 5 for order-6' });
    expect((await send('/baskets', { id: 'order-7', amount: 500 })).status).to.equal(202);
    expect(entries).to.deep.equal(['order-6 by an own instance']);
  });

  it('closes the module when the application has shut down, unless told otherwise', async () => {
    const { app } = await start();
    const orders = app.get(Orders);
    await app.close();
    const error: unknown = await orders.refund('order-8', 5).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(ConfigError); // no module is configured any more
    const other = await start({ closes: false });
    await other.app.close();
    await other.aegis.ready();
    expect(AegisModule.current.tasks).to.equal(other.aegis.tasks);
  });

  it('is refused where something of Nest is missing, or sessions are not async-local', async () => {
    expect(() => aegisNest({ ...common } as never)).to.throw(ConfigError, 'ModuleRef');
    const nest = aegisNest({ ...common, ...core });
    await using explicit = AegisModule.create({ policies: { text: POLICIES } });
    expect(() => nest.forRoot({ module: explicit, session: () => null })).to.throw(ConfigError, 'async-local');
    await using local = AegisModule.create({ policies: { text: POLICIES }, sessions: 'async-local' });
    expect(() => nest.forRoot({ module: local } as never)).to.throw(ConfigError, 'session');
  });
});

describe('Stored calls in Nest 12', function () {
  let folder: string;
  before(function () {
    if (process.getBuiltinModule?.('node:sqlite') === undefined) this.skip();
  });
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'aegis-nest-'))));
  afterEach(async () => {
    await AegisModule.close();
    rmSync(folder, { recursive: true });
  });

  for (const { path, what, ran } of [
    { path: '/refunds', what: 'the instance that Nest injects', ran: 'order-9' },
    { path: '/baskets', what: 'an instance that Nest makes for it', ran: 'order-9 by an own instance' },
  ]) {
    it(`run on ${what}, in the next application on that store`, async () => {
      const store = join(folder, 'aegis.db');
      const first = await startShop({ store });
      const response = await fetch(`${first.url}${path}`, {
        method: 'POST',
        headers: { 'x-user': 'eve', 'content-type': 'application/json' },
        body: JSON.stringify({ id: 'order-9', amount: 500 }),
      });
      expect(response.status).to.equal(202);
      await first.app.close();
      let done: Promise<Task> | undefined;
      const second = await startShop({
        store,
        configure: ({ tasks }) => {
          done = new Promise((resolve) => tasks.once('completed', resolve));
        },
      });
      const [request] = await second.aegis.approvals.list();
      expect(second.entries).to.deep.equal([]);
      await second.aegis.approvals.approve(request?.decisionId as string, { by: 'ann', digest: request?.digest });
      expect((await done)?.session).to.deep.equal({ user_id: 'eve' });
      expect(second.entries).to.deep.equal([ran]);
      await second.app.close();
    });
  }
});
