/** One figure of a bench: what was measured, and the goal it is held to. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The goal, and whether less or more is better. Absent for figures that only inform. */
  readonly goal?: { readonly atMost: number } | { readonly atLeast: number };
  /** Where twice the goal would be too much, or the goal is known to be missed: what the figure must hold, so that it gets no worse. */
  readonly limit?: { readonly atMost: number } | { readonly atLeast: number };
  readonly note?: string;
}

/** Hands figures to whoever started this bench: as one line of JSON on standard output. */
export function report(figures: readonly Figure[]): void {
  console.log(JSON.stringify({ figures }));
}

/** Whether a figure reaches its goal. */
export function reaches({ value, goal }: Figure): boolean {
  return holds(value, goal, 1);
}

/** Whether a figure is so far off, noise and all, that something broke. */
export function isFarOff({ value, goal, limit }: Figure, slack: number): boolean {
  return limit === undefined ? !holds(value, goal, slack) : !holds(value, limit, 1);
}

function holds(value: number, bound: Figure['goal'], slack: number): boolean {
  if (bound === undefined) return true;
  return 'atMost' in bound ? value <= bound.atMost * slack : value >= bound.atLeast / slack;
}
