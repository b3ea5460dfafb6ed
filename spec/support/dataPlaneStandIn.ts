import { createServer } from 'node:http';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request, as the stand-in received it. */
export interface SeenRequest {
  readonly method: string;
  /** Path and query, as on the request line. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, spelt as sent. */
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

/** Answers a request in any way HTTP allows; may also never answer. */
export type StandInHandler = (request: SeenRequest, reply: ServerResponse) => void | Promise<void>;

/** A scriptable Data Plane on 127.0.0.1. */
export interface DataPlaneStandIn extends AsyncDisposable {
  readonly url: string;
  /** Every request so far, oldest first. */
  readonly requests: SeenRequest[];
  /** Replace it to change what comes next. */
  handler: StandInHandler;
  /** Ends it and every connection. */
  close(): Promise<void>;
}

/** Starts one. Without a handler it allows everything. */
export async function dataPlaneStandIn(handler: StandInHandler = answerDecision()): Promise<DataPlaneStandIn> {
  const server = createServer((incoming, reply) => {
    const chunks: Buffer[] = [];
    incoming.on('error', () => undefined);
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const { method = '', url = '', headers, rawHeaders } = incoming;
      const seen: SeenRequest = { method, path: url, headers, rawHeaders, body: Buffer.concat(chunks).toString() };
      standIn.requests.push(seen);
      void (async () => standIn.handler(seen, reply))().catch((error: unknown) => {
        reply.destroy(error as Error);
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  const standIn: DataPlaneStandIn = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    handler,
    close,
    [Symbol.asyncDispose]: close,
  };
  return standIn;
}

/** Answers with JSON (a string is sent as it is). */
export function sendJson(reply: ServerResponse, body: unknown, status = 200, headers: Record<string, string> = {}): void {
  reply.writeHead(status, { 'content-type': 'application/json', ...headers });
  reply.end(typeof body === 'string' ? body : JSON.stringify(body));
}

/** A handler that answers every decision request, for the agent and tool it names, with this final decision; default: allow. */
export function answerDecision(final: object = { effect: 'allow' }, more: object = {}): StandInHandler {
  return (request, reply) => sendJson(reply, wireDecision(request, final, more));
}

let decisions = 0;

/** The answer of a right-minded Data Plane to a decision request. */
export function wireDecision(request: SeenRequest, final: object = { effect: 'allow' }, more: object = {}): Record<string, unknown> {
  const asked = JSON.parse(request.body) as { agent_id: string; tool: { name: string } };
  decisions += 1;
  return {
    request_id: `req-${decisions}`,
    tenant_id: null,
    agent_id: asked.agent_id,
    decision_id: `dec-${decisions}`,
    tool: asked.tool.name,
    final_decision: final,
    policy_evaluations: [],
    latency_ms: 3,
    ...more,
  };
}

/** A handler that answers every status request, for the id it names. */
export function answerStatus(status: string, effect?: string, more: object = {}): StandInHandler {
  return (request, reply) => sendJson(reply, { decision_id: idOf(request), status, effect, request_id: 'req-s', ...more });
}

/** The decision id in the path of a status request. */
export function idOf(request: SeenRequest): string {
  return decodeURIComponent(request.path.split('/').at(-2) ?? '');
}
