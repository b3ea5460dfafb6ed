import { expect } from 'chai';
import { areFilled, fillSeats } from '../../../lib/model/terms/fillSeats.js';
import type { Backer, SeatedPolicy } from '../../../lib/model/terms/fillSeats.js';
import { approversAt } from '../../../lib/model/terms/approversAt.js';
import { counted, seed, volume } from '../../support/assurance.js';
import { Random } from '../../policy/fuzz/random.js';

interface Named extends Backer {
  readonly name: string;
}

function yes(name: string, ...policies: readonly string[]): Named {
  return { name, policies: new Set(policies) };
}

function seated(policies: readonly SeatedPolicy[], people: readonly Named[]): Record<string, string> {
  return Object.fromEntries(fillSeats(policies, people).map(({ id, filledBy }) => [id, filledBy.map(({ name }) => name).join(' ')]));
}

describe('The seats of policies', () => {
  it('are one for each policy, and one person may take one of each', () => {
    expect(seated([{ id: 'a' }, { id: 'b' }], [yes('ann', 'a', 'b')])).to.deep.equal({ a: 'ann', b: 'ann' });
    expect(seated([{ id: 'a' }, { id: 'b' }], [yes('ann', 'a')])).to.deep.equal({ a: 'ann', b: '' });
  });

  it('are as many as the quorum says, for as many people', () => {
    const policies = [{ id: 'a', quorum: 2 }];
    expect(areFilled(fillSeats(policies, [yes('ann', 'a')]))).to.equal(false);
    expect(areFilled(fillSeats(policies, [yes('ann', 'a'), yes('bob', 'a')]))).to.equal(true);
    expect(seated(policies, [yes('ann', 'a'), yes('bob', 'a'), yes('eve', 'a')])).to.deep.equal({ a: 'ann bob' });
  });

  it('are for people who count for no other policy where one says so, whichever of them says it', () => {
    for (const policies of [
      [{ id: 'a', distinct: true }, { id: 'b' }],
      [{ id: 'a' }, { id: 'b', distinct: true }],
      [
        { id: 'a', distinct: true },
        { id: 'b', distinct: true },
      ],
    ] as const) {
      expect(areFilled(fillSeats(policies, [yes('ann', 'a', 'b')]))).to.equal(false);
      expect(areFilled(fillSeats(policies, [yes('ann', 'a', 'b'), yes('bob', 'a')]))).to.equal(true);
      expect(areFilled(fillSeats(policies, [yes('bob', 'b'), yes('ann', 'a', 'b')]))).to.equal(true);
    }
    // of one policy alone it says nothing
    expect(areFilled(fillSeats([{ id: 'a', distinct: true }], [yes('ann', 'a')]))).to.equal(true);
  });

  it('are shared between policies that do not say so, beside one that does', () => {
    const policies = [{ id: 'a', distinct: true }, { id: 'b' }, { id: 'c' }];
    expect(seated(policies, [yes('ann', 'a', 'b', 'c'), yes('bob', 'a')])).to.deep.equal({ a: 'bob', b: 'ann', c: 'ann' });
    expect(seated(policies, [yes('ann', 'a', 'b', 'c')])).to.deep.equal({ a: '', b: 'ann', c: 'ann' });
  });

  it('are given so that most are filled, in whichever order people said yes', () => {
    const policies = [
      { id: 'a', distinct: true },
      { id: 'b', distinct: true },
      { id: 'c', distinct: true },
    ];
    const people = [yes('ann', 'a', 'b', 'c'), yes('bob', 'a', 'b'), yes('eve', 'a')];
    for (const order of [
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ]) {
      const inOrder = order.map((i) => people[i] as Named);
      expect(seated(policies, inOrder), order.join()).to.deep.equal({ a: 'eve', b: 'bob', c: 'ann' });
    }
  });

  it('stay open rather than take forever, and are then never filled by one person twice', () => {
    const policies = Array.from({ length: 12 }, (_, i) => ({ id: `p${i}`, quorum: 20, distinct: i % 2 === 0 }));
    const people = Array.from({ length: 60 }, (_, i) =>
      yes(`n${i}`, ...policies.flatMap(({ id }, at) => ((i + at) % 3 === 0 ? [] : [id]))),
    );
    const found = fillSeats(policies, people);
    expect(areFilled(found)).to.equal(false);
    for (const person of people) {
      const taken = found.filter(({ filledBy }) => filledBy.includes(person)).map(({ id }) => id);
      const apart = taken.filter((id) => policies.find((policy) => policy.id === id)?.distinct === true);
      expect(apart.length === 0 || taken.length === 1, taken.join()).to.equal(true);
    }
  });

  it('stay open where nothing further was looked at, also for people who could have taken them', () => {
    const apart = Array.from({ length: 16 }, (_, i) => ({ id: `d${i}`, distinct: true }));
    const shared = Array.from({ length: 20 }, (_, i) => ({ id: `s${i}` }));
    const others = Array.from({ length: 16 }, (_, i) => yes(`n${i}`, ...apart.map(({ id }) => id)));
    const found = fillSeats([...apart, ...shared], [yes('ann', 'd0', ...shared.map(({ id }) => id)), ...others]);
    expect(isLawful([...apart, ...shared], found)).to.equal(true);
    expect(areFilled(found)).to.equal(false);
    expect(found.filter(({ filledBy }) => filledBy.some(({ name }) => name === 'ann')).map(({ id }) => id)).to.deep.equal(
      shared.map(({ id }) => id),
    );
  });

  it('are for the first four hundred people, where a hostile log has more of them', () => {
    const policies = [
      { id: 'a', quorum: 401, distinct: true },
      { id: 'b', quorum: 1 },
    ];
    const people = Array.from({ length: 100_000 }, (_, i) => yes(`n${i}`, 'a'));
    expect(fillSeats(policies, people).map(({ filledBy }) => filledBy.length)).to.deep.equal([400, 0]);
  });

  it('are filled where any seating fills them, and by no seating that breaks the rules', () => {
    const random = new Random(seed);
    const cases = volume(20_000);
    let wrong = 0;
    let filled = 0;
    for (let n = 0; n < cases; n++) {
      const policies = Array.from({ length: 1 + random.below(3) }, (_, i) => ({
        id: `p${i}`,
        quorum: 1 + random.below(2),
        distinct: random.chance(0.5),
      }));
      const people = Array.from({ length: random.below(6) }, (_, i) =>
        yes(`n${i}`, ...policies.flatMap(({ id }) => (random.chance(0.6) ? [id] : []))),
      );
      const seats = fillSeats(policies, people);
      const isFilled = areFilled(seats);
      if (isFilled) filled += 1;
      if (isFilled !== anySeating(policies, people) || !isLawful(policies, seats)) wrong += 1;
    }
    counted({ what: 'seats of several policies beside every possible seating', cases, wrong, beside: { filled } });
    expect(wrong).to.equal(0);
    expect(filled).to.be.within(1, cases - 1);
  });
});

/** Tries every seating: each person takes one policy that is apart, or all shared ones, or nothing. */
function anySeating(policies: readonly SeatedPolicy[], people: readonly Named[], taken: readonly string[] = []): boolean {
  const [person, ...others] = people;
  if (person === undefined) return policies.every(({ id, quorum = 1 }) => taken.filter((one) => one === id).length >= quorum);
  const backed = policies.filter(({ id }) => person.policies.has(id));
  const isApart = policies.length > 1;
  const choices = [
    ...backed.filter(({ distinct }) => distinct === true && isApart).map(({ id }) => [id]),
    backed.filter(({ distinct }) => distinct !== true || !isApart).map(({ id }) => id),
    [],
  ];
  return choices.some((choice) => anySeating(policies, others, [...taken, ...choice]));
}

function isLawful(policies: readonly SeatedPolicy[], seats: ReturnType<typeof fillSeats<Named>>): boolean {
  const all = new Set(seats.flatMap(({ filledBy }) => filledBy));
  return [...all].every((person) => {
    const taken = policies.filter((_, i) => seats[i]?.filledBy.includes(person));
    const twice = seats.some(({ filledBy }) => filledBy.filter((one) => one === person).length > 1);
    return (
      !twice && taken.every(({ id }) => person.policies.has(id)) && (taken.length < 2 || taken.every(({ distinct }) => distinct !== true))
    );
  });
}

describe('The groups that may decide', () => {
  const escalate = [
    { afterMs: 900_000, groups: ['managers'] },
    { afterMs: 3_600_000, groups: ['on-call', 'leads'] },
  ];
  const policy = { approvers: ['leads'], escalate };

  it('are more as time goes by, each once', () => {
    expect(approversAt(policy, 0)).to.deep.equal(['leads']);
    expect(approversAt(policy, 899_999)).to.deep.equal(['leads']);
    expect(approversAt(policy, 900_000)).to.deep.equal(['leads', 'managers']);
    expect(approversAt(policy, 3_600_000)).to.deep.equal(['leads', 'managers', 'on-call']);
  });

  it('stay the same without steps, and are everyone where the policy names none', () => {
    expect(approversAt({ approvers: ['leads'] }, 1e9)).to.deep.equal(['leads']);
    expect(approversAt({ escalate }, 1e9)).to.equal(undefined);
  });
});
