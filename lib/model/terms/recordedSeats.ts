import type { Assurance } from '../DecisionEvidence.js';
import { maybeSamePerson } from '../personId.js';
import { areFilled, fillSeats } from './fillSeats.js';
import type { Backer, PolicySeats, SeatedPolicy } from './fillSeats.js';
import { isHostOperator, OPERATOR } from './isHostOperator.js';

/** One person whose yes counts. */
export interface CountedPerson extends Backer {
  /** The id of their first yes. */
  readonly by: string;
  /** Every id under which they are known. */
  readonly ids: readonly string[];
}

/** What the verdicts on an approval come to: the seats of each policy, in the order of the policies. */
export interface Seats {
  /** The policies that ask. */
  readonly asked: readonly SeatedPolicy[];
  readonly policies: readonly PolicySeats<CountedPerson>[];
  /** Everyone whose yes counts for something. */
  readonly people: readonly CountedPerson[];
  /** Whether every policy has its people, and no one said no. */
  readonly isCovered: boolean;
}

/** A verdict, as far as its seat depends on it. */
export interface SeatedVerdict {
  readonly approve: boolean;
  readonly by: string;
  readonly assurance?: Assurance | undefined;
  /** Ids of the policies that it counts for. */
  readonly policies: readonly string[];
}

/** The parts of an approval on which its seats depend. */
export interface SeatedRecord {
  readonly policies: readonly SeatedPolicy[];
  readonly verdicts: readonly SeatedVerdict[];
}

/** The seats as the record alone says, without asking anyone about people. */
export function recordedSeats({ policies: asked, verdicts }: SeatedRecord): Seats {
  const yes = verdicts.flatMap(({ approve, by, assurance, policies }) => {
    const ids = isHostOperator(by, assurance) ? [by, OPERATOR] : [by];
    return approve ? [{ by, ids, policies: new Set(policies) }] : [];
  });
  return seatsFrom({ policies: asked, verdicts }, yes);
}

/** The seats that these people fill: two ids of one person are one person. */
export function seatsFrom({ policies: asked, verdicts }: SeatedRecord, yes: readonly CountedPerson[]): Seats {
  const people = mergedPeople(yes);
  const policies = fillSeats(asked, people);
  return { asked, policies, people, isCovered: areFilled(policies) && verdicts.every(({ approve }) => approve) };
}

/** Whether one of these ids names the same person as one of the others. */
export function isOneOf(ids: readonly string[], others: readonly string[]): boolean {
  return ids.some((id) => others.some((other) => maybeSamePerson(id, other)));
}

/** One entry for each person, whichever of their ids they used. */
function mergedPeople(yes: readonly CountedPerson[]): readonly CountedPerson[] {
  let people: readonly CountedPerson[] = [];
  for (const one of yes) {
    const same = people.filter(({ ids }) => isOneOf(ids, one.ids));
    const all = [...same, one];
    const merged: CountedPerson = {
      by: (all[0] as CountedPerson).by,
      ids: all.flatMap(({ ids }) => ids),
      policies: new Set(all.flatMap(({ policies }) => [...policies])),
    };
    people = [...people.filter((person) => !same.includes(person)), merged];
  }
  return people;
}
