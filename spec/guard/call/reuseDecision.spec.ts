import { expect } from 'chai';
import { AegisGuard } from '../../../lib/guard/AegisGuard.js';
import type { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { currentCall } from '../../../lib/guard/call/callContext.js';
import { guard } from '../../../lib/guard/guard.js';
import { guardCall } from '../../../lib/guard/guardCall.js';
import type { GuardedCall } from '../../../lib/guard/call/GuardedCall.js';
import type { Params } from '../../../lib/model/Params.js';
import { moduleAsking, StandInDecisions } from '../../support/standInDecisions.js';

describe('A guarded call that a guarded call enters at once', () => {
  let service: StandInDecisions;
  let module: AegisModule;
  let seen: unknown[];
  beforeEach(() => {
    service = new StandInDecisions();
    module = moduleAsking(service);
    seen = [];
  });
  afterEach(() => module.close());

  class Till {
    @AegisGuard({ toolName: 'refund', approval: 'wait', module: () => module, session: () => ({ user_id: 'ann' }) })
    async refund(order: { id: string; tags?: string[] }): Promise<string> {
      seen.push(currentCall()?.decisionId, currentCall()?.taskId);
      return order.id;
    }
  }
  const till = new Till();
  const session = { user_id: 'ann' };

  const outer = (run: (params: Params) => unknown, more: Partial<GuardedCall> = {}) =>
    guardCall(module, { agentId: 'agent', toolName: 'refund', params: { id: '7' }, session, covers: true, ...more } as GuardedCall, run);
  const asked = (): number => service.requests.length;

  it('is decided with it, if it is the very call that was decided', async () => {
    const outcome = await outer((params) => till.refund(params as never));
    expect([outcome.kind, asked(), seen[0]]).to.deep.equal(['ran', 1, outcome.kind === 'ran' && outcome.decision.decisionId]);
  });

  it('is decided anew unless the outer one says that it covers it', async () => {
    for (const covers of [false, undefined]) await outer((params) => till.refund(params as never), { covers });
    expect(asked()).to.equal(4);
  });

  it('is decided anew from the second on', async () => {
    await outer(async (params) => [await till.refund(params as never), await till.refund(params as never)]);
    expect(asked()).to.equal(2);
    await outer((params) => Promise.all([till.refund(params as never), till.refund(params as never)]));
    expect(asked()).to.equal(4);
  });

  it('is decided anew after the first await, and once the outer one is over', async () => {
    await outer(async (params) => {
      await Promise.resolve();
      return till.refund(params as never);
    });
    expect(asked()).to.equal(2);
    await till.refund({ id: '7' });
    expect(asked()).to.equal(3);
  });

  it('is decided anew where its arguments differ, also where they were changed on the way', async () => {
    await outer(() => till.refund({ id: '8' }));
    expect(asked()).to.equal(2);
    await outer(
      (params) => {
        (params as { tags: string[] }).tags.push('more');
        return till.refund(params as never);
      },
      { params: { id: '7', tags: ['one'] } },
    );
    expect(asked()).to.equal(4);
  });

  for (const [why, fields] of Object.entries({
    'a grant answered the outer one: each use of a grant is one entry': { grantId: 'grt_1' },
    'a limit counts the outer one: each entry is counted': { limits: [{ id: 'cap', hash: 'h' }] },
    'a service counts the outer one, and does not say under which limits': { limits: [] },
    'a policy only watches the outer one': { observed: [{ id: 'ask', hash: 'h' }] },
  }))
    it(`is decided anew where ${why}`, async () => {
      for (const answer of [{ effect: 'allow' }, { effect: 'sanitize', params: { id: '7' } }]) {
        const before = asked();
        service.always({ ...answer, ...fields });
        await outer((params) => till.refund(params as never));
        expect(asked() - before).to.equal(2);
      }
    });

  const differences: Readonly<Record<string, Partial<GuardedCall>>> = {
    agent: { agentId: 'another' },
    tool: { toolName: 'refund.large' },
    session: { session: { user_id: 'bob' } },
    'session, which the outer one does not have': { session: null },
    groups: { groups: ['payments'] },
  };
  for (const [what, more] of Object.entries(differences)) {
    it(`is decided anew where it has another ${what}`, async () => {
      await outer((params) => till.refund(params as never), more);
      expect(asked()).to.equal(2);
    });
  }

  it('is decided anew where it is in groups that the outer one is not in, or in as many others', async () => {
    const grouped = guard(async (_order: { id: string }) => {}, {
      toolName: 'refund',
      approval: 'wait',
      module,
      session: () => session,
      groups: ['payments'],
    });
    await outer((params) => grouped(params as never));
    expect(asked()).to.equal(2);
    await outer((params) => grouped(params as never), { groups: ['reports'] });
    expect(asked()).to.equal(4);
    await outer((params) => grouped(params as never), { groups: ['payments'] });
    expect(asked()).to.equal(5);
  });

  it('is decided anew where it has arguments itself that no decision sees', async () => {
    const streaming = guard(async (_id: string, _body: object) => {}, {
      toolName: 'refund',
      approval: 'wait',
      module,
      session: () => session,
      params: ['id', 'body'],
      opaque: ['body'],
    });
    await outer((params) => streaming(String(params['id']), {}));
    expect(asked()).to.equal(2);
  });

  it('is decided anew by another module', async () => {
    const others = new StandInDecisions();
    const other = moduleAsking(others);
    const elsewhere = guard(async (_order: { id: string }) => {}, {
      toolName: 'refund',
      approval: 'wait',
      module: other,
      session: () => session,
    });
    await outer((params) => elsewhere(params as never));
    expect([asked(), others.requests.length]).to.deep.equal([1, 1]);
    await other.close();
  });

  it('runs under the approval of the outer one, with its task as the idempotency key', async () => {
    service.always({ effect: 'approval_needed' });
    const outcome = await outer((params) => till.refund(params as never), { mode: 'throw' });
    if (outcome.kind !== 'pending') throw new Error(outcome.kind);
    service.state = 'approved';
    service.answer = () => ({ effect: 'approval_needed' });
    expect(await outcome.resume()).to.deep.equal({ value: '7' });
    expect(seen).to.deep.equal([outcome.pending.decisionId, outcome.pending.taskId]);
  });

  it('is denied by itself where it is another call, whatever the outer one was allowed', async () => {
    service.answer = ({ params }) => ({ effect: params['id'] === '8' ? 'deny' : 'allow' });
    const failed = await outer(() => till.refund({ id: '8' })).catch((error: unknown) => error);
    expect(failed).to.include({ name: 'ForbiddenError' });
    expect(seen).to.deep.equal([]);
  });

  it('is not covered where the outer one has arguments that no decision sees', async () => {
    await outer((params) => till.refund(params as never), { opaque: ['stream'] });
    expect(asked()).to.equal(2);
  });
});
