import type { Awaitable } from '../common/awaitable.js';
import { chain } from '../common/awaitable.js';
import { nextId } from '../common/nextId.js';
import type { DecisionService } from '../decision/DecisionService.js';
import type { Decision, DecisionRequest, DecisionStatus, Effect } from '../model/Decision.js';
import { checkedOptions } from '../model/checkedOptions.js';

type Unnamed<D> = D extends Decision ? Omit<D, 'decisionId'> & { readonly decisionId?: string | undefined } : never;

/** An answer of a script: an effect, or a decision, which gets an id if it has none. */
export type ScriptedAnswer = Exclude<Effect, 'sanitize'> | Unnamed<Decision>;

/** A list of answers, in order, after which everything is denied; or a function of the request and of the number of requests before it. */
export type DecisionScript = readonly ScriptedAnswer[] | ((request: DecisionRequest, n: number) => Awaitable<ScriptedAnswer>);

/** Every field of a decision. What the guard makes of their values is what a test wants to see. */
const ANSWER: Readonly<Record<DecisionField, 'any'>> = {
  effect: 'any',
  decisionId: 'any',
  agentId: 'any',
  toolName: 'any',
  requestId: 'any',
  tenantId: 'any',
  reason: 'any',
  violations: 'any',
  policySetHash: 'any',
  observed: 'any',
  limits: 'any',
  retryAtMs: 'any',
  code: 'any',
  grantId: 'any',
  policyEvaluations: 'any',
  latencyMs: 'any',
  params: 'any',
  message: 'any',
  approvalId: 'any',
  expiresAtMs: 'any',
  offers: 'any',
};
type DecisionField = Decision extends infer D ? (D extends Decision ? Exclude<keyof D, symbol> : never) : never;

/** A decision service that answers by a script, and denies every call for which the script has no answer. */
export class ScriptedDecisionService implements DecisionService {
  readonly #script: DecisionScript;
  readonly #statuses = new Map<string, DecisionStatus>();
  readonly #listeners = new Set<(status: DecisionStatus) => void>();
  #asked = 0;

  constructor(script: DecisionScript) {
    this.#script = script;
  }

  decide(request: DecisionRequest): Awaitable<Decision> {
    const n = this.#asked++;
    const answer = typeof this.#script === 'function' ? this.#script(request, n) : (this.#script[n] ?? UNSCRIPTED);
    return chain(answer, (given) => {
      const decision: Unnamed<Decision> =
        typeof given === 'string' ? { effect: given } : checkedOptions<Unnamed<Decision>>('answer', given, ANSWER as never);
      const { decisionId = nextId('scripted') } = decision;
      if (decision.effect === 'approval_needed') this.#statuses.set(decisionId, { decisionId, state: 'pending' });
      return { ...decision, decisionId };
    });
  }

  status(decisionId: string): DecisionStatus {
    return this.#statuses.get(decisionId) ?? { decisionId, state: 'invalid', reason: 'the script requested no such approval' };
  }

  /** Settles a pending approval. @returns whether there was such an approval */
  settle(status: DecisionStatus): boolean {
    if (this.#statuses.get(status.decisionId)?.state !== 'pending') return false;
    this.#statuses.set(status.decisionId, status);
    for (const listener of this.#listeners) listener(status);
    return true;
  }

  /** Listens from this call on, not from the first read, so that no status is lost in between. */
  watch(signal: AbortSignal): AsyncIterable<DecisionStatus> {
    const waiting: DecisionStatus[] = [];
    let wake = (): void => {};
    const listener = (status: DecisionStatus): void => {
      waiting.push(status);
      wake();
    };
    this.#listeners.add(listener);
    signal.addEventListener('abort', () => wake(), { once: true });
    const end = (): boolean => this.#listeners.delete(listener);
    return {
      async *[Symbol.asyncIterator]() {
        try {
          while (!signal.aborted) {
            yield* waiting.splice(0);
            if (waiting.length === 0 && !signal.aborted) await new Promise<void>((resolve) => (wake = resolve));
          }
        } finally {
          end();
        }
      },
    };
  }
}

const UNSCRIPTED: ScriptedAnswer = { effect: 'deny', reason: "The test's script has no answer for this call." };
