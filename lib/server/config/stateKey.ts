import { createHash, randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, realpathSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join, resolve, sep } from 'node:path';
import { SecretString } from '../../common/SecretString.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where a state key is looked for. */
export interface StateKeyPlace {
  readonly env: Environment;
  /** From the configuration; goes after the environment. */
  readonly file: string | undefined;
  /** What the server keeps is here. The key never is. */
  readonly dataFolder: string;
}

/** A state key and where it is from. */
export interface StateKey {
  readonly key: SecretString;
  /** The file; `undefined`: the environment. */
  readonly file: string | undefined;
  /** Whether other users of the machine may read the file. */
  readonly isExposed: boolean;
}

const MIN_LENGTH = 32;

/**
 * Finds the state key: AEGIS_STATE_KEY, the file that AEGIS_STATE_KEY_FILE names, the file of the configuration, or the file for this data folder in the user's
 * configuration folder.
 *
 * @returns `undefined` where there is none
 * @throws ConfigError where two name one, where it cannot be read or is too short, and where it is in the data folder
 */
export function findStateKey({ env, file, dataFolder }: StateKeyPlace): StateKey | undefined {
  const text = setting(env, 'AEGIS_STATE_KEY');
  const named = setting(env, 'AEGIS_STATE_KEY_FILE');
  if (text !== undefined && named !== undefined) fail('AEGIS_STATE_KEY', 'and AEGIS_STATE_KEY_FILE are both set. Unset one of them.');
  if (text !== undefined) return { key: checked('AEGIS_STATE_KEY', text), file: undefined, isExposed: false };
  const path = named ?? file;
  if (path !== undefined) return readKeyFile(path, named === undefined ? 'stateKeyFile' : 'AEGIS_STATE_KEY_FILE', dataFolder);
  const own = ownKeyFile(env, dataFolder);
  return existsSync(own) ? readKeyFile(own, own, dataFolder) : undefined;
}

/**
 * Makes a state key for a data folder, in the user's configuration folder: with mode 0600, and never in the data folder, so that no copy or backup of the data
 * has what signs it.
 *
 * @throws ConfigError where it cannot be written
 */
export function makeStateKey(env: Environment, dataFolder: string): StateKey {
  const file = ownKeyFile(env, dataFolder);
  try {
    mkdirSync(resolve(file, '..'), { recursive: true, mode: 0o700 });
    const whole = `${file}.${randomBytes(6).toString('hex')}`;
    writeFileSync(whole, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
    try {
      // never over one that is there, and never half of one: two servers may start at a time
      linkSync(whole, file);
    } finally {
      unlinkSync(whole);
    }
  } catch (error) {
    const { code = 'unknown' } = error as { code?: string };
    if (code !== 'EEXIST') fail(file, `The state key cannot be written (${code}). Set AEGIS_STATE_KEY or AEGIS_STATE_KEY_FILE.`);
  }
  return readKeyFile(file, file, dataFolder);
}

/** The file for a key of a data folder. Its name follows the place of the folder: rows that are copied from another project are not signed with it. */
export function ownKeyFile(env: Environment, dataFolder: string, keys: 'state-keys' | 'audit-keys' = 'state-keys'): string {
  const place = realPath(dataFolder);
  const digest = createHash('sha256').update(place).digest('hex').slice(0, 16);
  const project = basename(resolve(place, '..'))
    .replace(/[^\w.-]/g, '_')
    .slice(0, 40);
  return join(configFolder(env), 'aegis', keys, `${project}-${digest}.key`);
}

function configFolder(env: Environment): string {
  return (
    setting(env, 'XDG_CONFIG_HOME') ?? (process.platform === 'win32' ? setting(env, 'APPDATA') : undefined) ?? join(homedir(), '.config')
  );
}

function readKeyFile(path: string, where: string, dataFolder: string): StateKey {
  const file = resolve(path);
  if (`${realPath(file)}${sep}`.startsWith(`${realPath(dataFolder)}${sep}`))
    fail(where, 'The state key must not be in the data folder, because copies of the data would have what signs it. Move the file.');
  try {
    const isExposed = process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0;
    return { key: checked(where, readFileSync(file, 'utf8')), file, isExposed };
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    fail(where, `The file of the state key cannot be read (${(error as { code?: string }).code ?? 'unknown'}).`);
  }
}

function checked(where: string, text: string): SecretString {
  const key = text.trim();
  if (key.length < MIN_LENGTH)
    fail(where, `The state key must have at least ${MIN_LENGTH} characters. Make one with: openssl rand -base64 32`);
  return new SecretString(key);
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}

function setting(env: Environment, name: string): string | undefined {
  return env[name] === '' ? undefined : env[name];
}

function fail(where: string, message: string): never {
  throw new ConfigError([{ where, message }]);
}
