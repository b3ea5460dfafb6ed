import { leavesOf } from '../../common/data/leaves.js';
import { DAY_MS } from '../../common/time/SteadyClock.js';
import { pointer } from '../../model/Params.js';
import type { GrantLoosening } from '../../model/terms/Grant.js';
import type { GrantHistory, GrantProposal, ProposedValue, RefusedBefore } from '../../model/terms/GrantProposal.js';
import type { GrantTerms } from '../../model/terms/GrantTerm.js';
import type { ApprovalCard, ApprovalPage, ApprovalPageQuery, ApprovalRecord } from '../../store/ApprovalStore.js';
import { grantMatcher, isScalar } from './grantMatcher.js';
import { ceilingOf, draftGrant } from './draftGrant.js';

/** How far back it is looked, in milliseconds. */
const LOOKED_BACK_MS = 30 * DAY_MS;
const PAGE = 200;
const MAX_LOOKED_AT = 2_000;

/** Reads pages of what people were asked. */
export type ReadPage = (query: ApprovalPageQuery) => Promise<ApprovalPage>;

/**
 * What a grant could be.
 *
 * @param loosening what it would loosen, for what it would have covered
 * @throws VerdictError 400 `invalid_grant` where no such grant could be made with this approval
 */
export async function proposeGrant(
  record: ApprovalRecord,
  readPage: ReadPage,
  nowMs: number,
  loosening: GrantLoosening = {},
): Promise<GrantProposal> {
  const { decisionId, digest } = record;
  const ceiling = ceilingOf(record);
  if (typeof ceiling === 'string')
    return { decisionId, digest, why: ceiling, values: [], history: await historyOf(record, readPage, nowMs, loosening) };
  // what could not be granted covers nothing: it is refused as where the grant is made
  draftGrant(record, { ...loosening, ...ceiling });
  return { decisionId, digest, ceiling, values: valuesOf(record), history: await historyOf(record, readPage, nowMs, loosening) };
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

async function historyOf(record: ApprovalRecord, readPage: ReadPage, nowMs: number, loosening: GrantLoosening): Promise<GrantHistory> {
  const { agentId, toolName, decisionId } = record;
  const query = { agentId, toolName, sinceMs: nowMs - LOOKED_BACK_MS, limit: PAGE };
  const cards: ApprovalCard[] = [];
  let cursor: string | undefined;
  do {
    const page = await readPage({ ...query, cursor });
    cards.push(...page.cards.filter((card) => card.decisionId !== decisionId));
    ({ cursor } = page);
  } while (cursor !== undefined && cards.length < MAX_LOOKED_AT);
  const judged = cards.map((card) => [card, isCovered(record, card, loosening)] as const);
  const covered = judged.filter(([, is]) => is === true).map(([card]) => card);
  const unclear = judged.filter(([, is]) => is === undefined).map(([card]) => card);
  return {
    asked: cards.length,
    covered: covered.length,
    refused: refusedOf(covered),
    unclear: unclear.length,
    unclearRefused: refusedOf(unclear),
    ...(cursor !== undefined && { more: true }),
  };
}

function refusedOf(cards: readonly ApprovalCard[]): readonly RefusedBefore[] {
  return cards
    .filter(({ status }) => status === 'denied')
    .map(({ decisionId, decided, createdAtMs }) => ({
      decisionId,
      by: decided?.name ?? decided?.by,
      atMs: decided?.atMs ?? createdAtMs,
    }));
}

/** Whether a grant covers the call of a card, as far as the card tells; `undefined` where it does not have all of its params. */
function isCovered(record: ApprovalRecord, card: ApprovalCard, { loosen, anyRequester }: GrantLoosening): boolean | undefined {
  if (anyRequester !== true && card.requester !== record.requester) return false;
  if (card.digest === record.digest) return true;
  // equal params have equal digests
  if (loosen === undefined || Object.keys(loosen).length === 0) return false;
  return isAlike(record, card, loosen);
}

/** Whether the params of a card are such as a grant covers; `undefined` where the card does not have all of them. */
function isAlike({ params }: ApprovalRecord, card: ApprovalCard, loosen: GrantTerms): boolean | undefined {
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
