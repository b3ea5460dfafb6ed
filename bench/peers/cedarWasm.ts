// cedar-wasm as it comes: once with the policies parsed before, once with their text in every call. What it says is allow or deny, and by which
// policies; the third effect takes a second question where only policies that ask for a person forbid.
import { createRequire } from 'node:module';
import type { Ask, Peer } from './Peer.js';
import { AGENTS, otherPolicies, POLICIES, type Effect, type Request } from './transfer.js';

type Cedar = typeof import('@cedar-policy/cedar-wasm/nodejs');
type Question = Record<string, unknown>;
interface Answer {
  readonly type: string;
  readonly response: { readonly decision: string; readonly diagnostics: { readonly reason: string[] } };
}

const ASKS = 'ask-large';
const uid = (type: string, id: string) => ({ type: `Aegis::${type}`, id });

export const cedarPreparsed: Peer = {
  name: 'cedar-wasm, parsed before',
  tells: 'effects',
  load: async (others) => {
    const cedar = loadCedar();
    const { all, hard } = policySets(others);
    cedar.preparsePolicySet(`all-${others}`, { staticPolicies: all });
    cedar.preparsePolicySet(`hard-${others}`, { staticPolicies: hard });
    return asking(
      (question, set) => cedar.statefulIsAuthorized({ ...question, preparsedPolicySetId: `${set}-${others}` } as never) as never,
    );
  },
};

export const cedarUnparsed: Peer = {
  name: 'cedar-wasm, text in each call',
  tells: 'effects',
  load: async (others) => {
    const cedar = loadCedar();
    const sets = policySets(others);
    return asking((question, set) => cedar.isAuthorized({ ...question, policies: { staticPolicies: sets[set] } } as never) as never);
  },
};

function asking(answer: (question: Question, set: 'all' | 'hard') => Answer): Ask {
  const one = (question: Question, set: 'all' | 'hard'): Answer['response'] => {
    const { type, response } = answer(question, set);
    if (type !== 'success') throw new Error('cedar-wasm failed');
    return response;
  };
  return {
    prepare: ({ agentId, toolName, input, session }: Request): Question => ({
      principal: uid('Agent', agentId),
      action: uid('Action', toolName),
      resource: uid('Toolset', 'default'),
      context: { input, session, facts: {}, system: {} },
      entities: [
        { uid: uid('Agent', agentId), attrs: {}, parents: (AGENTS[agentId]?.roles ?? []).map((role) => uid('Role', role)) },
        { uid: uid('Action', toolName), attrs: {}, parents: [uid('Action', 'call_tool')] },
      ],
    }),
    decide: (question: Question): Effect => {
      const { decision, diagnostics } = one(question, 'all');
      if (decision === 'allow') return 'allow';
      if (diagnostics.reason.length === 0 || diagnostics.reason.some((id) => id !== ASKS)) return 'deny';
      return one(question, 'hard').decision === 'allow' ? 'approval_needed' : 'deny';
    },
  };
}

function policySets(others: number): Record<'all' | 'hard', Record<string, string>> {
  const texts = `${POLICIES}${otherPolicies(others)}`.trim().split('\n');
  const all = Object.fromEntries(texts.map((text) => [/@id\("(.*?)"\)/.exec(text)?.[1] ?? '', text]));
  const { [ASKS]: _soft, ...hard } = all;
  return { all, hard };
}

function loadCedar(): Cedar {
  return createRequire(import.meta.url)('@cedar-policy/cedar-wasm/nodejs') as Cedar;
}
