// What telemetry costs a guarded call: nothing to speak of without an SDK, and what the SDK itself takes with one.
import { AegisModule, guard, type DecisionService } from 'aegislib';
import type { Journal } from 'aegislib/guard';
import { instrument } from 'aegislib/otel';
import { compare } from './compare.js';
import { report } from './figure.js';

const allow: DecisionService = {
  decide: () => ({ effect: 'allow', decisionId: 'allow' }),
  status: (decisionId) => ({ decisionId, state: 'invalid' }),
};

function guardedBy(journal: Journal): { readonly aegis: AegisModule; readonly call: () => Promise<number> } {
  const aegis = AegisModule.create({ decisions: allow, agentId: 'bench', journal });
  const send = guard(async (to: string) => to.length, { module: aegis, toolName: 'send', params: ['to'], approval: 'wait' });
  return { aegis, call: () => send('ann') };
}

const silent = guardedBy({ note: () => {} });
const traced = guardedBy(instrument({ spans: 'tools' }));
const whole = await compare('guarded call with telemetry, no SDK', traced.call, silent.call);

report([
  {
    name: 'a guarded call with telemetry and no SDK, over one with a journal that does nothing',
    value: (whole.ns - whole.twinNs) / 1_000,
    unit: 'µs',
    goal: { atMost: 0.1 },
    limit: { atMost: 3 },
    note: `${whole.ns.toFixed(0)} ns and ${whole.twinNs.toFixed(0)} ns`,
  },
]);
await silent.aegis.close();
await traced.aegis.close();
