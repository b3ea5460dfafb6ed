import { escapeText } from '../../common/data/escapeText.js';
import type { EvaluationProblem } from '../../policy/PolicyEngine.js';

/** Tells a developer what policies could not be evaluated on a call: the caller learns only that they could not. Once for each policy of a set. */
export class ProblemNotes {
  readonly #write: (line: string) => void;
  readonly #told = new Set<string>();
  #hash = '';

  /** @param write takes one line, without a line break at its end */
  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  /** @param policySetHash of the policies in force: after a reload, each is told again */
  note(toolName: string, problems: readonly EvaluationProblem[], policySetHash: string): void {
    if (this.#hash !== policySetHash) this.#told.clear();
    this.#hash = policySetHash;
    for (const { policyId, problem } of problems) {
      if (this.#told.has(policyId)) continue;
      this.#told.add(policyId);
      this.#write(
        `aegis: a call of tool '${escapeText(toolName)}' was denied, because policy '${escapeText(policyId)}' could not be evaluated: ${escapeText(problem)}. Said once for each policy, unless NODE_ENV is production.`,
      );
    }
  }
}
