import { expect } from 'chai';
import sinon from 'sinon';
import { silentLogger } from '../../../lib/common/Logger.js';
import { SteadyClock } from '../../../lib/common/time/SteadyClock.js';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import type { ApprovalRequest } from '../../../lib/decision/desk/ApprovalRequest.js';
import type { Directory } from '../../../lib/decision/desk/Directory.js';
import type { Journal, JournalEvent } from '../../../lib/model/Journal.js';
import { DeliveryError } from '../../../lib/server/notify/Channel.js';
import type { Channel, SentCard } from '../../../lib/server/notify/Channel.js';
import type { AdminNotice, Notice } from '../../../lib/server/notify/Notice.js';
import { Identity } from '../../../lib/server/people/Identity.js';
import { SignedRecordStore } from '../../../lib/store/signing/SignedRecordStore.js';
import { SoftAuthenticator } from '../../support/SoftAuthenticator.js';
import { ORIGIN, STATE_KEY } from '../people/identitySetup.js';
import { Notifier } from '../../../lib/server/notify/Notifier.js';
import { toldStages } from '../../../lib/server/notify/stage/toldStages.js';
import { MemoryApprovalStore } from '../../../lib/store/memory/MemoryApprovalStore.js';
import { MemoryRecordStore } from '../../../lib/store/memory/MemoryRecordStore.js';
import type { RecordStore } from '../../../lib/store/RecordStore.js';
import { openingOf, policyOf } from '../../support/approvalRecords.js';

const MINUTE = 60_000;

/** A channel that keeps what it is given, for each person of a list. */
class KeptChannel implements Channel {
  readonly name: string;
  readonly notices: Notice[] = [];
  readonly updates: Notice[] = [];
  readonly told: string[] = [];
  people: readonly string[] = [];
  fails: (() => void) | undefined;

  constructor(name = 'kept') {
    this.name = name;
  }

  serves(group: string): boolean {
    return group !== 'silent';
  }

  async send(notice: Notice, _nowMs: number, isRequester: Parameters<Channel['send']>[2]): Promise<SentCard> {
    this.fails?.();
    for (const person of this.people)
      for (const item of notice.items) if (!(await isRequester(person, item))) this.told.push(`${person} ${item.decisionId}`);
    this.notices.push(notice);
    return { channel: 'C', ts: String(this.notices.length) };
  }

  async update(_card: SentCard, notice: Notice): Promise<void> {
    this.updates.push(notice);
  }
}

describe('Notifier', () => {
  let clock: sinon.SinonFakeTimers;
  let desk: ApprovalDesk;
  let records: RecordStore;
  let channel: KeptChannel;
  let steady: SteadyClock;
  let approvals: MemoryApprovalStore;
  const notifiers: Notifier[] = [];

  beforeEach(() => {
    clock = sinon.useFakeTimers({ now: 1_000_000_000_000 });
    steady = new SteadyClock();
    approvals = new MemoryApprovalStore();
    desk = new ApprovalDesk(approvals, { approverGroups: { leads: ['rita'] } }, steady);
    records = new MemoryRecordStore();
    channel = new KeptChannel();
  });
  afterEach(async () => {
    await Promise.all(notifiers.splice(0).map((notifier) => notifier.close()));
    clock.restore();
  });

  async function started(
    over: { desk?: ApprovalDesk; channels?: readonly Channel[]; directory?: Pick<Directory, 'personOf'>; journal?: Journal } = {},
  ): Promise<Notifier> {
    const notifier = new Notifier({
      tenantId: 'default',
      desk,
      records,
      channels: [channel],
      pages: 'https://aegis.example/in',
      logger: silentLogger,
      now: () => steady.now(),
      ...over,
    });
    notifiers.push(notifier);
    await notifier.start();
    return notifier;
  }

  let asked = 0;
  async function ask(over: Partial<ApprovalRequest> = {}): Promise<string> {
    const params = { amount: asked++, note: 'secret param' };
    const outcome = await desk.open(
      openingOf({
        params,
        timeoutMs: 3_600_000,
        policies: [policyOf('p', { approvers: ['leads'], reason: 'because', severity: 'high' })],
        ...over,
      }),
    );
    if (outcome.kind !== 'opened') throw new Error(outcome.kind);
    return outcome.record.decisionId;
  }
  const pass = async (ms: number): Promise<void> => void (await clock.tickAsync(ms));
  const idsOf = (notices: readonly Notice[]): readonly (readonly string[])[] =>
    notices.map(({ items }) => items.map(({ decisionId }) => decisionId));

  it('tells a group at once, without the params', async () => {
    await started();
    const id = await ask();
    await pass(10);
    expect(channel.notices).to.have.length(1);
    const { items, ...notice } = channel.notices[0] as Notice;
    expect(notice).to.deep.include({ tenantId: 'default', group: 'leads', more: 0, link: 'https://aegis.example/in/inbox' });
    expect(items).to.deep.equal([
      {
        decisionId: id,
        toolName: 'refund',
        agentId: 'bot',
        severity: 'high',
        reason: 'because',
        expiresAtMs: 1_000_003_600_000,
        status: 'pending',
        seats: { needed: 1, filled: 0 },
        link: `https://aegis.example/in/a/${id}`,
      },
    ]);
    expect(JSON.stringify(channel.notices)).to.not.contain('secret param').and.to.not.contain('ann');
  });

  it('tells each group of its own policies, and everyone where there is no group', async () => {
    await started();
    await ask({
      policies: [policyOf('a', { approvers: ['x', 'silent'], reason: 'r1', severity: 'critical' }), policyOf('b', { reason: 'r2' })],
    });
    await pass(10);
    expect(channel.notices.map(({ group, items }) => [group, items[0]?.severity, items[0]?.reason])).to.have.deep.members([
      ['x', 'critical', 'r1'],
      ['everyone', 'medium', 'r2'],
    ]);
  });

  it('sends one notice per group in five minutes, however many ask', async () => {
    await started();
    const first = await ask();
    await pass(10);
    const ids: string[] = [];
    for (let i = 0; i < 120; i++) {
      ids.push(await ask());
      await pass(2_000);
    }
    expect(idsOf(channel.notices)).to.deep.equal([[first]]);
    await pass(MINUTE);
    expect(channel.notices).to.have.length(2);
    expect(idsOf(channel.notices)[1]).to.deep.equal(ids.slice(0, 10));
    expect(channel.notices[1]?.more).to.equal(110);
    await pass(60 * MINUTE);
    expect(channel.notices.filter(({ about }) => about === 'requested')).to.have.length(2);
  });

  describe('of what waits long', () => {
    const reminders = (): readonly Notice[] => channel.notices.filter(({ about }) => about === 'reminder');

    it('reminds a group after half of the time and after most of it, and not of what was decided', async () => {
      await started();
      const [waits, decided] = [await ask(), await ask()];
      await pass(29 * MINUTE);
      expect(reminders()).to.deep.equal([]);
      await desk.deny(decided, { by: 'rita' });
      await pass(MINUTE + 10_000);
      expect(idsOf(reminders())).to.deep.equal([[waits]]);
      expect(reminders()[0]).to.include({ group: 'leads', link: 'https://aegis.example/in/inbox' });
      await pass(17 * MINUTE);
      expect(reminders()).to.have.length(1);
      await pass(MINUTE);
      expect(idsOf(reminders())).to.deep.equal([[waits], [waits]]);
      expect(new Set(reminders().map(({ id }) => id)).size).to.equal(2);
      await pass(20 * MINUTE);
      expect(reminders()).to.have.length(2);
    });

    it('reminds of nothing that another server has decided without a word', async () => {
      await started();
      const id = await ask();
      const record = await approvals.get(id);
      if (record !== undefined) approvals.replace({ ...record, status: 'withdrawn', version: 2 }, 1);
      await pass(55 * MINUTE);
      expect(reminders()).to.deep.equal([]);
    });

    it('reminds on one of several servers, and once of the later one where it comes late', async () => {
      const id = await ask();
      await pass(50 * MINUTE);
      const others = [new ApprovalDesk(approvals, {}, steady), new ApprovalDesk(approvals, {}, steady)];
      await Promise.all([started(), ...others.map(async (other) => started({ desk: other }))]);
      await pass(10_000);
      expect(idsOf(reminders())).to.deep.equal([[id]]);
      await pass(5 * MINUTE);
      expect(reminders()).to.have.length(1);
    });

    it('reminds only groups of which someone is still needed, and no one who has said yes', async () => {
      channel.people = ['rita', 'otto', 'ann'];
      desk = new ApprovalDesk(approvals, { approverGroups: { leads: ['rita', 'otto'], finance: ['fin'] } }, steady);
      await started();
      const policies = [policyOf('two', { approvers: ['leads'], quorum: 2 }), policyOf('one', { approvers: ['finance'] })];
      const id = await ask({ policies });
      const digest = (await desk.get(id))?.digest;
      await pass(10);
      channel.told.length = 0;
      await desk.approve(id, { by: 'rita', digest });
      await desk.approve(id, { by: 'fin', digest });
      await pass(31 * MINUTE);
      expect(reminders().map(({ group, items }) => [group, items[0]?.seats])).to.deep.equal([['leads', { needed: 3, filled: 2 }]]);
      expect(channel.told).to.deep.equal([`otto ${id}`]);
    });

    it('journals who is told, once, and nothing where no one is', async () => {
      const told: JournalEvent[] = [];
      const journal: Journal = { note: (event) => void told.push(event) };
      const escalate = [{ afterMs: 10 * MINUTE, groups: ['managers'] }];
      const policies = [policyOf('p', { approvers: ['leads', 'silent'], escalate })];
      const untold = await ask({ policies: [policyOf('q', { approvers: ['silent'] })] });
      const id = await ask({ policies });
      await Promise.all([started({ journal }), started({ journal, desk: new ApprovalDesk(approvals, {}, steady) })]);
      await pass(59 * MINUTE);
      const call = { agentId: 'bot', toolName: 'refund', decisionId: id };
      expect(told).to.deep.equal([
        { kind: 'escalated', ...call, groups: ['managers'], afterMs: 10 * MINUTE },
        { kind: 'reminded', ...call, groups: ['leads', 'managers'], percent: 50 },
        { kind: 'reminded', ...call, groups: ['leads', 'managers'], percent: 80 },
      ]);
      expect((await toldStages(records, id)).map(({ event }) => event)).to.deep.equal(told);
      expect(await toldStages(records, untold)).to.deep.equal([]);
    });

    it('asks the groups that are added by and by, each once', async () => {
      await started();
      const escalate = [
        { afterMs: 10 * MINUTE, groups: ['managers', 'silent'] },
        { afterMs: 20 * MINUTE, groups: ['on-call'] },
        { afterMs: 90 * MINUTE, groups: ['never'] },
      ];
      const id = await ask({ policies: [policyOf('p', { approvers: ['leads'], escalate })] });
      const asked = (): readonly string[] => channel.notices.filter(({ about }) => about === 'requested').map(({ group }) => group);
      await pass(9 * MINUTE);
      expect(asked()).to.deep.equal(['leads']);
      await pass(MINUTE + 6_000);
      expect(asked()).to.deep.equal(['leads', 'managers']);
      await pass(10 * MINUTE);
      expect(asked()).to.deep.equal(['leads', 'managers', 'on-call']);
      expect(channel.notices.at(-1)?.items[0]?.decisionId).to.equal(id);
      // reminded are all who may decide by then
      await pass(10 * MINUTE);
      expect(reminders().map(({ group }) => group)).to.have.members(['leads', 'managers', 'on-call']);
    });
  });

  it('says nothing of what was decided before it could be told', async () => {
    await started();
    await ask();
    await pass(10);
    const late = await ask();
    await desk.deny(late, { by: 'rita' });
    await pass(10 * MINUTE);
    expect(channel.notices).to.have.length(1);
    // and what was not told does not count as told
    await ask();
    await pass(10);
    expect(channel.notices).to.have.length(2);
  });

  it('changes a card when what it is about was settled', async () => {
    await started();
    const [one, other] = [await ask(), await ask()];
    await pass(10);
    expect(idsOf(channel.notices)).to.deep.equal([[one, other]]);
    await desk.deny(one, { by: 'rita' });
    await pass(10);
    expect(channel.updates.at(-1)?.items.map(({ status }) => status)).to.deep.equal(['denied', 'pending']);
    await pass(60 * MINUTE);
    await desk.list();
    await pass(10);
    const updates = channel.updates.filter(({ about }) => about === 'requested');
    expect(updates.at(-1)?.items.map(({ status }) => status)).to.deep.equal(['denied', 'expired']);
    expect(updates).to.have.length(2);
    // the reminders of the other one have cards of their own
    expect(channel.updates.filter(({ about }) => about === 'reminder').map(({ items }) => items[0]?.status)).to.deep.equal([
      'expired',
      'expired',
    ]);
  });

  it('changes a card also where it was settled while the card was on its way', async () => {
    await started();
    let settled: Promise<unknown> | undefined;
    const id = await ask();
    channel.fails = () => {
      settled = desk.deny(id, { by: 'rita' });
    };
    await pass(10);
    await settled;
    await pass(6_000);
    expect(channel.updates.map(({ items }) => items[0]?.status)).to.deep.equal(['denied']);
  });

  it('never tells the person who asked, by whatever id', async () => {
    const directory = {
      personOf: (id: string) =>
        id === 'ann' ? { id: 'p1', name: 'Ann', ids: ['p1', 'ann', 'Ann@Example.com'], groups: [], groupsFrom: '' } : undefined,
    };
    channel.people = ['ANN', 'ann@example.com', 'p1', 'bob@example.com'];
    await started({ directory });
    const id = await ask({ requester: 'ann' });
    await pass(10);
    expect(channel.told).to.deep.equal([`bob@example.com ${id}`]);
  });

  it('waits where the directory cannot say who asked', async () => {
    let isDown = true;
    const directory = {
      personOf: () => {
        if (isDown) throw new Error('down');
        return undefined;
      },
    };
    channel.people = ['bob'];
    await started({ directory });
    const id = await ask();
    await pass(10);
    expect(channel.told).to.deep.equal([]);
    isDown = false;
    await pass(5_000);
    expect(channel.told).to.deep.equal([`bob ${id}`]);
  });

  it('tries again with pauses that grow, and gives up in the end', async () => {
    const times: number[] = [];
    channel.fails = () => {
      times.push(steady.now() - 1_000_000_000_000);
      throw new DeliveryError('down');
    };
    await started();
    await ask({ timeoutMs: 100 * 3_600_000 });
    await pass(24 * 60 * MINUTE);
    const pauses = times.map((at, i) => Math.round((at - (times[i - 1] ?? at)) / 1_000));
    expect(pauses).to.deep.equal([0, 5, 30, 120, 600, 1_800, 3_600, 7_200]);
    expect((await records.list({ kind: 'notice' })).records).to.be.empty;
  });

  it('does not try again what will never arrive, or is over', async () => {
    let tries = 0;
    channel.fails = () => {
      tries += 1;
      throw new DeliveryError('gone', { isFinal: true });
    };
    await started();
    const first = await ask();
    // before it is reminded of
    await pass(29 * MINUTE);
    expect(tries).to.equal(1);
    await desk.deny(first, { by: 'rita' });
    channel.fails = () => {
      tries += 1;
      throw new DeliveryError('down');
    };
    const id = await ask();
    await pass(10);
    await desk.deny(id, { by: 'rita' });
    await pass(60 * MINUTE);
    expect(tries).to.equal(2);
  });

  it('spends no more than its budget on a channel', async () => {
    await started();
    for (let i = 0; i < 100; i++) await ask({ policies: [policyOf('p', { approvers: [`group-${i}`] })] });
    await pass(1_000);
    expect(channel.notices).to.have.length(60);
    await pass(MINUTE);
    expect(channel.notices).to.have.length(100);
  });

  it('tells once where several servers share a store', async () => {
    const others = [new ApprovalDesk(approvals, {}, steady), new ApprovalDesk(approvals, {}, steady)];
    const channels = [channel, new KeptChannel(), new KeptChannel()];
    await started();
    for (const [i, other] of others.entries()) await started({ desk: other, channels: [channels[i + 1] as Channel] });
    const ids: string[] = [];
    for (let i = 0; i < 20; i++) {
      const id = await ask();
      ids.push(id);
      await Promise.all(others.map(async (other) => other.onChange(id)));
      await pass(30_000);
    }
    await pass(10 * MINUTE);
    const all = channels.flatMap(({ notices }) => notices);
    expect(idsOf(all).flat()).to.have.members(ids);
    // at once, and at 5 and 10 minutes
    expect(all).to.have.length(3);
    expect(all.reduce((sum, { items, more }) => sum + items.length + more, 0)).to.equal(20);
  });

  it('goes on after a restart with what was not told, and repeats nothing', async () => {
    const before = await started();
    const first = await ask();
    await pass(10);
    const second = await ask();
    await pass(10);
    await before.close();
    const missed = await ask();
    await started();
    await pass(10 * MINUTE);
    expect(idsOf(channel.notices)).to.deep.equal([[first], [second, missed]]);
  });

  it('takes over what a server left that died while it delivered', async () => {
    let isDead = true;
    channel.fails = () => {
      if (isDead) return;
    };
    const dying = new KeptChannel();
    dying.send = () => new Promise(() => {});
    const dead = new Notifier({
      tenantId: 'default',
      desk,
      records,
      channels: [dying],
      pages: '',
      logger: silentLogger,
      now: () => steady.now(),
    });
    await dead.start();
    const id = await ask();
    await pass(10);
    isDead = false;
    await started();
    await pass(30_000);
    expect(channel.notices).to.be.empty;
    await pass(40_000);
    expect(idsOf(channel.notices)).to.deep.equal([[id]]);
  });

  it('lets a store fail, and goes on', async () => {
    await started();
    const failing = sinon.stub(records, 'list').throws(new Error('the store is away'));
    const id = await ask();
    await pass(10_000);
    expect(channel.notices).to.be.empty;
    failing.restore();
    await pass(5_000);
    expect(idsOf(channel.notices)).to.deep.equal([[id]]);
  });

  it('drops what is for a channel that is no longer there', async () => {
    const before = await started({ channels: [new KeptChannel('old')] });
    channel.fails = undefined;
    const old = new KeptChannel('old');
    old.fails = () => {
      throw new DeliveryError('down');
    };
    await before.close();
    const again = await started({ channels: [old] });
    await ask();
    await pass(10);
    await again.close();
    await started();
    await pass(6_000);
    expect((await records.list({ kind: 'notice' })).records).to.be.empty;
  });

  describe('of what was settled', () => {
    const hook = (): KeptChannel => Object.assign(new KeptChannel('hook'), { tellsSettled: true, update: undefined });
    const ended = ({ notices }: KeptChannel): readonly Notice[] => notices.filter(({ about }) => about === 'settled');

    it('tells channels that want it, in any way it ended, at once and then every five minutes', async () => {
      const [told, other] = [hook(), channel];
      await started({ channels: [told, other] });
      const ids = [await ask(), await ask(), await ask()] as const;
      await pass(10);
      await desk.deny(ids[0], { by: 'rita' });
      await pass(10);
      expect(ended(told).map(({ id, items }) => [id.startsWith('settled-'), items.map(({ status }) => status)])).to.deep.equal([
        [true, ['denied']],
      ]);
      await desk.end(ids[1], 'withdrawn');
      await pass(MINUTE);
      await desk.deny(ids[2], { by: 'rita' });
      await pass(3 * MINUTE);
      expect(ended(told)).to.have.length(1);
      await pass(MINUTE);
      expect(
        ended(told)
          .slice(1)
          .map(({ items }) => items.map(({ status }) => status)),
      ).to.deep.equal([['withdrawn', 'denied']]);
      expect(ended(other)).to.deep.equal([]);
      expect(new Set(told.notices.map(({ id }) => id)).size).to.equal(told.notices.length);
      expect(JSON.stringify(told.notices)).to.not.contain('secret param');
    });

    it('tells it once where several servers share a store', async () => {
      const desks = [desk, new ApprovalDesk(approvals, {}, steady), new ApprovalDesk(approvals, {}, steady)];
      const channels = desks.map(() => hook());
      for (const [i, one] of desks.entries()) await started({ desk: one, channels: [channels[i] as Channel] });
      const id = await ask();
      await Promise.all(desks.map(async (one) => one.onChange(id)));
      await pass(10);
      await desk.deny(id, { by: 'rita' });
      await Promise.all(desks.map(async (one) => one.onChange(id)));
      await pass(10 * MINUTE);
      expect(idsOf(channels.flatMap(ended))).to.deep.equal([[id]]);
    });

    it('changes the cards of what was settled while no server ran', async () => {
      const first = await started();
      const id = await ask();
      await pass(10);
      await first.close();
      await desk.deny(id, { by: 'rita' });
      await started();
      await pass(10);
      expect(channel.updates.map(({ items }) => items.map(({ status }) => status))).to.deep.equal([['denied']]);
    });
  });

  describe('of people', () => {
    const admins = (name = 'admins'): KeptChannel & { readonly changes: AdminNotice[] } => {
      const changes: AdminNotice[] = [];
      const sendToAdmins = async (notice: AdminNotice): Promise<void> => void changes.push(notice);
      return Object.assign(new KeptChannel(name), { servesAdmins: true, sendToAdmins, changes });
    };
    const linesOf = ({ changes }: { readonly changes: readonly AdminNotice[] }): readonly string[] =>
      changes.flatMap((notice) =>
        notice.changes.map(({ what, person, added = [], removed = [] }) => [what, person?.name, ...added, ...removed].join(' ')),
      );
    const identity = (): Identity => {
      const signed = new SignedRecordStore(records as MemoryRecordStore, { stateKey: STATE_KEY, tenantId: 'default' });
      return new Identity({ tenantId: 'default', records: signed, stateKey: STATE_KEY, clock: steady });
    };

    it('tells the channels of admins of every change, without a secret, whichever process made it', async () => {
      const told = admins();
      const { people, invitations, setup, passkeys, tokens, sessions } = identity();
      await started({ channels: [told, channel] });
      const device = new SoftAuthenticator(ORIGIN);
      const link = (await setup.reopen('host:ops')).text.reveal();
      const root = await setup.register(link, {
        name: 'Root',
        origin: ORIGIN,
        response: device.create(await setup.options(link, 'Root', ORIGIN)),
      });
      const { invitation, text } = await invitations.create(
        { name: 'Bob', roles: ['approver'], groups: ['leads'], userIds: ['u-1'] },
        root.person.id,
      );
      const bobs = new SoftAuthenticator(ORIGIN);
      const made = bobs.create(await invitations.options(text.reveal(), 'Bob B.', ORIGIN));
      const bob = await invitations.register(text.reveal(), { name: 'Bob B.', origin: ORIGIN, response: made });
      await invitations.confirm(invitation.id, root.person.id);
      await invitations.confirm(invitation.id, root.person.id);
      await people.change(bob.person.id, { roles: ['admin'], groups: [], name: 'Bob' }, root.person.id);
      await people.change(bob.person.id, { roles: ['admin'] }, root.person.id);
      const { session, text: cookie } = await sessions.create({ personId: root.person.id, method: 'passkey' });
      const { text: token } = await tokens.create(session, 'nightly');
      const second = new SoftAuthenticator(ORIGIN);
      const response = second.create(await passkeys.addOptions(root.person, session.id, ORIGIN));
      const key = await passkeys.add(root.person, session.id, { origin: ORIGIN, response, name: 'spare' });
      await passkeys.remove(root.person.id, key.id, root.person.id);
      await passkeys.remove(root.person.id, key.id, root.person.id);
      const gone = (await invitations.create({ name: 'Eve' }, root.person.id)).invitation;
      await invitations.revoke(gone.id, root.person.id);
      await invitations.revoke(gone.id, root.person.id);
      await people.remove(bob.person.id, 'host:ops');
      await pass(12 * MINUTE);
      expect(linesOf(told)).to.have.members([
        'setup_link.made ',
        'person.came Root role approver role admin',
        'invitation.made Bob role approver group leads id u-1',
        'person.came Bob B.',
        'person.confirmed Bob B. role approver group leads id u-1',
        'person.changed Bob role admin role approver group leads',
        'token.made Root',
        'passkey.added Root',
        'passkey.removed Root',
        'invitation.made Eve',
        'invitation.revoked Eve',
        'person.removed Bob',
      ]);
      expect(told.changes[0]).to.include({ tenantId: 'default', link: 'https://aegis.example/in/people', more: 0 });
      const said = JSON.stringify(told.changes);
      expect(said).to.contain('nightly').and.to.contain('"byName":"Root"').and.to.contain('host:ops');
      for (const secret of [link, text.reveal(), token.reveal(), cookie.reveal(), session.id, invitation.id])
        expect(said).to.not.contain(secret);
      expect(channel.notices).to.deep.equal([]);
      expect((await records.list({ kind: 'identity-news' })).records).to.deep.equal([]);
    });

    it('gathers them: at once, then every five minutes, at most twenty lines, each once with several servers', async () => {
      const told = [admins(), admins(), admins()];
      for (const one of told) await started({ channels: [one] });
      const { people } = identity();
      for (let i = 0; i < 60; i++) {
        await people.create({ name: `P${i}` }, 'host:ops');
        await pass(10_000);
      }
      await pass(10 * MINUTE);
      const notices = told.flatMap(({ changes }) => changes);
      expect(notices.length).to.be.within(3, 4);
      expect(notices.reduce((sum, { changes, more }) => sum + changes.length + more, 0)).to.equal(60);
      for (const { changes } of notices) expect(changes.length).to.be.at.most(20);
    });

    it('keeps what happened while no server ran, and is told by none without such a channel', async () => {
      const before = await started();
      await identity().people.create({ name: 'Ann' }, 'host:ops');
      await pass(MINUTE);
      await before.close();
      const told = admins();
      await started({ channels: [told] });
      await pass(10);
      expect(linesOf(told)).to.deep.equal(['person.came Ann']);
    });
  });
});
