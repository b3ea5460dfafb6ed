import type { Logger } from '../../common/Logger.js';
import { DAY_MS } from '../../common/time/SteadyClock.js';
import type { ApprovalDesk } from '../../decision/desk/ApprovalDesk.js';
import type { Directory } from '../../decision/desk/Directory.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import type { Journal } from '../../model/Journal.js';
import { maybeSamePerson } from '../../model/personId.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import type { RecordStore } from '../../store/RecordStore.js';
import { AdminQueue } from './AdminQueue.js';
import type { Channel, SentCard } from './Channel.js';
import { GroupQueue } from './GroupQueue.js';
import type { DueGroup } from './GroupQueue.js';
import { HaltNotices } from './HaltNotices.js';
import type { HaltNotice, ToldHalts } from './HaltNotices.js';
import { LimitNotices } from './LimitNotices.js';
import type { LimitNotice, ToldLimits } from './LimitNotices.js';
import { groupsOf, noticeItem } from './Notice.js';
import type { Notice, NoticeItem } from './Notice.js';
import { Outbox } from './Outbox.js';
import type { Outgoing } from './Outbox.js';
import { Reminders, isStep } from './stage/Reminders.js';

/** What a {@link Notifier} needs. */
export interface NotifierOptions {
  readonly tenantId: string;
  readonly desk: Pick<ApprovalDesk, 'get' | 'list' | 'on' | 'off'>;
  /** Where what is to be told is kept, so that a restart loses nothing. */
  readonly records: RecordStore;
  readonly channels: readonly Channel[];
  /** Where the pages are, such as `https://aegis.example.com/aegis`, without a slash at the end. */
  readonly pages: string;
  readonly logger: Logger;
  readonly now: () => number;
  /** What is halted. @defaultValue admins are told of no halt */
  readonly halts?: ToldHalts | undefined;
  /** The limits. @defaultValue admins are told of none */
  readonly limits?: ToldLimits | undefined;
  /** Is told of reminders and escalations. @defaultValue nothing is */
  readonly journal?: Journal | undefined;
  /** Knows which ids are one person's. @defaultValue ids are compared as texts */
  readonly directory?: Pick<Directory, 'personOf'> | undefined;
}

const CARD_KIND = 'notice-card';
/** The kind of the records of what was settled and waits to be told to a group. */
const SETTLED_KIND = 'notice-settled';
/** The kind of the records of what has waited long and is to be told to a group again. */
const REMINDER_KIND = 'notice-reminder';
/** How many approvals a notice lists. */
const MAX_ITEMS = 10;
/** How often it looks for what other servers left, in milliseconds. */
const LOOK_MS = 5_000;

/** Tells approvers what waits for them, and admins what became of people: never the params, and never the person who asked. A notice that is lost changes no approval. */
export class Notifier {
  readonly #options: NotifierOptions;
  readonly #groups: GroupQueue;
  readonly #ended: GroupQueue;
  readonly #again: GroupQueue;
  readonly #reminders: Reminders;
  readonly #admins: AdminQueue;
  readonly #outbox: Outbox;
  readonly #halts: HaltNotices | undefined;
  readonly #limits: LimitNotices;
  /** What was asked for and is not yet kept, by group. */
  #incoming = new Map<string, Set<string>>();
  /** What was settled and is not yet kept, by group. */
  #incomingEnds = new Map<string, Set<string>>();
  /** Those whose cards are out of date. */
  #settled = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #working: Promise<void> | undefined;
  #isAgain = false;
  #hasOldCards = true;
  #closed = false;

  constructor(options: NotifierOptions) {
    const { records, channels, logger, now } = options;
    this.#options = options;
    if (options.halts !== undefined && channels.some(({ servesAdmins }) => servesAdmins === true))
      this.#halts = new HaltNotices(records, options.halts, () => this.#wake());
    this.#limits = new LimitNotices(records, now, () => this.#wake());
    this.#groups = new GroupQueue(records);
    this.#ended = new GroupQueue(records, SETTLED_KIND);
    this.#again = new GroupQueue(records, REMINDER_KIND);
    this.#reminders = new Reminders(records, options.journal);
    this.#admins = new AdminQueue(records);
    this.#outbox = new Outbox({
      records,
      channels,
      logger,
      now,
      mayGoOn: () => !this.#closed,
      isRequester: async (address, item) => this.#isDone(address, item),
      current: async (outgoing) => this.#current(outgoing),
      onSent: async (outgoing, card) => this.#keepCard(outgoing, card),
    });
  }

  /** Listens to the desk from now on, and tells of what is pending already. */
  async start(): Promise<void> {
    this.#options.desk.on('requested', this.#onRequested);
    this.#options.desk.on('settled', this.#onSettled);
    for (const record of await this.#options.desk.list({ status: 'pending' })) this.#onRequested(record);
    this.#halts?.start();
    const { limits, channels } = this.#options;
    if (limits !== undefined && channels.some(({ servesAdmins }) => servesAdmins === true)) this.#limits.start(limits);
    this.#wake();
  }

  /** Ends it, once what is being sent was sent. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#options.desk.off('requested', this.#onRequested);
    this.#options.desk.off('settled', this.#onSettled);
    this.#halts?.close();
    this.#limits.close();
    await this.#working;
  }

  readonly #onRequested = (record: ApprovalRecord): void => {
    this.#reminders.watch(record);
    this.#note(this.#incoming, record, () => true);
    if (this.#incoming.size > 0) this.#wake();
  };

  readonly #onSettled = (record: ApprovalRecord): void => {
    this.#reminders.forget(record.decisionId);
    if (this.#options.channels.some((channel) => channel.update !== undefined)) this.#settled.add(record.decisionId);
    this.#note(this.#incomingEnds, record, ({ tellsSettled }) => tellsSettled === true);
    if (this.#settled.size + this.#incomingEnds.size > 0) this.#wake();
  };

  #note(noted: Map<string, Set<string>>, record: ApprovalRecord, tells: (channel: Channel) => boolean): void {
    for (const group of groupsOf(record, this.#options.now())) {
      if (!this.#options.channels.some((channel) => tells(channel) && channel.serves(group))) continue;
      noted.set(group, (noted.get(group) ?? new Set()).add(record.decisionId));
    }
  }

  /** Works now, or again once what it does is done. */
  #wake(): void {
    if (this.#closed) return;
    if (this.#working !== undefined) {
      this.#isAgain = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#working = this.#work().then((nextMs) => {
      this.#working = undefined;
      if (this.#closed) return;
      if (this.#isAgain) {
        this.#isAgain = false;
        return this.#wake();
      }
      this.#timer = setTimeout(() => this.#wake(), Math.max(0, Math.min(LOOK_MS, nextMs - this.#options.now())));
      this.#timer.unref();
    });
  }

  /** @returns when there is more to do, in epoch milliseconds */
  async #work(): Promise<number> {
    const { now } = this.#options;
    try {
      const [incoming, ends] = [this.#incoming, this.#incomingEnds];
      [this.#incoming, this.#incomingEnds] = [new Map(), new Map()];
      for (const [group, ids] of incoming) await this.#groups.add(group, [...ids], now());
      for (const [group, ids] of ends) await this.#ended.add(group, [...ids], now());
      const remindAtMs = await this.#remind();
      if (this.#hasOldCards) await this.#findOldCards();
      this.#hasOldCards = false;
      const settled = this.#settled;
      this.#settled = new Set();
      for (const decisionId of settled) await this.#refreshCards(decisionId);
      await this.#halts?.takeDue(now(), async (told) => this.#tellHalt(told));
      await this.#limits.takeDue(now(), async (told) => this.#tellLimit(told));
      const dueMs = [
        await this.#groups.takeDue(now(), async (due) => this.#handOut(due)),
        await this.#again.takeDue(now(), async (due) => this.#handOut(due, 'reminder')),
        await this.#ended.takeDue(now(), async (due) => this.#handOutSettled(due)),
        await this.#tellAdmins(),
        await this.#outbox.deliver(),
        remindAtMs,
      ];
      return Math.min(...dueMs.map((ms) => ms ?? Infinity));
    } catch (error) {
      publishCallbackError('telling approvers', error);
      return now() + LOOK_MS;
    }
  }

  /** Tells the groups that a step of `@escalate` adds, and again those whose people have not decided. */
  async #remind(): Promise<number | undefined> {
    const { desk, now, channels } = this.#options;
    const servedOf = (record: ApprovalRecord): readonly string[] =>
      groupsOf(record, now()).filter((group) => channels.some((channel) => channel.serves(group)));
    const nextMs = await this.#reminders.takeDue(
      now(),
      async (decisionId) => desk.get(decisionId),
      servedOf,
      async (record, stage) => {
        for (const group of servedOf(record))
          await (isStep(stage)
            ? this.#groups.add(group, [record.decisionId], now())
            : this.#again.add(group, [`${record.decisionId} ${stage}`], now()));
      },
    );
    await this.#reminders.prune(now());
    return nextMs;
  }

  /** @returns whether there was something to tell */
  async #handOut({ group, id: dueId, decisionIds, more }: DueGroup, about: 'requested' | 'reminder' = 'requested'): Promise<boolean> {
    const { tenantId, channels } = this.#options;
    // another one than the notice of the same group that was due at the same time
    const id = about === 'reminder' ? `reminder-${dueId}` : dueId;
    const items = await this.#items([...new Set(decisionIds.map((one) => one.split(' ')[0] as string))], group);
    const pending = items.filter(({ status }) => status === 'pending');
    if (pending.length === 0) return false;
    const notice: Notice = {
      id,
      tenantId,
      about,
      group,
      items: pending.slice(0, MAX_ITEMS),
      more: more + Math.max(0, pending.length - MAX_ITEMS),
      link: this.#linkOf('/inbox'),
    };
    for (const channel of channels)
      if (channel.serves(group)) await this.#outbox.add(`${id}-${channel.name}`, { channel: channel.name, notice });
    return true;
  }

  /** @returns whether there was something to tell */
  async #handOutSettled({ group, id, decisionIds, more }: DueGroup): Promise<boolean> {
    const { tenantId, channels } = this.#options;
    const items = (await this.#items(decisionIds, group)).filter(({ status }) => status !== 'pending');
    if (items.length === 0) return false;
    // another one than the notice of the same group that was due at the same time
    const notice: Notice = { id: `settled-${id}`, tenantId, about: 'settled', group, items, more, link: this.#linkOf('/history') };
    for (const channel of channels)
      if (channel.tellsSettled === true && channel.serves(group))
        await this.#outbox.add(`${notice.id}-${channel.name}`, { channel: channel.name, notice });
    return true;
  }

  async #tellHalt(told: Omit<HaltNotice, 'tenantId' | 'link'>): Promise<void> {
    const { tenantId, channels } = this.#options;
    const halt: HaltNotice = { ...told, tenantId, link: this.#linkOf('/halts') };
    for (const { name, servesAdmins } of channels)
      if (servesAdmins === true) await this.#outbox.add(`${told.id}-${name}`, { channel: name, halt });
  }

  async #tellLimit(told: Omit<LimitNotice, 'tenantId' | 'link'>): Promise<void> {
    const { tenantId, channels } = this.#options;
    const limit: LimitNotice = { ...told, tenantId, link: this.#linkOf('/limits') };
    for (const { name, servesAdmins } of channels)
      if (servesAdmins === true) await this.#outbox.add(`${told.id}-${name}`, { channel: name, limit });
  }

  async #tellAdmins(): Promise<number | undefined> {
    const { tenantId, channels, now } = this.#options;
    const serving = channels.filter(({ servesAdmins }) => servesAdmins === true);
    if (serving.length === 0) return undefined;
    await this.#admins.gather(now());
    return this.#admins.takeDue(now(), async (told) => {
      const toAdmins = { ...told, tenantId, link: this.#linkOf('/people') };
      for (const { name } of serving) await this.#outbox.add(`${told.id}-${name}`, { channel: name, toAdmins });
    });
  }

  /** What a notice says by now: a new one lists what is still pending, a card what became of each. */
  async #current({ notice, card }: Outgoing): Promise<Notice | undefined> {
    const items = await this.#items(
      notice.items.map(({ decisionId }) => decisionId),
      notice.group,
    );
    if (card !== undefined || notice.about === 'settled') return { ...notice, items };
    const pending = items.filter(({ status }) => status === 'pending');
    return pending.length === 0 ? undefined : { ...notice, items: pending };
  }

  async #items(decisionIds: readonly string[], group: string): Promise<readonly NoticeItem[]> {
    const items: NoticeItem[] = [];
    for (const decisionId of decisionIds) {
      const record = await this.#options.desk.get(decisionId);
      if (record !== undefined) items.push(noticeItem(record, group, (path) => this.#linkOf(path), this.#options.now()));
    }
    return items;
  }

  async #keepCard({ notice, channel }: Outgoing, card: SentCard): Promise<void> {
    const { records, now } = this.#options;
    const untilMs = Math.max(...notice.items.map(({ expiresAtMs }) => expiresAtMs)) + DAY_MS;
    const body = JSON.stringify({ channel, notice, card } satisfies Outgoing);
    for (const { decisionId } of notice.items) {
      const id = `${decisionId} ${notice.id}`;
      await records.insert({ kind: CARD_KIND, id, version: 1, index1: decisionId, createdAtMs: now(), deleteAfterMs: untilMs, body });
      // it may have been settled while the card was on its way
      if ((await this.#options.desk.get(decisionId))?.status !== 'pending') this.#settled.add(decisionId);
    }
    await records.prune(CARD_KIND, now());
    if (this.#settled.size > 0) this.#isAgain = true;
  }

  /** Cards of what was settled while no server ran. */
  async #findOldCards(): Promise<void> {
    const { records, desk } = this.#options;
    let cursor: string | undefined;
    do {
      const page = await records.list({ kind: CARD_KIND, cursor });
      for (const { index1: decisionId } of page.records)
        if (decisionId !== undefined && (await desk.get(decisionId))?.status !== 'pending') this.#settled.add(decisionId);
      ({ cursor } = page);
    } while (cursor !== undefined);
  }

  async #refreshCards(decisionId: string): Promise<void> {
    const { records } = this.#options;
    const { records: cards } = await records.list({ kind: CARD_KIND, index1: decisionId });
    for (const { id, body, version } of cards) {
      const outgoing = JSON.parse(body) as Outgoing;
      await this.#outbox.add(`${outgoing.notice.id} ${decisionId}`, outgoing);
      await records.delete(CARD_KIND, id, version);
    }
  }

  /** Whether an address is that of the person who asked, or of one who has said yes: both have nothing to decide. */
  async #isDone(address: string, { decisionId }: NoticeItem): Promise<boolean> {
    const { desk, directory } = this.#options;
    const record = await desk.get(decisionId);
    if (record === undefined) return false;
    for (const id of [record.requester, ...record.verdicts.map(({ by }) => by)]) {
      if (maybeSamePerson(id, address)) return true;
      // a directory that cannot answer throws, and the notice is tried again
      const person = await directory?.personOf(id);
      if (person?.ids.some((one) => maybeSamePerson(one, address)) === true) return true;
    }
    return false;
  }

  #linkOf(path: string): string {
    return `${this.#options.pages}${path}`;
  }
}
