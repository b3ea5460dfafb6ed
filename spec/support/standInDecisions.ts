import type { AskOptions, DecisionService } from '../../lib/decision/DecisionService.js';
import { AegisModule } from '../../lib/guard/module/AegisModule.js';
import type { AegisOptions } from '../../lib/guard/module/AegisOptions.js';
import type { Decision, DecisionRequest, DecisionStatus } from '../../lib/model/Decision.js';

let decided = 0;

/** What a decision service says, without a decisionId: it gets one. */
export type Answer = Readonly<Record<string, unknown>>;

/** A decision service that answers what a spec tells it, at once or later, and keeps what it was asked. */
export class StandInDecisions implements DecisionService {
  readonly requests: DecisionRequest[] = [];
  readonly options: AskOptions[] = [];
  readonly withdrawn: string[] = [];
  /** What `decide` gives back; an object without a decisionId gets one. */
  answer: (request: DecisionRequest) => unknown = () => ({ effect: 'allow' });
  state: DecisionStatus['state'] = 'pending';

  decide(request: DecisionRequest, options: AskOptions): Decision {
    this.requests.push(request);
    this.options.push(options);
    return withId(this.answer(request)) as Decision;
  }

  status(decisionId: string): DecisionStatus {
    return { decisionId, state: this.state, by: 'ann' };
  }

  withdraw(decisionId: string): void {
    this.withdrawn.push(decisionId);
  }

  /** From now on the answer to everything. */
  always(answer: Answer): this {
    this.answer = () => answer;
    return this;
  }

  get last(): DecisionRequest {
    return this.requests.at(-1) as DecisionRequest;
  }
}

function withId(answer: unknown): unknown {
  if (answer instanceof Promise) return answer.then(withId);
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer) || 'decisionId' in answer) return answer;
  return { decisionId: `d${(decided += 1)}`, ...answer };
}

/** A module that asks a stand-in, and is not global. */
export function moduleAsking(service: DecisionService, options: AegisOptions = {}): AegisModule {
  return AegisModule.create({ decisions: service, agentId: 'agent', ...options });
}

/** The error a promise rejects with. */
export async function rejection(promise: PromiseLike<unknown>): Promise<Error> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error(`it resolved to ${String(value)}`);
}

/** The error a function throws at once. */
export function thrown(fn: () => unknown): Error {
  try {
    fn();
  } catch (error) {
    return error as Error;
  }
  throw new Error('it threw nothing');
}
