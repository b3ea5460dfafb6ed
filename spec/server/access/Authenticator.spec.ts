import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import { SecretString } from '../../../lib/common/SecretString.js';
import { Authenticator } from '../../../lib/server/access/Authenticator.js';
import type { AccessRequest } from '../../../lib/server/access/Authenticator.js';
import { newApiKey } from '../../../lib/server/access/apiKey.js';
import { HostSignature, hostCaller, signHostRequest } from '../../../lib/server/access/HostSignature.js';
import { KeyRing } from '../../../lib/server/access/KeyRing.js';
import { rejection } from '../../support/rejection.js';
import { MapRecordStore } from './MapRecordStore.js';

const ann = { user: 'ann', tenantId: 'default' };
const hostKey = new SecretString('host key of the specs');
const signed = { method: 'POST', path: '/v1/approvals/a/verdict?x=1', host: '127.0.0.1:4180', body: '{"verdict":"approve"}' };
const START = Date.UTC(2026, 0, 1);

function requestOf(headers: Record<string, string>, change: Partial<AccessRequest> = {}): AccessRequest {
  return {
    headers: new Headers({ host: signed.host, ...headers }),
    address: '127.0.0.1',
    method: signed.method,
    path: signed.path,
    body: () => signed.body,
    site: () => ({ origin: 'http://127.0.0.1:4180', base: '', nonce: '' }),
    ...change,
  };
}

describe('Authenticator', () => {
  const records = { default: new MapRecordStore(), other: new MapRecordStore() };
  const rings = Object.entries(records).map(
    ([tenantId, store]) => new KeyRing({ tenantId, records: store, pepper: new SecretString(`pepper of ${tenantId}`) }),
  );
  const [ring] = rings as [KeyRing];
  let clock: SinonFakeTimers;
  let authenticator: Authenticator;
  let key: string;
  const who = (headers: Record<string, string>, change?: Partial<AccessRequest>) => authenticator.authenticate(requestOf(headers, change));
  const refusal = async (headers: Record<string, string>, change?: Partial<AccessRequest>): Promise<string> => {
    const error = await rejection(who(headers, change));
    expect(error).to.include({ name: 'AuthError', code: 'invalid_api_key', status: 401 });
    return error.message;
  };

  before(async () => {
    key = (await ring.create({ name: 'k', scopes: ['decide'], agents: ['a'] }, hostCaller(ann))).key.reveal();
  });
  beforeEach(() => {
    clock = useFakeTimers({ now: START, toFake: ['Date', 'performance'] });
    authenticator = new Authenticator(rings, new HostSignature(hostKey));
  });
  afterEach(() => clock.restore());

  it('knows a key by X-API-KEY and as a bearer token, without its body', async () => {
    const body = (): never => {
      throw new Error('the body was read');
    };
    for (const headers of [{ 'X-API-KEY': key }, { Authorization: `Bearer ${key}` }, { authorization: `bearer  ${key}`, 'x-api-key': key }])
      expect(await who(headers, { body })).to.deep.include({ kind: 'key', tenantId: 'default', agents: ['a'] });
  });

  it('refuses every other key with one answer, and says how to send one where there is none', async () => {
    const unknown = newApiKey('default').key.reveal();
    const bad: Record<string, string>[] = [
      { 'x-api-key': unknown },
      { 'x-api-key': newApiKey('nowhere').key.reveal() },
      { 'x-api-key': '' },
      { 'x-api-key': 'x' },
      { 'x-api-key': `${key}, ${key}` },
      { authorization: `Bearer ${unknown}` },
      { authorization: `Bearer ${unknown}`, 'x-api-key': key },
    ];
    const said = new Set<string>();
    for (const headers of bad) said.add(await refusal(headers));
    expect([...said]).to.have.length(1);
    for (const headers of [{}, { authorization: key }, { authorization: `Basic ${key}` }, { cookie: key }] as Record<string, string>[])
      expect(await refusal(headers)).to.include('X-API-KEY');
  });

  it('looks into no store for what is not a key', async () => {
    const before = records.default.reads;
    await refusal({ 'x-api-key': newApiKey('default').key.reveal().slice(0, -1) });
    await refusal({ 'x-api-key': newApiKey('other').key.reveal() });
    expect(records.default.reads).to.equal(before);
  });

  it('finds the key where the tag of another tenant is the same', async () => {
    const double = new KeyRing({ tenantId: 'default', records: new MapRecordStore(), pepper: new SecretString('p') });
    authenticator = new Authenticator([double, ring]);
    expect((await who({ 'x-api-key': key })).kind).to.equal('key');
  });

  describe('with a signature of the operator of the host', () => {
    const signature = (change: Partial<typeof signed> = {}, by = ann, at = Date.now(), with_ = hostKey): string =>
      signHostRequest(with_, { ...signed, ...change }, by, at);

    it('knows the operator, who may do everything but call', async () => {
      for (const address of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1', '::FFFF:127.0.0.1']) {
        const caller = await who({ 'x-aegis-host': signature() }, { address });
        expect(caller).to.deep.include({ kind: 'host', tenantId: 'default', id: 'host:ann', agents: undefined, sessionTrusted: false });
        expect([...caller.scopes]).to.deep.equal(['approvals:read', 'policies:read', 'keys:admin', 'metrics:read']);
      }
      expect((await who({ 'x-aegis-host': signature({}, { ...ann, tenantId: 'other' }) })).tenantId).to.equal('other');
    });

    it('takes each signature once', async () => {
      const once = signature();
      await who({ 'x-aegis-host': once });
      await refusal({ 'x-aegis-host': once });
      clock.tick(29_000);
      await refusal({ 'x-aegis-host': once });
      clock.tick(60_000);
      await refusal({ 'x-aegis-host': once });
    });

    it('takes none that was signed more than 30 s ago or ahead, nor again after the clock was set back', async () => {
      // a server takes nothing that was signed before it began
      clock.tick(60_000);
      const now = START + 60_000;
      for (const at of [now - 30_001, now + 30_001]) await refusal({ 'x-aegis-host': signature({}, ann, at) });
      const before = signature({}, ann, now);
      await who({ 'x-aegis-host': signature({}, ann, now - 30_000) });
      await who({ 'x-aegis-host': before });
      clock.tick(100_000);
      clock.setSystemTime(now);
      await refusal({ 'x-aegis-host': before });
    });

    it('takes none for anything but this request', async () => {
      const changed: [Record<string, string>, Partial<AccessRequest>][] = [
        [{}, { method: 'GET' }],
        [{}, { path: '/v1/approvals/b/verdict?x=1' }],
        [{}, { path: '/v1/approvals/a/verdict?x=2' }],
        [{}, { body: () => '{"verdict":"deny"}' }],
        [{ host: '127.0.0.1:4181' }, {}],
        [{ 'x-forwarded-for': '127.0.0.1' }, {}],
        [{ forwarded: 'for=127.0.0.1' }, {}],
        [{ 'x-real-ip': '127.0.0.1' }, {}],
        [{ 'x-api-key': key }, {}],
        [{ authorization: `Bearer ${key}` }, {}],
        [{}, { address: '10.0.0.1' }],
        [{}, { address: '::ffff:10.0.0.1' }],
        [{}, { address: 'example.com' }],
        [{}, { address: undefined }],
        [{}, { headers: new Headers({ 'x-aegis-host': signature() }) }],
      ];
      for (const [headers, change] of changed) await refusal({ 'x-aegis-host': signature(), ...headers }, change);
      await refusal({ 'x-aegis-host': signature({}, ann, START, new SecretString('another key')) });
      await refusal({ 'x-aegis-host': signature({}, { ...ann, tenantId: 'nowhere' }) });
      for (const user of ['', 'a b', ' ann', 'a\u202eb', 'x'.repeat(257)])
        await refusal({ 'x-aegis-host': signature({}, { ...ann, user }) });
      expect((await who({ 'x-aegis-host': signature() })).kind).to.equal('host');
    });

    it('reads no body for what cannot be valid: of another machine, passed on by a proxy, from another time, beside a key, or of no such shape', async () => {
      const body = (): never => {
        throw new Error('the body was read');
      };
      const cases: [Record<string, string>, Partial<AccessRequest>][] = [
        [{ 'x-aegis-host': signature() }, { address: '10.0.0.1' }],
        [{ 'x-aegis-host': signature() }, { address: undefined }],
        [{ 'x-aegis-host': signature(), 'x-forwarded-for': '127.0.0.1' }, {}],
        [{ 'x-aegis-host': signature(), 'x-api-key': key }, {}],
        [{ 'x-aegis-host': signature({}, ann, START - 30_001) }, {}],
        [{ 'x-aegis-host': signature({}, ann, START + 30_001) }, {}],
        [{ 'x-aegis-host': 'anything' }, {}],
        [{ 'x-aegis-host': `${signature()}A` }, {}],
      ];
      for (const [headers, change] of cases) await refusal(headers, { ...change, body });
    });

    it('takes none with any character changed, cut or added', async () => {
      const text = signature();
      let refused = 0;
      for (let i = 0; i < text.length; i++) {
        const other = text[i] === 'A' ? 'B' : 'A';
        for (const forged of [text.slice(0, i) + other + text.slice(i + 1), text.slice(0, i), `${text.slice(0, i)}A${text.slice(i)}`]) {
          await refusal({ 'x-aegis-host': forged });
          refused += 1;
        }
      }
      expect(refused).to.equal(3 * text.length);
      expect((await who({ 'x-aegis-host': text })).kind).to.equal('host');
    });

    it('takes no more than it can remember, until they are over', async () => {
      const host = new HostSignature(hostKey);
      const verify = (): unknown => host.verify(signature(), signed, '::1', false);
      let taken = 0;
      while (verify() !== undefined) taken += 1;
      expect(taken).to.equal(10_000);
      clock.tick(30_001);
      expect(verify()).to.not.equal(undefined);
    });

    it('takes none where the server knows no operator', async () => {
      authenticator = new Authenticator(rings);
      await refusal({ 'x-aegis-host': signature() });
    });
  });
});
