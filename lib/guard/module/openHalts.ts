import { callSafely } from '../../common/awaitable.js';
import type { SecretString } from '../../common/SecretString.js';
import type { SteadyClock } from '../../common/time/SteadyClock.js';
import { haltableCall } from '../../approval/execution/Claim.js';
import { HaltBook } from '../../decision/halt/HaltBook.js';
import { abortedBy, haltedBy } from '../../decision/halt/haltedBy.js';
import { HaltFile } from '../../decision/halt/HaltFile.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import { isInScope } from '../../model/halt/Halt.js';
import type { Halt } from '../../model/halt/Halt.js';
import { MemoryRecordStore } from '../../store/memory/MemoryRecordStore.js';
import type { RecordStore, SignableRecordStore } from '../../store/RecordStore.js';
import { SignedRecordStore } from '../../store/signing/SignedRecordStore.js';
import { DEFAULT_TENANT } from '../../store/tenant/tenantScope.js';
import type { GuardRuntime } from '../call/GuardRuntime.js';
import type { Halts } from '../halt/Halts.js';
import { secretOf } from './stores.js';
import type { AegisOptions } from './AegisOptions.js';

/** What halts of a module are made of. */
export interface HaltParts {
  readonly options: Pick<AegisOptions, 'stateKey' | 'haltFile' | 'haltMaxStaleMs'>;
  /** The records that are kept with the tasks, where the store has them. */
  readonly records: SignableRecordStore | undefined;
  readonly runtime: GuardRuntime;
  readonly clock: SteadyClock;
}

/** Reads what is halted, makes every call of the module ask, and goes on looking. */
export async function openHalts(halts: Halts, { options, records, runtime, clock }: HaltParts): Promise<HaltBook> {
  const { stateKey, haltFile, haltMaxStaleMs = 5_000 } = options;
  const book: HaltBook = new HaltBook({
    records: runtime.durable && records === undefined ? new NoRecords() : signed(records ?? new MemoryRecordStore(), stateKey),
    // what is in memory can always be read
    isShared: records !== undefined && runtime.durable,
    maxStaleMs: haltMaxStaleMs,
    file: haltFile === undefined ? undefined : new HaltFile(haltFile),
    clock,
    journal: runtime.journal,
    onChange: (began, ended) => {
      for (const halt of began) onHalted(halt, runtime);
      for (const halt of began) halts.emit('halted', halt);
      for (const halt of ended) halts.emit('lifted', halt);
      if (ended.length > 0) runtime.scheduler.resume();
    },
    onFile: (isThere) => (isThere ? runtime.halts.abort({ scope: { all: true } }, abortedBy) : runtime.scheduler.resume()),
  });
  runtime.halts.haltedNow = (call) => (book.stop(call)?.code === 'halted' ? abortedBy(call) : undefined);
  await book.start();
  // no call is let in before, but where there was no halt
  runtime.halts.gate = book;
  return book;
}

/** What runs in its scope is told; what waits ends, where the halt says so. */
function onHalted(halt: Halt, { halts, scheduler }: GuardRuntime): void {
  halts.abort(halt, abortedBy);
  if (halt.pending !== 'cancel') return;
  for (const entry of scheduler.openCalls) {
    const call = haltableCall(entry);
    if (!isInScope(halt.scope, call) || entry.phase !== 'waiting') continue;
    callSafely(
      () => scheduler.cancel(entry, haltedBy(halt, call)),
      [],
      (error) => publishCallbackError('ending a call that is halted', error),
    );
  }
}

function signed(records: SignableRecordStore, stateKey: string | SecretString | undefined): RecordStore {
  return stateKey === undefined ? records : new SignedRecordStore(records, { stateKey: secretOf(stateKey), tenantId: DEFAULT_TENANT });
}

/** In place of records that a durable store of one's own does not have: a halt that ends with its process would let other processes run what is halted. */
class NoRecords extends MemoryRecordStore {
  override insert(): boolean {
    throw new ConfigError([
      {
        where: 'halt()',
        message:
          'needs a place that all processes share, and the `store` keeps tasks but no records; use a store with `forTenant`, such as sqliteStore() or postgresStore(), or a `haltFile`.',
      },
    ]);
  }
}
