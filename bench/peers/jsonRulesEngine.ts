import { load, versionOf, type Peer } from './Peer.js';
import { AGENTS, type Effect, type Request } from './transfer.js';

const input = (name: string, operator: string, value: unknown): object => ({ fact: 'input', path: `$.${name}`, operator, value });
const tool = (value: string): object => ({ fact: 'toolName', operator: 'equal', value });

const FORBIDS: readonly object[] = [
  input('amount', 'lessThanInclusive', 0),
  input('amount', 'greaterThan', 1_000_000),
  input('iban', 'startsWith', 'XX'),
  input('currency', 'notEqual', 'EUR'),
  { fact: 'session', path: '$.env', operator: 'equal', value: 'sandbox' },
  input('memo', 'holds', 'password'),
  input('iban', 'in', ['a', 'b', 'c']),
];

export const jsonRulesEngine: Peer = {
  name: `json-rules-engine ${versionOf('json-rules-engine')}`,
  tells: 'effects',
  note: 'rules only say that they hold; what wins is code',
  load: async (others) => {
    const { Engine } = load('json-rules-engine');
    const engine = new Engine([], { allowUndefinedFacts: true });
    engine.addOperator('startsWith', (text: unknown, start: string) => typeof text === 'string' && text.startsWith(start));
    engine.addOperator('holds', (text: unknown, part: string) => typeof text === 'string' && text.includes(part));
    const rule = (type: string, name: string, ...all: object[]): void =>
      engine.addRule({ event: { type }, conditions: { all: [tool(name), ...all] } });
    rule('permit', 'transfer', { fact: 'roles', operator: 'contains', value: 'finance' });
    rule('permit', 'transfer', { fact: 'agentId', operator: 'equal', value: 'ops' }, input('amount', 'lessThan', 10));
    for (const condition of FORBIDS) rule('forbid', 'transfer', condition);
    rule('ask', 'transfer', input('amount', 'greaterThan', 10_000));
    for (let i = 0; i < others; i++) rule('permit', `tool-${i}`, input('n', 'greaterThan', i));
    return {
      prepare: ({ effect: _expected, ...facts }: Request) => ({ ...facts, roles: AGENTS[facts.agentId]?.roles ?? [] }),
      decide: async (facts: object): Promise<Effect> => {
        const { events } = (await engine.run(facts)) as { events: readonly { type: string }[] };
        const said = (type: string): boolean => events.some((event) => event.type === type);
        if (said('forbid') || !said('permit')) return 'deny';
        return said('ask') ? 'approval_needed' : 'allow';
      },
    };
  },
};
