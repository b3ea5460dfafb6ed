import type { Seats } from '../../../model/terms/recordedSeats.js';

/** The seats of one policy as they are shown. */
export interface ViewedSeats {
  /** The policy's `@id`. */
  readonly id: string;
  /** How many people it takes. */
  readonly needed: number;
  /** The ids of those who count for it. */
  readonly filledBy: readonly string[];
}

/** The seats of every policy as they are shown. */
export function viewedSeats({ policies }: Pick<Seats, 'policies'>): readonly ViewedSeats[] {
  return policies.map(({ id, needed, filledBy }) => ({ id, needed, filledBy: filledBy.map(({ by }) => by) }));
}
