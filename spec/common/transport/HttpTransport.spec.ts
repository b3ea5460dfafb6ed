import { expect } from 'chai';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RequestListener, Server } from 'node:http';
import { HttpTransport } from '../../../lib/common/transport/HttpTransport.js';
import type { HttpTransportOptions, SendOptions } from '../../../lib/common/transport/HttpTransport.js';
import type { HttpResponse } from '../../../lib/common/transport/HttpExchange.js';
import { HttpTransportError } from '../../../lib/common/transport/HttpTransportError.js';
import type { Outcome } from '../../../lib/common/transport/resilience.js';
import { PATIENT_MS } from '../../support/remoteRequest.js';

const SECRET = 'transport-canary-8';

/** Takes every answer but 503. */
function read(answer: HttpResponse): Outcome<HttpResponse> {
  if (answer.status === 503) return { kind: 'overloaded', error: new Error('503') };
  if (answer.status === 418) throw new RangeError('a teapot');
  return { kind: 'answered', value: answer };
}

describe('HttpTransport', () => {
  let server: Server;
  let listener: RequestListener;
  let url = '';
  let requests = 0;
  before(async () => {
    server = createServer((request, reply) => {
      requests += 1;
      listener(request, reply);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    requests = 0;
    listener = (_request, reply) => reply.end('{}');
  });

  function setup(options: Partial<HttpTransportOptions> = {}): HttpTransport {
    const headers = (): Record<string, string> => ({ 'X-KEY': SECRET });
    return new HttpTransport({ baseUrl: url, maxBodyBytes: 1_000, headers, timeoutMs: PATIENT_MS, random: () => 0, ...options });
  }

  function send(transport: HttpTransport, options: Partial<SendOptions<HttpResponse>> = {}): Promise<HttpResponse> {
    return transport.send({ method: 'POST', path: '/a', body: SECRET }, { retries: 0, read, ...options });
  }

  async function problem(sent: Promise<unknown>): Promise<HttpTransportError> {
    const error: unknown = await sent.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(HttpTransportError);
    expect(JSON.stringify(error)).to.not.contain(SECRET);
    expect((error as Error).cause).to.equal(undefined);
    return error as HttpTransportError;
  }

  it('gives what read makes of an answer, with the headers of every request and of this one', async () => {
    let seen: object = {};
    listener = (request, reply) => {
      seen = request.headers;
      reply.setHeader('X-Echo', 'yes').end('hello');
    };
    const answer = await setup().send({ method: 'POST', path: '/a', headers: { 'X-Own': '1' }, body: 'b' }, { retries: 0, read });
    expect([answer.status, answer.headers.get('x-echo'), answer.body]).to.deep.equal([200, 'yes', 'hello']);
    expect(seen).to.include({ 'x-key': SECRET, 'x-own': '1' });
  });

  it('retries a failed outcome and reports it, and throws its error in the end', async () => {
    listener = (_request, reply) => reply.writeHead(503).end();
    const failed: string[] = [];
    const error = await send(setup(), { retries: 2, onFailedAttempt: ({ kind }) => failed.push(kind) }).catch((thrown: Error) => thrown);
    expect([(error as Error).message, requests, failed]).to.deep.equal(['503', 3, ['overloaded', 'overloaded', 'overloaded']]);
  });

  it('passes on what read throws, without another attempt', async () => {
    listener = (_request, reply) => reply.writeHead(418).end();
    const error = await send(setup(), { retries: 5 }).catch((thrown: unknown) => thrown);
    expect([error instanceof RangeError, requests]).to.deep.equal([true, 1]);
  });

  const problems: Readonly<Record<string, RequestListener>> = {
    redirect: (_request, reply) => reply.writeHead(302, { location: '/elsewhere' }).end(),
    too_large: (_request, reply) => reply.end('x'.repeat(1_001)),
    not_utf8: (_request, reply) => reply.end(Buffer.from([0xff])),
    undecodable: (_request, reply) => reply.writeHead(200, { 'content-encoding': 'gzip' }).end('no gzip at all'),
    unreachable: (request) => request.socket.destroy(),
  };
  for (const [name, answering] of Object.entries(problems)) {
    it(`says ${name}, and nothing of the request`, async () => {
      listener = answering;
      expect(await problem(send(setup()))).to.include({ problem: name });
      expect(requests).to.equal(1);
    });
  }

  it('says which system error it was where nothing listens', async () => {
    const free = createServer();
    await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
    const { port } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    const error = await problem(send(setup({ baseUrl: `http://127.0.0.1:${port}` })));
    expect([error.problem, error.details.systemCode]).to.deep.equal(['unreachable', 'ECONNREFUSED']);
  });

  it('reads no body of an error that it cannot read: its status says enough', async () => {
    listener = (_request, reply) => reply.writeHead(404).end('x'.repeat(5_000));
    expect(await send(setup())).to.include({ status: 404, body: '' });
  });

  it('ends by its deadline, by the signal with its reason, and by close, also later requests', async () => {
    listener = () => undefined;
    expect((await problem(send(setup({ timeoutMs: 100 })))).problem).to.equal('timeout');
    const controller = new AbortController();
    const aborted = problem(send(setup(), { signal: controller.signal }));
    controller.abort('why');
    const error = await aborted;
    expect([error.problem, error.details.abortReason]).to.deep.equal(['aborted', 'why']);
    const transport = setup();
    const closed = problem(send(transport));
    transport.close();
    expect((await closed).problem).to.equal('closed');
    expect((await problem(send(transport))).problem).to.equal('closed');
  });

  it('says how often it failed, and when it tries again, while the circuit is open', async () => {
    listener = (_request, reply) => reply.writeHead(503).end();
    const transport = setup();
    for (let i = 0; i < 10; i++) await send(transport).catch(() => undefined);
    requests = 0;
    const { problem: name, details } = await problem(send(transport));
    expect([name, details.failures, requests]).to.deep.equal(['circuit_open', 10, 0]);
    expect(details.retryInMs).to.be.within(1, 1_000);
  });
});
