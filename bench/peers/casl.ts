import { load, versionOf, type Peer } from './Peer.js';
import { AGENTS, REQUESTS, type Effect, type Request } from './transfer.js';

const ASKS = 'ask';

/** Rules are code, an ability is one agent's, and the last rule that matches decides: so what asks comes before what denies. */
export const casl: Peer = {
  name: `@casl/ability ${versionOf('@casl/ability')}`,
  tells: 'effects',
  note: 'no policy texts; one deciding rule',
  load: async (others) => {
    const { defineAbility, subject } = load('@casl/ability');
    const abilityOf = (agentId: string): { permits: any; forbids: any } => ({
      permits: defineAbility((can: any) => {
        if (AGENTS[agentId]?.roles.includes('finance')) can('transfer', 'call');
        if (agentId === 'ops') can('transfer', 'call', { 'input.amount': { $lt: 10 } });
        for (let i = 0; i < others; i++) can(`tool-${i}`, 'call', { 'input.n': { $gt: i } });
      }),
      forbids: defineAbility((can: any, cannot: any) => {
        can('transfer', 'call');
        for (let i = 0; i < others; i++) can(`tool-${i}`, 'call');
        cannot('transfer', 'call', { 'input.amount': { $gt: 10_000 } }).because(ASKS);
        cannot('transfer', 'call', { 'input.amount': { $lte: 0 } });
        cannot('transfer', 'call', { 'input.amount': { $gt: 1_000_000 } });
        cannot('transfer', 'call', { 'input.iban': { $regex: '^XX' } });
        cannot('transfer', 'call', { 'input.currency': { $ne: 'EUR' } });
        cannot('transfer', 'call', { 'session.env': 'sandbox' });
        cannot('transfer', 'call', { 'input.memo': { $regex: 'password' } });
        cannot('transfer', 'call', { 'input.iban': { $in: ['a', 'b', 'c'] } });
      }),
    });
    const abilities = new Map([...new Set(REQUESTS.map((r) => r.agentId))].map((id) => [id, abilityOf(id)]));
    return {
      prepare: ({ agentId, toolName, input, session }: Request) => ({ agentId, toolName, call: subject('call', { input, session }) }),
      decide: ({ agentId, toolName, call }: { agentId: string; toolName: string; call: object }): Effect => {
        const { permits, forbids } = abilities.get(agentId) ?? {};
        if (permits?.can(toolName, call) !== true) return 'deny';
        const rule = forbids.relevantRuleFor(toolName, call);
        if (rule?.inverted !== true) return 'allow';
        return rule.reason === ASKS ? 'approval_needed' : 'deny';
      },
    };
  },
};
