import type { DecidedRecord, RecordedLimit } from '../../record/AuditRecord.js';

/** A counter of a limit, as one log shows it. */
interface Counter {
  /** The most that its limit was in this window: it may have been changed meanwhile. */
  calls: number;
  /** When its calls were decided, in order. */
  readonly times: number[];
  /** The first of them that is in the window. */
  first: number;
}

const NONE: Counter = { calls: 0, times: [], first: 0 };
const MIN_DROPPED = 1_024;

/**
 * Counts what one log shows of each limit that counts calls by tenant, agent and tool. It finds less than there was: what other writers have run is in their
 * logs, and near the ends of windows the clock of the log may differ from that of the store.
 */
export class LimitRuns {
  readonly #slackMs: number;
  readonly #counters = new Map<string, Counter>();

  /** @param slackMs how far the clocks of a log and of a store may be apart, in milliseconds */
  constructor(slackMs: number) {
    this.#slackMs = slackMs;
  }

  /** Counts a call that ran. @returns the limit that let too many run, if there is one */
  add(record: DecidedRecord): RecordedLimit | undefined {
    return record.limits?.filter((limit) => this.#isExceeded(limit, record))[0];
  }

  /** Takes a call back that was stopped before its method: it was given back, too. */
  remove(record: DecidedRecord): void {
    for (const limit of record.limits ?? []) {
      const { times, first } = this.#counters.get(keyOf(limit, record)) ?? NONE;
      const found = times.lastIndexOf(record.at);
      // what is out of its window counts no more
      if (found >= first) times.splice(found, 1);
    }
  }

  #isExceeded(limit: RecordedLimit, record: DecidedRecord): boolean {
    const { calls, windowMs = 0, isSliding = false } = limit;
    const { at } = record;
    if (calls === undefined || windowMs <= 2 * this.#slackMs) return false;
    // near the end of a fixed window it may have been counted in the one beside
    const placeMs = at % windowMs;
    if (!isSliding && (placeMs < this.#slackMs || placeMs > windowMs - this.#slackMs)) return false;
    const key = keyOf(limit, record);
    const counter = this.#counters.get(key) ?? { calls, times: [], first: 0 };
    this.#counters.set(key, counter);
    const { times } = counter;
    let place = times.length;
    // calls are entered nearly in the order of their decisions
    while (place > 0 && (times[place - 1] as number) > at) place -= 1;
    times.splice(place, 0, at);
    counter.calls = Math.max(counter.calls, calls);
    // also of the windows that end with calls which were decided later
    let isOver = false;
    for (let last = place; last < times.length; last++) {
      const endMs = times[last] as number;
      const sinceMs = isSliding ? endMs - windowMs + 2 * this.#slackMs : endMs - (endMs % windowMs);
      while ((times[counter.first] as number) < sinceMs) counter.first += 1;
      if (counter.first === place) counter.calls = calls;
      isOver ||= last - counter.first >= counter.calls;
    }
    if (counter.first > MIN_DROPPED) {
      times.splice(0, counter.first);
      counter.first = 0;
    }
    return isOver;
  }
}

function keyOf({ id, windowMs, isSliding, by = [] }: RecordedLimit, { tenantId, agentId, toolName }: DecidedRecord): string {
  const values: Readonly<Record<string, string | undefined>> = { tenant: tenantId, agent: agentId, tool: toolName };
  return JSON.stringify([id, windowMs, isSliding, by.map((dimension) => [dimension, values[dimension]])]);
}
