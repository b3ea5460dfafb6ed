/** The most steps a decision may take. A step is up to 6 ns of work, so all of them take about half of 10 ms at worst. */
export const MAX_STEPS = 750_000;

/** A decision takes too long, and is a deny: the sender of the data must not choose how long decisions take. */
export class StepsExceeded extends Error {
  override readonly name = 'StepsExceeded';

  constructor() {
    super(`the decision takes more than ${MAX_STEPS} steps`);
  }
}

/** What one decision may still spend on work that grows with its data. */
export class StepBudget {
  #left = MAX_STEPS;

  /** @throws StepsExceeded */
  take(steps: number): void {
    this.#left -= steps;
    if (this.#left < 0) throw new StepsExceeded();
  }
}
