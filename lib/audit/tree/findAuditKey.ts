import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { checkedOptions } from '../../model/checkedOptions.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import { AuditKey } from './AuditKey.js';

/** Where the key of an audit log is looked for. */
export interface AuditKeyPlace {
  /** The environment, such as `process.env`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Goes after the environment. */
  readonly file?: string | undefined;
}

/** The key of an audit log, and where it is from. */
export interface FoundAuditKey {
  /** The key. */
  readonly key: AuditKey;
  /** The file; `undefined`: the environment. */
  readonly file: string | undefined;
  /** Whether other users of the machine may read the file. */
  readonly isExposed: boolean;
}

/**
 * Finds the key that signs an audit log: AEGIS_AUDIT_KEY, else the file that AEGIS_AUDIT_KEY_FILE names, else the given one.
 *
 * @returns `undefined` where there is none
 * @throws ConfigError where both variables are set, or the key cannot be read
 */
export function findAuditKey(place: AuditKeyPlace): FoundAuditKey | undefined {
  const { env, file } = checkedOptions('findAuditKey()', place, { env: 'object!', file: 'string' });
  const text = env['AEGIS_AUDIT_KEY'] || undefined;
  const named = env['AEGIS_AUDIT_KEY_FILE'] || undefined;
  if (text !== undefined && named !== undefined) fail('AEGIS_AUDIT_KEY', 'and AEGIS_AUDIT_KEY_FILE are both set. Unset one of them.');
  if (text !== undefined) return { key: AuditKey.read(text, 'AEGIS_AUDIT_KEY'), file: undefined, isExposed: false };
  if (named !== undefined) return readKeyFile(named, 'AEGIS_AUDIT_KEY_FILE');
  return file !== undefined && existsSync(file) ? readKeyFile(file, file) : undefined;
}

/**
 * Makes a key in a file that only this user may read, and leaves one that is there.
 *
 * @throws ConfigError where the file cannot be written or read
 */
export function makeAuditKey(file: string): FoundAuditKey {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const whole = `${file}.${randomBytes(6).toString('hex')}`;
    writeFileSync(whole, AuditKey.generate().toPem(), { mode: 0o600, flag: 'wx' });
    try {
      // never over one that is there, and never half of one: two processes may start at a time
      linkSync(whole, file);
    } finally {
      unlinkSync(whole);
    }
  } catch (error) {
    const code = codeOf(error);
    if (!existsSync(file)) fail(file, `The key of the audit log cannot be written (${code}). Set AEGIS_AUDIT_KEY or AEGIS_AUDIT_KEY_FILE.`);
  }
  return readKeyFile(file, file);
}

function readKeyFile(file: string, where: string): FoundAuditKey {
  let text: string;
  let mode: number;
  try {
    text = readFileSync(file, 'utf8');
    ({ mode } = statSync(file));
  } catch (error) {
    fail(where, `The file of the audit log's key cannot be read (${codeOf(error)}).`);
  }
  return { key: AuditKey.read(text, where), file, isExposed: process.platform !== 'win32' && (mode & 0o077) !== 0 };
}

function codeOf(error: unknown): string {
  return String((error as { readonly code?: unknown }).code);
}

function fail(where: string, message: string): never {
  throw new ConfigError([{ where, message }]);
}
