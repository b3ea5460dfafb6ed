import * as v from 'valibot';
import { readWire } from '../../decision/wire/readWire.js';
import { BadRequestError } from '../../model/errors/ServiceErrors.js';
import type { Scope } from '../access/Caller.js';
import { SCOPES } from '../access/KeyBody.js';
import type { IssuedKey, KeyInfo, KeyRing } from '../access/KeyRing.js';
import type { Answer, Route } from './Route.js';

/** What the routes of keys need. */
export interface KeyRoutesOptions {
  /** The keys of a tenant that exists. */
  readonly ringOf: (tenantId: string) => KeyRing;
}

const request = v.strictObject({
  name: v.string(),
  scopes: v.array(v.string()),
  agents: v.optional(v.array(v.string())),
  session_trusted: v.optional(v.boolean()),
  expires_at: v.optional(v.pipe(v.string(), v.isoTimestamp())),
});
const rotation = v.strictObject({ overlap_s: v.optional(v.pipe(v.number(), v.integer())) });

const info = v.strictObject({
  id: v.string(),
  name: v.string(),
  scopes: v.array(v.picklist(SCOPES)),
  agents: v.nullable(v.array(v.string())),
  session_trusted: v.boolean(),
  status: v.picklist(['active', 'expired', 'revoked']),
  created_at: v.string(),
  created_by: v.string(),
  expires_at: v.nullable(v.string()),
  previous_until: v.nullable(v.string()),
  revoked_at: v.nullable(v.string()),
});
const issued = v.strictObject({ ...info.entries, key: v.string() });
const page = v.strictObject({ keys: v.array(info), cursor: v.nullable(v.string()) });

/** The routes by which operators list, make, rotate and revoke the keys of their tenant. */
export function keyRoutes({ ringOf }: KeyRoutesOptions): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/keys',
      name: 'listKeys',
      summary: 'Lists the keys of the tenant, oldest first, without their secrets.',
      scope: 'keys:admin',
      query: { cursor: 'The cursor of an earlier page.', limit: 'At most this many keys, 1 to 200.' },
      answers: { 200: page },
      async handle({ caller, query }) {
        const { keys, cursor } = await ringOf(caller.tenantId).list(caller, {
          cursor: query.get('cursor') ?? undefined,
          limit: limitOf(query.get('limit')),
        });
        return answer(200, { keys: keys.map(writeKeyInfo), cursor: cursor ?? null });
      },
    },
    {
      method: 'POST',
      path: '/v1/keys',
      name: 'createKey',
      summary: 'Makes a key. Its text is in this answer and nowhere else.',
      scope: 'keys:admin',
      request,
      answers: { 201: issued },
      errors: ['scope_missing'],
      async handle({ caller, body }) {
        const { name, scopes, agents, session_trusted: sessionTrusted, expires_at: expiresAt } = read(request, body);
        const expiresAtMs = expiresAt === undefined ? undefined : Date.parse(expiresAt);
        const given = { name, scopes: scopes as Scope[], agents, sessionTrusted, expiresAtMs };
        return answer(201, writeIssuedKey(await ringOf(caller.tenantId).create(given, caller)));
      },
    },
    {
      method: 'POST',
      path: '/v1/keys/:id/rotate',
      name: 'rotateKey',
      summary: 'Gives a key another secret; the old one works for another day, or for `overlap_s` seconds.',
      scope: 'keys:admin',
      request: rotation,
      answers: { 200: issued },
      errors: ['scope_missing'],
      async handle({ caller, params, body }) {
        const [ring, id] = [ringOf(caller.tenantId), params['id'] as string];
        await ring.checkCovered(id, caller);
        const { overlap_s: overlapS } = body === '' ? {} : read(rotation, body);
        return answer(200, writeIssuedKey(await ring.rotate(id, caller, overlapS === undefined ? undefined : overlapS * 1_000)));
      },
    },
    {
      method: 'DELETE',
      path: '/v1/keys/:id',
      name: 'revokeKey',
      summary: 'Ends a key for good. Every server refuses it within 30 seconds.',
      scope: 'keys:admin',
      answers: { 200: info },
      async handle({ caller, params }) {
        return answer(200, writeKeyInfo(await ringOf(caller.tenantId).revoke(params['id'] as string, caller)));
      },
    },
  ];
}

/** A key as clients and the command line's JSON get it. */
export interface WireKeyInfo {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** `null`: all of the tenant. */
  readonly agents: readonly string[] | null;
  readonly session_trusted: boolean;
  readonly status: KeyInfo['status'];
  readonly created_at: string;
  readonly created_by: string;
  readonly expires_at: string | null;
  readonly previous_until: string | null;
  readonly revoked_at: string | null;
}

/** Writes what may be known of a key. */
export function writeKeyInfo(key: KeyInfo): WireKeyInfo {
  const { id, name, scopes, agents, sessionTrusted, status, createdAtMs, createdBy, expiresAtMs, previousUntilMs, revokedAtMs } = key;
  return {
    id,
    name,
    scopes,
    agents: agents ?? null,
    session_trusted: sessionTrusted,
    status,
    created_at: new Date(createdAtMs).toISOString(),
    created_by: createdBy,
    expires_at: timeOf(expiresAtMs),
    previous_until: timeOf(previousUntilMs),
    revoked_at: timeOf(revokedAtMs),
  };
}

/** Writes a key with its text, for the one time that it is shown. */
export function writeIssuedKey({ info: key, key: text }: IssuedKey): WireKeyInfo & { readonly key: string } {
  return { ...writeKeyInfo(key), key: text.reveal() };
}

function timeOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}

function limitOf(text: string | null): number | undefined {
  if (text === null) return undefined;
  if (!/^(?:[1-9]\d?|1\d\d|200)$/.test(text)) throw new BadRequestError('`limit` must be a whole number from 1 to 200.');
  return Number(text);
}

function read<T>(schema: v.GenericSchema<unknown, T>, body: string): T {
  const reading = readWire(schema, body, 'the request');
  if (!reading.ok) throw new BadRequestError(`The request is malformed${reading.detail}.`);
  return reading.value;
}

function answer(status: number, body: unknown): Answer {
  return { status, body: JSON.stringify(body) };
}
