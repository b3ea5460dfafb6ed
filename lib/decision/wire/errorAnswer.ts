// An error answer of the Data Plane: a server writes it, a client reads it.
import { parseJsonStrictly } from '../../common/data/parseJsonStrictly.js';
import { escapeText } from '../../common/data/escapeText.js';
import { isRecord } from '../../common/data/plainObject.js';
import type { SecretString } from '../../common/SecretString.js';
import { AegisError } from '../../model/AegisError.js';
import { ForbiddenError } from '../../model/errors/RefusalErrors.js';
import {
  AuthError,
  BadRequestError,
  NotFoundError,
  PolicyEvalError,
  TimeoutError,
  TransportError,
  UnknownServiceError,
} from '../../model/errors/ServiceErrors.js';
import { VerdictError } from '../../model/errors/SetupErrors.js';
import type { ServiceErrorOptions } from '../../model/errors/ServiceErrors.js';

/** The request that an error answer is about. */
export interface ErrorContext {
  readonly apiKey: SecretString;
  readonly agentId?: string | undefined;
  readonly toolName?: string | undefined;
  /** What of the service's message may be told, before it is cut. @defaultValue all of it */
  readonly told?: ((text: string) => string) | undefined;
}

/** An error answer as an error of this library. */
export interface ErrorAnswer {
  readonly error: AegisError;
  /** Undefined where another attempt would change nothing. */
  readonly retry: 'throttled' | 'overloaded' | undefined;
}

type Make = new (message: string, options: ServiceErrorOptions & Omit<ErrorContext, 'apiKey' | 'told'>) => AegisError;

const BY_CODE: ReadonlyMap<string, Make> = /* @__PURE__ */ new Map<string, Make>([
  ['auth_failed', AuthError],
  ['invalid_api_key', AuthError],
  ['forbidden', ForbiddenError],
  ['policy_violation', ForbiddenError],
  ['invalid_request', BadRequestError],
  ['resource_not_found', NotFoundError],
  ['policy_eval_failed', PolicyEvalError],
  ['timeout', TimeoutError],
  ['idempotency_mismatch', BadRequestError],
  // the key may not do it: no policy has said no
  ['scope_missing', AuthError],
  ['agent_not_covered', AuthError],
]);

const BY_STATUS: ReadonlyMap<number, Make> = /* @__PURE__ */ new Map<number, Make>([
  [400, BadRequestError],
  [401, AuthError],
  [403, ForbiddenError],
  [404, NotFoundError],
  [429, TransportError],
  [500, PolicyEvalError],
  [502, TransportError],
  [503, TransportError],
  [504, TimeoutError],
]);

const RETRIED: ReadonlyMap<number, 'throttled' | 'overloaded'> = /* @__PURE__ */ new Map([
  [429, 'throttled'],
  [502, 'overloaded'],
  [503, 'overloaded'],
  [504, 'overloaded'],
]);

const MAX_MESSAGE = 500;

/**
 * Reads an error answer: a service code that is known takes precedence over the HTTP status. The error's `code` is the service's, or
 * `HTTP_<status>`. The service's message is cut at 500 characters, escaped, and the key is removed from it.
 */
export function readErrorAnswer(status: number, body: string, context: ErrorContext): ErrorAnswer {
  const { message, code } = readErrorBody(body);
  const byCode = code === undefined ? undefined : BY_CODE.get(code);
  const Class = byCode ?? BY_STATUS.get(status) ?? UnknownServiceError;
  const error = new Class(readable(message, context) ?? `The decision service answered HTTP ${status}.`, {
    code: isPlainCode(code, context.apiKey) ? code : `HTTP_${status}`,
    status,
    agentId: context.agentId,
    toolName: context.toolName,
  });
  // a known code names a fault of the request or the tenant, at any status: only a timeout may pass
  const passing = byCode === undefined || byCode === TimeoutError;
  return { error, retry: passing ? RETRIED.get(status) : undefined };
}

function readable(message: string = '', { apiKey, told = (text) => text }: ErrorContext): string | undefined {
  const text = told(message.replaceAll(apiKey.reveal(), '[redacted]')).trim();
  if (text === '') return undefined;
  // by code points, so that no character is cut in half; more than a few times the limit need not be looked at
  const points = Array.from(text.slice(0, MAX_MESSAGE * 2));
  const escaped = escapeText(points.slice(0, MAX_MESSAGE).join(''));
  return points.length > MAX_MESSAGE || text.length > MAX_MESSAGE * 2 ? `${escaped}…` : escaped;
}

function isPlainCode(code: string | undefined, apiKey: SecretString): code is string {
  return code !== undefined && /^[A-Za-z0-9_.:-]{1,64}$/.test(code) && !code.includes(apiKey.reveal());
}

/** Reads the body of an error: JSON with `message` and perhaps `error`, or plain text. Never throws. */
function readErrorBody(body: string): { readonly message?: string | undefined; readonly code?: string | undefined } {
  let answer: unknown;
  try {
    answer = parseJsonStrictly(body);
  } catch {
    // a proxy's HTML page, or broken JSON, tells a person nothing
    return /^\s*[<{[]/.test(body) ? {} : { message: body };
  }
  if (!isRecord(answer)) return {};
  const { message, error } = answer;
  return { message: typeof message === 'string' ? message : undefined, code: typeof error === 'string' ? error : undefined };
}

/** The HTTP status of each class of error that a server answers with. Errors of the two last classes say their own. */
const STATUS_OF: ReadonlyMap<string, number | undefined> = /* @__PURE__ */ new Map([
  ['BadRequestError', 400],
  ['ParamsError', 400],
  ['UnsupportedParamError', 400],
  ['AuthError', 401],
  ['ForbiddenError', 403],
  ['NotFoundError', 404],
  ['CapacityError', 429],
  ['PolicyEvalError', 500],
  ['StoreError', 503],
  ['ShutdownError', 503],
  ['TransportError', 503],
  ['TimeoutError', 504],
  ['RequestError', undefined],
  ['VerdictError', undefined],
]);

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  413: 'Content Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
  421: 'Misdirected Request',
  422: 'Unprocessable Content',
  428: 'Precondition Required',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

/** Classes whose own code and text are for the program that runs the store. */
const TOLD: ReadonlyMap<string, { readonly code: string; readonly message: string }> = /* @__PURE__ */ new Map([
  ['StoreError', { code: 'store_unavailable', message: 'The store of approvals cannot be used now. Try again later.' }],
  ['ShutdownError', { code: 'draining', message: 'The server is stopping. Send the request again, to another one.' }],
]);

const UNTOLD = { code: 'policy_eval_failed', message: 'The request could not be decided.' };

/** What an error of a class with an answer of its own may say beside the code and the message. */
interface OwnAnswer {
  readonly status?: unknown;
  readonly field?: unknown;
}

/**
 * Writes an error answer: the protocol's `message` and `error`, and the members of RFC 9457. An error of any other class becomes a 500 without its
 * own text, which could quote params, keys or a database's driver.
 */
export function writeErrorAnswer(error: unknown, requestId: string): { readonly status: number; readonly body: string } {
  const known = AegisError.is(error) && STATUS_OF.has(error.name) ? (error as AegisError & OwnAnswer) : undefined;
  const status = known === undefined ? 500 : (STATUS_OF.get(known.name) ?? ownStatus(known));
  const { message, code } = known === undefined ? UNTOLD : (TOLD.get(known.name) ?? known);
  const title = TITLES[status] ?? 'Internal Server Error';
  const more = { ...(typeof known?.field === 'string' && { field: known.field }), ...(known instanceof VerdictError && standsOf(known)) };
  return { status, body: JSON.stringify({ message, error: code, type: 'about:blank', title, status, request_id: requestId, ...more }) };
}

function standsOf({ stands }: VerdictError): object {
  if (stands === undefined) return {};
  const { status, by = null, atMs, reason = null } = stands;
  return { stands: { status, by, at: atMs === undefined ? null : new Date(atMs).toISOString(), reason } };
}

function ownStatus({ status }: OwnAnswer): number {
  return typeof status === 'number' && Object.hasOwn(TITLES, status) ? status : 500;
}
