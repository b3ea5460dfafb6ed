import { areFilled, fillSeats } from '../../../model/terms/fillSeats.js';
import type { SeatedPolicy } from '../../../model/terms/fillSeats.js';

/** A yes in a log. */
interface LoggedYes {
  /** The same text for all ids of one person. */
  readonly person: string;
  /** The policies for which it counts, by id. */
  readonly policies: readonly string[];
}

/**
 * Which yes is the one with which every policy has its people, where some take only people who count for no other policy. More people never fill fewer seats,
 * so that it is found by halving: a hostile log may have any number of them.
 *
 * @returns its index; -1 where there is none
 */
export function seatedFrom(yes: readonly LoggedYes[], policies: readonly SeatedPolicy[]): number {
  const isFilledBy = (count: number): boolean => areFilled(fillSeats(policies, peopleOf(yes.slice(0, count))));
  let [low, high] = [0, yes.length];
  if (!isFilledBy(high)) return -1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (isFilledBy(middle)) high = middle;
    else low = middle + 1;
  }
  return low - 1;
}

function peopleOf(yes: readonly LoggedYes[]): readonly { readonly policies: ReadonlySet<string> }[] {
  const people = new Map<string, Set<string>>();
  for (const { person, policies } of yes) {
    const known = people.get(person);
    if (known === undefined) people.set(person, new Set(policies));
    else for (const id of policies) known.add(id);
  }
  return [...people.values()].map((policies) => ({ policies }));
}
