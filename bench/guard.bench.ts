// What the guard itself costs: against a plain wrapper that awaits, which is the least that any guard of an async method can be.
import { AegisGuard, AegisModule, guard, type DecisionService } from 'aegislib';
import { compare } from './compare.js';
import { report } from './figure.js';

const allow: DecisionService = {
  decide: () => ({ effect: 'allow', decisionId: 'allow' }),
  status: (decisionId) => ({ decisionId, state: 'invalid' }),
};
const aegis = AegisModule.create({ decisions: allow, agentId: 'bench' });

class Bare {
  async send(to: string, subject: string, urgent: boolean): Promise<number> {
    return to.length + subject.length + (urgent ? 1 : 0);
  }
}
class Guarded extends Bare {
  @AegisGuard({ module: aegis, params: ['to', 'subject', 'urgent'], approval: 'wait' })
  override async send(to: string, subject: string, urgent: boolean): Promise<number> {
    return to.length + subject.length + (urgent ? 1 : 0);
  }
}
const bare = new Bare();
const guarded = new Guarded();
const permitted = { to: 'x', subject: 'y' };
const wrapper = async (to: string, subject: string, urgent: boolean): Promise<number> => {
  await permitted;
  return bare.send(to, subject, urgent);
};

const plain = await compare(
  'guarded call, always allow',
  () => guarded.send('ann', 'hi', true),
  () => wrapper('ann', 'hi', true),
);
const deep = { id: 'o-1', lines: Array.from({ length: 10 }, (_, i) => ({ sku: `s${i}`, count: i, price: i / 4, note: 'n' })) };
const order = guard(async (o: typeof deep) => o.lines.length, { module: aegis, toolName: 'order', approval: 'wait' });
const cloned = await compare(
  'guarded call, 50 fields',
  () => order(deep),
  () => Promise.resolve(structuredClone(deep)),
);

report([
  { name: 'guarded call, always allow ÷ plain await wrapper', value: plain.ratio, unit: '×', goal: { atMost: 3 }, limit: { atMost: 4 } },
  { name: 'guarded call, always allow', value: plain.ns, unit: 'ns', note: `wrapper ${plain.twinNs.toFixed(0)} ns` },
  { name: 'guarded call with 50 fields ÷ structuredClone of them', value: cloned.ratio, unit: '×', note: `${cloned.ns.toFixed(0)} ns` },
]);
await aegis.close();
