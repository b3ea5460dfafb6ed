import { attempt, chain, isThenable } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { randomId } from '../../common/nextId.js';
import { SteadyClock } from '../../common/time/SteadyClock.js';
import type { AegisError } from '../../model/AegisError.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { StoreError } from '../../model/errors/ServiceErrors.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { HaltEvent, Journal } from '../../model/Journal.js';
import { HALT_KIND } from '../../store/RecordStore.js';
import type { RecordPage, RecordStore, StoredRecord } from '../../store/RecordStore.js';
import { isInForce, isInScope } from '../../model/halt/Halt.js';
import type { Halt, HaltableCall, HaltScope } from '../../model/halt/Halt.js';
import type { HaltFile } from './HaltFile.js';
import { haltedBy, haltedByFile, unconfirmed } from './haltedBy.js';
import type { HaltGate } from './HaltGate.js';
import { HaltIndex } from './HaltIndex.js';
import { checkedLift, checkedOrder, checkedScope, haltOf, recordOfHalt, STANDING } from './haltRecord.js';
import type { HaltOrder, LiftOrder } from './haltRecord.js';

/** What a {@link HaltBook} is made of. */
export interface HaltBookOptions {
  /** Where halts are kept: signed, where there is a key. */
  readonly records: RecordStore;
  /** Whether other processes order halts in the same place, so that what is known has to be confirmed again and again. */
  readonly isShared: boolean;
  /** How long calls go on without a confirmation, in milliseconds. */
  readonly maxStaleMs: number;
  readonly file?: HaltFile | undefined;
  readonly clock?: SteadyClock | undefined;
  readonly journal?: Journal | undefined;
  /** Is told what began and what ended, in this process and in others, once it was noticed here. */
  readonly onChange?: ((began: readonly Halt[], ended: readonly Halt[]) => void) | undefined;
  /** Is told that the file has appeared, or has gone. */
  readonly onFile?: ((isThere: boolean) => void) | undefined;
}

/** How often halts are looked up, in milliseconds. */
export const LOOK_MS = 500;
/** How long a call waits for a confirmation, in milliseconds. */
const CONFIRM_MS = 200;
/**
 * How long a halt has been over when it is read no longer, in milliseconds: who finds that it is over may have a clock that is ahead, and for others it goes on
 * until their clocks say so.
 */
const CLOSED_AFTER_MS = 86_400_000;
/** Every so many looks the halts themselves are read, also where nothing was changed as far as the store counts. */
const READ_EVERY = 10;

/**
 * The halts of one tenant: orders and lifts them, and says of each call whether it is halted. Halts that cannot be read, or that someone without the key
 * has changed, halt everything.
 */
export class HaltBook implements HaltGate {
  readonly #options: HaltBookOptions;
  readonly #clock: SteadyClock;
  readonly #maxStaleMs: number;
  /** What no one has lifted, as it was last read. */
  #standing = new HaltIndex([]);
  /** Ordered here, and not read yet: a read that was sent before the order would forget them. */
  #unread: readonly Halt[] = [];
  /** Those in force when {@link HaltBookOptions.onChange} was last told. */
  #told: readonly Halt[] = [];
  /** Whether the file was there when {@link HaltBookOptions.onFile} was last told. */
  #fileTold = false;
  #changes: number | undefined;
  /** When the read was sent that last confirmed what is known, on the clock. */
  #confirmedMs = -Infinity;
  /** The same by wall time alone. */
  #confirmedWallMs = -Infinity;
  /** Why what was read cannot be believed. */
  #doubt: string | undefined;
  /** What the last look failed with; `undefined` since one has worked. */
  #failure: unknown;
  #looking: Promise<void> | undefined;
  #looks = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: HaltBookOptions) {
    this.#options = options;
    this.#clock = options.clock ?? new SteadyClock();
    const hasToConfirm = options.isShared || options.file !== undefined;
    this.#maxStaleMs = hasToConfirm ? options.maxStaleMs : Infinity;
    // what ends by itself is noticed by the timer too
    if (!hasToConfirm) this.#confirmedMs = Infinity;
  }

  get changes(): number | undefined {
    return this.#changes;
  }

  /** Reads what there is, and goes on looking. Where that fails, every call is refused until it works. */
  async start(): Promise<void> {
    await this.#options.file?.checkFolder();
    await this.refresh();
    this.#timer ??= setInterval(() => void this.#lookNow(), LOOK_MS).unref();
  }

  /** Looks no longer. */
  close(): void {
    clearInterval(this.#timer);
  }

  stop(call: HaltableCall): AegisError | undefined {
    return this.#isConfirmed()
      ? this.#found(call)
      : unconfirmed(call, 'whether it is halted could not be confirmed for too long', this.#failure);
  }

  look(call: HaltableCall, stopsLater = false): Awaitable<AegisError | undefined> {
    // the time may not be over between this look and the entry: then the call would be refused there, without one more read
    if (stopsLater ? this.#isLikelyConfirmed() || this.#isConfirmed(this.#maxStaleMs / 10) : this.#isConfirmed()) return this.#found(call);
    const looked = this.#lookNow();
    return isThenable(looked) ? within(looked, CONFIRM_MS).then(() => this.stop(call)) : this.stop(call);
  }

  async refresh(): Promise<void> {
    // what is under way may have been read before the change that it is asked for
    await this.#looking;
    await this.#lookNow(true);
  }

  cancels(call: HaltableCall): boolean {
    const nowMs = this.#clock.now();
    return this.#standing.halts.some((halt) => halt.pending === 'cancel' && isInScope(halt.scope, call) && isInForce(halt, nowMs));
  }

  /** Every call asks: a clock is read only where time makes a difference. */
  #isConfirmed(marginMs = 0): boolean {
    return this.#maxStaleMs === Infinity || this.#clock.now() - this.#confirmedMs <= this.#maxStaleMs - marginMs;
  }

  /**
   * As far as one clock tells: a wall clock that was set back can hide that what is known has to be confirmed. A call that this lets pass is then refused
   * when it is about to be entered, by both clocks.
   */
  #isLikelyConfirmed(): boolean {
    if (this.#maxStaleMs === Infinity) return true;
    const passedMs = Date.now() - this.#confirmedWallMs;
    return passedMs >= 0 && passedMs < this.#maxStaleMs / 2;
  }

  /** Why a call does not run, by what was confirmed. */
  #found(call: HaltableCall): AegisError | undefined {
    if (this.#doubt !== undefined) return unconfirmed(call, this.#doubt);
    if (this.#options.file?.isThere === true) return haltedByFile(call);
    if (!this.#standing.has(call)) return undefined;
    const nowMs = this.#clock.now();
    const halt = this.#standing.halts.find((one) => isInScope(one.scope, call) && isInForce(one, nowMs));
    return halt && haltedBy(halt, call);
  }

  /** The halts in force. */
  get inForce(): readonly Halt[] {
    const nowMs = this.#clock.now();
    return this.#standing.halts.filter((halt) => isInForce(halt, nowMs));
  }

  /**
   * Orders a halt. Once it resolves, the halt is committed: no approved call in its scope is claimed from then on.
   *
   * @throws ConfigError for a scope or an order that cannot be one
   */
  async halt(given: HaltScope, order: HaltOrder): Promise<Halt> {
    const scope = checkedScope(given);
    const atMs = this.#clock.now();
    const { by, reason, pending = 'freeze', untilMs } = checkedOrder(order, atMs);
    const halt: Halt = { id: randomId('halt'), scope, pending, by, reason, atMs, ...(untilMs !== undefined && { untilMs }) };
    if (!(await this.#options.records.insert(recordOfHalt(halt, 1, false))))
      throw new StoreError('The halt was not recorded, because its id is taken. Order it again.');
    // from here on no call is let in, also where the halts cannot be read now
    this.#standing = new HaltIndex([...this.#standing.halts, Object.freeze(halt)]);
    this.#unread = [...this.#unread, halt];
    this.#tell([]);
    await this.refresh();
    await this.#close();
    return halt;
  }

  /**
   * Lifts a halt. Lifting one again changes nothing.
   *
   * @returns the halt as it is then
   * @throws ConfigError where there is no such halt, and for an order that cannot be one
   */
  async lift(id: string, order: LiftOrder): Promise<Halt> {
    const { by, reason } = checkedLift(order);
    for (;;) {
      const record = await this.#recordOf(id);
      const halt = record && haltOf(record);
      if (record === undefined || halt === undefined) throw noHalt();
      if (halt.lifted !== undefined) return halt;
      const lifted: Halt = { ...halt, lifted: { by, reason, atMs: this.#clock.now() } };
      if (!(await this.#options.records.replace(recordOfHalt(lifted, record.version + 1, true), record.version))) continue;
      await this.refresh();
      return Object.freeze(lifted);
    }
  }

  /** Every halt, oldest first; by default those in force. */
  async list({ all = false }: { readonly all?: boolean | undefined } = {}): Promise<readonly Halt[]> {
    const nowMs = this.#clock.now();
    const { halts, doubt } = await this.#read(all ? undefined : STANDING);
    if (doubt !== undefined) throw new StoreError(`The halts cannot be listed: ${doubt}. Check who can write the store.`);
    return all ? halts : halts.filter((halt) => isInForce(halt, nowMs));
  }

  async #recordOf(id: string): Promise<StoredRecord | undefined> {
    return typeof id === 'string' && id !== '' ? this.#options.records.get(HALT_KIND, id) : undefined;
  }

  /** One look at a time: each is sent later than what is confirmed. */
  #lookNow(all = false): Awaitable<void> {
    if (this.#looking !== undefined) return this.#looking;
    const sentMs = this.#clock.now();
    const sentWallMs = Date.now();
    const { file } = this.#options;
    const looked = attempt<void, void>(
      () =>
        chain(file?.look(), () => {
          this.#tellOfFile(file?.isThere === true);
          return this.#lookAtStore(all || ++this.#looks % READ_EVERY === 0);
        }),
      () => {
        this.#failure = undefined;
        if (this.#confirmedMs !== Infinity) {
          this.#confirmedMs = Math.max(this.#confirmedMs, sentMs);
          this.#confirmedWallMs = sentWallMs;
        }
        this.#tell([]);
      },
      (error) => {
        this.#failure = error;
        publishCallbackError('looking up halts', error);
      },
    );
    if (!isThenable(looked)) return undefined;
    this.#looking = Promise.resolve(looked).finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  #lookAtStore(all: boolean): Awaitable<void> {
    const { records } = this.#options;
    const ordered = this.#unread;
    return chain(records.haltChanges?.(), (changes) => {
      if (!all && changes !== undefined && changes === this.#changes) return;
      return chain(this.#read(STANDING), async ({ halts, doubt }) => {
        this.#doubt = doubt ?? (await this.#lost(changes, halts));
        // what was believed before goes on to hold where that is in doubt
        if (this.#doubt !== undefined) return;
        const lifted = await this.#liftedOf(this.#standing.halts.filter(({ id }) => halts.every((halt) => halt.id !== id)));
        this.#unread = this.#unread.filter((halt) => !ordered.includes(halt));
        this.#standing = new HaltIndex(halts.concat(this.#unread.filter(({ id }) => halts.every((halt) => halt.id !== id))));
        this.#changes = changes;
        this.#tell(lifted);
      });
    });
  }

  /** Halts are never deleted: where they were changed, there is one, and the count only grows. */
  async #lost(changes: number | undefined, standing: readonly Halt[]): Promise<string | undefined> {
    if (changes !== undefined && changes < (this.#changes ?? 0)) return LOST;
    if (changes === undefined || changes === 0 || standing.length > 0) return undefined;
    const { records } = await this.#options.records.list({ kind: HALT_KIND, limit: 1 });
    return records.length === 0 ? LOST : undefined;
  }

  async #read(index1: string | undefined): Promise<{ readonly halts: readonly Halt[]; readonly doubt: string | undefined }> {
    const halts: Halt[] = [];
    let cursor: string | undefined;
    do {
      const page: RecordPage = await this.#options.records.list({ kind: HALT_KIND, index1, cursor });
      const read = page.records.map(haltOf);
      if (page.tampered === true || read.includes(undefined)) return { halts, doubt: LOST };
      halts.push(...read.filter((halt) => halt !== undefined));
      cursor = page.cursor;
    } while (cursor !== undefined);
    return { halts, doubt: undefined };
  }

  /** Those whose time has been over for long are read no longer. */
  async #close(): Promise<void> {
    const nowMs = this.#clock.now();
    try {
      for (const halt of this.#standing.halts.filter((one) => !isInForce(one, nowMs - CLOSED_AFTER_MS))) {
        const record = await this.#recordOf(halt.id);
        if (record !== undefined) await this.#options.records.replace(recordOfHalt(halt, record.version + 1, true), record.version);
      }
    } catch (error) {
      publishCallbackError('closing halts that are over', error);
    }
  }

  async #liftedOf(gone: readonly Halt[]): Promise<readonly Halt[]> {
    const records = await Promise.all(gone.map(({ id }) => this.#recordOf(id)));
    return records.map((record) => record && haltOf(record)).filter((halt) => halt?.lifted !== undefined) as Halt[];
  }

  #tellOfFile(isThere: boolean): void {
    if (isThere === this.#fileTold) return;
    this.#fileTold = isThere;
    this.#options.onFile?.(isThere);
  }

  /** Tells what began and what ended since the last time, in the tick in which it takes effect. */
  #tell(lifted: readonly Halt[]): void {
    const now = this.inForce;
    const before = this.#told;
    const began = now.filter(({ id }) => before.every((halt) => halt.id !== id));
    const ended = before
      .filter(({ id }) => now.every((halt) => halt.id !== id))
      .map((halt) => lifted.find(({ id }) => id === halt.id) ?? halt);
    if (began.length === 0 && ended.length === 0) return;
    this.#told = now;
    const { journal, onChange } = this.#options;
    for (const halt of began) journal?.note(haltEvent('halted', halt));
    for (const halt of ended) journal?.note(haltEvent(halt.lifted === undefined ? 'over' : 'lifted', halt));
    onChange?.(began, ended);
  }
}

function haltEvent(how: HaltEvent['how'], { id, scope, pending, untilMs, by, reason, lifted }: Halt): HaltEvent {
  return { kind: 'halt', how, haltId: id, scope, pending, untilMs, by: lifted?.by ?? by, reason: lifted?.reason ?? reason };
}

const LOST = 'its halts cannot be read, or someone without the key has changed them';

function noHalt(): ConfigError {
  return new ConfigError([{ where: 'lift(): id', message: 'is not the id of a halt; list() names those in force.' }]);
}

function within(done: PromiseLike<unknown>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    const end = (): void => {
      clearTimeout(timer);
      resolve();
    };
    done.then(end, end);
  });
}
