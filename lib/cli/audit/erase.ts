import { auditLog } from '../../audit/writer/AuditLog.js';
import { selectedOpenings } from '../../audit/writer/eraseOpenings.js';
import type { Erasure } from '../../audit/writer/eraseOpenings.js';
import type { AuditSource } from '../../audit/sink/AuditSink.js';
import type { AuditKey } from '../../audit/tree/AuditKey.js';
import { readCheckpoint } from '../../audit/tree/checkpoint.js';
import { findAuditKey } from '../../audit/tree/findAuditKey.js';
import { isSignedBy, readNote } from '../../audit/tree/signedNote.js';
import { osUser } from '../../decision/terminal/osUser.js';
import { ownKeyFile } from '../../server/config/stateKey.js';
import { CliError, counted, EXIT, writeJson, writeLines } from '../CliIo.js';
import type { CliIo } from '../CliIo.js';
import { DEFAULT_LOG, isPostgres, sinkAt } from './sinkAt.js';

/** The options of `aegis audit erase`. */
export interface EraseFlags {
  readonly user?: string | undefined;
  readonly decision?: string | undefined;
  readonly before?: string | undefined;
  readonly by?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly dryRun?: boolean | undefined;
  readonly json?: boolean | undefined;
}

/** The record of an erasure goes into a log of its own: those of programs that run are theirs, and one that has ended is continued by its successor. */
const WRITER = 'erase';

/** Runs `aegis audit erase`, also while programs write the logs. */
export async function erase(where: string, flags: EraseFlags, io: CliIo, env: NodeJS.ProcessEnv = process.env): Promise<number> {
  const erasure = erasureOf(flags);
  const sink = await sinkAt(where);
  const { source } = sink;
  try {
    if (flags.dryRun === true) return shown(await countIn(source, erasure), 'would be erased', flags, io);
    const key = keyOf(where, flags, env);
    const log = auditLog({ sink, origin: await originOf(source, key, where), key, writer: WRITER });
    try {
      return shown(await log.erase(erasure), 'erased', flags, io);
    } finally {
      await log.close();
    }
  } finally {
    await sink.close();
  }
}

/** The key that is named, that of the environment, or the one that `aegis serve` made for this log. @throws CliError where there is none */
function keyOf(where: string, { keyFile }: EraseFlags, env: NodeJS.ProcessEnv): AuditKey {
  const own = ownKeyFile(env, isPostgres(where) ? DEFAULT_LOG : where, 'audit-keys');
  const found = findAuditKey(keyFile === undefined ? { env, file: own } : { env: {}, file: keyFile });
  if (found !== undefined) return found.key;
  if (keyFile !== undefined) throw new CliError(`${keyFile}: there is no such file; name the key that signs the log`);
  throw new CliError(
    'the key that signs the log is not known; name its file with --key-file, or set AEGIS_AUDIT_KEY or AEGIS_AUDIT_KEY_FILE',
  );
}

function erasureOf({ user, decision, before, by = osUser() }: EraseFlags): Erasure {
  const given = [user, decision, before].filter((flag) => flag !== undefined);
  if (given.length !== 1) throw new CliError('name exactly one of --user, --decision and --before');
  const time = before === undefined ? undefined : new Date(before);
  if (time !== undefined && !(Number.isFinite(time.getTime()) && /^\d{4}-\d\d-\d\d/.test(String(before))))
    throw new CliError('--before: is not a time; give a date or a time such as 2025-01-31 or 2025-01-31T12:00:00Z');
  return { user, decision, before: time, by };
}

async function countIn(source: AuditSource, erasure: Erasure): Promise<number> {
  const { which } = await selectedOpenings(source, erasure);
  let count = 0;
  for (const writer of await source.writers()) for await (const opening of source.openings(writer)) if (which(opening)) count += 1;
  return count;
}

/** The origin of the logs that this key signs. @throws CliError where it signs none of them */
async function originOf(source: AuditSource, key: AuditKey, where: string): Promise<string> {
  for (const writer of await source.writers()) {
    for await (const text of source.checkpoints(writer)) {
      const note = readNote(text);
      const origin = note && readCheckpoint(note.text)?.origin;
      if (note !== undefined && origin?.endsWith(`/${writer}`) === true && isSignedBy(note, origin, key.publicKey))
        return origin.slice(0, -writer.length - 1);
    }
  }
  throw new CliError(`${where}: the key signed no checkpoint of it; give the key of this log`);
}

function shown(erased: number, done: string, { dryRun, json }: EraseFlags, io: CliIo): number {
  if (json === true) writeJson(io, { erased, dryRun: dryRun === true });
  else writeLines(io.out, [`${counted(erased, 'opening')} ${done}`]);
  return EXIT.ok;
}
