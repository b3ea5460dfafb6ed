import { expect } from 'chai';
import sinon from 'sinon';
import { silentLogger } from '../../../lib/common/Logger.js';
import { SteadyClock } from '../../../lib/common/time/SteadyClock.js';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import type { ApprovalRequest } from '../../../lib/decision/desk/ApprovalRequest.js';
import type { Directory } from '../../../lib/decision/desk/Directory.js';
import { DeliveryError } from '../../../lib/server/notify/Channel.js';
import type { Channel, SentCard } from '../../../lib/server/notify/Channel.js';
import type { Notice } from '../../../lib/server/notify/Notice.js';
import { Notifier } from '../../../lib/server/notify/Notifier.js';
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
    over: { desk?: ApprovalDesk; channels?: readonly Channel[]; directory?: Pick<Directory, 'personOf'> } = {},
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
    expect(channel.notices).to.have.length(2);
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
    expect(channel.updates.at(-1)?.items.map(({ status }) => status)).to.deep.equal(['denied', 'expired']);
    expect(channel.updates).to.have.length(2);
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
    await ask();
    await pass(60 * MINUTE);
    expect(tries).to.equal(1);
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
});
