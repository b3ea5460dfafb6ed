import { escapeText } from '../../common/data/escapeText.js';
import type { SecretString } from '../../common/SecretString.js';
import type { AegisError } from '../../model/AegisError.js';
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
import type { ServiceErrorOptions } from '../../model/errors/ServiceErrors.js';
import { parseErrorBody } from './wire.js';

/** What the error is about. */
export interface ErrorContext {
  readonly apiKey: SecretString;
  readonly agentId?: string | undefined;
  readonly toolName?: string | undefined;
}

/** An error answer, as an error of ours. */
export interface ServiceFailure {
  readonly error: AegisError;
  /** Undefined where asking again would change nothing. */
  readonly retry: 'throttled' | 'overloaded' | undefined;
}

type Make = new (message: string, options: ServiceErrorOptions & Omit<ErrorContext, 'apiKey'>) => AegisError;

const BY_CODE: ReadonlyMap<string, Make> = /* @__PURE__ */ new Map<string, Make>([
  ['auth_failed', AuthError],
  ['invalid_api_key', AuthError],
  ['forbidden', ForbiddenError],
  ['policy_violation', ForbiddenError],
  ['invalid_request', BadRequestError],
  ['resource_not_found', NotFoundError],
  ['policy_eval_failed', PolicyEvalError],
  ['timeout', TimeoutError],
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
 * Turns an error answer into an error: a service code that is known beats the HTTP status. The `code` is the service's, or `HTTP_<status>`. The
 * service's message is cut at 500 characters, escaped, and freed of the key should it quote it.
 */
export function serviceFailure(status: number, body: string, context: ErrorContext): ServiceFailure {
  const { message, code } = parseErrorBody(body);
  const byCode = code === undefined ? undefined : BY_CODE.get(code);
  const Class = byCode ?? BY_STATUS.get(status) ?? UnknownServiceError;
  const error = new Class(readable(message, context.apiKey) ?? `The decision service answered HTTP ${status}.`, {
    code: isPlainCode(code, context.apiKey) ? code : `HTTP_${status}`,
    status,
    agentId: context.agentId,
    toolName: context.toolName,
  });
  // a code says what is wrong with the request or the tenant, whatever the status: only a timeout may pass
  const passing = byCode === undefined || byCode === TimeoutError;
  return { error, retry: passing ? RETRIED.get(status) : undefined };
}

function readable(message: string | undefined, apiKey: SecretString): string | undefined {
  const text = message?.replaceAll(apiKey.reveal(), '[redacted]').trim() ?? '';
  if (text === '') return undefined;
  // by code points, so that no character is cut in half; more than a few times the limit need not be looked at
  const points = Array.from(text.slice(0, MAX_MESSAGE * 2));
  const escaped = escapeText(points.slice(0, MAX_MESSAGE).join(''));
  return points.length > MAX_MESSAGE || text.length > MAX_MESSAGE * 2 ? `${escaped}…` : escaped;
}

function isPlainCode(code: string | undefined, apiKey: SecretString): code is string {
  return code !== undefined && /^[A-Za-z0-9_.:-]{1,64}$/.test(code) && !code.includes(apiKey.reveal());
}
