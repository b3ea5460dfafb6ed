import type { DecisionStatus } from '../../model/Decision.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import type { ApprovalDesk } from './ApprovalDesk.js';

/** The caller's view of a record: where it stands, who said so and why. */
export function deskStatus(decisionId: string, record: ApprovalRecord | undefined): DecisionStatus {
  if (record === undefined) return { decisionId, state: 'invalid', reason: 'the approval desk does not know this approval' };
  const last = record.verdicts.at(-1);
  switch (record.status) {
    case 'pending':
      return { decisionId, state: 'pending' };
    case 'approved':
      return { decisionId, state: 'approved', by: last?.by, reason: last?.reason };
    case 'denied':
      return { decisionId, state: 'denied', by: last?.by, reason: last?.reason };
    case 'expired':
      return { decisionId, state: 'expired' };
    case 'withdrawn':
      return { decisionId, state: 'denied', reason: 'the approval was withdrawn' };
  }
}

/** Statuses as the desk settles them. Listens from the call on, not from the first read, so that nothing falls between. */
export function watchDesk(desk: ApprovalDesk, signal: AbortSignal): AsyncIterable<DecisionStatus> {
  let waiting: DecisionStatus[] = [];
  let wake: (() => void) | undefined;
  const notify = (): void => {
    wake?.();
    wake = undefined;
  };
  const onSettled = (record: ApprovalRecord): void => {
    waiting.push(deskStatus(record.decisionId, record));
    notify();
  };
  const stop = (): void => {
    desk.off('settled', onSettled);
    notify();
  };
  if (!signal.aborted) {
    desk.on('settled', onSettled);
    signal.addEventListener('abort', stop, { once: true });
  }
  return {
    async *[Symbol.asyncIterator]() {
      try {
        while (!signal.aborted) {
          const batch = waiting;
          waiting = [];
          yield* batch;
          // while they were read, more may have come, or the end
          if (waiting.length > 0 || signal.aborted) continue;
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      } finally {
        signal.removeEventListener('abort', stop);
        stop();
      }
    },
  };
}
