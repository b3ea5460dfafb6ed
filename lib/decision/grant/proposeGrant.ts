import { leavesOf } from '../../common/data/leaves.js';
import { DAY_MS } from '../../common/time/SteadyClock.js';
import { pointer } from '../../model/Params.js';
import type { GrantCeiling } from '../../model/terms/ApprovalTerms.js';
import type { GrantTerms, GrantValue } from '../../model/terms/GrantTerm.js';
import type { ApprovalCard, ApprovalPage, ApprovalPageQuery, ApprovalRecord } from '../../store/ApprovalStore.js';
import { grantMatcher, isScalar } from './grantMatcher.js';
import { ceilingOf } from './draftGrant.js';

/** How far back it is looked, in milliseconds. */
const LOOKED_BACK_MS = 30 * DAY_MS;
const PAGE = 200;
const MAX_LOOKED_AT = 2_000;

/** A value that a grant could loosen. */
export interface ProposedValue {
  /** Where it is. */
  readonly in: 'params' | 'session' | 'facts';
  /** Its JSON pointer. */
  readonly path: string;
  /** What it is in this call. */
  readonly value: GrantValue;
}

/** A call of the last days that a grant would have covered and that a person refused. */
export interface RefusedBefore {
  /** The approval that was refused. */
  readonly decisionId: string;
  /** Who refused it, by the name of that time where it is known. */
  readonly by: string | undefined;
  /** When, in epoch milliseconds. */
  readonly atMs: number;
}

/** What a grant would have covered of what people were asked in the last 30 days, as far as history keeps it. */
export interface GrantHistory {
  /** How many calls of this agent and tool people were asked about. */
  readonly asked: number;
  /** How many of them the grant would have covered. */
  readonly covered: number;
  /** Those of them that a person refused. */
  readonly refused: readonly RefusedBefore[];
  /** How many cannot be told, because history does not keep all of their params. They are not among those covered. */
  readonly unclear: number;
  /** Set where there were more than were looked at. */
  readonly more?: true | undefined;
}

/** What a grant could be that is made with an approval. */
export interface GrantProposal {
  /** The approval whose yes would make the grant. */
  readonly decisionId: string;
  /** The digest that a yes names. */
  readonly digest: string;
  /** Why there can be none. Absent where there can be one. */
  readonly why?: string | undefined;
  /** The most that a grant may be. Absent where there can be none. */
  readonly ceiling?: GrantCeiling | undefined;
  /** The values that a grant could loosen; all others must be the same. */
  readonly values: readonly ProposedValue[];
  /** What a grant for exactly the same params would have covered. */
  readonly history: GrantHistory;
}

/** Reads pages of what people were asked. */
export type ReadPage = (query: ApprovalPageQuery) => Promise<ApprovalPage>;

/**
 * What a grant could be.
 *
 * @param loosen what the history is compared with, beside equal params
 */
export async function proposeGrant(
  record: ApprovalRecord,
  readPage: ReadPage,
  nowMs: number,
  loosen: GrantTerms = {},
): Promise<GrantProposal> {
  const { decisionId, digest } = record;
  const ceiling = ceilingOf(record);
  const history = await historyOf(record, readPage, nowMs, loosen);
  if (typeof ceiling === 'string') return { decisionId, digest, why: ceiling, values: [], history };
  return { decisionId, digest, ceiling, values: valuesOf(record), history };
}

function valuesOf({ params, session, facts }: ApprovalRecord): readonly ProposedValue[] {
  return (
    [
      ['params', params],
      ['session', session ?? {}],
      ['facts', facts],
    ] as const
  ).flatMap(([where, root]) =>
    leavesOf(root).flatMap(({ path, value }): ProposedValue[] =>
      isScalar(value) && path.every((step) => typeof step === 'string')
        ? [{ in: where, path: path.map((step) => pointer('', step)).join(''), value }]
        : [],
    ),
  );
}

async function historyOf(record: ApprovalRecord, readPage: ReadPage, nowMs: number, loosen: GrantTerms): Promise<GrantHistory> {
  const { agentId, toolName, decisionId } = record;
  const query = { agentId, toolName, sinceMs: nowMs - LOOKED_BACK_MS, limit: PAGE };
  const cards: ApprovalCard[] = [];
  let cursor: string | undefined;
  do {
    const page = await readPage({ ...query, cursor });
    cards.push(...page.cards.filter((card) => card.decisionId !== decisionId));
    ({ cursor } = page);
  } while (cursor !== undefined && cards.length < MAX_LOOKED_AT);
  const judged = cards.map((card) => [card, isAlike(record, card, loosen)] as const);
  const covered = judged.filter(([, alike]) => alike === true).map(([card]) => card);
  const refused = covered.filter(({ status }) => status === 'denied');
  return {
    asked: cards.length,
    covered: covered.length,
    refused: refused.map(({ decisionId: id, decided, createdAtMs }) => ({
      decisionId: id,
      by: decided?.name ?? decided?.by,
      atMs: decided?.atMs ?? createdAtMs,
    })),
    unclear: judged.filter(([, alike]) => alike === undefined).length,
    ...(cursor !== undefined && { more: true }),
  };
}

/** Whether the params of a card are such as a grant covers; `undefined` where the card does not have all of them. */
function isAlike({ params, digest }: ApprovalRecord, card: ApprovalCard, loosen: GrantTerms): boolean | undefined {
  if (card.digest === digest) return true;
  const { summary, unlisted = 0 } = card;
  // a call that was refused or has ended keeps none of its values
  if (summary === undefined || summary.length === 0) return undefined;
  const shown: Record<string, unknown> = {};
  let isWhole = unlisted === 0;
  for (const { name, text, cut } of summary) {
    if (cut !== undefined) isWhole = false;
    else shown[name] = valueOf(text);
  }
  // what is there already says that it is another call
  for (const [name, value] of Object.entries(shown)) {
    if (!Object.hasOwn(params, name) || !grantMatcher({ [name]: params[name] }, loosen)({ [name]: value })) return false;
  }
  return isWhole ? grantMatcher(params, loosen)(shown) : undefined;
}

/** A value of a card is in canonical form, which is JSON for all that a grant can cover. */
function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
