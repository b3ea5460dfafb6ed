import type { DetailedError, PolicyJson, PolicyToJsonAnswer } from '@cedar-policy/cedar-wasm/nodejs';
import { sha256 } from '../../common/data/canonical.js';
import { CedarTrap, useCedar } from '../wasm/CedarWasm.js';
import { actionScope, checkScope, groupsAsked } from './scope.js';
import { fromByteOffset, type Place } from './LineIndex.js';
import { likeCost, MAX_LIKE_COST } from './likeCost.js';
import { MAX_POLICY_COST, policyCost } from './policyCost.js';
import type { Policy } from '../Policy.js';
import { readAnnotations } from './annotations.js';
import type { PolicyText } from './tokens.js';

/** The longest policy, in UTF-8 bytes. */
const MAX_POLICY_BYTES = 10_240;

const TOO_DEEP =
  'This policy is nested too deeply or chains too many operators: about 27 nested brackets, 40 operators or 130 terms of || are allowed. Split it, or test a set with contains.';

/** Where a policy is in its file, and how to report its problems. */
export interface PolicyPlace {
  readonly file: string;
  /** @param offset index into the file, in UTF-16 units */
  at(offset: number): Place;
  report(offset: number, message: string, policyId?: string): void;
}

/**
 * Parses and checks one policy. A policy that is too large or nested too deeply never reaches cedar-wasm.
 *
 * @returns undefined if it has problems; all of them were reported
 */
export function parsePolicy(piece: PolicyText, place: PolicyPlace): Policy | undefined {
  if (Buffer.byteLength(piece.text) > MAX_POLICY_BYTES) {
    place.report(piece.start, `This policy is too long: a policy may have at most ${MAX_POLICY_BYTES} bytes. Split it.`);
    return undefined;
  }
  if (policyCost(piece.tokens) > MAX_POLICY_COST) {
    place.report(piece.start, TOO_DEEP);
    return undefined;
  }
  if (likeCost(piece.tokens) > MAX_LIKE_COST) {
    place.report(
      piece.start,
      `The patterns of "like" in this policy have more than the ${MAX_LIKE_COST} characters that are allowed. Shorten them, or split the policy.`,
    );
    return undefined;
  }
  const json = parseJson(piece, place);
  return json === undefined ? undefined : readPolicy(piece, json, place);
}

function parseJson(piece: PolicyText, place: PolicyPlace): PolicyJson | undefined {
  let answer: PolicyToJsonAnswer;
  try {
    answer = useCedar((cedar) => cedar.policyToJson(piece.text));
  } catch (error) {
    if (!(error instanceof CedarTrap)) throw error;
    place.report(piece.start, 'The Cedar parser failed on this policy, which is probably too complex. Simplify it.');
    return undefined;
  }
  if (answer.type === 'success') return answer.json;
  for (const error of flatten(answer.errors)) {
    const bytes = error.sourceLocations?.[0]?.start ?? 0;
    const at = fromByteOffset(piece.text, bytes);
    place.report(piece.start + at, `${describe(error)}${otherSpelling(piece.text, at)}`);
  }
  return undefined;
}

function readPolicy(piece: PolicyText, json: PolicyJson, place: PolicyPlace): Policy | undefined {
  const starts = annotationStarts(piece);
  // by the names in the text, for an object made from them may have lost a `__proto__`
  const values = new Map([...starts.keys()].map((name) => [name, json.annotations?.[name] ?? null]));
  const id = values.get('id') ?? undefined;
  let problems = 0;
  const report = (message: string, annotation?: string): void => {
    problems += 1;
    place.report(starts.get(annotation ?? '') ?? piece.start, message, annotation === 'id' ? undefined : id);
  };
  const facts = readAnnotations(json.effect, values, report);
  checkScope(json, report);
  if (problems > 0 || id === undefined) return undefined;
  const hash = sha256(piece.text);
  const {
    effect,
    reason,
    severity,
    approvers,
    approvalTimeoutMs,
    selfApproval,
    summary,
    terms,
    limit,
    mayPermit,
    observeUntilMs,
    operations,
  } = facts;
  return {
    id,
    effect,
    applied: Object.freeze({ id, hash, effect, reason, severity, approvers, approvalTimeoutMs, selfApproval, summary, ...terms }),
    text: piece.text,
    json,
    action: actionScope(json.action),
    groupsAsked: groupsAsked(json.conditions),
    operations,
    limit,
    mayPermit,
    observeUntilMs,
    file: place.file,
    ...place.at(piece.start),
  };
}

/** Where each annotation is in the file. All of them come before the effect. */
function annotationStarts({ tokens }: PolicyText): Map<string, number> {
  const starts = new Map<string, number>();
  for (const [i, { kind, text, start }] of tokens.entries()) {
    const name = tokens[i + 1];
    if (kind === 'symbol' && text === '@' && name?.kind === 'word') starts.set(name.text, start);
    // annotations may be called permit and forbid, and every effect is followed by its scope
    else if (kind === 'symbol' && text === '(' && tokens[i - 2]?.text !== '@') break;
  }
  return starts;
}

function flatten(errors: readonly DetailedError[]): DetailedError[] {
  return errors.flatMap((error) => [error, ...flatten(error.related ?? [])]);
}

/** What to write instead, where the parser stopped at a spelling of another language. */
function otherSpelling(text: string, at: number): string {
  const number = /\d+\.$/.exec(text.slice(0, at).slice(-20));
  const fraction = /^\d+/.exec(text.slice(at));
  if (number !== null && fraction !== null) {
    return `; Cedar compares whole numbers: count money in cents, or write decimal("${number[0]}${fraction[0]}") and compare by greaterThan() and the like`;
  }
  return /[=!]=$/.test(text.slice(0, at)) && text[at] === '=' ? "; write '==' and '!=' with one '=' less" : '';
}

function describe(error: DetailedError): string {
  const expected = error.sourceLocations?.[0]?.label;
  const message = error.message.replace(/^failed to parse policy from string: /, '');
  return `${message}${expected === null || expected === undefined ? '' : ` (${expected})`}${error.help === null ? '' : `; ${error.help}`}`;
}
