import type { ApprovalTerms } from './ApprovalTerms.js';

/** A policy that asks, as far as it says how many people it takes. */
export interface SeatedPolicy extends Pick<ApprovalTerms, 'quorum' | 'distinct'> {
  /** The policy's `@id`. */
  readonly id: string;
}

/** Someone who said yes. */
export interface Backer {
  /** The ids of the policies that the yes may count for. */
  readonly policies: ReadonlySet<string>;
}

/** The seats of one policy: how many people it takes, and who they are so far. */
export interface PolicySeats<P extends Backer> {
  /** The policy's `@id`. */
  readonly id: string;
  /** How many people it takes. */
  readonly needed: number;
  /** Who counts for it: `needed` people at most. */
  readonly filledBy: readonly P[];
}

/** So many people are seated where some take no other seat: those who said yes first. */
const MAX_PEOPLE = 400;
/** So many states are looked at; beyond them a seat may stay open that could be filled, and a further yes fills it. */
const MAX_STATES = 20_000;

/**
 * Seats people, so that as many seats as possible are filled. Each person takes one seat of a policy at most. Who takes a seat of a policy with `@distinct`
 * takes no other one; of all other policies a person takes a seat of each. In which order they said yes makes no difference to how many seats are filled.
 *
 * @param people each a different person
 */
export function fillSeats<P extends Backer>(policies: readonly SeatedPolicy[], people: readonly P[]): readonly PolicySeats<P>[] {
  const needed = policies.map(({ quorum = 1 }) => quorum);
  const isApart = policies.length > 1 && policies.some(({ distinct }) => distinct === true);
  const choices = isApart ? bestChoices(policies, needed, people.slice(0, MAX_PEOPLE)) : people.map((person) => backedBy(policies, person));
  return policies.map(({ id }, i) => {
    const taking = people.filter((_, at) => choices[at]?.includes(i) === true);
    return { id, needed: needed[i] as number, filledBy: taking.slice(0, needed[i]) };
  });
}

/** Whether every policy has the people that it takes. */
export function areFilled(seats: readonly PolicySeats<Backer>[]): boolean {
  return seats.every(({ needed, filledBy }) => filledBy.length >= needed);
}

/** For which policies a person takes a seat, by their index. */
type Choice = readonly number[];

function backedBy(policies: readonly SeatedPolicy[], { policies: backed }: Backer): Choice {
  return policies.flatMap(({ id }, i) => (backed.has(id) ? [i] : []));
}

/** Person by person, the choice with which the most seats are filled in the end. */
function bestChoices(policies: readonly SeatedPolicy[], needed: readonly number[], people: readonly Backer[]): readonly Choice[] {
  const options = people.map((person) => {
    const backed = backedBy(policies, person);
    const shared = backed.filter((i) => policies[i]?.distinct !== true);
    return [...backed.filter((i) => policies[i]?.distinct === true).map((i) => [i]), ...(shared.length > 0 ? [shared] : [])];
  });
  const known = new Map<string, { readonly filled: number; readonly choice: Choice }>();
  const keyOf = (at: number, taken: readonly number[]): string => `${at}:${taken.join()}`;
  /** How many more seats the people from `at` on fill. */
  const bestFrom = (at: number, taken: readonly number[]): number => {
    if (at === people.length) return 0;
    const key = keyOf(at, taken);
    const found = known.get(key);
    if (found !== undefined) return found.filled;
    if (known.size >= MAX_STATES) return 0;
    const choices = (options[at] as readonly Choice[])
      .map((option) => option.filter((i) => (taken[i] as number) < (needed[i] as number)))
      .filter((choice) => choice.length > 0);
    let best: { readonly filled: number; readonly choice: Choice } = { filled: -1, choice: [] };
    // who leaves a seat open that they could take leaves it to someone whom it could as well be taken from
    for (const choice of choices.length === 0 ? [[]] : choices) {
      const filled = choice.length + bestFrom(at + 1, withSeats(taken, choice));
      if (filled > best.filled) best = { filled, choice };
    }
    known.set(key, best);
    return best.filled;
  };
  let taken: readonly number[] = needed.map(() => 0);
  bestFrom(0, taken);
  return people.map((_, at) => {
    const { choice } = known.get(keyOf(at, taken)) ?? { choice: [] };
    taken = withSeats(taken, choice);
    return choice;
  });
}

function withSeats(taken: readonly number[], choice: Choice): readonly number[] {
  return taken.map((count, i) => (choice.includes(i) ? count + 1 : count));
}
