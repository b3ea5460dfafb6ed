import type { Awaitable } from '../../common/awaitable.js';
import type { AutoHalt, AutoHaltOptions } from '../../decision/halt/AutoHalt.js';
import type { HaltBook } from '../../decision/halt/HaltBook.js';
import type { Journal } from '../../model/Journal.js';
import { LazyPart } from '../../model/LazyPart.js';
import { currentCall } from '../call/callContext.js';

/** Counts what the agents of a module are refused, and halts those that are refused too often. */
export function autoHaltJournal(options: AutoHaltOptions, halts: () => Awaitable<HaltBook>, now: () => number): Journal {
  const part = new LazyPart(async () => new (await import('../../decision/halt/AutoHalt.js')).AutoHalt(options, halts, now));
  part.prepare();
  return {
    note(event) {
      if (event.kind !== 'security' && event.kind !== 'decided') return;
      // of a call that another tool makes it is not known which agent caused it: the one around it, or one before that
      if (event.kind === 'decided' && (event.dryRun === true || event.approvalId !== undefined || currentCall() !== undefined)) return;
      part.use((autoHalt: AutoHalt) =>
        event.kind === 'decided' ? autoHalt.decided(event.request.agentId, event.decision) : autoHalt.noted(event),
      );
    },
  };
}
