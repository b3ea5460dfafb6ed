import type { Params } from '../../model/Params.js';
import { EMPTY_RECORD, holdsNull, RecordValue } from '../value/Value.js';
import type { BoundEvaluator, Evaluation, ParamsEvaluator } from '../Evaluator.js';
import type { PolicyCall } from '../PolicyEngine.js';
import { readDatetime, readRecord } from '../value/readValue.js';
import { StepBudget } from '../value/StepBudget.js';

const CONTEXT = ['input', 'session', 'facts', 'system'];
const SYSTEM = ['now'];

/** Evaluates the policies on one call. Only the params differ from one evaluation to the next; together they may take the steps of one decision. */
export class CallEvaluator implements ParamsEvaluator {
  readonly #bound: BoundEvaluator;
  readonly #session: RecordValue;
  readonly #facts: RecordValue;
  readonly #system: RecordValue;
  readonly #budget: StepBudget;
  /** The params in {@link #context}. At first a value that no params are equal to. */
  #params: unknown = this;
  #context: RecordValue = EMPTY_RECORD;

  /** @throws TypeError for a value that has no Cedar form */
  constructor(bound: BoundEvaluator, { session, facts, nowMs }: PolicyCall, budget: StepBudget = new StepBudget()) {
    this.#bound = bound;
    this.#budget = budget;
    this.#session = session == null ? EMPTY_RECORD : readRecord(session, 'absent');
    this.#facts = readRecord(facts, 'absent');
    this.#system = new RecordValue(SYSTEM, [readDatetime(nowMs)]);
  }

  evaluate(params: Params): Evaluation {
    return this.#bound.evaluate(this.#contextOf(params), this.#budget);
  }

  evaluatePermits(params: Params): Evaluation {
    return this.#bound.evaluatePermits(this.#contextOf(params), this.#budget);
  }

  #contextOf(params: Params): RecordValue {
    // the procedure never changes params: it makes others
    if (this.#params !== params) {
      const parts = [readRecord(params), this.#session, this.#facts, this.#system];
      this.#context = new RecordValue(CONTEXT, parts, parts.some(holdsNull));
      this.#params = params;
    }
    return this.#context;
  }
}
