import { didYouMean } from '../../common/didYouMean.js';
import { escapeText } from '../../common/data/escapeText.js';
import { BadRequestError } from '../../model/errors/ServiceErrors.js';
import { RequestError } from '../front/RequestError.js';
import type { Caller, Scope } from './Caller.js';
import { SCOPES } from './KeyBody.js';

/** What a new key shall be. */
export interface KeyRequest {
  /** For people: 1 to 128 characters. */
  readonly name: string;
  /** What it may do. A key that decides administers nothing: the judge stays out of the agent's reach. */
  readonly scopes: readonly Scope[];
  /** The agents that it speaks for; `undefined`: all of the tenant. */
  readonly agents?: readonly string[] | undefined;
  /**
   * Whether the session that it sends is believed. Only for a host that authenticates its users.
   *
   * @defaultValue false
   */
  readonly sessionTrusted?: boolean | undefined;
  /** When it ends, in epoch milliseconds; never, where it is absent. */
  readonly expiresAtMs?: number | undefined;
}

/** The scopes that no key has beside `decide`. */
const ADMIN: ReadonlySet<Scope> = new Set<Scope>(['keys:admin']);
const MAX_AGENTS = 1_000;

/**
 * Checks what a new key shall be, and whether its maker may make it.
 *
 * @throws BadRequestError where it cannot be, naming the field
 * @throws RequestError 403 `scope_missing` where its maker lacks a scope or an agent that the key would have
 */
export function checkKeyRequest(request: KeyRequest, maker: Caller, nowMs: number): void {
  const { name, scopes, agents, expiresAtMs } = request;
  if (name.trim() === '' || name.length > 128 || escapeText(name) !== name)
    fail('`name` must have 1 to 128 characters, and none that a terminal does not show. Say what the key is for.');
  const [unknown] = scopes.filter((scope) => !SCOPES.includes(scope));
  if (unknown !== undefined)
    fail(`\`scopes\` has a scope that does not exist${didYouMean(unknown, SCOPES)} The scopes are ${SCOPES.join(', ')}.`);
  if (scopes.length === 0 || new Set(scopes).size < scopes.length)
    fail(`\`scopes\` must name at least one of ${SCOPES.join(', ')}, each once.`);
  const admin = scopes.find((scope) => ADMIN.has(scope));
  if (admin !== undefined && scopes.includes('decide'))
    fail(`\`scopes\` must not have decide beside ${admin}: an agent's key must not reach the keys. Make two keys.`);
  if (
    agents !== undefined &&
    (agents.length === 0 || agents.length > MAX_AGENTS || !agents.every(isAgentId) || new Set(agents).size < agents.length)
  )
    fail(
      `\`agents\` must list 1 to ${MAX_AGENTS} agents, each once and with 1 to 256 characters. Leave it out for all agents of the tenant.`,
    );
  if (expiresAtMs !== undefined && !(Number.isSafeInteger(expiresAtMs) && expiresAtMs > nowMs))
    fail('`expires_at` must be a time in the future, such as 2027-01-31T12:00:00Z.');
  checkMaker(maker, request);
}

/** @throws RequestError 403 `scope_missing` where the maker lacks what the key has: it could do with the key what it must not do itself */
export function checkMaker(
  maker: Caller,
  { scopes, agents, sessionTrusted, expiresAtMs = Infinity }: Pick<KeyRequest, 'scopes' | 'agents' | 'sessionTrusted' | 'expiresAtMs'>,
): void {
  if (maker.kind === 'host') return;
  const lacks = scopes.find((scope) => !maker.scopes.has(scope));
  if (lacks !== undefined) refuse(`the scope ${lacks}`);
  if (!coversAgents(maker, agents)) refuse('one of these agents');
  if (sessionTrusted === true && !maker.sessionTrusted) refuse('a trusted session');
  // also of a secret that was rotated out, which works for a while: who stole it must not come by one that stays
  if (expiresAtMs > (maker.endsAtMs ?? Infinity)) refuse('a later end, or with none');
}

/** Whether a caller speaks for all of these agents; `undefined`: all of its tenant. */
export function coversAgents({ agents: own }: Caller, agents: readonly string[] | undefined): boolean {
  return own === undefined || (agents !== undefined && agents.every((agent) => own.includes(agent)));
}

function isAgentId(agent: string): boolean {
  return agent !== '' && agent.length <= 256;
}

function fail(message: string): never {
  throw new BadRequestError(message);
}

function refuse(what: string): never {
  const message = `This key cannot make or change a key with ${what}, because it lacks that itself. Use the command line on the server: npx aegis keys.`;
  throw new RequestError(403, 'scope_missing', message);
}
