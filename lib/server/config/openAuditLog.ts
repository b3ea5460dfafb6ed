import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { jsonlFolder } from '../../audit/sink/jsonl/jsonlFolder.js';
import { postgresSink } from '../../audit/sink/postgres/postgresSink.js';
import { findAuditKey, makeAuditKey } from '../../audit/tree/findAuditKey.js';
import { auditLog } from '../../audit/writer/AuditLog.js';
import type { AuditLog } from '../../audit/writer/AuditLog.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { AuditSetting, StoreSetting } from './ServerSettings.js';
import { ownKeyFile } from './stateKey.js';

/** The audit log of `aegis serve`, and where it and its key are. */
export interface OpenedAuditLog {
  readonly log: AuditLog;
  /** Absolute; `undefined`: in the database of the store. */
  readonly folder: string | undefined;
  /** The file of its key; `undefined`: the environment. */
  readonly keyFile: string | undefined;
  /** Whether other users of the machine may read that file. */
  readonly isExposed: boolean;
}

/** What {@link openAuditLog} needs. */
export interface AuditLogPlace {
  readonly setting: AuditSetting;
  readonly dataFolder: string;
  readonly store: StoreSetting;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Makes the audit log of a server: in the folder that is named, else in the Postgres of the store, beside the SQLite file, or in the data folder. Its key is made
 * where there is none, in the user's configuration folder, and the public one is written beside the log.
 *
 * @throws ConfigError where folder or key cannot be used
 */
export function openAuditLog({ setting, dataFolder, store, env }: AuditLogPlace): OpenedAuditLog {
  const inStore = setting.folder === undefined && store.kind === 'postgres' ? store.url : undefined;
  const folder = setting.folder ?? join(store.kind === 'sqlite' ? dirname(store.path) : dataFolder, 'audit');
  const own = ownKeyFile(env, folder, 'audit-keys');
  const { key, file, isExposed } = findAuditKey({ env, file: own }) ?? makeAuditKey(own);
  const { mode, origin } = setting;
  const sink = inStore === undefined ? jsonlFolder(folder) : postgresSink(inStore.reveal());
  const log = auditLog({ sink, origin, key, mode, source: 'server' });
  if (inStore !== undefined) return { log, folder: undefined, keyFile: file, isExposed };
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, 'key.pub'), `${key.publicKey.toString()}\n`);
  } catch (error) {
    const { code = 'unknown' } = error as { code?: string };
    throw new ConfigError([
      { where: folder, message: `The folder of the audit log cannot be written (${code}). Name another one with --audit.` },
    ]);
  }
  return { log, folder, keyFile: file, isExposed };
}
