import { expect } from 'chai';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { callerWith, serve } from '../../support/serve.js';
import type { Served } from '../../support/serve.js';
import { counted } from '../../support/assurance.js';
import { tenantNamed, testRoutes } from './testRoutes.js';

const HEAD = 'POST /v1/decision HTTP/1.1\r\nhost: localhost\r\nx-api-key: agent\r\ncontent-type: application/json\r\n';

describe('Hostile connections', () => {
  let served: Served;
  const sockets: Socket[] = [];
  before(async () => {
    served = await serve({
      routes: testRoutes(),
      callers: { agent: callerWith(['decide']) },
      tenants: [tenantNamed('default')],
    });
  });
  after(async () => {
    for (const socket of sockets) socket.destroy();
    await served.close();
  });

  async function dial(): Promise<Socket> {
    const socket = connect(served.listener.port, '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('connect', resolve));
    return socket;
  }

  /** All that comes until the server closes the connection. */
  async function raw(text: Buffer): Promise<string> {
    const socket = await dial();
    let got = '';
    socket.on('data', (data) => (got += data.toString('latin1')));
    socket.write(text);
    await new Promise((resolve) => socket.once('close', resolve));
    return got;
  }

  const smuggled: readonly (readonly [string, string])[] = [
    ['two lengths', `${HEAD}content-length: 2\r\ncontent-length: 3\r\n\r\n{}x`],
    ['a length and chunks', `${HEAD}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['a negative length', `${HEAD}content-length: -1\r\n\r\n`],
    ['a length in hex', `${HEAD}content-length: 0x2\r\n\r\n{}`],
    ['a length with a sign', `${HEAD}content-length: +2\r\n\r\n{}`],
    ['another transfer encoding', `${HEAD}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n`],
    ['a chunk of a size that is none', `${HEAD}transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`],
    ['a bare line feed', HEAD.replaceAll('\r\n', '\n') + 'content-length: 2\n\n{}'],
    ['a header without a colon', `${HEAD}nothing\r\n\r\n`],
    ['a space before the colon', `${HEAD}content-length : 2\r\n\r\n{}`],
    ['a folded header', `${HEAD}x-more: a\r\n b\r\ncontent-length: 2\r\n\r\n{}`],
    ['NUL in a header', `${HEAD}x-more: a\0b\r\ncontent-length: 2\r\n\r\n{}`],
    ['HTTP/0.9', 'GET /open\r\n\r\n'],
    ['HTTP/3.0', 'GET /open HTTP/3.0\r\nhost: a\r\n\r\n'],
    ['no host', 'GET /open HTTP/1.1\r\n\r\n'],
    ['two hosts', 'GET /open HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n'],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['noise', '\x00\xff\x00\xff\r\n\r\n'],
    ['an unknown method', 'HACK /open HTTP/1.1\r\nhost: a\r\n\r\n'],
  ];
  for (const [what, text] of smuggled)
    it(`gets a 400, or nothing, for ${what}, and its connection is closed`, async () => {
      const got = await raw(Buffer.from(text, 'latin1'));
      // node:http itself answers a request without a host, or with two
      expect(got).to.match(/^(?:HTTP\/1\.1 400 Bad Request\r\n[^]*)?$/);
      expect(got).to.not.match(/HTTP\/1\.1 [^4]/);
      expect(got.match(/HTTP\/1\.1 \d/g) ?? []).to.have.length.at.most(1);
    });

  it('gets a 431 for headers that are too large', async () => {
    const got = await raw(Buffer.from(`GET /open HTTP/1.1\r\nhost: localhost\r\nx-more: ${'x'.repeat(20_000)}\r\n\r\n`));
    expect(got).to.match(/^HTTP\/1\.1 431 Request Header Fields Too Large\r\n/);
    const [head = '', body = ''] = got.split('\r\n\r\n');
    expect(JSON.parse(body)).to.include({ error: 'headers_too_large', status: 431 });
    expect(head.toLowerCase())
      .to.include('connection: close')
      .and.include('cache-control: no-store')
      .and.include('x-content-type-options: nosniff');
  });

  it('gets a 413 for a body of 100 MB before it was sent, with or without its length', async () => {
    const socket = await dial();
    let got = '';
    socket.on('data', (data) => (got += data.toString('latin1')));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(`${HEAD}content-length: 100000000\r\n\r\n`);
    const chunk = Buffer.alloc(65_536, 'x');
    let sent = 0;
    const send = (): void => {
      while (!socket.destroyed && sent < 100_000_000) {
        sent += chunk.length;
        if (!socket.write(chunk)) return void socket.once('drain', send);
      }
    };
    send();
    await closed;
    expect(got).to.match(/^HTTP\/1\.1 413 /);
    expect(got.toLowerCase()).to.include('connection: close');
    expect(sent).to.be.lessThan(50_000_000);
    const chunked = await raw(
      Buffer.concat([
        Buffer.from(`${HEAD}transfer-encoding: chunked\r\n\r\n10000\r\n`),
        ...Array.from({ length: 32 }, () => Buffer.from(`${'x'.repeat(65_536)}\r\n10000\r\n`)),
      ]),
    );
    expect(chunked).to.match(/^HTTP\/1\.1 413 /);
  });

  it('gets a 400 where its body ends before its length', async () => {
    const socket = await dial();
    let got = '';
    socket.on('data', (data) => (got += data.toString('latin1')));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.end(`${HEAD}content-length: 10\r\n\r\n{}`);
    await closed;
    expect(got).to.match(/^(?:HTTP\/1\.1 400 [^]*)?$/);
    expect((await served.ask('POST', '/v1/decision', { key: 'agent', body: {} })).status).to.equal(200);
  });

  it('is answered once for each of two requests that it sends at once', async () => {
    const got = await raw(
      Buffer.from(`${HEAD}content-length: 2\r\n\r\n{}GET /open HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`),
    );
    expect(got.match(/HTTP\/1\.1 200 OK/g)).to.have.length(2);
    expect(got.indexOf('"caller":"k1"')).to.be.lessThan(got.indexOf('{"open":true}'));
  });

  it('that sends nothing, or headers and bodies in drips, keeps no one else waiting, and is cut', async function () {
    this.timeout(30_000);
    const silent = await Promise.all(Array.from({ length: 200 }, dial));
    const drips = await Promise.all(Array.from({ length: 50 }, dial));
    const bodies = await Promise.all(Array.from({ length: 50 }, dial));
    for (const socket of drips) socket.write('POST /v1/decision HTTP/1.1\r\nhost: localhost\r\nx-drip: ');
    for (const socket of bodies) socket.write(`${HEAD}content-length: 1000\r\n\r\n{`);
    const drip = setInterval(() => {
      for (const socket of [...drips, ...bodies]) if (!socket.destroyed) socket.write('a');
    }, 100);
    const isCut = (socket: Socket): boolean => socket.destroyed || socket.readableEnded;
    for (const socket of [...silent, ...drips, ...bodies]) socket.resume();
    let served200 = 0;
    while (![...silent, ...drips, ...bodies].every(isCut)) {
      expect((await served.ask('POST', '/v1/decision', { key: 'agent', body: {} })).status).to.equal(200);
      served200 += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    clearInterval(drip);
    counted({ what: 'requests answered beside 300 stuck connections, all of which were cut', cases: served200, wrong: 0 });
  });
});
