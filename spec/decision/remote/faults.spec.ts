import type { Socket } from 'node:net';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { RemoteDecisionService } from '../../../lib/decision/remote/RemoteDecisionService.js';
import { AegisError } from '../../../lib/model/AegisError.js';
import { dataPlaneStandIn, idOf, sendJson, wireDecision } from '../../support/dataPlaneStandIn.js';
import type { DataPlaneStandIn, SeenRequest, StandInHandler } from '../../support/dataPlaneStandIn.js';
import { waited } from '../../support/pace.js';
import { everythingShownOf, failureOf, KEY_CANARY, PARAM_CANARY, PATIENT_MS, remoteRequest } from '../../support/remoteRequest.js';
import { remoteRawServer } from '../../support/remoteRawServer.js';
import { until } from '../../support/until.js';

const DEADLINE_MS = 300;
const GRACE_MS = 150;

interface Service {
  readonly url: string;
  close(): Promise<void>;
}

/** One way to fail: the service that does, and what has to come of it. */
interface Fault {
  readonly name: string;
  readonly start: () => Promise<Service>;
  /** Name of the error class, with the reason where there is one. */
  readonly error: string;
}

/** What came of it, and under which deadline. */
interface Met {
  readonly error: Awaited<ReturnType<typeof failureOf>>;
  readonly ms: number;
  readonly deadlineMs: number;
}

const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n';

function raw(name: string, error: string, onRequest: (socket: Socket) => void): Fault {
  return { name, error, start: () => remoteRawServer(onRequest) };
}

function http(name: string, error: string, handler: StandInHandler): Fault {
  return { name, error, start: () => dataPlaneStandIn(handler) };
}

/** The right answer to either question, as text, so that nothing but the fault is wrong with it. */
function rightAnswer(request: SeenRequest): string {
  if (request.method === 'POST') return JSON.stringify(wireDecision(request));
  return JSON.stringify({ decision_id: idOf(request), status: 'OK', effect: 'allow', request_id: 'r' });
}

function trickle(socket: Socket, text: string): void {
  let at = 0;
  const timer = setInterval(() => socket.write(text[at++ % text.length] as string), 20);
  socket.once('close', () => clearInterval(timer));
}

const gzipped = { 'content-encoding': 'gzip', 'content-type': 'application/json' };
const bomb = gzipSync(Buffer.alloc(200 * 1_048_576, ' '), { level: 9 });

const faults: readonly Fault[] = [
  {
    name: 'connection refused',
    error: 'TransportError',
    async start() {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      await new Promise<void>((resolve) => server.close(() => resolve()));
      return { url, close: async () => undefined };
    },
  },
  {
    name: 'unknown host',
    error: 'TransportError',
    start: async () => ({ url: 'https://nowhere.invalid:1', close: async () => undefined }),
  },
  raw('reset before the headers', 'TransportError', (s) => void s.resetAndDestroy()),
  raw('end before the headers', 'TransportError', (s) => void s.end()),
  raw('reset amid the headers', 'TransportError', (s) => void s.write(HEAD, () => s.resetAndDestroy())),
  raw('reset after the headers', 'TransportError', (s) => void s.write(`${HEAD}content-length: 50\r\n\r\n`, () => s.resetAndDestroy())),
  raw(
    'reset amid the body',
    'TransportError',
    (s) => void s.write(`${HEAD}content-length: 50\r\n\r\n{"request_id":`, () => s.resetAndDestroy()),
  ),
  raw(
    'reset amid chunks',
    'TransportError',
    (s) => void s.write(`${HEAD}transfer-encoding: chunked\r\n\r\n5\r\n{"req\r\n`, () => s.resetAndDestroy()),
  ),
  raw('truncated: the body ends early', 'TransportError', (s) => void s.end(`${HEAD}content-length: 50\r\n\r\n{"request_id":"r"`)),
  raw(
    'content-length too short',
    'DecisionUnavailableError malformed',
    (s) => void s.end(`${HEAD}content-length: 9\r\n\r\n{"request_id":"r","agent_id":"a"}`),
  ),
  raw('two content-lengths', 'TransportError', (s) => void s.end(`${HEAD}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`)),
  raw('no HTTP', 'TransportError', (s) => void s.end('SSH-2.0-OpenSSH_9.6\r\n')),
  raw('endless headers', 'TransportError', (s) => void s.write(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(1_000_000)}`)),
  raw('black hole: never an answer', 'TimeoutError', () => undefined),
  raw('half open: stops reading', 'TimeoutError', (s) => void s.pause()),
  raw('headers stalled', 'TimeoutError', (s) => void s.write(HEAD)),
  raw('body stalled (trap B)', 'TimeoutError', (s) => void s.write(`${HEAD}content-length: 50\r\n\r\n{"request_id":`)),
  raw('body that never starts', 'TimeoutError', (s) => void s.write(`${HEAD}content-length: 50\r\n\r\n`)),
  raw('error whose body is stalled', 'TimeoutError', (s) => void s.write('HTTP/1.1 400 Bad Request\r\ncontent-length: 50\r\n\r\n{')),
  raw('body byte by byte', 'TimeoutError', (s) => s.write(`${HEAD}content-length: 5000\r\n\r\n`, () => trickle(s, ' '))),
  raw('headers byte by byte', 'TimeoutError', (s) => s.write(HEAD, () => trickle(s, 'x: y\r\n'))),
  raw('endless 1xx answers', 'TimeoutError', (s) => trickle(s, 'HTTP/1.1 102 Processing\r\n\r\n')),
  http('latency beyond the deadline', 'TimeoutError', async (request, reply) => {
    await new Promise((resolve) => setTimeout(resolve, 600));
    reply.end(rightAnswer(request));
  }),
  ...[301, 302, 303, 307, 308].map((status) =>
    http(`redirect ${status} without a body`, 'DecisionUnavailableError redirect', (_request, reply) => {
      reply.writeHead(status, { location: 'http://127.0.0.1:1/' }).end();
    }),
  ),
  http('redirect with a stalled body', 'DecisionUnavailableError redirect', (_request, reply) => {
    reply.writeHead(302, { location: 'http://127.0.0.1:1/', 'content-length': '10' }).write('x');
  }),
  ...(
    [
      [400, 'BadRequestError'],
      [401, 'AuthError'],
      [403, 'ForbiddenError'],
      [404, 'NotFoundError'],
      [408, 'UnknownServiceError'],
      [409, 'UnknownServiceError'],
      [413, 'UnknownServiceError'],
      [429, 'TransportError'],
      [500, 'PolicyEvalError'],
      [502, 'TransportError'],
      [503, 'TransportError'],
      [504, 'TimeoutError'],
    ] as const
  ).flatMap(([status, error]) => [
    http(`HTTP ${status}`, error, (_request, reply) => sendJson(reply, { message: 'no' }, status)),
    http(`HTTP ${status} with the page of a proxy`, error, (_request, reply) => sendJson(reply, '<html>no</html>', status)),
    http(`HTTP ${status} with the right answer`, error, (request, reply) => sendJson(reply, rightAnswer(request), status)),
  ]),
  ...[201, 202, 203, 206].map((status) =>
    http(`HTTP ${status} with the right answer`, 'DecisionUnavailableError malformed', (request, reply) =>
      sendJson(reply, rightAnswer(request), status),
    ),
  ),
  http('HTTP 204', 'DecisionUnavailableError malformed', (_request, reply) => void reply.writeHead(204).end()),
  http('HTML with 200', 'DecisionUnavailableError malformed', (_request, reply) => sendJson(reply, '<html>Sign in</html>')),
  http('empty 200', 'DecisionUnavailableError malformed', (_request, reply) => sendJson(reply, '')),
  http('truncated JSON of the right length', 'DecisionUnavailableError malformed', (request, reply) =>
    sendJson(reply, rightAnswer(request).slice(0, -1)),
  ),
  http('two answers in one', 'DecisionUnavailableError malformed', (request, reply) => sendJson(reply, rightAnswer(request).repeat(2))),
  http('byte order mark', 'DecisionUnavailableError malformed', (request, reply) => sendJson(reply, `\ufeff${rightAnswer(request)}`)),
  http('UTF-16', 'DecisionUnavailableError malformed', (request, reply) => void reply.end(Buffer.from(rightAnswer(request), 'utf16le'))),
  http('not UTF-8', 'DecisionUnavailableError malformed', (request, reply) => {
    reply.end(
      Buffer.concat([Buffer.from(rightAnswer(request).slice(0, -1)), Buffer.from(',"x":"'), Buffer.from([0xff]), Buffer.from('"}')]),
    );
  }),
  http('bad gzip', 'DecisionUnavailableError malformed', (request, reply) => void reply.writeHead(200, gzipped).end(rightAnswer(request))),
  http('gzip that breaks off', 'DecisionUnavailableError malformed', (request, reply) => {
    const whole = gzipSync(rightAnswer(request));
    reply.writeHead(200, gzipped).end(whole.subarray(0, whole.length - 12));
  }),
  http('gzip bomb (trap C)', 'DecisionUnavailableError too_large', (_request, reply) => void reply.writeHead(200, gzipped).end(bomb)),
  http('gzip bomb as an error', 'ForbiddenError', (_request, reply) => void reply.writeHead(403, gzipped).end(bomb)),
  http('oversized', 'DecisionUnavailableError too_large', (request, reply) =>
    sendJson(reply, rightAnswer(request) + ' '.repeat(1_048_576)),
  ),
  http('oversized without end', 'DecisionUnavailableError too_large', (_request, reply) => {
    const more = (): void => {
      if (!reply.destroyed) reply.write(' '.repeat(65_536), () => setImmediate(more));
    };
    more();
  }),
  http('wrong ids', 'DecisionUnavailableError echo_mismatch', (request, reply) => {
    const right = JSON.parse(rightAnswer(request)) as object;
    sendJson(reply, { ...right, ...(request.method === 'POST' ? { agent_id: 'other' } : { decision_id: 'other' }) });
  }),
  http('duplicate key', 'DecisionUnavailableError duplicate_key', (request, reply) => {
    sendJson(reply, rightAnswer(request).replace('"effect":"allow"', '"effect":"deny","effect":"allow"'));
  }),
  http('nested too deep', 'DecisionUnavailableError malformed', (request, reply) => {
    sendJson(reply, `${rightAnswer(request).slice(0, -1)},"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`);
  }),
];

describe('A faulty Data Plane', () => {
  const unclaimed: unknown[] = [];
  const stray = (error: unknown): void => void unclaimed.push(error);

  before(async () => {
    process.on('unhandledRejection', stray);
    // the first request of a process also loads ky and fetch: not the fault's to answer for
    const plane = await dataPlaneStandIn((request, reply) => sendJson(reply, rightAnswer(request)));
    const service = new RemoteDecisionService({ apiKey: KEY_CANARY, baseUrl: plane.url, dataPlane: { require: [] } });
    expect(await service.decide(remoteRequest())).to.include({ effect: 'allow' });
    expect(await service.status('dec-1')).to.include({ state: 'approved' });
    await plane.close();
  });
  after(() => {
    process.off('unhandledRejection', stray);
    expect(unclaimed).to.deep.equal([]);
  });

  /** Again with a longer deadline, where this machine was too slow to come to the fault before the first one. */
  async function meet(fault: Fault, kind: 'decide' | 'status', deadlineMs: number = DEADLINE_MS): Promise<Met> {
    const faulty = await fault.start();
    // no wait between attempts: which error it is must not depend on how much of the deadline they leave
    const service = new RemoteDecisionService({
      apiKey: KEY_CANARY,
      baseUrl: faulty.url,
      timeoutMs: deadlineMs,
      random: () => 0,
      dataPlane: { require: [] },
    });
    try {
      const ask = (): Promise<unknown> => (kind === 'decide' ? service.decide(remoteRequest()) : service.status('dec-1'));
      const { value: error, ms } = await waited(() => failureOf(ask()));
      if (error.name !== 'TimeoutError' || fault.error === 'TimeoutError' || deadlineMs > 2_000) return { error, ms, deadlineMs };
    } finally {
      service.close();
      await faulty.close();
    }
    return meet(fault, kind, 2 * deadlineMs);
  }

  for (const fault of faults) {
    for (const kind of ['decide', 'status'] as const) {
      it(`${kind}: ${fault.name} ends in ${fault.error}`, async () => {
        const { error, ms, deadlineMs } = await meet(fault, kind);
        expect(AegisError.is(error), String(error.stack)).to.equal(true);
        expect(error.reason === undefined ? error.name : `${error.name} ${error.reason}`, error.message).to.equal(fault.error);
        expect(ms).to.be.lessThan(deadlineMs + GRACE_MS);
        expect(error.cause).to.equal(undefined);
        expect(everythingShownOf(error)).to.not.contain(KEY_CANARY).and.not.contain(PARAM_CANARY);
      });
    }
  }

  it('is left: what stalls is disconnected at the deadline', async () => {
    for (const head of ['', HEAD, `${HEAD}content-length: 50\r\n\r\n{`]) {
      const faulty = await remoteRawServer((socket) => void socket.write(head));
      const service = new RemoteDecisionService({ apiKey: KEY_CANARY, baseUrl: faulty.url, timeoutMs: 100, dataPlane: { require: [] } });
      await Promise.all(Array.from({ length: 20 }, () => failureOf(service.decide(remoteRequest()))));
      await until(() => faulty.asking.size === 0);
      expect(faulty.asking.size).to.equal(0);
      await faulty.close();
    }
  });

  it('cannot make the process swell with a gzip bomb (trap C)', async () => {
    const plane: DataPlaneStandIn = await dataPlaneStandIn((_request, reply) => void reply.writeHead(200, gzipped).end(bomb));
    const service = new RemoteDecisionService({
      apiKey: KEY_CANARY,
      baseUrl: plane.url,
      timeoutMs: PATIENT_MS,
      dataPlane: { require: [] },
    });
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 5; i++) expect(await failureOf(service.decide(remoteRequest()))).to.include({ reason: 'too_large' });
    expect(process.memoryUsage().rss - before).to.be.lessThan(100 * 1_048_576);
    await plane.close();
  });
});
