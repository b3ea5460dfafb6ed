import type { DecisionStatus } from '../../model/Decision.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import type { ApprovalDesk } from '../desk/ApprovalDesk.js';

/**
 * The status that a caller sees of a record, with who decided it, and why, where the program itself gave the verdict. What a person wrote on a page or at the
 * command line of a host is for the record: they are told that the model does not see it.
 */
export function deskStatus(decisionId: string, record: ApprovalRecord | undefined): DecisionStatus {
  if (record === undefined) return { decisionId, state: 'invalid', reason: 'the approval desk does not know this approval' };
  const last = record.verdicts.at(-1);
  const reason = last?.assurance === undefined ? last?.reason : undefined;
  switch (record.status) {
    case 'pending':
      return { decisionId, state: 'pending' };
    case 'approved': {
      const { amendments, consumed, params, digest } = record;
      const status = { decisionId, state: 'approved', by: last?.by, reason } as const;
      // of one that was used, the params are no longer kept
      return amendments === undefined || consumed !== undefined ? status : { ...status, params, digest };
    }
    case 'denied':
      return { decisionId, state: 'denied', by: last?.by, reason };
    case 'expired':
      return { decisionId, state: 'expired' };
    case 'withdrawn':
      return { decisionId, state: 'denied', reason: 'the approval was withdrawn' };
  }
}

/**
 * Yields statuses as the desk settles approvals. Listens from the call on, not from the first read, so that none is missed. What was withdrawn is not
 * among them: who withdraws has ended the call, and one that does so again and again would fill the memory before anything is read.
 */
export function watchDesk(desk: ApprovalDesk, signal: AbortSignal): AsyncIterable<DecisionStatus> {
  let waiting: DecisionStatus[] = [];
  let wake: (() => void) | undefined;
  const notify = (): void => {
    wake?.();
    wake = undefined;
  };
  const onSettled = (record: ApprovalRecord): void => {
    if (record.status === 'withdrawn') return;
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
          // more may have arrived while these were read, or the signal was aborted
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
