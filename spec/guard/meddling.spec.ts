import { expect } from 'chai';
import { AegisModule, ApprovalPendingError, ForbiddenError, guard, ParamsError } from '../../lib/index.js';
import type { PendingApproval } from '../../lib/index.js';
import { guardCall } from '../../lib/guard/guardCall.js';
import { rejection } from '../support/rejection.js';
import { runInChild } from '../support/runInChild.js';

const ALL = '@id("p") permit (principal, action, resource);';
const ASK = `${ALL} @id("ask") @effect("approval_needed") forbid (principal, action, resource);`;

type Loose = (...args: unknown[]) => Promise<unknown>;
const looseGuard = guard as unknown as (fn: (...args: any[]) => unknown, options: object) => Loose;

/** Ways to have something else run than was decided, each found by somebody who tried. */
describe('What is decided is what runs', () => {
  let aegis: AegisModule | undefined;
  afterEach(() => aegis?.close());

  const approveAll = async (): Promise<void> => {
    for (const { decisionId, digest } of (await aegis?.approvals.list()) ?? [])
      await aegis?.approvals.approve(decisionId, { by: 'boss', digest });
  };

  it('though a facts hook changes a date of the params or of the session', async () => {
    const policies = {
      text: `${ALL} @id("late") forbid (principal, action, resource) when { context.input.when > datetime("2030-06-01T12:00:00Z") };
        @id("over") forbid (principal, action, resource) when { context.session.until < datetime("2030-01-01") };`,
    };
    aegis = AegisModule.create({
      agentId: 'a',
      policies,
      facts: ({ params, session }) => {
        (params['when'] as Date).setUTCHours(0, 0, 0, 0);
        (session as { until: Date }).until.setUTCFullYear(2040);
        return {};
      },
    });
    const until = new Date('2035-01-01');
    const book = (session: object): Loose =>
      looseGuard(async (when: Date) => when.toISOString(), {
        module: aegis,
        toolName: 'book',
        params: ['when'],
        approval: 'wait',
        session,
      });
    expect(await rejection(book({ until })(new Date('2030-06-01T18:00:00Z')))).to.be.instanceOf(ForbiddenError);
    expect(await rejection(book({ until: new Date('2020-01-01') })(new Date('2030-06-01T06:00:00Z')))).to.be.instanceOf(ForbiddenError);
    expect(await book({ until })(new Date('2030-06-01T06:00:00Z'))).to.equal('2030-06-01T06:00:00.000Z');
  });

  it('though instances of two classes hold the same data', async () => {
    class Refund {
      readonly x = 1;
      kind(): string {
        return 'refund';
      }
    }
    class Wire {
      readonly x = 1;
      kind(): string {
        return 'wire';
      }
    }
    aegis = AegisModule.create({ agentId: 'a', policies: { text: ASK } });
    const pay = looseGuard(async (order: Refund | Wire) => order.kind(), {
      module: aegis,
      toolName: 'pay',
      params: ['order'],
      plain: ['order'],
      approval: 'throw',
    });
    await rejection(pay(new Refund()));
    await approveAll();
    expect(await rejection(pay(new Wire()))).to.be.instanceOf(ApprovalPendingError);
    expect(await pay(new Refund())).to.equal('refund');
  });

  it('though a task is taken out of the registry to be changed', async () => {
    const decisions = {
      decide: ({ callId }: { callId: string }) => ({ effect: 'approval_needed' as const, decisionId: callId }),
      status: (decisionId: string) => ({ decisionId, state: 'pending' as const }),
    };
    aegis = AegisModule.create({ agentId: 'a', decisions });
    const read = looseGuard(async () => 'ran', { module: aegis, toolName: 'read', approval: 'throw' });
    const error = (await rejection(read())) as unknown as ApprovalPendingError;
    const task = await aegis.tasks.getTask(error.pending.taskId);
    expect(() => Object.assign(task as object, { status: 'approved' })).to.throw(TypeError);
    expect(await rejection(read())).to.be.instanceOf(ApprovalPendingError);
    // a poll makes another object of it
    const again = await aegis.tasks.getTask(error.pending.taskId);
    expect([again?.attemptCount, Object.isFrozen(again)]).to.deep.equal([1, true]);
  });

  it('though somebody polluted the prototypes that every object and list has', async () => {
    const library = new URL('../../lib/index.js', import.meta.url).href;
    const program = `
      const { AegisModule, guard } = await import(${JSON.stringify(library)});
      const text = '@id("p") permit (principal, action, resource); @id("f") forbid (principal, action, resource) when { context.input has to && context.input.to == "evil" };';
      const aegis = AegisModule.create({ agentId: 'a', policies: { text } });
      const send = guard(async (to) => 'ran ' + to, { module: aegis, toolName: 'send', params: ['to'], approval: 'wait' });
      const list = guard(async (...all) => all, { module: aegis, toolName: 'list', params: ['name', 'admin', '...rest'], approval: 'wait' });
      const tried = async (call) => { try { return await call(); } catch (error) { return error.name; } };
      const results = [];
      Object.defineProperty(Object.prototype, 'to', { configurable: true, set() {}, get() {} });
      results.push(await tried(() => send('evil')), await tried(() => send('good')));
      delete Object.prototype.to;
      let n = 0;
      Object.defineProperty(Array.prototype, 0, { configurable: true, set() {}, get() { n += 1; return n % 2 ? 'good' : 'evil'; } });
      const [name] = [await tried(() => send('good'))];
      delete Array.prototype[0];
      results.push(name);
      Object.prototype.admin = true;
      results.push(await tried(() => list('x', undefined, 'z')));
      delete Object.prototype.admin;
      console.log(JSON.stringify(results));
      await aegis.close();`;
    const { code, stdout, stderr } = await runInChild(program);
    expect([code, stderr]).to.deep.equal([0, '']);
    expect(JSON.parse(stdout)).to.deep.equal(['ForbiddenError', 'ran good', 'ran good', ['x', null, 'z']]);
  });

  it('though two read streams of equal calls', async () => {
    aegis = AegisModule.create({ agentId: 'a', policies: { text: ASK } });
    const search = guard(
      async function* (q: string) {
        for (let i = 0; i < 3; i++) yield q + i;
      },
      { module: aegis, toolName: 'search', params: ['q'], approval: 'wait' },
    );
    const readAll = async (): Promise<string[]> => {
      const all: string[] = [];
      for await (const item of search('x')) all.push(item);
      return all;
    };
    const both = [readAll(), readAll()];
    await new Promise(setImmediate);
    await approveAll();
    expect(await Promise.all(both)).to.deep.equal([
      ['x0', 'x1', 'x2'],
      ['x0', 'x1', 'x2'],
    ]);
  });

  it('and a call that has to be asked again keeps nobody waiting who redeems it at the same time', async () => {
    let limit = 1;
    const facts = async (): Promise<object> => {
      await new Promise(setImmediate);
      return { limit };
    };
    aegis = AegisModule.create({ agentId: 'a', policies: { text: ASK }, facts });
    const pay = looseGuard(async () => 'paid', { module: aegis, toolName: 'pay', approval: 'throw' });
    await rejection(pay());
    await approveAll();
    limit = 2;
    for (const error of await Promise.all([rejection(pay()), rejection(pay())])) expect(error).to.be.instanceOf(ApprovalPendingError);
    await approveAll();
    expect(await pay()).to.equal('paid');
  });

  for (const approvalTimeoutMs of [Number.NaN, Infinity, 0, -1, '5'])
    it(`and no adapter has an approval last for ${typeof approvalTimeoutMs} ${approvalTimeoutMs}`, async () => {
      aegis = AegisModule.create({ agentId: 'a', policies: { text: ASK } });
      const call = { agentId: 'a', toolName: 't', params: {}, approvalTimeoutMs: approvalTimeoutMs as number };
      const outcome = await guardCall(aegis, call, () => 'ran');
      expect(outcome.kind === 'denied' && outcome.error)
        .to.be.instanceOf(ParamsError)
        .and.include({ code: 'invalid_call' });
      expect(await aegis.approvals.list()).to.deep.equal([]);
    });

  it('and a call of an adapter is the one that was checked, whatever it says when it is read again', async () => {
    aegis = AegisModule.create({
      agentId: 'a',
      policies: { text: '@id("p") permit (principal == Aegis::Agent::"good", action, resource);' },
    });
    let readings = 0;
    const call = { get agentId() { readings += 1; return readings === 1 ? 'good' : 'evil'; }, toolName: 't', params: {} }; // prettier-ignore
    const outcome = await guardCall(aegis, call, () => 'ran');
    expect([outcome.kind, readings]).to.deep.equal(['ran', 1]);
  });

  it('and scheduler, registry and desk are of one mind on when an approval ends', async () => {
    aegis = AegisModule.create({ agentId: 'a', policies: { text: ASK }, approvalTimeoutMs: 600_000 });
    const wall = Date.now;
    try {
      // the wall clock was an hour ahead for a moment, and only the scheduler looked
      Date.now = () => wall.call(Date) + 3_600_000;
      aegis.scheduler.now();
    } finally {
      Date.now = wall;
    }
    const pay = looseGuard(async () => 'paid', { module: aegis, toolName: 'pay' });
    const pending = (await pay()) as PendingApproval;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(pending.status).to.equal('pending');
    await approveAll();
    expect(await pending.completed).to.equal('paid');
  });

  it('and who is asked about is who is recorded', async () => {
    aegis = AegisModule.create({ agentId: 'a', policies: { text: ASK }, mayApprove: async (by) => by === 'boss' });
    const pay = looseGuard(async () => 'paid', { module: aegis, toolName: 'pay', approval: 'throw' });
    await rejection(pay());
    const [request] = await aegis.approvals.list();
    let readings = 0;
    const verdict = { get by() { readings += 1; return readings === 1 ? 'boss' : 'mallory'; }, digest: request?.digest }; // prettier-ignore
    const record = await aegis.approvals.approve(request?.decisionId as string, verdict);
    expect(record.verdicts.map(({ by }) => by)).to.deep.equal(['boss']);
  });
});
