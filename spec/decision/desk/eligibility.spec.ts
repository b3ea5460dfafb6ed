import { expect } from 'chai';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import type { ApprovalDeskOptions } from '../../../lib/decision/desk/ApprovalDeskOptions.js';
import type { ApprovalRequest } from '../../../lib/decision/desk/ApprovalRequest.js';
import type { DeskPeople, Directory, DirectoryPerson } from '../../../lib/decision/desk/Directory.js';
import { isHostOperator } from '../../../lib/model/terms/isHostOperator.js';
import { StoreError } from '../../../lib/model/errors/ServiceErrors.js';
import { MemoryApprovalStore } from '../../../lib/store/memory/MemoryApprovalStore.js';
import type { Assurance } from '../../../lib/store/ApprovalStore.js';
import { BINDING_BASE, openingOf, policyOf } from '../../support/approvalRecords.js';
import { diagnosed, securityCodes } from '../../support/diagnosed.js';
import { rejection } from '../../support/rejection.js';

/** A directory whose people can be changed. */
class TestDirectory implements Directory {
  readonly people: DirectoryPerson[];
  /** Or what it throws instead of each answer, or of the n-th from now on. */
  isAway: boolean | Error | readonly [nth: number, Error] = false;

  constructor(...people: DirectoryPerson[]) {
    this.people = people;
  }

  async personOf(id: string): Promise<DirectoryPerson | undefined> {
    this.#answer();
    return this.people.find(({ ids }) => ids.some((one) => one.toLowerCase() === id.toLowerCase()));
  }

  hasPeople(): boolean {
    this.#answer();
    return this.people.length > 0;
  }

  #answer(): void {
    if (Array.isArray(this.isAway)) {
      const [nth, error] = this.isAway as readonly [number, Error];
      this.isAway = nth > 1 ? [nth - 1, error] : error;
    }
    if (this.isAway === true) throw new Error('the directory is away');
    if (this.isAway instanceof Error) throw this.isAway;
  }

  set(id: string, change: Partial<DirectoryPerson>): void {
    const at = this.people.findIndex((person) => person.id === id);
    this.people[at] = { ...(this.people[at] as DirectoryPerson), ...change };
  }

  remove(id: string): void {
    this.people.splice(
      this.people.findIndex((person) => person.id === id),
      1,
    );
  }
}

const eve: DirectoryPerson = {
  id: 'person-eve',
  name: 'Eve Adams',
  ids: ['person-eve', 'u-1043', 'eve@acme.example', 'https://idp.example|sub-7'],
  groups: ['leads'],
  groupsFrom: 'aegis',
};
const rita: DirectoryPerson = { id: 'person-rita', name: 'Rita', ids: ['person-rita', 'u-7'], groups: ['leads'], groupsFrom: 'aegis' };

describe('Who may decide', () => {
  describe('where a server knows people', () => {
    const allIds = eve.ids;
    for (const requester of allIds) {
      for (const by of allIds) {
        it(`is not who asks: ${by} for ${requester}`, async () => {
          for (const assurance of ['session', 'code', 'passkey', 'step-up', undefined] as const) {
            const { desk, record } = await opened({ requester }, {}, new TestDirectory(eve, rita));
            const { decisionId, digest } = record;
            const verdict = { by, digest, assurance };
            expect(await rejection(desk.approve(decisionId, verdict))).to.include({ status: 403, code: 'self_approval' });
            expect(await desk.mayDecide(decisionId, by, assurance)).to.equal(false);
            expect((await desk.get(decisionId))?.status).to.equal('pending');
          }
        });
      }
    }

    it('is who asks where the policy says so', async () => {
      const policies = [policyOf('own', { selfApproval: true })];
      const { desk, record } = await opened({ requester: 'u-1043', policies }, {}, new TestDirectory(eve));
      const { decisionId, digest } = record;
      expect((await desk.approve(decisionId, { by: eve.id, digest, assurance: 'session' })).status).to.equal('approved');
    });

    it('is recorded by the own id, with name, groups and where they come from', async () => {
      const { desk, record } = await opened({}, {}, new TestDirectory(eve));
      const { decisionId, digest } = record;
      const after = await desk.approve(decisionId, { by: 'EVE@acme.example', digest, assurance: 'session', name: 'Mallory' });
      expect(after.verdicts[0]).to.include({ by: eve.id, name: 'Eve Adams', groupsFrom: 'aegis' });
      expect(after.verdicts[0]?.groups).to.deep.equal(['leads']);
    });

    it('keeps the name that the program gives where no directory knows the person', async () => {
      const { desk, record } = await opened();
      const after = await desk.approve(record.decisionId, { by: 'rita', digest: record.digest, name: 'Rita' });
      expect(after.verdicts[0]).to.include({ by: 'rita', name: 'Rita' }).and.to.not.have.any.keys('groups', 'groupsFrom');
    });

    it('is a member of a group that the policy names', async () => {
      for (const [groups, may] of [
        [['leads'], true],
        [['others', 'leads'], true],
        [['Leads'], false],
        [[], false],
      ] as const) {
        const policies = [policyOf('p', { approvers: ['leads'] })];
        const { desk, record } = await opened({ policies }, {}, new TestDirectory({ ...eve, groups }));
        expect(await desk.mayDecide(record.decisionId, eve.id, 'session'), groups.join()).to.equal(may);
      }
    });

    it('is a member of a group of the program by any id', async () => {
      const policies = [policyOf('p', { approvers: ['finance'] })];
      const groups = { approverGroups: { finance: ['eve@acme.example'] } };
      const { desk, record } = await opened({ policies }, groups, new TestDirectory(eve, rita));
      expect(await desk.mayDecide(record.decisionId, eve.id, 'session')).to.equal(true);
      expect(await desk.mayDecide(record.decisionId, rita.id, 'session')).to.equal(false);
    });

    it('is someone whom it knows, if it vouches for them', async () => {
      for (const assurance of ['session', 'code', 'passkey', 'step-up'] as const) {
        const { desk, record } = await opened({}, {}, new TestDirectory(eve));
        const { decisionId, digest } = record;
        const error = await rejection(desk.approve(decisionId, { by: 'mallory', digest, assurance }));
        expect(error).to.include({ status: 403, code: 'not_a_person' });
        expect(await rejection(desk.deny(decisionId, { by: 'mallory', assurance }))).to.include({ code: 'not_a_person' });
      }
    });

    it('may be someone for whom the program itself vouches', async () => {
      const { desk, record } = await opened({}, {}, new TestDirectory(eve));
      const after = await desk.approve(record.decisionId, { by: 'terminal', digest: record.digest });
      expect(after.verdicts[0]).to.include({ by: 'terminal' });
    });

    it('is no one while its own store is away, which is not the fault of a directory', async () => {
      const store = new StoreError('the store is away');
      const message = 'What the store holds of people cannot be used now, so that nothing is decided. Try again in a moment.';
      const directory = new TestDirectory(eve);
      const { desk, record } = await opened({ policies: [policyOf('p', { approvers: ['leads'] })] }, {}, directory);
      directory.isAway = store;
      const { decisionId, digest } = record;
      for (const verdict of [
        { by: eve.id, digest, assurance: 'session' },
        { by: 'terminal', digest },
        { by: 'host:olga', digest, assurance: 'host' },
        { by: 'local-admin', digest, assurance: 'session' },
      ] as const)
        for (const give of ['approve', 'deny'] as const)
          expect(await rejection(desk[give](decisionId, verdict))).to.include({
            status: 503,
            code: 'store_unavailable',
            message,
            cause: store,
          });
      const why = { code: 'store_unavailable', message };
      expect(await desk.viewerOf(decisionId, { by: eve.id, assurance: 'session' })).to.deep.include({ may: false, why });
      directory.isAway = false;
      // what else fails at each question in turn is told apart, too
      for (let nth = 1; nth <= 2; nth++)
        for (const by of [eve.id, 'host:olga']) {
          directory.isAway = [nth, store];
          const verdict = { by, digest, assurance: by === eve.id ? 'session' : 'host' } as const;
          expect(await rejection(desk.approve(decisionId, verdict))).to.include({ code: 'store_unavailable' });
        }
      directory.isAway = false;
      expect((await desk.approve(decisionId, { by: eve.id, digest, assurance: 'session' })).status).to.equal('approved');
    });

    it('is no one while a directory of the program cannot say, whatever that keeps its people in', async () => {
      for (const away of [new Error('the directory is away'), new StoreError('its store is away')]) {
        const directory = new TestDirectory(eve);
        const { desk, record } = await opened({}, { directory }, new TestDirectory(eve));
        directory.isAway = away;
        for (const by of [eve.id, 'host:olga']) {
          const error = await rejection(desk.approve(record.decisionId, { by, digest: record.digest, assurance: 'host' }));
          expect(error).to.include({ status: 503, code: 'directory_unavailable' });
        }
      }
    });

    it('is no one while it cannot say', async () => {
      const directory = new TestDirectory(eve);
      const { desk, record } = await opened({}, {}, directory);
      directory.isAway = true;
      const { decisionId, digest } = record;
      for (const verdict of [
        { by: eve.id, digest, assurance: 'session' },
        { by: 'terminal', digest },
        { by: 'host:olga', digest, assurance: 'host' },
        { by: 'local-admin', digest, assurance: 'session' },
      ] as const) {
        const error = await rejection(desk.approve(decisionId, verdict));
        expect(error).to.include({ status: 503, code: 'directory_unavailable' });
        expect(error.message).to.not.contain('the directory is away');
      }
      expect(await desk.viewerOf(decisionId, { by: eve.id, assurance: 'session' })).to.deep.include({
        may: false,
        why: {
          code: 'directory_unavailable',
          message: 'Who the people are cannot be known now, so that nothing is decided. Try again in a moment.',
        },
      });
      directory.isAway = false;
      expect((await desk.approve(decisionId, { by: eve.id, digest, assurance: 'session' })).status).to.equal('approved');
    });
  });

  describe('at the host', () => {
    const groups = { approverGroups: { leads: ['ann'] } };
    const policies = [policyOf('p', { approvers: ['leads'] })];

    it('counts as a member of every group that is not empty until people are known', async () => {
      const directory = new TestDirectory();
      const { desk, record } = await opened({ policies }, groups, directory);
      const { decisionId } = record;
      expect(await desk.mayDecide(decisionId, 'host:olga', 'host')).to.equal(true);
      expect(await desk.mayDecide(decisionId, 'local-admin', 'session')).to.equal(true);
      directory.people.push(eve);
      expect(await desk.viewerOf(decisionId, { by: 'host:olga', assurance: 'host' })).to.deep.include({ may: false, policies: [] });
      const error = await rejection(desk.approve(decisionId, { by: 'local-admin', digest: record.digest, assurance: 'session' }));
      expect(error).to.include({ status: 403, code: 'not_a_person' });
    });

    it('counts where a group names it, also when people are known', async () => {
      const named = { approverGroups: { leads: ['host:olga'] } };
      const { desk, record } = await opened({ policies }, named, new TestDirectory(eve));
      expect(await desk.mayDecide(record.decisionId, 'host:olga', 'host')).to.equal(true);
      expect(await desk.mayDecide(record.decisionId, 'host:otto', 'host')).to.equal(false);
    });

    it('is one person, whatever the name is', async () => {
      for (const requester of ['host:ann', 'host:olga', 'local-admin'])
        for (const [by, assurance] of [
          ['host:olga', 'host'],
          ['local-admin', 'code'],
        ] as const) {
          const { desk, record } = await opened({ requester }, {}, new TestDirectory());
          const error = await rejection(desk.approve(record.decisionId, { by, digest: record.digest, assurance }));
          expect(error, `${by} for ${requester}`).to.include({ code: 'self_approval' });
        }
    });

    it('is known by what vouches for it', () => {
      const all: readonly (Assurance | undefined)[] = ['session', 'code', 'host', 'step-up', 'passkey', undefined];
      expect(all.filter((assurance) => isHostOperator('host:ann', assurance))).to.deep.equal(['host']);
      expect(all.filter((assurance) => isHostOperator('local-admin', assurance))).to.have.length(5);
      expect(all.filter((assurance) => isHostOperator('ann', assurance))).to.deep.equal([]);
    });
  });

  describe('where the program knows people', () => {
    it('is compared by all ids, and in the groups that it says', async () => {
      const policies = [policyOf('p', { approvers: ['leads'] })];
      const { desk, record } = await opened({ policies, requester: 'u-1043' }, { directory: new TestDirectory(eve, rita) });
      expect((await desk.viewerOf(record.decisionId, { by: 'eve@acme.example' }))?.why?.code).to.equal('self_approval');
      const after = await desk.approve(record.decisionId, { by: 'U-7', digest: record.digest });
      expect(after.verdicts[0]).to.include({ by: rita.id, name: 'Rita', groupsFrom: 'aegis' });
    });

    it('is one person with whom the server knows', async () => {
      const served = new TestDirectory({ ...eve, groups: [], ids: [eve.id, 'eve@acme.example'] });
      const own = new TestDirectory({
        id: 'ldap-9',
        name: 'E. Adams',
        ids: ['ldap-9', 'eve@acme.example', 'u-1'],
        groups: ['leads'],
        groupsFrom: 'ldap',
      });
      const policies = [policyOf('p', { approvers: ['leads'] })];
      const asked = await opened({ policies, requester: 'u-1' }, { directory: own }, served);
      const self = { by: eve.id, digest: asked.record.digest, assurance: 'session' } as const;
      expect(await rejection(asked.desk.approve(asked.record.decisionId, self))).to.include({ code: 'self_approval' });
      const { desk, record } = await opened({ policies, requester: 'u-2' }, { directory: own }, served);
      const after = await desk.approve(record.decisionId, { ...self, digest: record.digest });
      expect(after.verdicts[0]).to.include({ by: eve.id, name: 'Eve Adams', groupsFrom: 'aegis, ldap' });
      expect(after.verdicts[0]?.groups).to.deep.equal(['leads']);
    });

    it('is who the server knows where the program does not know them, and the other way round', async () => {
      const { desk, record } = await opened({}, { directory: new TestDirectory(rita) }, new TestDirectory(eve));
      const { decisionId } = record;
      expect(await desk.mayDecide(decisionId, eve.id, 'session')).to.equal(true);
      expect(await desk.mayDecide(decisionId, rita.id)).to.equal(true);
      // the server does not vouch for whom it does not know
      expect(await desk.mayDecide(decisionId, rita.id, 'session')).to.equal(false);
    });
  });

  describe('where the requester must be known', () => {
    const rules = { requireKnownRequester: true };
    it('is no one for a requester whom no directory knows', async () => {
      const { desk, record } = await opened({ requester: 'u-404' }, rules, new TestDirectory(eve));
      const error = await rejection(desk.approve(record.decisionId, { by: eve.id, digest: record.digest, assurance: 'session' }));
      expect(error).to.include({ status: 403, code: 'requester_unknown' });
      expect(error.message).to.contain('requireKnownRequester');
    });

    it('is no one for a call without a user, and without a directory', async () => {
      const nobody = await opened({ requesterKnown: false }, rules, new TestDirectory(eve, { ...rita, ids: ['ann'] }));
      const error = await rejection(nobody.desk.deny(nobody.record.decisionId, { by: eve.id }));
      expect(error).to.include({ code: 'requester_unknown' });
      expect(error.message).to.contain('requireKnownRequester');
      const without = await opened({}, rules);
      expect(await without.desk.mayDecide(without.record.decisionId, 'rita')).to.equal(false);
    });

    it('is someone for a requester whom one directory knows', async () => {
      const ann = { ...rita, id: 'ann', ids: ['ann'] };
      for (const [options, served] of [
        [rules, new TestDirectory(eve, ann)],
        [{ ...rules, directory: new TestDirectory(ann) }, new TestDirectory(eve)],
      ] as const) {
        const { desk, record } = await opened({}, options, served);
        expect(await desk.mayDecide(record.decisionId, eve.id, 'session')).to.equal(true);
      }
    });
  });

  describe('when the approval is used', () => {
    const policies = [policyOf('p', { approvers: ['leads'] })];
    const use = (record: { decisionId: string; digest: string }) =>
      ({ decisionId: record.decisionId, digest: record.digest, bindingBase: BINDING_BASE, token: 't' }) as const;

    async function approved(options: ApprovalDeskOptions = {}, change: Partial<ApprovalRequest> = {}) {
      const directory = new TestDirectory(eve, rita);
      const { desk, record } = await opened({ policies, ...change }, options, directory);
      await desk.approve(record.decisionId, { by: eve.id, digest: record.digest, assurance: 'session' });
      return { desk, record, directory };
    }

    it('must still be allowed to decide', async () => {
      const { desk, record } = await approved();
      expect(await desk.consume(use(record))).to.equal(true);
      // what is used is used: who gave it may go
      expect(await desk.consume(use(record))).to.equal(true);
    });

    it('must not be removed, or out of the group', async () => {
      for (const change of [
        (directory: TestDirectory): void => directory.remove(eve.id),
        (directory: TestDirectory): void => directory.set(eve.id, { groups: [] }),
      ]) {
        const { desk, record, directory } = await approved();
        change(directory);
        const seen = await diagnosed(async () => expect(await desk.consume(use(record))).to.equal(false));
        expect(securityCodes(seen)).to.deep.equal(['approver_not_eligible']);
        expect((await desk.get(record.decisionId))?.consumed).to.equal(undefined);
      }
    });

    it('may be in another group of the policy, or decide what has no groups', async () => {
      const more = await approved({ approverGroups: { leads: ['u-1043'] } });
      more.directory.set(eve.id, { groups: [] });
      expect(await more.desk.consume(use(more.record))).to.equal(true);
      const open = await approved({}, { policies: [policyOf('p')] });
      open.directory.set(eve.id, { groups: [] });
      expect(await open.desk.consume(use(open.record))).to.equal(true);
      const hook = await approved({ mayApprove: () => true });
      hook.directory.set(eve.id, { groups: [] });
      expect(await hook.desk.consume(use(hook.record))).to.equal(true);
    });

    it('is waited for where no directory answers, and where one has not said the groups lately', async () => {
      const { desk, record, directory } = await approved();
      directory.isAway = true;
      expect(await rejection(Promise.resolve(desk.consume(use(record))))).to.include({ status: 503, code: 'directory_unavailable' });
      directory.isAway = new StoreError('the store is away');
      expect(await rejection(Promise.resolve(desk.consume(use(record))))).to.include({ status: 503, code: 'store_unavailable' });
      directory.isAway = false;
      directory.set(eve.id, { groups: [], groupsIncomplete: true });
      expect(await rejection(Promise.resolve(desk.consume(use(record))))).to.include({ status: 503, code: 'directory_unavailable' });
      directory.set(eve.id, { groups: ['leads'] });
      expect(await desk.consume(use(record))).to.equal(true);
    });

    it('is asked of a directory of the program alone, too', async () => {
      const directory = new TestDirectory(eve);
      const { desk, record } = await opened({ policies }, { directory });
      await desk.approve(record.decisionId, { by: 'u-1043', digest: record.digest });
      directory.remove(eve.id);
      expect(await desk.consume(use(record))).to.equal(false);
    });

    it('needs one of several who said yes, for each policy', async () => {
      const directory = new TestDirectory(eve, { ...rita, groups: ['security'] });
      const two = [policyOf('p', { approvers: ['leads'] }), policyOf('q', { approvers: ['security'] })];
      const { desk, record } = await opened({ policies: two }, {}, directory);
      const { decisionId, digest } = record;
      await desk.approve(decisionId, { by: eve.id, digest, assurance: 'session' });
      await desk.approve(decisionId, { by: rita.id, digest, assurance: 'session' });
      directory.set(rita.id, { groups: ['leads'] });
      expect(await desk.consume(use(record))).to.equal(false);
    });

    it('was the program or the operator of the host: they stay what they were', async () => {
      for (const [by, assurance] of [
        ['terminal', undefined],
        ['host:olga', 'host'],
      ] as const) {
        const directory = new TestDirectory();
        const { desk, record } = await opened({}, {}, directory);
        await desk.approve(record.decisionId, { by, digest: record.digest, assurance });
        directory.people.push(eve);
        expect(await desk.consume(use(record))).to.equal(true);
      }
    });

    it('does not let it be used once its time is over, however long they are looked up', async () => {
      const directory = new TestDirectory(eve);
      let nowMs = 0;
      const clock = { now: () => nowMs } as never;
      const desk = new ApprovalDesk(new MemoryApprovalStore(), {}, clock);
      desk.usePeople({ directory });
      const outcome = await desk.open(openingOf({ policies, timeoutMs: 1_000 }));
      if (outcome.kind !== 'opened') throw new Error(outcome.kind);
      const { record } = outcome;
      await desk.approve(record.decisionId, { by: eve.id, digest: record.digest, assurance: 'session' });
      const used = desk.consume(use(record));
      nowMs = 1_000;
      expect(await used).to.equal(false);
    });
  });
});

async function opened(more: Partial<ApprovalRequest> = {}, options: ApprovalDeskOptions = {}, directory?: Directory) {
  const desk = new ApprovalDesk(new MemoryApprovalStore(), options);
  if (directory !== undefined) desk.usePeople({ directory } satisfies DeskPeople);
  const outcome = await desk.open(openingOf(more));
  if (outcome.kind !== 'opened') throw new Error(outcome.kind);
  return { desk, record: outcome.record };
}
