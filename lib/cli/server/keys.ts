import { isRecord } from '../../common/data/plainObject.js';
import { DAY_MS } from '../../common/time/SteadyClock.js';
import type { Scope } from '../../server/access/Caller.js';
import { hostCaller } from '../../server/access/HostSignature.js';
import { keyRingOf } from '../../server/access/serverAccess.js';
import { writeIssuedKey, writeKeyInfo } from '../../server/route/keys.js';
import type { WireKeyInfo } from '../../server/route/keys.js';
import { CliError, type CliIo, EXIT, writeJson, writeLines } from '../CliIo.js';
import { openHost } from './openHost.js';
import type { Host, HostFlags } from './openHost.js';

/** The options of `aegis keys create`. */
export interface CreateKeyFlags extends HostFlags {
  readonly name: string;
  readonly scope?: readonly string[] | undefined;
  readonly agent?: readonly string[] | undefined;
  readonly allAgents?: boolean | undefined;
  readonly trustedSession?: boolean | undefined;
  readonly expiresInDays?: string | undefined;
}

/** The options of `aegis keys rotate`. */
export interface RotateKeyFlags extends HostFlags {
  readonly overlapHours?: string | undefined;
}

type Issued = WireKeyInfo & { readonly key: string };

/** The keys of a tenant, over its store or its server. */
interface Keys {
  create(request: NewKey): Promise<Issued>;
  list(): Promise<readonly WireKeyInfo[]>;
  rotate(id: string, overlapS: number | undefined): Promise<Issued>;
  revoke(id: string): Promise<WireKeyInfo>;
}

interface NewKey {
  readonly name: string;
  readonly scopes: readonly string[];
  readonly agents: readonly string[] | undefined;
  readonly sessionTrusted: boolean;
  readonly expiresAtMs: number | undefined;
}

const MAX_KEYS = 10_000;

/** Runs `aegis keys create`: prints the key, which is shown this once. */
export async function createKey(flags: CreateKeyFlags, io: CliIo): Promise<number> {
  const { name, scope = ['decide'], agent, allAgents = false, trustedSession = false, json } = flags;
  if ((agent === undefined) !== allAgents)
    throw new CliError('say whom the key may speak for: --agent <id>, which may be repeated, or --all-agents');
  const days = expiryOf(flags.expiresInDays);
  const request = {
    name,
    scopes: scope,
    agents: agent,
    sessionTrusted: trustedSession,
    expiresAtMs: days === undefined ? undefined : Date.now() + days * DAY_MS,
  };
  const issued = await withKeys(flags, (keys) => keys.create(request));
  return show(issued, json, io);
}

/** Runs `aegis keys list`. */
export async function listKeys(flags: HostFlags, io: CliIo): Promise<number> {
  const keys = await withKeys(flags, (all) => all.list());
  if (flags.json === true) writeJson(io, { keys });
  else if (keys.length === 0) writeLines(io.out, ['no keys; make one with npx aegis keys create']);
  else writeLines(io.out, keys.map(line));
  return EXIT.ok;
}

/** Runs `aegis keys rotate`: prints the new key, which is shown this once. */
export async function rotateKey(id: string, flags: RotateKeyFlags, io: CliIo): Promise<number> {
  const hours = flags.overlapHours === undefined ? undefined : numberOf('--overlap-hours', flags.overlapHours, 720);
  const issued = await withKeys(flags, (keys) => keys.rotate(id, hours === undefined ? undefined : Math.round(hours * 3_600)));
  return show(issued, flags.json, io);
}

/** Runs `aegis keys revoke`. */
export async function revokeKey(id: string, flags: HostFlags, io: CliIo): Promise<number> {
  const key = await withKeys(flags, (keys) => keys.revoke(id));
  if (flags.json === true) writeJson(io, key);
  else writeLines(io.out, [`${key.id} is revoked; every server refuses it within 30 seconds`]);
  return EXIT.ok;
}

async function withKeys<T>(flags: HostFlags, use: (keys: Keys) => Promise<T>): Promise<T> {
  const host = await openHost(flags);
  try {
    return await use(keysOf(host));
  } finally {
    await host.close();
  }
}

function keysOf(host: Host): Keys {
  if (host.kind === 'server') return servedKeys(host);
  const ring = keyRingOf(host.stateKey, host.operator.tenantId, host.rows.records);
  const maker = hostCaller(host.operator);
  return {
    create: async (request) => writeIssuedKey(await ring.create({ ...request, scopes: request.scopes as Scope[] }, maker)),
    async list() {
      const keys: WireKeyInfo[] = [];
      for (let cursor: string | undefined; ;) {
        const page = await ring.list(maker, { cursor });
        keys.push(...page.keys.map(writeKeyInfo));
        cursor = page.cursor;
        if (cursor === undefined || keys.length >= MAX_KEYS) return keys;
      }
    },
    rotate: async (id, overlapS) => writeIssuedKey(await ring.rotate(id, maker, overlapS === undefined ? undefined : overlapS * 1_000)),
    revoke: async (id) => writeKeyInfo(await ring.revoke(id, maker)),
  };
}

/** What a server of this package answers is of the shape that its routes say. */
function servedKeys({ client }: Extract<Host, { kind: 'server' }>): Keys {
  return {
    create: async ({ name, scopes, agents, sessionTrusted, expiresAtMs }) => {
      const expires = expiresAtMs === undefined ? {} : { expires_at: new Date(expiresAtMs).toISOString() };
      const body = { name, scopes, ...(agents !== undefined && { agents }), session_trusted: sessionTrusted, ...expires };
      return (await client.ask('POST', '/v1/keys', body)) as Issued;
    },
    async list() {
      const keys: WireKeyInfo[] = [];
      for (let cursor: unknown = null; ;) {
        const page = await client.ask('GET', `/v1/keys${typeof cursor === 'string' ? `?cursor=${encodeURIComponent(cursor)}` : ''}`);
        if (!isRecord(page)) throw new CliError('the server answered no list of keys');
        keys.push(...(page['keys'] as readonly WireKeyInfo[]));
        cursor = page['cursor'];
        if (typeof cursor !== 'string' || keys.length >= MAX_KEYS) return keys;
      }
    },
    rotate: async (id, overlapS) =>
      (await client.ask(
        'POST',
        `/v1/keys/${encodeURIComponent(id)}/rotate`,
        overlapS === undefined ? {} : { overlap_s: overlapS },
      )) as Issued,
    revoke: async (id) => (await client.ask('DELETE', `/v1/keys/${encodeURIComponent(id)}`)) as WireKeyInfo,
  };
}

function show(issued: Issued, json: boolean | undefined, io: CliIo): number {
  if (json === true) writeJson(io, issued);
  else {
    writeLines(io.out, [issued.key]);
    writeLines(io.err, [`${line(issued)}`, 'this is the only time that the key is shown; the server keeps a hash of it']);
  }
  return EXIT.ok;
}

function line({ id, name, status, scopes, agents, expires_at: expiresAt }: WireKeyInfo): string {
  const end = expiresAt === null ? '' : `, until ${expiresAt}`;
  return `${id}  ${status.padEnd(7)}  ${scopes.join(',')}  ${agents === null ? 'all agents' : agents.join(',')}  ${name}${end}`;
}

function expiryOf(given: string | undefined): number | undefined {
  return given === undefined ? undefined : numberOf('--expires-in-days', given, 3_650);
}

function numberOf(option: string, given: string, most: number): number {
  const value = /^\d+(?:\.\d+)?$/.test(given) ? Number(given) : NaN;
  if (!(value <= most)) throw new CliError(`${option} must be a number from 0 to ${most}`);
  return value;
}
