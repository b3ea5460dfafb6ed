/** One figure of a bench: what was measured, and the goal it is held to. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The goal, and whether less or more is better. Absent for figures that only inform. */
  readonly goal?: { readonly atMost: number } | { readonly atLeast: number };
  readonly note?: string;
}

/** Hands figures to whoever started this bench: as one line of JSON on standard output. */
export function report(figures: readonly Figure[]): void {
  console.log(JSON.stringify({ figures }));
}

/** Whether a figure reaches its goal, the goal widened by a factor for noisy machines. */
export function reaches({ value, goal }: Figure, slack = 1): boolean {
  if (goal === undefined) return true;
  return 'atMost' in goal ? value <= goal.atMost * slack : value >= goal.atLeast / slack;
}
