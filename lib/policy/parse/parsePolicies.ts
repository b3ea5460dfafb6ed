import { inOneGo, type Steps } from '../../common/time/inSlices.js';
import { checkPolicySet } from './checkPolicySet.js';
import { likeCost } from './likeCost.js';
import { LineIndex } from './LineIndex.js';
import { parsePolicy, type PolicyPlace } from './parsePolicy.js';
import type { Policy } from '../Policy.js';
import type { PolicyProblem, SourceText } from '../PolicySource.js';
import { splitPolicies } from './tokens.js';

/** The largest policy set, in UTF-8 bytes over all files. */
export const MAX_SET_BYTES: number = 2 * 1024 * 1024;

/** Why a policy set is refused for its size. */
export const TOO_LARGE: string = `The policies are too large: they may have at most ${MAX_SET_BYTES} bytes in all. Shorten or remove some.`;

/** The most policies in a set: parsing takes about 0.4 ms for each, and the first load waits for it. */
const MAX_POLICIES = 12_000;
const TOO_MANY = `The set has more policies than the ${MAX_POLICIES} that are allowed. Merge some: one policy can name several tools with "action in […]".`;

/** The most characters in the `like` patterns of a set: each takes Cedar's parser about 1.5 µs. */
const MAX_SET_LIKE_COST = 524_288;
const TOO_MUCH_LIKE = `The patterns of "like" in the set have more than the ${MAX_SET_LIKE_COST} characters that are allowed. Shorten or remove some.`;

/** Policies, and everything that is wrong with the texts they came from. */
export interface ParsedPolicies {
  /** The sound ones, in the order of their texts. */
  readonly policies: readonly Policy[];
  readonly problems: readonly PolicyProblem[];
}

/** Parses and checks policy files. Reports every problem of every file, not just the first. */
export function parsePolicies(sources: readonly SourceText[]): ParsedPolicies {
  return inOneGo(parsingPolicies(sources));
}

/** {@link parsePolicies} in steps: each is one policy, which takes cedar-wasm 0.3 ms, and at worst about 5. */
export function* parsingPolicies(sources: readonly SourceText[]): Steps<ParsedPolicies> {
  const policies: Policy[] = [];
  const problems: PolicyProblem[] = [];
  const bytes = sources.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
  if (bytes > MAX_SET_BYTES) return { policies, problems: [atStart(sources[0], TOO_LARGE)] };
  let pieces = 0;
  let likes = 0;
  for (const { file, text } of sources) {
    const lines = new LineIndex(text);
    const place: PolicyPlace = {
      file,
      at: (offset) => lines.at(offset),
      report: (offset, message, policyId) => problems.push({ file, ...lines.at(offset), message, policyId }),
    };
    for (const piece of splitPolicies(text)) {
      yield;
      if (piece === undefined) continue;
      pieces += 1;
      likes += likeCost(piece.tokens);
      const tooMuch = pieces > MAX_POLICIES ? TOO_MANY : likes > MAX_SET_LIKE_COST ? TOO_MUCH_LIKE : undefined;
      if (tooMuch !== undefined) {
        place.report(piece.start, tooMuch);
        return { policies, problems };
      }
      const policy = parsePolicy(piece, place);
      if (policy !== undefined) policies.push(policy);
    }
  }
  if (pieces === 0)
    problems.push(atStart(sources[0], 'There is no policy here, so every call would be denied. Write at least one permit.'));
  yield* checkPolicySet(policies, ({ file, line, column, id }, message) => problems.push({ file, line, column, message, policyId: id }));
  return { policies, problems };
}

function atStart(source: SourceText | undefined, message: string): PolicyProblem {
  return { file: source?.file ?? 'policies', line: 1, column: 1, message };
}
