import type { Awaitable } from '../../common/awaitable.js';
import type { Logger } from '../../common/Logger.js';
import { namesOf } from '../front/namesOf.js';
import { RequestError } from '../front/RequestError.js';

/** An answer that is about to be sent: what a log writes of it. */
export interface AnsweredRequest {
  /** As in the answer. */
  readonly requestId: string;
  /** The tenant of the caller. */
  readonly tenantId: string;
  /** The caller: the id of a key, or the name of the host's operator. */
  readonly callerId: string;
  /** The name of the route, such as `decide`. */
  readonly route: string;
  /** The body of the request. */
  readonly request: string;
  /** The HTTP status of the answer. */
  readonly status: number;
  /** The body of the answer; absent for pages, and where it has a secret, such as a new key. */
  readonly answer: string | undefined;
}

/**
 * Gets the answers of one turn of the event loop before any of them is sent; they are sent when it has resolved. It is not called again before that. If it
 * rejects, none of them is sent, and each caller gets a 503 `audit_unavailable`.
 */
export type BeforeAnswer = (batch: readonly AnsweredRequest[]) => Awaitable<void>;

interface Waiting {
  readonly answered: AnsweredRequest;
  readonly release: () => void;
  readonly fail: (error: RequestError) => void;
}

/**
 * Releases answers in groups. Those of one turn of the event loop are recorded together and sent together; while a group is being recorded, the next one
 * gathers. So one write to disk serves many answers, and none leaves before it.
 */
export class AnswerBatch {
  readonly #beforeAnswer: BeforeAnswer | undefined;
  readonly #logger: Logger;
  #gathered: Waiting[] = [];
  #running = false;

  constructor(beforeAnswer: BeforeAnswer | undefined, logger: Logger) {
    this.#beforeAnswer = beforeAnswer;
    this.#logger = logger;
  }

  /**
   * Settles when the answer may be sent.
   *
   * @throws RequestError 503 `audit_unavailable`
   */
  add(answered: AnsweredRequest): Promise<void> {
    return new Promise((release, fail) => {
      this.#gathered.push({ answered, release, fail });
      if (this.#running) return;
      this.#running = true;
      setImmediate(() => void this.#run());
    });
  }

  async #run(): Promise<void> {
    while (this.#gathered.length > 0) {
      const group = this.#gathered;
      this.#gathered = [];
      const failed = await this.#record(group);
      for (const { release, fail } of group) {
        if (failed === undefined) release();
        else fail(failed);
      }
    }
    this.#running = false;
  }

  async #record(group: readonly Waiting[]): Promise<RequestError | undefined> {
    if (this.#beforeAnswer === undefined) return undefined;
    try {
      await this.#beforeAnswer(group.map(({ answered }) => answered));
      return undefined;
    } catch (error) {
      this.#logger.error({ ...namesOf(error), answers: group.length }, 'Answers could not be recorded, so they are not sent.');
      return new RequestError(503, 'audit_unavailable', 'The answer could not be recorded, so there is none. Try again later.', {
        retryAfterS: 5,
      });
    }
  }
}
