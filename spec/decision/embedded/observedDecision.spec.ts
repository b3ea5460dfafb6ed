import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import { EmbeddedDecisionService } from '../../../lib/decision/embedded/EmbeddedDecisionService.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { guardCall } from '../../../lib/guard/guardCall.js';
import { checkDecision } from '../../../lib/model/checkDecision.js';
import type { Decision } from '../../../lib/model/Decision.js';
import type { JournalEvent } from '../../../lib/model/Journal.js';
import { ReloadablePolicies } from '../../../lib/policy/live/ReloadablePolicies.js';
import { MemoryApprovalStore } from '../../../lib/store/memory/MemoryApprovalStore.js';
import { requestOf } from '../../support/callRequests.js';
import { PERMIT_ALL } from '../../support/policyCalls.js';
import { ASK, MASK, policy } from '../../support/policyEffects.js';

const END = Date.now() + 86_400_000;
const BIG = policy(`@id("big") @effect("approval_needed") @observe("true") @observe_until("${new Date(END).toISOString()}")`, 'context.input has n && context.input.n > 10'); // prettier-ignore
const text = PERMIT_ALL + BIG + ASK + MASK;

function setup(exposePolicies?: boolean) {
  const desk = new ApprovalDesk(new MemoryApprovalStore());
  const policies = new ReloadablePolicies({ source: { text } });
  return { desk, policies, service: new EmbeddedDecisionService({ policies, desk, exposePolicies }) };
}
const named = (decision: Decision): unknown => decision.observed?.map(({ id, hash }) => [id, hash.length]);

describe('A decision beside which a policy is watched', () => {
  const calls: readonly (readonly [effect: string, params: Record<string, unknown>])[] = [
    ['allow', { n: 11 }],
    ['sanitize', { n: 11, body: 'a@example.com' }],
    ['approval_needed', { n: 11, env: 'production' }],
  ];
  for (const [effect, params] of calls)
    it(`names it: ${effect}`, async () => {
      const { service } = setup();
      for (const ask of ['decide', 'dryRun'] as const) {
        const decision = await service[ask](requestOf({ params }));
        expect(decision, ask).to.include({ effect }).and.not.have.property('policyEvaluations');
        expect(named(decision), ask).to.deep.equal([['big', 64]]);
      }
    });

  it('has no such field where none would have asked', async () => {
    const { service } = setup(true);
    for (const params of [{ n: 1 }, { body: 'a@example.com' }, { env: 'production' }])
      expect(await service.decide(requestOf({ params }))).to.not.have.any.keys('observed', 'policyEvaluations');
  });

  it('tells the caller of it only where the module shows its policies', async () => {
    const decision = await setup(true).service.decide(requestOf({ params: { n: 11 } }));
    const [hash] = (decision.observed ?? []).map((one) => one.hash);
    expect(decision.policyEvaluations).to.deep.equal([{ id: 'big', hash, effect: 'observed' }]);
  });

  it('names it again before an approved call runs, and asks anew once its end has come', async () => {
    const { service, desk } = setup();
    const request = requestOf({ params: { n: 11, env: 'production' } });
    const { decisionId } = await service.decide(request);
    const record = await desk.get(decisionId);
    expect(record?.policies.map(({ id }) => id)).to.deep.equal(['ask']);
    await desk.approve(decisionId, { by: 'bob', digest: record?.digest });
    const again = await service.reevaluate(request, decisionId);
    expect(again).to.include({ effect: 'allow', decisionId });
    expect(named(again)).to.deep.equal([['big', 64]]);
    const clock = useFakeTimers({ now: END, toFake: ['Date'] });
    try {
      const later = await service.reevaluate(request, decisionId);
      expect(later).to.include({ effect: 'approval_needed' }).and.not.have.property('observed');
      expect(later.decisionId).to.not.equal(decisionId);
      expect((await desk.get(later.decisionId))?.policies.map(({ id }) => id)).to.deep.equal(['ask', 'big']);
    } finally {
      clock.restore();
    }
  });

  it('is in the journal, and the call runs', async () => {
    const events: JournalEvent[] = [];
    const aegis = AegisModule.create({ agentId: 'bot', policies: { text }, journal: { note: (event) => void events.push(event) } });
    try {
      expect(await guardCall(aegis, { agentId: 'bot', toolName: 'pay', params: { n: 11 } }, () => 'paid')).to.deep.include({ kind: 'ran' });
      const decided = events.flatMap((event) => (event.kind === 'decided' ? [event.decision] : []));
      expect(decided.map(named)).to.deep.equal([[['big', 64]]]);
    } finally {
      await aegis.close();
    }
  });
});

describe('checkDecision', () => {
  const check = (observed: unknown): Decision => checkDecision({ effect: 'allow', decisionId: 'd', observed }, requestOf());

  it('copies the policies that were watched', () => {
    const given = [{ id: 'a', hash: 'h', more: 1 }];
    const { observed } = check(given);
    given[0] = { id: 'b', hash: 'h', more: 2 };
    expect(observed).to.deep.equal([{ id: 'a', hash: 'h' }]);
  });

  it('leaves out what is none', () => {
    expect(check([{ id: 1, hash: 'h' }, { id: 'a' }, null, 'a', { id: 'a', hash: 'h' }]).observed).to.deep.equal([{ id: 'a', hash: 'h' }]);
    for (const observed of [undefined, null, 'a', {}, 1]) expect(check(observed)).to.not.have.property('observed');
  });
});
