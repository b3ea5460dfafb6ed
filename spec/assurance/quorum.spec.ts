import { expect } from 'chai';
import { ApprovalDesk } from '../../lib/decision/desk/ApprovalDesk.js';
import type { Directory, DirectoryPerson } from '../../lib/decision/desk/Directory.js';
import { VerdictError } from '../../lib/model/errors/SetupErrors.js';
import { MemoryApprovalStore } from '../../lib/store/memory/MemoryApprovalStore.js';
import type { ApprovalPolicy, ApprovalRecord } from '../../lib/store/ApprovalStore.js';
import { BINDING_BASE, openingOf, policyOf } from '../support/approvalRecords.js';
import { counted, seed, volume } from '../support/assurance.js';
import { Random } from '../policy/fuzz/random.js';

const GROUPS = ['leads', 'finance', 'managers'];
const STEP_MS = 300_000;
const ENDS_MS = 20 * STEP_MS;

/** People with several ids, who come, go, change groups, and turn out to be one another. */
class Town implements Directory {
  people: DirectoryPerson[];

  constructor(random: Random) {
    this.people = ['a', 'b', 'c', 'd', 'e'].map((name) => ({
      id: name,
      name,
      ids: [name, `${name}@acme.example`],
      groups: GROUPS.filter(() => random.chance(0.5)),
      groupsFrom: 'town',
    }));
  }

  personOf(id: string): DirectoryPerson | undefined {
    return this.people.find(({ ids }) => ids.includes(id));
  }

  hasPeople(): boolean {
    return true;
  }

  change(random: Random): void {
    const one = random.pick(this.people);
    const rest = this.people.filter((person) => person !== one);
    const other = random.pick(rest);
    const changes: readonly (() => readonly DirectoryPerson[])[] = [
      () => rest,
      () => [...rest, { ...one, groups: GROUPS.filter(() => random.chance(0.5)) }],
      () => [...rest, { ...one, mayDecide: false }],
      () => [...rest.filter((person) => person !== other), { ...one, ids: [...one.ids, ...other.ids] }],
      () => [...rest, { ...one, ids: [...one.ids, 'u-1'] }],
    ];
    if (rest.length > 1) this.people = [...random.pick(changes)()];
  }
}

describe('A quorum, whatever happens to people', () => {
  it('is of as many different people as the policies say, who may decide and did not ask, on what runs', async () => {
    const random = new Random(seed);
    const cases = volume(20_000);
    let [wrong, used, refused, verdicts] = [0, 0, 0, 0];
    for (let n = 0; n < cases; n++) {
      const town = new Town(random);
      let nowMs = 1_000;
      const desk = new ApprovalDesk(new MemoryApprovalStore(), {}, { now: () => nowMs } as never);
      desk.usePeople({ directory: town });
      const policies = Array.from({ length: 1 + random.below(2) }, (_, i) => randomPolicy(random, i));
      const outcome = await desk.open(openingOf({ policies, requester: 'u-1', timeoutMs: ENDS_MS }));
      if (outcome.kind !== 'opened') throw new Error(outcome.kind);
      const { decisionId, digest } = outcome.record;
      for (let step = 0; step < 12; step++) {
        nowMs += random.chance(0.3) ? STEP_MS : 0;
        if (random.chance(0.2)) town.change(random);
        const by = random.pick(['a', 'b', 'c', 'd', 'e', 'A@acme.example', 'b@acme.example', 'u-1']);
        const given = desk.approve(decisionId, { by, digest: random.chance(0.05) ? 'f'.repeat(64) : digest, assurance: 'passkey' });
        await given.then(
          () => (verdicts += 1),
          (error: unknown) => {
            if (!(error instanceof VerdictError)) throw error;
          },
        );
        if (random.chance(0.2)) town.change(random);
        const before = (await desk.get(decisionId)) as ApprovalRecord;
        if (!(await desk.consume({ decisionId, digest, bindingBase: BINDING_BASE, token: 't' }))) {
          if (before.status === 'approved') refused += 1;
          continue;
        }
        used += 1;
        if (!isRight(before, town, digest)) wrong += 1;
        break;
      }
    }
    counted({
      what: 'approvals by several people, whose ids, groups and rights change',
      cases,
      wrong,
      beside: { verdicts, used, 'refused at their use': refused },
    });
    expect(wrong).to.equal(0);
    expect(used).to.be.greaterThan(0);
  });
});

function randomPolicy(random: Random, i: number): ApprovalPolicy {
  return policyOf(`p${i}`, {
    approvers: [random.pick(GROUPS)],
    quorum: 1 + random.below(2),
    ...(random.chance(0.4) && { distinct: true }),
    ...(random.chance(0.2) && { selfApproval: true }),
    ...(random.chance(0.4) && { escalate: [{ afterMs: STEP_MS, groups: [random.pick(GROUPS)] }] }),
  });
}

/** Said anew, by other means: some choice of different people, each a member at the time of their yes and not the one who asks, fills every seat. */
function isRight(record: ApprovalRecord, town: Town, digest: string): boolean {
  const { policies, verdicts, createdAtMs } = record;
  if (record.digest !== digest || verdicts.some(({ approve }) => !approve)) return false;
  const seats = policies.flatMap((policy) => Array.from({ length: policy.quorum ?? 1 }, () => policy));
  const mayFill = (policy: ApprovalPolicy): readonly DirectoryPerson[] => {
    const people = verdicts.flatMap(({ by, atMs, policies: ids }) => {
      const person = town.personOf(by);
      if (person === undefined || person.mayDecide === false || !ids.includes(policy.id)) return [];
      if (person.ids.includes('u-1') && policy.selfApproval !== true) return [];
      const added = (policy.escalate ?? []).filter(({ afterMs }) => createdAtMs + afterMs <= atMs).flatMap(({ groups }) => groups);
      return [...(policy.approvers ?? []), ...added].some((group) => person.groups.includes(group)) ? [person] : [];
    });
    return [...new Set(people)];
  };
  const fill = (at: number, taken: readonly (readonly [string, DirectoryPerson])[]): boolean => {
    const policy = seats[at];
    if (policy === undefined) return true;
    const apart = (id: string): boolean =>
      id !== policy.id && policies.some((one) => (one.id === id || one.id === policy.id) && one.distinct === true);
    return mayFill(policy).some(
      (person) =>
        !taken.some(([id, one]) => one === person && (id === policy.id || apart(id))) && fill(at + 1, [...taken, [policy.id, person]]),
    );
  };
  return fill(0, []);
}
