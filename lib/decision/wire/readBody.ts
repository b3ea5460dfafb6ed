// The bodies of what a client says of an approval: that it uses it up, that a claim begins, how the run ended. A client writes them, a server reads them.
import * as v from 'valibot';
import type { RunReport } from '../DecisionService.js';
import { BadRequestError } from '../../model/errors/ServiceErrors.js';
import { isId } from '../../model/Params.js';
import { isUsableId, readWire } from './readWire.js';
import { isHeaderValue } from './wireHeaders.js';

/** The body of `POST /v1/decision/{id}/consume`. */
export interface ConsumeBody {
  /** SHA-256 of the effective params that would run. */
  readonly digest: string;
  /** What the guard knows of the call. */
  readonly bindingBase: string;
  /** Identifies the task that uses the approval. */
  readonly token: string;
}

/** The body of `POST /v1/decision/{id}/begin`. */
export interface BeginBody {
  /** The token that the approval was used with. */
  readonly token: string;
  /** Identifies the claim that begins. */
  readonly claimToken: string;
}

/** The body of `POST /v1/decision/{id}/outcome`. */
export interface OutcomeBody {
  /** The token that the approval was used with. */
  readonly token: string;
  /** How the run ended. `unknown`: it may have run. */
  readonly status: 'completed' | 'failed' | 'unknown';
  /** What the method failed with, for programs. */
  readonly error_code?: string | undefined;
}

const sha256 = /* @__PURE__ */ (() =>
  v.pipe(
    v.string(),
    v.check((text) => /^[0-9a-f]{64}$/.test(text), 'a SHA-256 in 64 lower-case hex digits'),
  ))();
const token = /* @__PURE__ */ (() =>
  v.pipe(
    v.string(),
    v.check((text) => isId(text), 'a string of 1 to 256 characters'),
  ))();
const code = /* @__PURE__ */ (() =>
  v.pipe(
    v.string(),
    v.check((text) => isErrorCode(text), 'a code of 1 to 64 letters, digits and _ . : -'),
  ))();

/** The shape of {@link ConsumeBody}. */
export const consumeBody: v.GenericSchema<unknown, ConsumeBody> = /* @__PURE__ */ (() =>
  v.strictObject({ digest: sha256, bindingBase: sha256, token }))();

/** The shape of {@link BeginBody}. */
export const beginBody: v.GenericSchema<unknown, BeginBody> = /* @__PURE__ */ (() => v.strictObject({ token, claimToken: token }))();

/** The shape of {@link OutcomeBody}. */
export const outcomeBody: v.GenericSchema<unknown, OutcomeBody> = /* @__PURE__ */ (() =>
  v.strictObject({ token, status: v.picklist(['completed', 'failed', 'unknown']), error_code: v.optional(code) }))();

function isErrorCode(text: string): boolean {
  return /^[A-Za-z0-9_.:-]{1,64}$/.test(text);
}

/** The body of `POST /v1/decisions/withdraw`: the request that its client has given up, by what it was sent with. */
export interface WithdrawBody {
  readonly agent_id: string;
  readonly idempotency_key: string;
}

/** The shape of {@link WithdrawBody}. */
export const withdrawBody: v.GenericSchema<unknown, WithdrawBody> = /* @__PURE__ */ (() =>
  v.strictObject({
    agent_id: token,
    idempotency_key: v.pipe(
      v.string(),
      v.check((key) => isHeaderValue(key), '1 to 512 characters of printable ASCII without spaces'),
    ),
  }))();

/** The body of `POST /v1/decisions/status`. */
export const statusesBody: v.GenericSchema<unknown, { readonly ids: readonly string[] }> = /* @__PURE__ */ (() =>
  v.strictObject({
    ids: v.pipe(v.array(v.pipe(v.string(), v.check(isUsableId, 'an id of 1 to 512 characters'))), v.maxLength(1_000)),
  }))();

/** Writes {@link outcomeBody}. A code that the wire cannot carry is left out: names of errors are the program's own. */
export function writeOutcome({ token: used, status, errorCode }: RunReport): string {
  const error_code = errorCode !== undefined && isErrorCode(errorCode) ? errorCode : undefined;
  return JSON.stringify({ token: used, status, error_code } satisfies OutcomeBody);
}

/** Writes {@link withdrawBody}. */
export function writeWithdrawal(agentId: string, idempotencyKey: string): string {
  return JSON.stringify({ agent_id: agentId, idempotency_key: idempotencyKey } satisfies WithdrawBody);
}

/** The answer to {@link consumeBody}. A code says why not. */
export const consumeAnswer: v.GenericSchema<unknown, { readonly consumed: boolean; readonly code?: string | undefined }> =
  /* @__PURE__ */ (() => v.object({ consumed: v.boolean(), code: v.optional(v.string()) }))();

/** The answer to {@link beginBody}. A code says why not. */
export const beginAnswer: v.GenericSchema<unknown, { readonly begun: boolean; readonly code?: string | undefined }> = /* @__PURE__ */ (() =>
  v.object({ begun: v.boolean(), code: v.optional(v.string()) }))();

/**
 * Reads the body of a request strictly.
 *
 * @throws BadRequestError naming the place and what was expected, never what was there
 */
export function readBody<T>(schema: v.GenericSchema<unknown, T>, body: string): T {
  const reading = readWire(schema, body, 'the request', { exactIntegers: true });
  if (reading.ok) return reading.value;
  throw new BadRequestError(`The request is malformed${reading.detail}.`);
}
