import { expect } from 'chai';
import { guardCall } from '../../lib/guard/guardCall.js';
import { AegisModule } from '../../lib/guard/module/AegisModule.js';
import type { Decision } from '../../lib/model/Decision.js';

describe('A decision that comes after its caller has gone', () => {
  for (const [late, withdrawn] of [
    [{ effect: 'allow', decisionId: 'd1' }, []],
    [{ effect: 'approval_needed', decisionId: 'd1', reason: 'a person decides' }, ['d1']],
  ] as const satisfies readonly (readonly [Decision, readonly string[]])[])
    it(`runs nothing, and withdraws what it has opened: ${late.effect}`, async () => {
      let answer: (decision: Decision) => void = () => {};
      const taken: string[] = [];
      const module = AegisModule.create({
        agentId: 'bot',
        decisions: {
          decide: () => new Promise((resolve) => (answer = resolve)),
          status: (decisionId) => ({ decisionId, state: 'pending' }),
          withdraw: (decisionId) => void taken.push(decisionId),
        },
      });
      const gone = new AbortController();
      let ran = 0;
      const call = { agentId: 'bot', toolName: 'act', params: {}, signal: gone.signal };
      const outcome = guardCall(module, call, () => (ran += 1));
      gone.abort();
      expect(await outcome).to.have.property('kind', 'denied');
      answer(late);
      await new Promise(setImmediate);
      expect([ran, taken]).to.deep.equal([0, withdrawn]);
      await module.close();
    });
});
