import type { Logger } from '../../common/Logger.js';
import { DAY_MS } from '../../common/time/SteadyClock.js';
import type { ApprovalDesk } from '../../decision/desk/ApprovalDesk.js';
import type { Directory } from '../../decision/desk/Directory.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { maybeSamePerson } from '../../model/personId.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import type { RecordStore } from '../../store/RecordStore.js';
import type { Channel, SentCard } from './Channel.js';
import { GroupQueue } from './GroupQueue.js';
import type { DueGroup } from './GroupQueue.js';
import { groupsOf, noticeItem } from './Notice.js';
import type { Notice, NoticeItem } from './Notice.js';
import { Outbox } from './Outbox.js';
import type { Outgoing } from './Outbox.js';

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
  /** Knows which ids are one person's. @defaultValue ids are compared as texts */
  readonly directory?: Pick<Directory, 'personOf'> | undefined;
}

const CARD_KIND = 'notice-card';
/** How many approvals a notice lists. */
const MAX_ITEMS = 10;
/** How often it looks for what other servers left, in milliseconds. */
const LOOK_MS = 5_000;

/** Tells approvers what waits for them: never the params, and never the person who asked. A notice that is lost changes no approval. */
export class Notifier {
  readonly #options: NotifierOptions;
  readonly #groups: GroupQueue;
  readonly #outbox: Outbox;
  /** What was asked for and is not yet kept, by group. */
  #incoming = new Map<string, Set<string>>();
  #settled = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #working: Promise<void> | undefined;
  #isAgain = false;
  #closed = false;

  constructor(options: NotifierOptions) {
    const { records, channels, logger, now } = options;
    this.#options = options;
    this.#groups = new GroupQueue(records);
    this.#outbox = new Outbox({
      records,
      channels,
      logger,
      now,
      mayGoOn: () => !this.#closed,
      isRequester: async (address, item) => this.#isRequester(address, item),
      current: async (outgoing) => this.#current(outgoing),
      onSent: async (outgoing, card) => this.#keepCard(outgoing, card),
    });
  }

  /** Listens to the desk from now on, and tells of what is pending already. */
  async start(): Promise<void> {
    this.#options.desk.on('requested', this.#onRequested);
    this.#options.desk.on('settled', this.#onSettled);
    for (const record of await this.#options.desk.list({ status: 'pending' })) this.#onRequested(record);
    this.#wake();
  }

  /** Ends it, once what is being sent was sent. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#options.desk.off('requested', this.#onRequested);
    this.#options.desk.off('settled', this.#onSettled);
    await this.#working;
  }

  readonly #onRequested = (record: ApprovalRecord): void => {
    for (const group of groupsOf(record)) {
      if (!this.#options.channels.some((channel) => channel.serves(group))) continue;
      const ids = this.#incoming.get(group) ?? new Set();
      this.#incoming.set(group, ids.add(record.decisionId));
    }
    if (this.#incoming.size > 0) this.#wake();
  };

  readonly #onSettled = ({ decisionId }: ApprovalRecord): void => {
    if (!this.#options.channels.some((channel) => channel.update !== undefined)) return;
    this.#settled.add(decisionId);
    this.#wake();
  };

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
      const incoming = this.#incoming;
      this.#incoming = new Map();
      for (const [group, ids] of incoming) await this.#groups.add(group, [...ids], now());
      const settled = this.#settled;
      this.#settled = new Set();
      for (const decisionId of settled) await this.#refreshCards(decisionId);
      const groupsMs = await this.#groups.takeDue(now(), async (due) => this.#handOut(due));
      const outboxMs = await this.#outbox.deliver();
      return Math.min(groupsMs ?? Infinity, outboxMs ?? Infinity);
    } catch (error) {
      publishCallbackError('telling approvers', error);
      return now() + LOOK_MS;
    }
  }

  /** @returns whether there was something to tell */
  async #handOut({ group, id, decisionIds, more }: DueGroup): Promise<boolean> {
    const { tenantId, channels } = this.#options;
    const items = await this.#items(decisionIds, group);
    const pending = items.filter(({ status }) => status === 'pending');
    if (pending.length === 0) return false;
    const notice: Notice = {
      id,
      tenantId,
      group,
      items: pending.slice(0, MAX_ITEMS),
      more: more + Math.max(0, pending.length - MAX_ITEMS),
      link: this.#linkOf('/inbox'),
    };
    for (const channel of channels)
      if (channel.serves(group)) await this.#outbox.add(`${id}-${channel.name}`, { channel: channel.name, notice });
    return true;
  }

  /** What a notice says by now: a new one lists what is still pending, a card what became of each. */
  async #current({ notice, card }: Outgoing): Promise<Notice | undefined> {
    const items = await this.#items(
      notice.items.map(({ decisionId }) => decisionId),
      notice.group,
    );
    if (card !== undefined) return { ...notice, items };
    const pending = items.filter(({ status }) => status === 'pending');
    return pending.length === 0 ? undefined : { ...notice, items: pending };
  }

  async #items(decisionIds: readonly string[], group: string): Promise<readonly NoticeItem[]> {
    const items: NoticeItem[] = [];
    for (const decisionId of decisionIds) {
      const record = await this.#options.desk.get(decisionId);
      if (record !== undefined) items.push(noticeItem(record, group, (path) => this.#linkOf(path)));
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

  async #refreshCards(decisionId: string): Promise<void> {
    const { records } = this.#options;
    const { records: cards } = await records.list({ kind: CARD_KIND, index1: decisionId });
    for (const { id, body, version } of cards) {
      const outgoing = JSON.parse(body) as Outgoing;
      await this.#outbox.add(`${outgoing.notice.id} ${decisionId}`, outgoing);
      await records.delete(CARD_KIND, id, version);
    }
  }

  async #isRequester(address: string, { decisionId }: NoticeItem): Promise<boolean> {
    const { desk, directory } = this.#options;
    const requester = (await desk.get(decisionId))?.requester;
    if (requester === undefined) return false;
    if (maybeSamePerson(requester, address)) return true;
    // a directory that cannot answer throws, and the notice is tried again
    const person = await directory?.personOf(requester);
    return person?.ids.some((id) => maybeSamePerson(id, address)) === true;
  }

  #linkOf(path: string): string {
    return `${this.#options.pages}${path}`;
  }
}
