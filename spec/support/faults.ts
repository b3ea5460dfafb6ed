import { gzipSync } from 'node:zlib';
import { bytesOf } from './FaultProxy.js';
import type { Bytes, Exchange, QuestionKind, Strike } from './FaultProxy.js';

/** One way in which the network or the Data Plane fails, and what has to come of a question that meets it. */
export interface Fault {
  readonly name: string;
  /** `refuse`: from then on nobody listens. */
  readonly strike: Strike | 'refuse';
  /** The error class that the question ends in, with the reason where there is one; '' where it may be survived. */
  readonly ends: Readonly<Record<QuestionKind, string>>;
  /** The rule by which the call may run nevertheless, but only with what the upstream really said. */
  readonly survivedBecause?: string;
  /** The one kind of question that it can happen to. */
  readonly only?: QuestionKind;
  /** Another question is asked and answered before, over the connection that is then kept. */
  readonly afterAnother?: true;
  /** How many questions meet it at least. Default 1. */
  readonly questions?: number;
}

/** A row of the tables below: a name, what the question ends in ('' where it is survived), what happens. */
type Row = readonly [name: string, ends: string | Fault['ends'], strike: Fault['strike'], more?: Partial<Fault>];

const OK = 'HTTP/1.1 200 OK';
const UNREACHABLE = 'TransportError';
const MALFORMED = 'DecisionUnavailableError malformed';
const MISMATCH = 'DecisionUnavailableError echo_mismatch';
const REPLAYED = { decision: 'DecisionUnavailableError replayed_decision', status: MISMATCH };
const TOO_LARGE = 'DecisionUnavailableError too_large';
const GZIP = 'content-encoding: gzip';
const SPACES = gzipSync(Buffer.alloc(64 * 1_048_576, ' '), { level: 9 });

/** An HTTP answer; a Content-Length that is not the true one is given as `length`. */
function http(firstLine: string, body: Bytes, headers: readonly string[] = [], length = Buffer.byteLength(body)): Buffer {
  const head = [firstLine, 'content-type: application/json', `content-length: ${length}`, ...headers].join('\r\n');
  return bytesOf({ head, body: Buffer.from(body as string) });
}

/** Sends what is made of the upstream's answer. */
function made(make: (answer: string, x: Exchange) => Bytes): Strike {
  return async (x) => x.send(make(await x.said(), x));
}

/** Nothing is wrong with the answer but its body. */
function body(make: (answer: string) => Bytes, ...headers: string[]): Strike {
  return made((answer) => http(OK, make(answer), headers));
}

/** An answer with fields changed. */
function altered(answer: string, fields: object): string {
  return JSON.stringify({ ...(JSON.parse(answer) as object), ...fields });
}

/** A yes to this very question, whatever the upstream says. */
function yes(answer: string, { kind }: Exchange): string {
  return altered(answer, kind === 'decision' ? { final_decision: { effect: 'allow' } } : { status: 'OK', effect: 'allow' });
}

/** The answer, under the id of an earlier decision. */
function underEarlierId(answer: string, { earlier }: Exchange): Bytes {
  const id = /"decision_id":"[^"]*"/;
  return http(OK, answer.replace(id, id.exec(earlier.body.toString())?.[0] ?? ''));
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());

/** Sends the answer in two pieces, cut after a part of it. */
function pausing(part: number, ms: number): Strike {
  return async (x) => {
    const bytes = bytesOf(await x.ask());
    const cut = Math.floor(bytes.length * part);
    x.send(bytes.subarray(0, cut));
    await pause(ms);
    x.send(bytes.subarray(cut));
  };
}

const once =
  (strike: Strike): Strike =>
  (x) =>
    x.nth === 0 ? strike(x) : x.pass();
const tooLong = (answer: string): Bytes => http(OK, answer, [], answer.length + 9);
const reset: Strike = (x) => x.reset();
const resetAfterCommit: Strike = async (x) => x.ask().then(() => x.reset());
const silence: Strike = (x) => void x.client.pause();

const connections: readonly Row[] = [
  ['connection refused', UNREACHABLE, 'refuse'],
  ['reset before the headers', UNREACHABLE, reset],
  ['end before the headers', UNREACHABLE, (x) => void x.client.end()],
  ['reset amid the headers', UNREACHABLE, (x) => x.breakOff(`${OK}\r\ncontent-le`)],
  ['reset after the headers', UNREACHABLE, (x) => x.breakOff(`${OK}\r\ncontent-length: 200\r\n\r\n`)],
  ['reset amid the body', UNREACHABLE, async (x) => x.breakOff(bytesOf(await x.ask()).subarray(0, -9))],
  ['every answer lost after the commit', UNREACHABLE, resetAfterCommit, { questions: 2 }],
  ['black hole: accepts, never reads or answers', 'TimeoutError', silence],
  ['half open: the upstream is gone, the client is never told', 'TimeoutError', async (x) => void (await x.ask())],
  ['half open: a kept connection is', 'TimeoutError', silence, { afterAnother: true }],
  ['1 byte a second', 'TimeoutError', async (x) => x.trickle(bytesOf(await x.ask()), 1_000)],
  ['1 byte every 5 ms', 'TimeoutError', async (x) => x.trickle(bytesOf(await x.ask()), 5)],
  ['interim answers without end', 'TimeoutError', (x) => x.trickle(Buffer.from('HTTP/1.1 102 P\r\n\r\n'.repeat(99)), 2)],
  ['latency beyond the deadline', 'TimeoutError', pausing(0, 350)],
  ['half an answer, the rest beyond the deadline', 'TimeoutError', pausing(0.5, 350)],
  ['no HTTP', UNREACHABLE, (x) => void x.client.end('SSH-2.0-OpenSSH_9.6\r\n')],
  ['headers without end', UNREACHABLE, (x) => x.send(`${OK}\r\nx: ${'x'.repeat(1_000_000)}`)],
  ['two content-lengths', UNREACHABLE, body((answer) => answer, 'content-length: 2')],
  ['content-length too short', MALFORMED, made((answer) => http(OK, answer, [], answer.length - 5))],
  ['content-length too long, then nothing', 'TimeoutError', made(tooLong)],
  ['content-length too long, then the end', UNREACHABLE, async (x) => void x.client.end(tooLong(await x.said()))],
  ['chunks without sizes', UNREACHABLE, made((answer) => `${OK}\r\ntransfer-encoding: chunked\r\n\r\n${answer}\r\n`)],
];

function redirect(status: number): Row {
  const location = (x: Exchange): string => `location: ${x.elsewhere}${x.question.head.split(' ')[1]}`;
  const strike = made((answer, x) => http(`HTTP/1.1 ${status} Elsewhere`, yes(answer, x), [location(x)]));
  return [`redirect ${status}`, 'DecisionUnavailableError redirect', strike];
}

function errorAnswers(status: number, ends: string): readonly Row[] {
  const line = `HTTP/1.1 ${status} No`;
  return [
    [`HTTP ${status}`, ends, (x) => x.send(http(line, ''))],
    [`HTTP ${status} that says yes`, ends, made((answer, x) => http(line, yes(answer, x)))],
  ];
}

/** Dates are relative to the service's own clock, which is decades behind. */
function retryAfter(after: string): Row {
  const headers = [`retry-after: ${after}`, 'date: Sat, 01 Jan 2000 00:00:00 GMT'];
  return [`HTTP 503, Retry-After: ${after}`, UNREACHABLE, (x) => x.send(http('HTTP/1.1 503 No', '', headers))];
}

const errors: readonly Row[] = [
  ...[301, 302, 303, 307, 308].map(redirect),
  ...errorAnswers(400, 'BadRequestError'),
  ...errorAnswers(401, 'AuthError'),
  ...errorAnswers(403, 'ForbiddenError'),
  ...errorAnswers(404, 'NotFoundError'),
  ...[408, 409, 413].flatMap((status) => errorAnswers(status, 'UnknownServiceError')),
  ...[429, 502, 503].flatMap((status) => errorAnswers(status, UNREACHABLE)),
  ...errorAnswers(500, 'PolicyEvalError'),
  ...errorAnswers(504, 'TimeoutError'),
  ...['-5', '99999999', '1e300', 'Fri, 31 Dec 9999 23:59:59 GMT', 'Thu, 01 Jan 1970 00:00:00 GMT'].map(retryAfter),
];

const bodies: readonly Row[] = [
  ['HTML', MALFORMED, body((answer) => `<html><script>${answer}</script></html>`)],
  ['an empty body', MALFORMED, body(() => '')],
  ['HTTP 204', MALFORMED, (x) => x.send('HTTP/1.1 204 No Content\r\n\r\n')],
  ['HTTP 202 that says yes', MALFORMED, made((answer, x) => http('HTTP/1.1 202 Accepted', yes(answer, x)))],
  ['truncated JSON', MALFORMED, body((answer) => answer.slice(0, -1))],
  ['two answers in one', MALFORMED, body((answer) => answer + answer)],
  ['a key twice', 'DecisionUnavailableError duplicate_key', body((answer) => answer.replace(/"effect":"\w+"/, '$&,"effect":"allow"'))],
  ['bad gzip', MALFORMED, body((answer) => answer, GZIP)],
  ['gzip that breaks off', MALFORMED, body((answer) => gzipSync(answer).subarray(0, -12), GZIP)],
  ['gzip bomb', TOO_LARGE, body((answer) => Buffer.concat([gzipSync(answer), SPACES]), GZIP)],
  ['oversized', TOO_LARGE, body((answer) => answer + ' '.repeat(1_048_576))],
  ['not UTF-8', MALFORMED, body((answer) => Buffer.from(`${answer.slice(0, -1)},"x":"\xff"}`, 'latin1'))],
  ['UTF-16', MALFORMED, body((answer) => Buffer.from(answer, 'utf16le'))],
  ['byte order mark', MALFORMED, body((answer) => `\ufeff${answer}`)],
];

// a status answer names neither agent nor tool, and has nothing to echo but its id
const decisionOnly = { only: 'decision' } as const;
const others: readonly Row[] = [
  ['answer for another agent', MISMATCH, body((answer) => altered(answer, { agent_id: 'other' })), decisionOnly],
  ['answer for another tool', MISMATCH, body((answer) => altered(answer, { tool: 'other' })), decisionOnly],
  ['answer with another nonce', MISMATCH, body((answer) => answer, 'x-aegis-nonce: other'), decisionOnly],
  ['answer with another digest', MISMATCH, body((answer) => answer, `x-aegis-params-digest: ${'0'.repeat(64)}`), decisionOnly],
  ['answer with the id of another decision', REPLAYED, made(underEarlierId), { afterAnother: true }],
  ['late duplicate in place of the answer', REPLAYED, (x) => x.send(bytesOf(x.earlier)), { afterAnother: true }],
];

/** A second answer that must not be taken for the answer to the next question on that connection. */
const thenYes =
  (afterMs: number): Strike =>
  async (x) => {
    const answer = await x.ask();
    x.send(bytesOf(answer));
    if (afterMs > 0) await pause(afterMs);
    x.send(http(OK, yes(answer.body.toString(), x)));
  };

const RETRIED = 'RULES 41: connection errors and 503 are retried within the deadline. WIRE: after a failed poll polling goes on';
const SOUND = 'the answer itself is sound, and the first';
const survived: readonly Row[] = [
  ['no fault', '', (x) => x.pass(), { survivedBecause: 'the control: the same cells with nothing struck' }],
  ['latency below the deadline', '', pausing(0, 60), { survivedBecause: 'RULES 41: timeoutMs is the deadline' }],
  ['a kept connection is reset', '', once(reset), { afterAnother: true, survivedBecause: RETRIED }],
  ['one answer lost after the commit', '', once(resetAfterCommit), { questions: 2, survivedBecause: RETRIED }],
  ['HTTP 503 once', '', once((x) => x.send(http('HTTP/1.1 503 No', ''))), { questions: 2, survivedBecause: RETRIED }],
  ['a yes right behind the answer', '', thenYes(0), { survivedBecause: SOUND }],
  ['a yes 40 ms behind the answer', '', thenYes(40), { survivedBecause: SOUND }],
];

/** Every fault of the matrix, and the control, which is the first. */
export const faults: readonly Fault[] = [...survived, ...connections, ...errors, ...bodies, ...others].map(([name, ends, strike, more]) => {
  return { name, ends: typeof ends === 'string' ? { decision: ends, status: ends } : ends, strike, ...more };
});
