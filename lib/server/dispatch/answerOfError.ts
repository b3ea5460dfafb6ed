import { STATUS_CODES } from 'node:http';
import { writeErrorAnswer } from '../../decision/wire/errorAnswer.js';
import type { ShownError } from '../page/errorPage.js';
import type { Answer } from '../route/Route.js';
import { RequestError } from '../front/RequestError.js';

/** After how many seconds another attempt may succeed where the error does not say. */
const RETRY_AFTER_S: Readonly<Record<number, number>> = { 429: 5, 503: 2 };

/**
 * Turns what was thrown into an answer: as `application/problem+json` where the client asks for it, else as JSON with the same members.
 *
 * @param accept the `Accept` header of the request
 */
export function answerOfError(error: unknown, requestId: string, accept: string | null): Answer {
  const { status, body } = writeErrorAnswer(error, requestId);
  const headers = headersOf(error, status);
  if (status === 401) headers['www-authenticate'] = 'Bearer realm="aegis"';
  headers['content-type'] = accept?.includes(PROBLEM) === true ? PROBLEM : 'application/json';
  return { status, headers, body };
}

/** Turns what was thrown into what a page says of it: the same as clients of the API are told. */
export function shownError(error: unknown, requestId: string): ShownError {
  const { status, body } = writeErrorAnswer(error, requestId);
  const { title, error: code, message } = JSON.parse(body) as { readonly title: string; readonly error: string; readonly message: string };
  return { status, title, code, message, requestId, headers: headersOf(error, status) };
}

function headersOf(error: unknown, status: number): Record<string, string> {
  const headers: Record<string, string> = error instanceof RequestError ? { ...error.headers } : {};
  const retryAfterS = (error instanceof RequestError ? error.retryAfterS : undefined) ?? RETRY_AFTER_S[status];
  if (retryAfterS !== undefined) headers['retry-after'] = String(Math.ceil(retryAfterS));
  return headers;
}

const PROBLEM = 'application/problem+json';

/** The raw answer to a request that could not even be parsed, or did not come in time, after which the connection is closed. */
export function rawErrorAnswer(error: RequestError, requestId: string): string {
  const { status, body } = writeErrorAnswer(error, requestId);
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'cache-control: no-store',
    'x-content-type-options: nosniff',
    `x-request-id: ${requestId}`,
    'connection: close',
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}
