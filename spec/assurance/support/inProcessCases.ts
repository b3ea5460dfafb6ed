import { inspect } from 'node:util';
import { type AnswerPlan, built, canSpeak, planOf, said } from './answerObjects.js';
import { ORIGINAL, PARAMS_CASES, ParamsCase } from './paramsCases.js';
import type { Random } from '../../policy/fuzz/random.js';

/** One call, and what a service in this process says to it. */
export interface InProcessCase {
  readonly params: Record<string, unknown>;
  decision(): unknown;
  status(): unknown;
  /** What may run. */
  readonly expected: object | undefined;
  shown(): string;
}

const TEXTS = ['allow', 'deny', 'sanitize', 'approval_needed', 'ALLOW', 'allow ', 'аllow', 'approved', ['allow'], new String('allow'), { toString: () => 'allow' }, 1, true, null, undefined, Symbol('allow')]; // prettier-ignore
const IDS = ['other', '', 'x'.repeat(512), 'x'.repeat(513), 7, null, undefined, ['d'], new String('d')];
const NAMES = ['bot', 'tool', 'Bot', 'other', '', null, undefined, ['bot'], new String('tool'), { toString: () => 'bot' }];
const DECISION_VALUES = {
  effect: TEXTS,
  decisionId: IDS,
  agentId: NAMES,
  toolName: NAMES,
  params: [...PARAMS_CASES, undefined, null, 5, [], 'params', true],
  expiresAtMs: [8.64e15, 1, -1, Number.NaN, Infinity, '8640000000000', null, undefined],
  // what nobody needs to know may be anything
  reason: ['because', 7, null, {}],
  violations: [[], 'none', null, 7, [null]],
  latencyMs: [3, Number.NaN, 'fast'],
  somethingNew: [1, { effect: 'allow' }],
};
const STATUS_VALUES = {
  decisionId: IDS,
  state: ['approved', 'pending', 'denied', 'expired', 'invalid', 'APPROVED', 'approved ', 'allow', 'OK', true, ['approved'], new String('approved'), null, undefined], // prettier-ignore
  by: ['ann', 7, null],
};

/**
 * An answer, and for an approval a yes; each changed in some places.
 *
 * @param opened the ids of the approvals so far: none is believed twice
 */
export function inProcessCase(random: Random, decisionId: string, opened: Set<string>): InProcessCase {
  const effect = random.pick(['allow', 'sanitize', 'sanitize', 'approval_needed', 'approval_needed', 'deny']);
  const params = effect === 'sanitize' || random.chance(0.05) ? { params: random.pick(PARAMS_CASES) } : {};
  const decision = planOf(random, { decisionId, effect, ...params }, DECISION_VALUES);
  const status = planOf(random, { decisionId: said(decision, 'decisionId'), state: 'approved' }, STATUS_VALUES);
  return {
    params: structuredClone(ORIGINAL),
    decision: () => built(decision),
    status: () => built(status),
    expected: expectedOf(decision, status, opened),
    shown: () => inspect({ decision, status }, { depth: 6, maxStringLength: 60 }),
  };
}

/** What the plans say, in the words of docs/extending.md: an answer counts as it is when it is read, once; a doubt is a no. */
function expectedOf(decision: AnswerPlan, status: AnswerPlan, opened: Set<string>): object | undefined {
  const field = (name: string): unknown => said(decision, name);
  if (!canSpeak(decision.shape) || throwsIn(decision)) return undefined;
  const id = field('decisionId');
  if (typeof id !== 'string' || id === '' || id.length > 512) return undefined;
  if ((field('agentId') ?? 'bot') !== 'bot' || (field('toolName') ?? 'tool') !== 'tool') return undefined;
  const params = field('params') ?? undefined;
  const replaced = params instanceof ParamsCase ? params.runs : undefined;
  switch (field('effect')) {
    case 'allow':
      return params === undefined ? ORIGINAL : undefined;
    case 'sanitize':
      return replaced;
    case 'approval_needed': {
      const run = params === undefined ? ORIGINAL : replaced;
      const end = decision.fields['expiresAtMs'] === undefined ? null : (field('expiresAtMs') ?? null);
      if (run === undefined || opened.has(id) || (end !== null && !Number.isFinite(end))) return undefined;
      opened.add(id);
      return (end === null || (end as number) > Date.now()) && approves(status, id) ? run : undefined;
    }
    default:
      return undefined;
  }
}

function approves(status: AnswerPlan, decisionId: string): boolean {
  const { decisionId: id, state, by } = status.fields;
  // who said it is kept: a yes of which that cannot be read is none
  if (!canSpeak(status.shape) || [id, state, by].some((field) => field?.how === 'throws')) return false;
  return id?.first === decisionId && state?.first === 'approved';
}

/** A decision is read whole, whatever it demands: one that cannot be is none. */
function throwsIn({ fields }: AnswerPlan): boolean {
  const asks = fields['effect']?.first === 'approval_needed';
  return Object.entries(fields).some(([name, { how }]) => how === 'throws' && name !== 'somethingNew' && (asks || name !== 'expiresAtMs'));
}
