import { expect } from 'chai';
import { ApprovalDesk } from '../../../../lib/decision/desk/ApprovalDesk.js';
import type { ApprovalDeskOptions } from '../../../../lib/decision/desk/ApprovalDeskOptions.js';
import type { ApprovalRequest } from '../../../../lib/decision/desk/ApprovalRequest.js';
import type { Directory, DirectoryPerson } from '../../../../lib/decision/desk/Directory.js';
import type { SteadyClock } from '../../../../lib/common/time/SteadyClock.js';
import { MemoryApprovalStore } from '../../../../lib/store/memory/MemoryApprovalStore.js';
import type { ApprovalPolicy, ApprovalRecord, Verdict } from '../../../../lib/store/ApprovalStore.js';
import { BINDING_BASE, openingOf, policyOf } from '../../../support/approvalRecords.js';
import { diagnosed, securityCodes } from '../../../support/diagnosed.js';
import { rejection } from '../../../support/rejection.js';

const TWO = [policyOf('p', { approvers: ['leads'], quorum: 2 })];
const LEADS = { approverGroups: { leads: ['lea', 'mia', 'zoe'] } };

/** People who can be changed. */
class People implements Directory {
  readonly people: Map<string, DirectoryPerson>;
  /** What it throws when it is asked for someone. */
  away: { readonly of: string; readonly error: Error } | undefined;

  constructor(...names: readonly string[]) {
    this.people = new Map(names.map((name) => [name, this.#person(name)]));
  }

  personOf(id: string): DirectoryPerson | undefined {
    if (this.away?.of === id) throw this.away.error;
    return [...this.people.values()].find(({ ids }) => ids.includes(id));
  }

  hasPeople(): boolean {
    return this.people.size > 0;
  }

  set(name: string, change: Partial<DirectoryPerson>): void {
    this.people.set(name, { ...this.#person(name), ...change });
  }

  #person(name: string): DirectoryPerson {
    return { id: name, name, ids: [name], groups: ['leads'], groupsFrom: 'aegis' };
  }
}

interface Setup {
  readonly policies?: readonly ApprovalPolicy[];
  readonly options?: ApprovalDeskOptions;
  readonly people?: Directory;
  readonly more?: Partial<ApprovalRequest>;
}

async function asked({ policies = TWO, options = {}, people, more = {} }: Setup = {}) {
  const store = new MemoryApprovalStore();
  const time = { nowMs: 1_000 };
  const clock: Pick<SteadyClock, 'now'> = { now: () => time.nowMs };
  const desk = new ApprovalDesk(store, options, clock as SteadyClock);
  if (people !== undefined) desk.usePeople({ directory: people });
  const outcome = await desk.open(openingOf({ policies, timeoutMs: 86_400_000, ...more }));
  if (outcome.kind !== 'opened') throw new Error(outcome.kind);
  const { decisionId, digest } = outcome.record;
  return {
    desk,
    time,
    decisionId,
    approve: (by: string, assurance?: 'session' | 'code' | 'host') => desk.approve(decisionId, { by, digest, assurance }),
    use: (token = 't') => desk.consume({ decisionId, digest, bindingBase: BINDING_BASE, token }),
    /** As somebody who can write the store changes it. */
    write: async (change: (record: ApprovalRecord) => Partial<ApprovalRecord>) => {
      const record = (await store.get(decisionId)) as ApprovalRecord;
      await store.replace({ ...record, ...change(record), version: record.version + 1 }, record.version);
    },
  };
}

describe('The seats of an approval', () => {
  it('are demanded of the code that decides it', async () => {
    for (const [name, more] of [
      ['quorum', { quorum: 2 }],
      ['distinct', { distinct: true }],
      ['escalate', { escalate: [{ afterMs: 1, groups: ['a'] }] }],
    ] as const) {
      const { desk, decisionId } = await asked({ policies: [policyOf('p', more)] });
      expect((await desk.get(decisionId))?.requires).to.include(name);
    }
  });

  it('are counted again when it is used, also where no one knows people', async () => {
    const { approve, write, use } = await asked({ options: LEADS });
    expect(await approve('lea')).to.include({ status: 'pending' });
    await write(() => ({ status: 'approved' }));
    const seen = await diagnosed(async () => expect(await use()).to.equal(false));
    expect(securityCodes(seen)).to.deep.equal(['approver_not_eligible']);
    await write(() => ({ status: 'pending' }));
    expect(await approve('mia')).to.include({ status: 'approved' });
    expect(await use()).to.equal(true);
  });

  it('are of people: a verdict that stands there twice fills one', async () => {
    const { approve, write, use } = await asked({ options: LEADS });
    await approve('lea');
    await write(({ verdicts }) => ({ status: 'approved', verdicts: [...verdicts, { ...(verdicts[0] as Verdict), by: 'LEA' }] }));
    expect(await use()).to.equal(false);
  });

  it('are not filled beside a no', async () => {
    const { approve, write, use } = await asked({ options: LEADS });
    await approve('lea');
    await approve('mia');
    await write(({ verdicts }) => ({ verdicts: [...verdicts, { approve: false, by: 'zoe', atMs: 1, policies: ['p'] }] }));
    expect(await use()).to.equal(false);
  });

  it('may be denied by one who has said yes, as long as it waits', async () => {
    const { approve, desk, decisionId } = await asked({ options: LEADS });
    await approve('lea');
    expect(await desk.viewerOf(decisionId, { by: 'lea' })).to.deep.include({ may: false, mayDeny: true });
    expect(await desk.viewerOf(decisionId, { by: 'eve' })).to.deep.include({ may: false, mayDeny: false });
    expect((await desk.deny(decisionId, { by: 'lea', reason: 'I misread it' })).status).to.equal('denied');
  });

  it('are one for the operator of the host, under every name', async () => {
    const { approve } = await asked({ options: LEADS, people: new People() });
    await approve('host:olga', 'host');
    for (const [by, assurance] of [
      ['host:otto', 'host'],
      ['local-admin', 'session'],
    ] as const)
      expect(await rejection(approve(by, assurance))).to.include({ code: 'already_counts' });
    expect(await approve('lea')).to.include({ status: 'approved' });
  });

  it('are shown to everyone who looks: who has one, how many there are, and whether a yes would be the last', async () => {
    const policies = [...TWO, policyOf('q', { approvers: ['finance'], distinct: true })];
    const { approve, desk, decisionId } = await asked({
      policies,
      options: { approverGroups: { ...LEADS.approverGroups, finance: ['lea', 'fin'] } },
    });
    await approve('lea');
    expect(await desk.viewerOf(decisionId, { by: 'mia' })).to.deep.include({
      may: true,
      policies: ['p'],
      yesSoFar: 1,
      isLastYes: false,
      seats: [
        { id: 'p', needed: 2, filledBy: [] },
        { id: 'q', needed: 1, filledBy: ['lea'] },
      ],
    });
    await approve('mia');
    // who takes which seat is open until all have theirs
    for (const by of ['fin', 'zoe']) expect(await desk.viewerOf(decisionId, { by })).to.deep.include({ may: true, isLastYes: true });
    await approve('zoe');
    const settled = await desk.viewerOf(decisionId, { by: 'eve' });
    expect(settled?.seats).to.deep.equal([
      { id: 'p', needed: 2, filledBy: ['mia', 'zoe'] },
      { id: 'q', needed: 1, filledBy: ['lea'] },
    ]);
    expect(settled).to.include({ may: false, mayDeny: false, yesSoFar: 2 });
  });

  describe('as people are known', () => {
    const served = (): Setup & { readonly people: People } => ({ people: new People('lea', 'mia', 'zoe') });

    it('are open again where who filled them was removed, and another one fills them', async () => {
      for (const change of [
        (people: People) => people.people.delete('lea'),
        (people: People) => people.set('lea', { groups: [] }),
        (people: People) => people.set('lea', { mayDecide: false }),
      ]) {
        const setup = served();
        const { approve, use, desk, decisionId } = await asked(setup);
        await approve('lea', 'session');
        change(setup.people);
        expect(await approve('mia', 'session')).to.include({ status: 'pending' });
        expect((await desk.viewerOf(decisionId, { by: 'zoe', assurance: 'session' }))?.seats).to.deep.equal([
          { id: 'p', needed: 2, filledBy: ['mia'] },
        ]);
        expect((await desk.viewerOf(decisionId, { by: 'eve', assurance: 'session' }))?.seats[0]?.filledBy).to.deep.equal(['mia']);
        expect(await approve('zoe', 'session')).to.include({ status: 'approved' });
        expect(await use()).to.equal(true);
      }
    });

    it('count again whose giver is back, with the next yes', async () => {
      const setup = served();
      const { approve } = await asked(setup);
      await approve('lea', 'session');
      const lea = setup.people.people.get('lea') as DirectoryPerson;
      setup.people.people.delete('lea');
      await approve('mia', 'session');
      setup.people.people.set('lea', lea);
      expect(await approve('zoe', 'session')).to.include({ status: 'approved' });
    });

    it('are one where two ids turn out to be of one person', async () => {
      const setup = served();
      const { approve, use } = await asked(setup);
      await approve('lea', 'session');
      await approve('mia', 'session');
      setup.people.people.delete('mia');
      setup.people.set('lea', { ids: ['lea', 'mia'] });
      expect(await use()).to.equal(false);
    });

    it('are one where the program vouched for two ids that a directory knows as one person', async () => {
      const directory = new People();
      const { approve, use } = await asked({ options: { ...LEADS, directory } });
      await approve('lea');
      await approve('mia');
      directory.set('lea', { ids: ['lea', 'mia'] });
      expect(await use()).to.equal(false);
      directory.people.clear();
      expect(await use()).to.equal(true);
    });

    it('are not for who turns out to be the one who asks, unless the policy lets them', async () => {
      for (const [selfApproval, used] of [
        [undefined, false],
        [true, true],
      ] as const) {
        const setup = served();
        const policies = [policyOf('p', { approvers: ['leads'], quorum: 2, selfApproval })];
        const { approve, use } = await asked({ ...setup, policies, more: { requester: 'u-7' } });
        await approve('lea', 'session');
        await approve('mia', 'session');
        setup.people.set('mia', { ids: ['mia', 'u-7'] });
        expect(await use()).to.equal(used);
      }
    });

    it('are not for who turns out to have edited the call, unless the policy lets editors approve', async () => {
      const cases = [
        [{}, false],
        [{ editorMayApprove: true }, true],
        [{ editorMayApprove: true, severity: 'high' }, false],
        [{ selfApproval: true }, false],
      ] as const;
      for (const [terms, used] of cases)
        for (const quorum of [undefined, 2])
          for (const session of ['code', undefined] as const) {
            const directory = new People('lea', 'mia', 'zoe');
            const policies = [policyOf('p', { approvers: ['leads'], quorum, ...terms })];
            const setup = session === undefined ? { options: { ...LEADS, directory } } : { people: directory };
            const { approve, use, write, desk, decisionId } = await asked({ ...setup, policies });
            // edited by somebody under an id that no one knows yet
            await write(({ digest, params }) => ({
              amendments: [{ by: 'old-mia', atMs: 1_000, from: digest, to: digest, params, changes: [], superseded: [] }],
            }));
            if (quorum !== undefined) await approve('lea', session);
            await approve('mia', session);
            directory.set('mia', { ids: ['mia', 'old-mia'] });
            const what = `${JSON.stringify(terms)}, quorum ${quorum}, ${session}`;
            expect(await use(), what).to.equal(used);
            expect((await desk.get(decisionId))?.status, what).to.equal('approved');
          }
    });

    it('are open again where who filled one turns out to have edited the call', async () => {
      const setup = served();
      const { approve, write, use } = await asked(setup);
      await write(({ digest, params }) => ({
        amendments: [{ by: 'old-mia', atMs: 1_000, from: digest, to: digest, params, changes: [], superseded: [] }],
      }));
      await approve('mia', 'session');
      setup.people.set('mia', { ids: ['mia', 'old-mia'] });
      expect(await approve('lea', 'session')).to.include({ status: 'pending' });
      expect(await rejection(approve('mia', 'session'))).to.include({ status: 403, code: 'editor_approval' });
      expect(await approve('zoe', 'session')).to.include({ status: 'approved' });
      expect(await use()).to.equal(true);
    });

    it('are waited for where the groups of someone are not all known, unless others are enough', async () => {
      const setup = served();
      const { approve, use } = await asked(setup);
      await approve('lea', 'session');
      setup.people.set('lea', { groups: [], groupsIncomplete: true });
      // the verdict of another one is not kept waiting for that
      expect(await approve('mia', 'session')).to.include({ status: 'approved' });
      expect(await rejection(Promise.resolve(use()))).to.include({ status: 503, code: 'directory_unavailable' });
      setup.people.set('lea', { groups: [] });
      expect(await use()).to.equal(false);
      setup.people.set('lea', {});
      expect(await use()).to.equal(true);
    });

    it('are as the approval has them while no one can be looked up', async () => {
      const setup = served();
      const { approve, desk, decisionId } = await asked(setup);
      await approve('lea', 'session');
      setup.people.away = { of: 'lea', error: new Error('away') };
      const standing = await desk.viewerOf(decisionId, { by: 'mia', assurance: 'session' });
      expect(standing).to.deep.include({ may: false, seats: [{ id: 'p', needed: 2, filledBy: ['lea'] }] });
      expect(await rejection(approve('mia', 'session'))).to.include({ code: 'directory_unavailable' });
      setup.people.away = { of: 'lea', error: new TypeError('broken') };
      expect(await rejection(approve('mia', 'session'))).to.include({ status: 503 });
    });
  });

  describe('with groups that are added', () => {
    const policies = [policyOf('p', { approvers: ['leads'], escalate: [{ afterMs: 900_000, groups: ['managers'] }], selfApproval: true })];
    const options = { approverGroups: { leads: ['lea'], managers: ['max'] } };

    it('are filled by them from then on, without a timer, and never before', async () => {
      const { approve, use, time, desk, decisionId } = await asked({ policies, options });
      time.nowMs += 899_999;
      expect(await rejection(approve('max'))).to.include({ code: 'not_an_approver' });
      expect(await desk.mayDecide(decisionId, 'max')).to.equal(false);
      time.nowMs += 1;
      expect(await desk.mayDecide(decisionId, 'max')).to.equal(true);
      expect(await approve('max')).to.include({ status: 'approved' });
      expect(await use()).to.equal(true);
    });

    it('are not filled by a yes of before, whatever the time is when it is used', async () => {
      const people = new People('max');
      people.set('max', { groups: ['managers'] });
      const { approve, use, time, write } = await asked({ policies, people });
      time.nowMs += 900_000;
      await approve('max', 'session');
      await write(({ verdicts, createdAtMs }) => ({ verdicts: verdicts.map((verdict) => ({ ...verdict, atMs: createdAtMs + 1 })) }));
      expect(await use()).to.equal(false);
    });

    it('are told to the program that says who may', async () => {
      const seen: unknown[] = [];
      const mayApprove = (_by: string, _request: ApprovalRecord, policy: ApprovalPolicy): boolean => {
        seen.push(policy.approvers);
        return false;
      };
      const { approve, time } = await asked({ policies, options: { mayApprove } });
      await rejection(approve('max'));
      time.nowMs += 900_000;
      await rejection(approve('max'));
      expect(seen).to.deep.equal([['leads'], ['leads', 'managers']]);
    });

    it('end with its time: that is never a yes', async () => {
      const { approve, use, time, desk, decisionId } = await asked({ policies: TWO, options: LEADS });
      await approve('lea');
      time.nowMs += 86_400_000;
      expect((await desk.get(decisionId))?.status).to.equal('expired');
      expect(await rejection(approve('mia'))).to.include({ code: 'already_expired' });
      expect(await use()).to.equal(false);
    });
  });
});
