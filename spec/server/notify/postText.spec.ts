import { expect } from 'chai';
import type { lookup } from 'node:dns';
import { isPublicAddress } from '../../../lib/server/notify/isPublicAddress.js';
import { postText } from '../../../lib/server/notify/postText.js';
import { counted } from '../../support/assurance.js';
import { rejection } from '../../support/rejection.js';
import { receiver } from './receivers.js';

/** Answers each question for a name with the next of these addresses. */
function resolving(...answers: readonly (readonly string[])[]): typeof lookup {
  let asked = 0;
  const resolve = (_name: string, _options: object, done: (error: Error | null, addresses: object[]) => void): void =>
    done(
      null,
      (answers[Math.min(asked++, answers.length - 1)] ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  return resolve as unknown as typeof lookup;
}

const POST = { headers: {}, body: '{}' };

describe('isPublicAddress', () => {
  const closed =
    '0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1 172.31.255.255 192.168.1.1 192.0.0.1 192.0.2.1 198.18.0.1 198.51.100.7 203.0.113.9 224.0.0.1 255.255.255.255 :: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 64:ff9b::7f00:1 fc00::1 fd12:3456::1 fe80::1 fec0::1 ff02::1 2001:db8::1 2001::1 2002:7f00:1::1 100::1 3fff::1'.split(
      ' ',
    );
  for (const address of closed)
    it(`says that ${address} is not`, () => {
      expect(isPublicAddress(address)).to.equal(false);
    });
  for (const address of ['1.1.1.1', '8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700:4700::1111', '2a00:1450:4001::1'])
    it(`says that ${address} is`, () => {
      expect(isPublicAddress(address)).to.equal(true);
    });
  it('says that what is not an address is not', () => {
    for (const text of ['', 'localhost', '1.1.1', '::g']) expect(isPublicAddress(text)).to.equal(false);
  });
});

describe('postText', () => {
  it('posts, and reads what is answered', async () => {
    await using other = await receiver(() => ({ status: 201, body: 'taken' }));
    const answer = await postText(`${other.url}/hook?x=1`, { headers: { 'x-a': 'b' }, body: '{"é":1}', allowPrivate: true });
    expect(answer).to.deep.equal({ status: 201, body: 'taken' });
    expect(other.received).to.have.length(1);
    expect(other.received[0]).to.include({ path: '/hook?x=1', body: '{"é":1}' });
    expect(other.received[0]?.headers).to.include({ 'x-a': 'b', 'content-length': '8' });
  });

  it('reaches nothing that is not on the Internet, whatever the address is called', async () => {
    await using other = await receiver();
    const { port } = new URL(other.url);
    const urls = [
      `http://127.0.0.1:${port}`,
      `https://127.0.0.1:${port}`,
      `https://127.1:${port}`,
      `https://2130706433:${port}`,
      `https://0x7f000001:${port}`,
      `https://0177.0.0.1:${port}`,
      `https://①②⑦.0.0.1:${port}`,
      `https://[::1]:${port}`,
      `https://[::ffff:127.0.0.1]:${port}`,
      `https://[64:ff9b::127.0.0.1]:${port}`,
      'https://169.254.169.254/latest/meta-data',
      'http://example.com/',
    ];
    let wrong = 0;
    for (const url of urls) {
      const error = await rejection(postText(url, { ...POST, allowPrivate: false }));
      if (error.name !== 'DeliveryError' || error['isFinal'] !== true) wrong++;
    }
    const names = [['127.0.0.1'], ['10.0.0.8'], ['::1'], ['1.1.1.1', '127.0.0.1'], ['169.254.169.254'], []];
    for (const addresses of names) {
      const error = await rejection(
        postText(`https://hook.example:${port}/`, { ...POST, allowPrivate: false, resolve: resolving(addresses) }),
      );
      if (error.name !== 'DeliveryError' || error['isFinal'] !== true) wrong++;
    }
    counted({ what: 'receivers that are not on the Internet', cases: urls.length + names.length, wrong: wrong + other.received.length });
    expect(wrong).to.equal(0);
    expect(other.received).to.be.empty;
  });

  it('connects to the address that it checked, so that a name cannot change in between', async () => {
    await using other = await receiver();
    const { port } = new URL(other.url);
    let asked = 0;
    const rebinding = ((_name: string, _options: object, done: (error: null, addresses: object[]) => void) => {
      asked += 1;
      // a first answer that is fine, and every later one that is not
      done(null, [{ address: asked === 1 ? '198.51.100.1' : '127.0.0.1', family: 4 }]);
    }) as unknown as typeof lookup;
    const error = await rejection(postText(`https://hook.example:${port}/`, { ...POST, allowPrivate: false, resolve: rebinding }));
    expect(error.name).to.equal('DeliveryError');
    expect(asked).to.equal(1);
    expect(other.received).to.be.empty;
  });

  it('follows no redirect', async () => {
    await using inner = await receiver();
    await using outer = await receiver(() => ({ status: 307, headers: { location: inner.url } }));
    expect(await postText(outer.url, { ...POST, allowPrivate: true })).to.include({ status: 307 });
    expect(inner.received).to.be.empty;
  });

  it('ends where nothing, too much or never anything is answered', async () => {
    await using cut = await receiver(() => undefined);
    expect(await rejection(postText(cut.url, { ...POST, allowPrivate: true }))).to.include({ name: 'DeliveryError', isFinal: false });
    await using much = await receiver(() => ({ body: 'x'.repeat(1_000_000) }));
    expect((await rejection(postText(much.url, { ...POST, allowPrivate: true }))).message).to.contain('too much');
    let answerLater: (() => void) | undefined;
    const never = new Promise<void>((done) => (answerLater = done));
    const { createServer } = await import('node:net');
    const silent = createServer((socket) => void never.then(() => socket.destroy()));
    await new Promise<void>((listening) => silent.listen(0, '127.0.0.1', listening));
    const { port } = silent.address() as { port: number };
    expect(await rejection(postText(`http://127.0.0.1:${port}`, { ...POST, allowPrivate: true, timeoutMs: 50 }))).to.include({
      name: 'DeliveryError',
      isFinal: false,
    });
    answerLater?.();
    await new Promise((closed) => silent.close(closed));
  });

  it('resolves a name where that is allowed', async () => {
    await using other = await receiver();
    const { port } = new URL(other.url);
    expect(await postText(`http://hook.example:${port}/`, { ...POST, allowPrivate: true, resolve: resolving(['127.0.0.1']) })).to.include({
      status: 200,
    });
    const failing = ((_n: string, _o: object, done: (error: Error) => void) => done(new Error('ENOTFOUND'))) as unknown as typeof lookup;
    expect(await rejection(postText(`http://hook.example:${port}/`, { ...POST, allowPrivate: true, resolve: failing }))).to.include({
      name: 'DeliveryError',
      isFinal: false,
    });
  });
});
