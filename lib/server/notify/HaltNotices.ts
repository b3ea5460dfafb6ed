import { DAY_MS } from '../../common/time/SteadyClock.js';
import type { HaltEvents } from '../../guard/halt/Halts.js';
import type { Halt } from '../../model/halt/Halt.js';
import type { SafeEmitter } from '../../model/SafeEmitter.js';
import type { RecordStore } from '../../store/RecordStore.js';
import { plainLine } from '../front/plainLine.js';

/** What the admins are told of a halt. Nothing of any call is in it. */
export interface HaltNotice {
  /** The same for every attempt to deliver it. */
  readonly id: string;
  readonly tenantId: string;
  /** `over`: its time has passed. */
  readonly about: 'halted' | 'lifted' | 'over';
  readonly halt: Halt;
  /** The page of halts. */
  readonly link: string;
}

/** The halts of a tenant, as far as they are told. */
export interface ToldHalts {
  readonly news: SafeEmitter<HaltEvents>;
  inForce(): readonly Halt[];
}

/** The kind of the records of what was told of halts: of several servers that notice it, one tells it. */
const TOLD_KIND = 'notice-halt';
const KEEP_MS = 30 * DAY_MS;

/** Notices which halts begin and end, no matter where they were ordered, and hands out each once. */
export class HaltNotices {
  readonly #records: RecordStore;
  readonly #halts: ToldHalts;
  readonly #wake: () => void;
  #incoming: Omit<HaltNotice, 'tenantId' | 'link'>[] = [];

  constructor(records: RecordStore, halts: ToldHalts, wake: () => void) {
    this.#records = records;
    this.#halts = halts;
    this.#wake = wake;
  }

  start(): void {
    this.#halts.news.on('halted', this.#onHalted).on('lifted', this.#onLifted);
    for (const halt of this.#halts.inForce()) this.#onHalted(halt);
  }

  close(): void {
    this.#halts.news.off('halted', this.#onHalted).off('lifted', this.#onLifted);
  }

  /** Hands out what no server has told. */
  async takeDue(nowMs: number, handOut: (notice: Omit<HaltNotice, 'tenantId' | 'link'>) => Promise<void>): Promise<void> {
    for (let notice = this.#incoming[0]; notice !== undefined; notice = this.#incoming[0]) {
      const { id } = notice;
      const row = { kind: TOLD_KIND, id, version: 1, createdAtMs: nowMs, deleteAfterMs: nowMs + KEEP_MS, body: '{}' };
      if (await this.#records.insert(row)) await handOut(notice);
      this.#incoming.shift();
      await this.#records.prune(TOLD_KIND, nowMs);
    }
  }

  readonly #onHalted = (halt: Halt): void => this.#note('halted', halt);
  readonly #onLifted = (halt: Halt): void => this.#note(halt.lifted === undefined ? 'over' : 'lifted', halt);

  #note(about: HaltNotice['about'], halt: Halt): void {
    this.#incoming.push({ id: `${halt.id}-${about === 'halted' ? 'halted' : 'ended'}`, about, halt });
    this.#wake();
  }
}

const TITLES: Readonly<Record<HaltNotice['about'], string>> = { halted: 'Halted', lifted: 'Lifted', over: 'A halt is over' };

/** What a notice says, for people: nothing that anyone typed is hidden in it, or becomes a link. */
export function haltLines({ about, halt }: HaltNotice): readonly [title: string, ...lines: string[]] {
  const { scope, by, reason, untilMs, lifted, pending } = halt;
  const parts = Object.entries({ agent: scope.agentId, tool: scope.toolName, group: scope.group }).flatMap(([what, name]) =>
    name === undefined ? [] : [`${what} ${plainLine(name, 64)}`],
  );
  const title = `${TITLES[about]}: ${scope.all === true ? 'everything' : parts.join(', ')}`;
  if (about !== 'halted')
    return lifted === undefined ? [title] : [title, `By: ${plainLine(lifted.by, 128)}`, `Why: ${plainLine(lifted.reason, 500)}`];
  const until = untilMs === undefined ? 'it is lifted' : new Date(untilMs).toISOString();
  const waits = pending === 'cancel' ? ['What waits for a person ends.'] : [];
  return [title, `By: ${plainLine(by, 128)}`, `Why: ${plainLine(reason, 500)}`, `Until: ${until}`, ...waits];
}
