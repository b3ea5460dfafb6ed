import { load, versionOf, type Peer } from './Peer.js';
import { AGENTS, type Effect, type Request } from './transfer.js';

const MODEL = `
[request_definition]
r = sub, tool, input, session
[policy_definition]
p = sub, tool, cond, eft
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = r.tool == p.tool && (p.sub == "*" || g(r.sub, p.sub)) && eval(p.cond)
`;
const FORBIDS = [
  'r.input.amount <= 0',
  'r.input.amount > 1000000',
  'regexMatch(r.input.iban, "^XX")',
  'r.input.currency != "EUR"',
  'r.session.env == "sandbox"',
  'r.input.amount > 10000',
  '!!r.input.memo && regexMatch(r.input.memo, "password")',
  'r.input.iban == "a" || r.input.iban == "b" || r.input.iban == "c"',
];

export const casbin: Peer = {
  name: `casbin ${versionOf('casbin')}`,
  tells: 'allow',
  note: 'has no third effect',
  load: async (others) => {
    const { newEnforcer, newModelFromString } = load('casbin');
    const enforcer = await newEnforcer(newModelFromString(MODEL));
    await enforcer.addPolicies([
      ['role:finance', 'transfer', 'true', 'allow'],
      ['ops', 'transfer', 'r.input.amount < 10', 'allow'],
      ...FORBIDS.map((condition) => ['*', 'transfer', condition, 'deny']),
      ...Array.from({ length: others }, (_, i) => ['*', `tool-${i}`, `r.input.n > ${i}`, 'allow']),
    ]);
    for (const [agent, { roles }] of Object.entries(AGENTS))
      for (const role of roles) await enforcer.addGroupingPolicy(agent, `role:${role}`);
    return {
      prepare: ({ agentId, toolName, input, session }: Request) => [agentId, toolName, input, session],
      decide: (question: readonly unknown[]): Effect => (enforcer.enforceSync(...question) === true ? 'allow' : 'deny'),
    };
  },
};
