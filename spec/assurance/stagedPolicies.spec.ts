import { expect } from 'chai';
import { AegisModule } from '../../lib/guard/module/AegisModule.js';
import { ApprovalDesk } from '../../lib/decision/desk/ApprovalDesk.js';
import { EmbeddedDecisionService } from '../../lib/decision/embedded/EmbeddedDecisionService.js';
import { ReloadablePolicies } from '../../lib/policy/live/ReloadablePolicies.js';
import { MemoryApprovalStore } from '../../lib/store/memory/MemoryApprovalStore.js';
import { counted, seed, volume } from '../support/assurance.js';
import { Random } from '../policy/fuzz/random.js';
import { requestOf } from '../support/callRequests.js';
import { AGENTS, cedarText, randomCall, randomPolicies } from './support/policies.js';

const CASES = volume(1_000_000);
const CALLS_PER_SET = 500;

/** An answer without its id, of which no two are alike. */
const bytes = (answer: object): string => JSON.stringify({ ...answer, decisionId: '', approvalId: '', expiresAtMs: 0 });

describe('Staged policies', () => {
  it('change no answer', async function () {
    this.timeout(60_000 + CASES / 4);
    const random = new Random(seed + 61);
    const wrong: string[] = [];
    let [cases, compared, different] = [0, 0, 0];
    while (cases < CASES) {
      const source = { text: cedarText(randomPolicies(random, 0.01)) };
      const service = (): { readonly policies: ReloadablePolicies; readonly decisions: EmbeddedDecisionService } => {
        const policies = new ReloadablePolicies({ source, agents: AGENTS });
        return { policies, decisions: new EmbeddedDecisionService({ policies, desk: new ApprovalDesk(new MemoryApprovalStore()) }) };
      };
      const [alone, beside] = [service(), service()];
      const staged = await beside.policies.stage({ source: { text: cedarText(randomPolicies(random, 0.01)) } });
      for (let i = 0; i < CALLS_PER_SET && cases < CASES; i++) {
        const { agentId, toolName, groups, params, session, removable } = randomCall(random);
        const request = requestOf({ agentId, toolName, groups, params, session, removable });
        cases += 1;
        const [one, other] = [await alone.decisions.dryRun(request), await beside.decisions.dryRun(request)];
        const [first, second] = one.effect === 'approval_needed' ? [one, other] : [await alone.decisions.decide(request), await beside.decisions.decide(request)]; // prettier-ignore
        // what opens an approval is decided too, so that it is compared
        if (one.effect === 'approval_needed') await beside.decisions.decide(request);
        if (bytes(first) !== bytes(second) || bytes(one) !== bytes(first)) wrong.push(`${bytes(first)} ${bytes(second)}`);
      }
      const report = staged.report();
      compared += report.compared;
      different += Object.values(report.differences).reduce((sum, n) => sum + n, 0);
      for (const { policies } of [alone, beside]) policies.close();
    }
    counted({ what: 'staged policies change no answer', cases, wrong: wrong.length, beside: { compared, 'would differ': different } });
    expect(wrong.slice(0, 2), `AEGIS_FUZZ_SEED=${seed}`).to.deep.equal([]);
    expect(compared).to.equal(cases);
    expect(different).to.be.above(cases / 20);
  });

  it('see what the policies in force see: the same facts, and the same time', async () => {
    const text = (op: string): string =>
      `@id("p") permit (principal, action, resource) when { context.facts.n == 1 && context.system.now ${op} datetime("2000-01-01") };`;
    const aegis = AegisModule.create({ agentId: 'bot', policies: { text: text('>') }, facts: () => ({ n: 1 }) });
    try {
      const staged = await aegis.policies.stage({ source: { text: text('<') } });
      const same = `${text('>')} @id("never") forbid (principal, action, resource) when { context.facts.n == 2 };`;
      await aegis.decide({ toolName: 'pay', params: {} });
      expect(staged.report().compared, 'a dry run is no call').to.equal(0);
      const { guardCall } = await import('../../lib/guard/guardCall.js');
      await guardCall(aegis, { agentId: 'bot', toolName: 'pay', params: {} }, () => 1);
      expect(staged.report()).to.deep.include({ compared: 1 }).and.have.nested.property('differences.stricter', 1);
      const again = await aegis.policies.stage({ source: { text: same } });
      await guardCall(aegis, { agentId: 'bot', toolName: 'pay', params: {} }, () => 1);
      expect(again.report()).to.deep.include({ compared: 1, rows: [] });
    } finally {
      await aegis.close();
    }
  });
});
