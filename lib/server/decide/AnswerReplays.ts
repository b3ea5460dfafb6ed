import { chain, isThenable } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { monotonicNow } from '../../common/time/SteadyClock.js';
import type { Decision } from '../../model/Decision.js';
import { keyReused } from '../../decision/desk/ApprovalRequest.js';

/** How long a decision is given again to the same request, in milliseconds: policies and facts may change. */
const REPLAYED_MS = 30_000;
const MAX_ENTRIES = 50_000;
/** Of the requests, as decisions with params are about as large. */
const MAX_BYTES = 33_554_432;

/** One request that was sent under a key. */
export interface KeyedRequest {
  /** The key, with all that makes it the client's own. */
  readonly key: string;
  /** SHA-256 over all that was asked, and by whom. */
  readonly fingerprint: string;
  /** How large the request was. */
  readonly bytes: number;
  /** Of what may change between two requests: an answer is given again only while it is the same. */
  readonly state: number | undefined;
  /** SHA-256 of the preview that it has: the same request may be sent without, but not with another. */
  readonly sentPreview?: string | undefined;
  /** Whether what it was answered with still holds. */
  isCurrent(decision: Decision): boolean;
}

interface Entry {
  readonly sentPreview: string | undefined;
  readonly fingerprint: string;
  readonly bytes: number;
  readonly atMs: number;
  readonly state: number | undefined;
  /** A promise while it is being decided: who asks meanwhile waits for the same answer, where that may be given again. */
  decision: Awaitable<Decision>;
}

/** Answers a request that is sent again with the decision of its first time, which has the same id, so that its call runs once. Only in this process. */
export class AnswerReplays {
  /** Oldest first. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  /**
   * Decides a request, unless it was decided lately.
   *
   * @throws BadRequestError `idempotency_mismatch` where the key was used for another request
   */
  decide(request: KeyedRequest, ask: () => Awaitable<Decision>): Awaitable<Decision> {
    const { key, fingerprint, bytes, state, sentPreview } = request;
    const known = this.#entries.get(key);
    if (known !== undefined) {
      if (known.fingerprint !== fingerprint || (sentPreview !== undefined && known.sentPreview !== sentPreview)) throw keyReused();
      // an answer that may not be given again goes to no one else, also while it is made
      if (isThenable(known.decision))
        return chain(known.decision, (decision) => (request.isCurrent(decision) ? decision : this.decide(request, ask)));
      const isFresh = monotonicNow() - known.atMs <= REPLAYED_MS && known.state === state;
      if (isFresh && request.isCurrent(known.decision)) return known.decision;
      this.#forget(key, known);
    }
    return this.#remember(key, { fingerprint, bytes, atMs: monotonicNow(), state, sentPreview, decision: ask() });
  }

  #remember(key: string, given: Entry): Awaitable<Decision> {
    const { decision } = given;
    if (!isThenable(decision)) {
      this.#add(key, given);
      return decision;
    }
    const entry: Entry = {
      ...given,
      decision: Promise.resolve(decision).then(
        (decided) => {
          entry.decision = decided;
          return decided;
        },
        (error: unknown) => {
          // what could not be decided is asked anew
          if (this.#entries.get(key) === entry) this.#forget(key, entry);
          throw error;
        },
      ),
    };
    this.#add(key, entry);
    return entry.decision;
  }

  #add(key: string, entry: Entry): void {
    this.#entries.set(key, entry);
    this.#bytes += entry.bytes;
    for (const [oldest, old] of this.#entries) {
      if (this.#entries.size <= MAX_ENTRIES && this.#bytes <= MAX_BYTES) break;
      this.#forget(oldest, old);
    }
  }

  #forget(key: string, { bytes }: Entry): void {
    this.#entries.delete(key);
    this.#bytes -= bytes;
  }
}
