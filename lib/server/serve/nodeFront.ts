import type { IncomingMessage, ServerResponse } from 'node:http';
import { REQUEST_LIMITS } from '../front/requestLimits.js';
import { belowBase } from './basePath.js';
import type { Dispatcher } from '../dispatch/Dispatcher.js';
import type { SentAnswer } from '../dispatch/IncomingRequest.js';
import { NodeRequest } from './NodeRequest.js';
import { writeStream } from './writeStream.js';

/** Answers a request of node:http, Express or Fastify. */
export type NodeHandler = (incoming: IncomingMessage, outgoing: ServerResponse, next?: () => void) => void;

/** What the front for node:http needs. */
export interface NodeFrontOptions {
  readonly dispatcher: Dispatcher;
  /** Without a slash at its end. */
  readonly base: string;
  /** Whether connections should end with their answers. */
  readonly isDraining: () => boolean;
}

/** How long a client may go on sending a body that no one reads, in milliseconds, and how many bytes, until its connection is cut. */
const DISCARD_MS = 1_000;
const DISCARD_BYTES = 4 * REQUEST_LIMITS.bodyBytes;

/** The front for node:http. */
export function nodeFront({ dispatcher, base, isDraining }: NodeFrontOptions): NodeHandler {
  return (incoming, outgoing, next) => {
    const url = incoming.url as string;
    // Express and Connect take their own prefix off
    const whole = (incoming as { readonly originalUrl?: unknown }).originalUrl;
    const target = belowBase(base, url) ?? (whole !== undefined && whole !== url ? url : undefined);
    if (target === undefined && next !== undefined) return next();
    const request = new NodeRequest(incoming, outgoing, typeof whole === 'string' ? whole : url, target, REQUEST_LIMITS.bodyBytes);
    outgoing.on('error', ignored);
    void dispatcher.answer(request).then((answer) => send(incoming, outgoing, answer, request, isDraining()));
  };
}

/** A client that is gone is no error of the server. */
function ignored(): void {}

function send(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { status, headers, cookies, body, isPaced }: SentAnswer,
  request: NodeRequest,
  draining: boolean,
): void {
  if (outgoing.destroyed) return;
  const isUnread = request.hasBody && !incoming.readableEnded && !isShort(incoming);
  const more: Record<string, string | string[]> = draining || isUnread ? { connection: 'close' } : {};
  if (cookies.length > 0) more['set-cookie'] = [...cookies];
  if (typeof body === 'object') {
    outgoing.writeHead(status, { ...headers, ...more });
    if (request.method === 'HEAD') outgoing.end();
    else void writeStream(body, outgoing, isPaced);
    return;
  }
  const length = body === undefined ? 0 : Buffer.byteLength(body);
  const lengthHeader: Record<string, string> = status === 204 ? {} : { 'content-length': String(length) };
  outgoing.writeHead(status, { ...headers, ...lengthHeader, ...more });
  const sent = request.method === 'HEAD' ? undefined : body;
  // written in one piece where nothing is left to read
  if (!isUnread) return void outgoing.end(sent);
  if (sent !== undefined) outgoing.write(sent);
  endWhenSent(incoming, outgoing);
}

/** Whether node:http itself may read the rest of a body, to keep the connection. */
function isShort({ headers }: IncomingMessage): boolean {
  return Number(headers['content-length'] ?? Infinity) <= REQUEST_LIMITS.bodyBytes;
}

/** A connection that is cut while the client still sends is reset, and the answer may be lost with it: the client gets a moment to read it. */
function endWhenSent(incoming: IncomingMessage, outgoing: ServerResponse): void {
  let bytes = 0;
  const end = (): void => {
    clearTimeout(timer);
    incoming.off('data', onData);
    outgoing.end();
  };
  const timer = setTimeout(end, DISCARD_MS);
  const onData = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > DISCARD_BYTES) end();
  };
  incoming.on('data', onData);
  incoming.once('close', end);
  incoming.resume();
}
