import type { Awaitable } from '../../lib/common/awaitable.js';

interface Fault {
  /** Calls that still go well. */
  skip: number;
  /** Calls that fail then. */
  left: number;
  /** `after`: what was asked for is done, and only the answer is lost. */
  readonly when: 'before' | 'after';
  readonly match: RegExp;
}

/** What can go wrong with a store that is somewhere else. */
export class Faults {
  /** `claim`, `approvals.replace` …, in the order asked. */
  readonly asked: string[] = [];
  readonly #later: boolean;
  readonly #faults: Fault[] = [];
  readonly #delays = new Map<string, number>();
  /** Whether nothing gets through. */
  away = false;

  constructor(later: boolean) {
    this.#later = later;
  }

  /** Makes the `nth` call (from now, 1 first) of an operation fail, and `times - 1` after it. */
  fail(
    operation: string | RegExp,
    { nth = 1, times = 1, when = 'before' }: Partial<Pick<Fault, 'when'>> & { nth?: number; times?: number } = {},
  ): void {
    const match = typeof operation === 'string' ? new RegExp(`^${operation.replace('.', '\\.')}$`) : operation;
    this.#faults.push({ skip: nth - 1, left: times, when, match });
  }

  /** Nothing fails any more that was to fail. */
  clear(): void {
    this.#faults.length = 0;
  }

  /** What was asked for is done at once; its answer comes that much later, until it is 0 again. */
  delayAnswers(operation: string, ms: number): void {
    this.#delays.set(operation, ms);
  }

  count(operation: string): number {
    return this.asked.filter((a) => a === operation).length;
  }

  around<T>(operation: string, work: () => T): Awaitable<T> {
    this.asked.push(operation);
    const fault = this.away ? ({ when: 'before' } as const) : this.#takeFault(operation);
    const delayMs = this.#delays.get(operation) ?? 0;
    const run = (): T => {
      if (fault?.when === 'before') throw new Error(`the store is away (${operation})`);
      const result = work();
      if (fault !== undefined) throw new Error(`the answer was lost (${operation})`);
      return result;
    };
    return this.#later || delayMs > 0 ? this.#slowly(run, delayMs) : run();
  }

  async #slowly<T>(run: () => T, delayMs: number): Promise<T> {
    await Promise.resolve();
    const result = run();
    await Promise.resolve();
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    return result;
  }

  #takeFault(operation: string): Fault | undefined {
    const fault = this.#faults.find((f) => f.left > 0 && f.match.test(operation));
    if (fault === undefined) return undefined;
    if (fault.skip > 0) {
      fault.skip -= 1;
      return undefined;
    }
    fault.left -= 1;
    return fault;
  }
}
