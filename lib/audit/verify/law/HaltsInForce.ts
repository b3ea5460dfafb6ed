import type { DecidedRecord, EnteringRecord } from '../../record/AuditRecord.js';
import type { HaltRecord } from '../../record/HaltRecord.js';
import { isInScope } from '../../../model/halt/Halt.js';

/** The halts that the writer of a library's log knows of, at each of its records. */
export class HaltsInForce {
  readonly #halts = new Map<string, HaltRecord>();

  /** Takes what becomes of a halt. */
  record(halt: HaltRecord): void {
    if (halt.how === 'halted') this.#halts.set(halt.halt, halt);
    else this.#halts.delete(halt.halt);
  }

  /** The halt that an entry is in. One whose time is over may not have been noticed, so it does not count. */
  over({ agentId, toolName, at }: EnteringRecord, allowed: Pick<DecidedRecord, 'groups'> | undefined): HaltRecord | undefined {
    for (const halt of this.#halts.values())
      if (at < (halt.until ?? Infinity) && isInScope(halt, { agentId, toolName, groups: allowed?.groups })) return halt;
    return undefined;
  }
}
