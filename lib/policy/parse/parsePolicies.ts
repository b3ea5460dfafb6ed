import { checkPolicySet } from './checkPolicySet.js';
import { LineIndex } from './LineIndex.js';
import { parsePolicy, type PolicyPlace } from './parsePolicy.js';
import type { Policy } from '../Policy.js';
import type { PolicyProblem, SourceText } from '../PolicySource.js';
import { splitPolicies } from './tokens.js';

/** The largest policy set, in UTF-8 bytes over all files. */
export const MAX_SET_BYTES: number = 2 * 1024 * 1024;

/** Policies, and everything that is wrong with the texts they came from. */
export interface ParsedPolicies {
  /** The sound ones, in the order of their texts. */
  readonly policies: readonly Policy[];
  readonly problems: readonly PolicyProblem[];
}

/** Parses and checks policy files. Every problem of every file is told, not just the first. */
export function parsePolicies(sources: readonly SourceText[]): ParsedPolicies {
  const policies: Policy[] = [];
  const problems: PolicyProblem[] = [];
  const bytes = sources.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
  if (bytes > MAX_SET_BYTES) {
    return { policies, problems: [atStart(sources[0], `All policies together may have at most ${MAX_SET_BYTES} bytes.`)] };
  }
  let pieces = 0;
  for (const { file, text } of sources) {
    const lines = new LineIndex(text);
    const place: PolicyPlace = {
      file,
      at: (offset) => lines.at(offset),
      report: (offset, message, policyId) => problems.push({ file, ...lines.at(offset), message, policyId }),
    };
    for (const piece of splitPolicies(text)) {
      pieces += 1;
      const policy = parsePolicy(piece, place);
      if (policy !== undefined) policies.push(policy);
    }
  }
  if (pieces === 0) problems.push(atStart(sources[0], 'There is no policy; without one every call would be denied.'));
  checkPolicySet(policies, ({ file, line, column, id }, message) => problems.push({ file, line, column, message, policyId: id }));
  return { policies, problems };
}

function atStart(source: SourceText | undefined, message: string): PolicyProblem {
  return { file: source?.file ?? 'policies', line: 1, column: 1, message };
}
