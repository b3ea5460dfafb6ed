import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import { AegisModule, guard, isPending } from '../../lib/index.js';
import type { AegisOptions, PendingApproval } from '../../lib/index.js';
import { simulateApprover } from '../../lib/testing/index.js';
import type { SimulateApproverOptions, SimulatedApprover } from '../../lib/testing/index.js';
import { runInChild } from '../support/runInChild.js';
import { rejection } from '../support/rejection.js';

const POLICIES = `
  @id("pay") permit (principal, action, resource);
  @id("large") @effect("approval_needed") @reason("payments need a person") forbid (principal, action, resource);`;

describe('simulateApprover', () => {
  let time: SinonFakeTimers;
  let aegis: AegisModule;
  const approvers: SimulatedApprover[] = [];
  beforeEach(() => (time = useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })));
  afterEach(async () => {
    for (const approver of approvers.splice(0)) approver.stop();
    time.restore();
    await aegis.close();
  });

  /** A module, an approver, and a tool that says what it was called with. */
  function setup(options: SimulateApproverOptions = {}, more: Partial<AegisOptions> = {}) {
    aegis = AegisModule.create({ agentId: 'till', policies: { text: POLICIES }, ...more });
    const approver = attach(options);
    return { approver, pay };
  }

  function attach(options: SimulateApproverOptions): SimulatedApprover {
    const approver = simulateApprover(aegis, options);
    approvers.push(approver);
    return approver;
  }

  async function pay(amount: number): Promise<PendingApproval<string>> {
    const tool = guard(async (cents: number) => `paid ${cents}`, { toolName: 'pay', params: ['amount'], module: aegis });
    const pending = await tool(amount);
    if (!isPending(pending)) throw new Error('it needed nobody');
    return pending as PendingApproval<string>;
  }

  /** Lets everything run that waits for no timer. */
  const idle = async (): Promise<void> => {
    for (let i = 0; i < 30; i++) await time.tickAsync(0);
  };

  it('approves at once, by default', async () => {
    const { approver } = setup();
    expect(await (await pay(1)).completed).to.equal('paid 1');
    expect(approver.requests.map(({ toolName, params }) => [toolName, { ...params }])).to.deep.equal([['pay', { amount: 1 }]]);
    expect(approver.problems).to.deep.equal([]);
    expect((await aegis.approvals.list({ status: 'approved' }))[0]?.verdicts[0]?.by).to.equal('simulated-approver');
  });

  it('says what `decide` says of the request: yes, no with a reason, or nothing', async () => {
    setup({
      by: 'ann',
      decide: ({ params }) =>
        params['amount'] === 1 ? 'approve' : params['amount'] === 2 ? { verdict: 'deny', reason: 'not today', by: 'bob' } : 'ignore',
    });
    expect(await (await pay(1)).completed).to.equal('paid 1');
    expect(await rejection((await pay(2)).completed))
      .to.have.property('message')
      .that.includes('not today');
    const third = await pay(3);
    await idle();
    expect(third.status).to.equal('pending');
    const [denied] = await aegis.approvals.list({ status: 'denied' });
    expect(denied?.verdicts[0]).to.include({ by: 'bob', approve: false });
  });

  it('waits for a promise of `decide`, and takes a bare no', async () => {
    setup({ decide: async () => 'deny' as const });
    expect(await rejection((await pay(2)).completed)).to.have.property('name', 'ForbiddenError');
  });

  it('takes its time', async () => {
    setup({ after: 500 });
    const pending = await pay(1);
    await time.tickAsync(499);
    expect(pending.status).to.equal('pending');
    await time.tickAsync(1);
    await idle();
    expect(await pending.completed).to.equal('paid 1');
  });

  it('decides what was pending before it came, once', async () => {
    setup().approver.stop();
    const pending = await pay(1);
    const { requests, problems } = attach({});
    expect(await pending.completed).to.equal('paid 1');
    expect([requests.length, problems.length]).to.deep.equal([1, 0]);
  });

  it('is asked no second time by a request that came while it looked at what was pending', async () => {
    aegis = AegisModule.create({ agentId: 'till', policies: { text: POLICIES } });
    const { requests } = attach({ after: 10 });
    const pending = await pay(1);
    await time.tickAsync(10);
    await pending.completed;
    expect(requests).to.have.length(1);
  });

  it('decides nothing any more once it is stopped, not even what it was thinking about', async () => {
    let answer: (said: 'approve') => void = () => {};
    const { approver } = setup({ after: 10, decide: () => new Promise((resolve) => (answer = resolve)) });
    const thinking = await pay(1);
    await time.tickAsync(10);
    const waiting = await pay(2);
    approver[Symbol.dispose]();
    answer('approve');
    const later = await pay(3);
    await time.tickAsync(60_000);
    expect([thinking.status, waiting.status, later.status]).to.deep.equal(['pending', 'pending', 'pending']);
    expect(approver.requests).to.have.length(2);
    expect(time.countTimers()).to.be.greaterThan(0); // those of the approvals
    approver.stop();
  });

  it('decides nothing that was pending, where it is stopped before it has looked', async () => {
    setup().approver.stop();
    const pending = await pay(1);
    const approver = attach({});
    approver.stop();
    await idle();
    expect(pending.status).to.equal('pending');
    expect(approver.requests).to.deep.equal([]);
  });

  it('speaks as several people, where policies want several', async () => {
    const text = `
      @id("pay") permit (principal, action, resource);
      @id("a") @effect("approval_needed") @approvers("finance") forbid (principal, action, resource);
      @id("b") @effect("approval_needed") @approvers("legal") forbid (principal, action, resource);`;
    const { approver } = setup(
      { decide: () => ({ verdict: 'approve', by: ['ann', 'bob', 'cy'] }) },
      { policies: { text }, approverGroups: { finance: ['ann'], legal: ['bob'] } },
    );
    expect(await (await pay(1)).completed).to.equal('paid 1');
    // the third was not needed
    expect(approver.problems).to.deep.equal([]);
  });

  it('keeps what the desk refused, and approves nothing by it', async () => {
    const { approver } = setup({ by: 'till' });
    const pending = await pay(1);
    await idle();
    expect(pending.status).to.equal('pending');
    expect(approver.problems.map(({ name }) => name)).to.deep.equal(['VerdictError']);
  });

  const wrong: Record<string, [() => never, string]> = {
    'throws an error': [() => raise(new RangeError('no idea')), 'no idea'],
    'throws something else': [() => raise('no idea'), '`decide` threw a value that is not an Error.'],
    'says something else': [() => 'yes' as never, "`decide` must return 'approve', 'deny', 'ignore' or an object with such a `verdict`."],
    'says something else in an object': [
      () => ({ verdict: 'constructor' }) as never,
      "`decide` must return 'approve', 'deny', 'ignore' or an object with such a `verdict`.",
    ],
  };
  for (const [what, [decide, message]] of Object.entries(wrong))
    it(`approves nothing where \`decide\` ${what}`, async () => {
      const { approver } = setup({ decide });
      const pending = await pay(1);
      await idle();
      expect(pending.status).to.equal('pending');
      expect(approver.problems.map((problem) => problem.message)).to.deep.equal([message]);
    });

  it('counts as somebody who attends', async () => {
    const { approver } = setup({}, { unattended: 'deny' });
    expect(await (await pay(1)).completed).to.equal('paid 1');
    approver.stop();
    expect(await rejection(pay(2)))
      .to.have.property('message')
      .that.includes('no approver is attached');
  });

  it('refuses a time that is none, and a module without a desk', async () => {
    setup();
    for (const after of [NaN, -1, Infinity])
      expect(() => simulateApprover(aegis, { after })).to.throw(/after: must be a number of milliseconds/);
    const remote = AegisModule.create({ decisions: { decide: () => ({ effect: 'deny', decisionId: '1' }), status: () => raise('') } });
    expect(() => simulateApprover(remote)).to.throw(/desk/);
    await remote.close();
  });

  it('keeps no process alive', async () => {
    const { code, stderr } = await runInChild(`
      import { AegisModule, guard } from 'aegislib';
      import { simulateApprover } from 'aegislib/testing';
      const policies = { text: ${JSON.stringify(POLICIES)} };
      const aegis = AegisModule.create({ agentId: 'till', policies, keepAlive: false });
      simulateApprover(aegis, { after: 3_600_000 });
      await guard(async () => {}, { toolName: 'pay', module: aegis })();`);
    expect(code, stderr).to.equal(0);
  });
});

function raise(value: unknown): never {
  throw value;
}
