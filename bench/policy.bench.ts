// What a decision by policies costs, and what cedar-wasm itself takes for the same question in the same run.
import { createRequire } from 'node:module';
import { AegisModule, guard } from 'aegislib';
import { CedarPolicyEngine } from 'aegislib/policy';
import { compare, median, time } from './compare.js';
import { report } from './figure.js';
import { POLICIES } from './peers/transfer.js';

const others = (count: number): string =>
  Array.from(
    { length: count },
    (_, i) => `@id("other-${i}") permit (principal, action == Aegis::Action::"tool-${i}", resource) when { context.input.n > ${i} };`,
  ).join('\n');

const agents = { agent: { roles: ['finance'] } };
const params = { iban: 'DE02120300000000202051', amount: 250, currency: 'EUR' };
const session = { user_id: 'u-1', env: 'production' };
const call = { agentId: 'agent', toolName: 'transfer', groups: [], params, session, facts: {}, nowMs: 1_700_000_000_000, removable: [] };
const small = CedarPolicyEngine.load({ sources: [{ file: 'small', text: POLICIES }], agents });
const large = CedarPolicyEngine.load({
  sources: [
    { file: 'small', text: POLICIES },
    { file: 'others', text: others(10_000) },
  ],
  agents,
});
if (small.evaluate(call).effect !== 'allow' || large.evaluate(call).effect !== 'allow') throw new Error('the bench decides wrongly');

const cedar = createRequire(import.meta.url)('@cedar-policy/cedar-wasm/nodejs') as typeof import('@cedar-policy/cedar-wasm/nodejs');
cedar.preparsePolicySet('bench', {
  staticPolicies: Object.fromEntries(
    POLICIES.trim()
      .split('\n')
      .map((text, i) => [`p${i}`, text]),
  ),
});
const uid = (type: string, id: string) => ({ type: `Aegis::${type}`, id });
const preparsed = (): unknown =>
  cedar.statefulIsAuthorized({
    principal: uid('Agent', 'agent'),
    action: uid('Action', 'transfer'),
    resource: uid('Toolset', 'default'),
    context: { input: params, session, facts: {}, system: {} },
    entities: [
      { uid: uid('Agent', 'agent'), attrs: {}, parents: [uid('Role', 'finance')] },
      { uid: uid('Action', 'transfer'), attrs: {}, parents: [uid('Action', 'call_tool')] },
    ],
    preparsedPolicySetId: 'bench',
  } as never);

const decision = await compare('embedded decision', () => small.evaluate(call), preparsed);
const growth = await compare(
  '10,000 policies on other tools',
  () => large.evaluate(call),
  () => small.evaluate(call),
);

const aegis = AegisModule.create({ policies: { text: POLICIES }, agents, agentId: 'agent' });
const transfer = guard(async (o: { iban: string; amount: number; currency: string }) => o.amount, {
  module: aegis,
  toolName: 'transfer',
  session,
  approval: 'wait',
});
await time(() => transfer(params), 20_000);
const rounds: number[] = [];
for (let round = 0; round < 5; round++) rounds.push(await time(() => transfer(params), 50_000));
const wholeNs = median(rounds);
await aegis.close();

report([
  { name: 'embedded Cedar decision, 10 policies', value: decision.ns / 1_000, unit: 'µs', goal: { atMost: 2 } },
  { name: 'the same with 10,000 policies on other tools ÷ without', value: growth.ratio, unit: '×', goal: { atMost: 1.2 } },
  {
    name: 'preparsed statefulIsAuthorized ÷ embedded decision',
    value: 1 / decision.ratio,
    unit: '×',
    goal: { atLeast: 40 },
    note: `cedar-wasm ${(decision.twinNs / 1_000).toFixed(1)} µs`,
  },
  { name: 'whole guarded call with real policies', value: 1e9 / wholeNs, unit: 'calls/s', goal: { atLeast: 200_000 } },
]);
