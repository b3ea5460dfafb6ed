import { StoreError } from '../../model/errors/ServiceErrors.js';

/** Why a log cannot be opened or written, the same for every sink. */
export const logError = {
  /** Something else than its writer has changed it. */
  damaged: (writer: string, what: string): StoreError =>
    new StoreError(
      `The audit log "${writer}" cannot be continued: ${what}. Nothing may change a log but its writer. Keep it as it is, as evidence, look at it with \`aegis audit verify\`, and name another writer.`,
    ),
  held: (writer: string): StoreError =>
    new StoreError(
      `Another process writes the log "${writer}". End that process, or name another writer; without a name, the first free one is taken.`,
    ),
  takenOver: (writer: string): StoreError =>
    new StoreError(
      `Another process has taken over the log "${writer}", because this one did not renew its lock in time. Close it and open another one.`,
    ),
  alreadyOpen: (writer: string): StoreError =>
    new StoreError(`This sink has the log "${writer}" open. Close it first, or make another sink.`),
  notOpen: (): StoreError => new StoreError('The audit log is not open. Open it first, and do not write to it after it was closed.'),
  failed: (): StoreError =>
    new StoreError('An earlier write of the audit log failed, so it is not known what is on the disk. Close it and open it again.'),
} as const;
