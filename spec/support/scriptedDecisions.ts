import type { Awaitable } from '../../lib/common/awaitable.js';
import type { ApprovalUse, ApprovedCall, DecisionService, ExecutionStart } from '../../lib/decision/DecisionService.js';
import type { Capability } from '../../lib/model/Capability.js';
import type { Decision, DecisionRequest, DecisionStatus } from '../../lib/model/Decision.js';

export type State = DecisionStatus['state'];

/** Answers the n-th status question (0 first) about a decision. */
export type StatusScript = (decisionId: string, n: number) => Awaitable<DecisionStatus>;

export interface ScriptedDecisionsOptions {
  /** Default: pending for ever. */
  readonly status?: StatusScript | undefined;
  /** Makes the service push; see {@link ScriptedDecisions.push}. */
  readonly pushes?: boolean | undefined;
  readonly reevaluate?: ((request: DecisionRequest, decisionId: string) => Awaitable<Decision>) | undefined;
  readonly verify?: ((call: ApprovedCall) => Awaitable<boolean>) | undefined;
  readonly consume?: ((use: ApprovalUse) => Awaitable<boolean>) | undefined;
  readonly begin?: ((start: ExecutionStart) => Awaitable<boolean>) | undefined;
  readonly requires?: (() => readonly Capability[]) | undefined;
  /** Default: does nothing. */
  readonly withdraw?: ((decisionId: string) => Awaitable<void>) | undefined;
}

/** A decision service that says what a spec tells it to, and keeps what it was asked. */
export class ScriptedDecisions implements DecisionService {
  /** `status dec-1`, `consume dec-1` …, in the order asked. */
  readonly asked: string[] = [];
  /** When, on the fake clock. */
  readonly askedAt: number[] = [];
  /** Status questions under way. */
  underWay = 0;
  mostUnderWay = 0;
  readonly watch?: (signal: AbortSignal) => AsyncIterable<DecisionStatus>;
  readonly reevaluate?: (request: DecisionRequest, decisionId: string) => Awaitable<Decision>;
  readonly verify?: (call: ApprovedCall) => Awaitable<boolean>;
  readonly consume?: (use: ApprovalUse) => Awaitable<boolean>;
  readonly begin?: (start: ExecutionStart) => Awaitable<boolean>;
  readonly requires?: () => readonly Capability[];
  script: StatusScript;
  readonly #questions = new Map<string, number>();
  readonly #withdraw: ((decisionId: string) => Awaitable<void>) | undefined;
  #channel: PushStream | undefined;

  constructor({
    status = (id) => ({ decisionId: id, state: 'pending' }),
    pushes,
    reevaluate,
    verify,
    consume,
    begin,
    requires,
    withdraw,
  }: ScriptedDecisionsOptions = {}) {
    this.script = status;
    this.#withdraw = withdraw;
    if (pushes === true) {
      this.watch = (signal) => {
        this.#note('watch');
        this.#channel = new PushStream(signal);
        return this.#channel;
      };
    }
    if (reevaluate !== undefined) {
      this.reevaluate = (request, decisionId) => {
        this.#note(`reevaluate ${decisionId}`);
        return reevaluate(request, decisionId);
      };
    }
    if (requires !== undefined) this.requires = requires;
    if (consume !== undefined) {
      this.consume = (use) => {
        this.#note(`consume ${use.decisionId}`);
        return consume(use);
      };
    }
    if (verify !== undefined) {
      this.verify = (call) => {
        this.#note(`verify ${call.decisionId}`);
        return verify(call);
      };
    }
    if (begin !== undefined) {
      this.begin = (start) => {
        this.#note(`begin ${start.decisionId}`);
        return begin(start);
      };
    }
  }

  decide(): Decision {
    throw new Error('a scheduler decides nothing');
  }

  status(decisionId: string): Awaitable<DecisionStatus> {
    this.#note(`status ${decisionId}`);
    const n = this.#questions.get(decisionId) ?? 0;
    this.#questions.set(decisionId, n + 1);
    const answer = this.script(decisionId, n);
    if (!(answer instanceof Promise)) return answer;
    this.underWay += 1;
    this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay);
    return answer.finally(() => (this.underWay -= 1));
  }

  withdraw(decisionId: string): Awaitable<void> {
    this.#note(`withdraw ${decisionId}`);
    return this.#withdraw?.(decisionId);
  }

  expire(decisionId: string): void {
    this.#note(`expire ${decisionId}`);
  }

  push(decisionId: string, state: State, more: Partial<DecisionStatus> = {}): void {
    this.#channel?.send({ decisionId, state, ...more });
  }

  /** Pushes whatever it is given. */
  pushAnswer(answer: unknown): void {
    this.#channel?.send(answer as DecisionStatus);
  }

  /** Ends what it pushes, with an error if one is given. */
  endPush(error?: Error): void {
    this.#channel?.end(error);
  }

  /** How often it was asked something, such as `status`. */
  count(what: string): number {
    return this.asked.filter((a) => a.startsWith(what)).length;
  }

  #note(what: string): void {
    this.asked.push(what);
    this.askedAt.push(Date.now());
  }
}

class PushStream implements AsyncIterable<DecisionStatus> {
  readonly #sent: DecisionStatus[] = [];
  #read = 0;
  #ended = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(signal: AbortSignal) {
    signal.addEventListener('abort', () => this.end(), { once: true });
  }

  send(status: DecisionStatus): void {
    this.#sent.push(status);
    this.#wake?.();
  }

  end(error?: Error): void {
    this.#ended = true;
    this.#error = error;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<DecisionStatus> {
    for (;;) {
      const next = this.#sent[this.#read];
      if (this.#read < this.#sent.length) {
        this.#read += 1;
        yield next as DecisionStatus;
      } else if (this.#error !== undefined) throw this.#error;
      else if (this.#ended) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
