import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import { SecretString } from '../../../lib/common/SecretString.js';
import { isTaggedFor, newApiKey, readApiKey } from '../../../lib/server/access/apiKey.js';
import type { Caller } from '../../../lib/server/access/Caller.js';
import { hostCaller } from '../../../lib/server/access/HostSignature.js';
import { KeyRing } from '../../../lib/server/access/KeyRing.js';
import type { KeyRequest } from '../../../lib/server/access/KeyRequest.js';
import { rejection } from '../../support/rejection.js';
import { MapRecordStore } from './MapRecordStore.js';

const host = hostCaller({ user: 'ann', tenantId: 'default' });
const pepper = new SecretString('pepper-of-the-specs');
const decide: KeyRequest = { name: 'agent', scopes: ['decide'], agents: ['shop'] };
const START = Date.UTC(2026, 0, 1);

function ringOf(records = new MapRecordStore(), tenantId = 'default'): KeyRing {
  return new KeyRing({ tenantId, records, pepper });
}

describe('An API key', () => {
  it('is read back, and only whole', () => {
    const { keyId, key } = newApiKey('default');
    const text = key.reveal();
    expect(text).to.match(/^aeg_[0-9a-f]{22}_[\w-]{43}_[0-9a-f]{8}$/);
    expect(readApiKey(text)?.keyId).to.equal(keyId);
    let refused = 0;
    for (let i = 0; i < text.length; i++) {
      const other = text[i] === 'a' ? 'b' : 'a';
      for (const changed of [text.slice(0, i) + other + text.slice(i + 1), text.slice(0, i) + text.slice(i + 1), text.slice(0, i)]) {
        expect(readApiKey(changed), changed).to.equal(undefined);
        refused += 1;
      }
    }
    expect(refused).to.equal(3 * text.length);
    for (const odd of ['', 'aeg_', `${text}\n`, ` ${text}`, `${text}, ${text}`, text.toUpperCase()])
      expect(readApiKey(odd)).to.equal(undefined);
  });

  it('says where to look for it, and two of 10,000 keys are never the same', () => {
    const ids = new Set(Array.from({ length: 10_000 }, () => newApiKey('a').keyId));
    expect(ids.size).to.equal(10_000);
    for (const id of ids) expect([isTaggedFor(id, 'a'), isTaggedFor(id, 'b')]).to.deep.equal([true, false]);
  });
});

describe('KeyRing', () => {
  let clock: SinonFakeTimers;
  beforeEach(() => {
    clock = useFakeTimers({ now: START, toFake: ['Date', 'performance'] });
  });
  afterEach(() => clock.restore());

  it('makes a key that is found as its caller, and shows it in no other way', async () => {
    const records = new MapRecordStore();
    const ring = ringOf(records);
    const { info, key } = await ring.create({ ...decide, sessionTrusted: true, expiresAtMs: START + 5_000 }, host);
    expect(info).to.deep.equal({
      id: readApiKey(key.reveal())?.keyId,
      name: 'agent',
      scopes: ['decide'],
      agents: ['shop'],
      sessionTrusted: true,
      status: 'active',
      createdAtMs: START,
      createdBy: 'host:ann',
      expiresAtMs: START + 5_000,
      previousUntilMs: undefined,
      revokedAtMs: undefined,
    });
    expect(await ring.find(key.reveal())).to.deep.equal({
      kind: 'key',
      tenantId: 'default',
      id: info.id,
      scopes: new Set(['decide']),
      agents: ['shop'],
      sessionTrusted: true,
      endsAtMs: START + 5_000,
    });
    const { secret = '' } = readApiKey(key.reveal()) ?? {};
    expect(JSON.stringify([[...records.rows.values()], info, key])).to.not.include(secret);
    clock.tick(5_000);
    expect(await ring.find(key.reveal())).to.equal(undefined);
    expect((await ring.list(host)).keys.map(({ status }) => status)).to.deep.equal(['expired']);
  });

  it('does not find another secret, another tenant, another pepper, or what is not a key', async () => {
    const records = new MapRecordStore();
    const ring = ringOf(records);
    const { key } = await ring.create(decide, host);
    const { key: other } = newApiKey('default');
    for (const text of ['', 'x', other.reveal(), newApiKey('b').key.reveal()]) expect(await ring.find(text)).to.equal(undefined);
    expect(await new KeyRing({ tenantId: 'default', records, pepper: new SecretString('other') }).find(key.reveal())).to.equal(undefined);
    expect(await ringOf(records, 'b').find(key.reveal())).to.equal(undefined);
  });

  it('opens nothing by a row that was written without the pepper, or that does not read', async () => {
    const records = new MapRecordStore();
    const ring = ringOf(records);
    const { info, key } = await ring.create(decide, host);
    const row = records.rows.get(info.id);
    if (row === undefined) return expect.fail();
    const body = JSON.parse(row.body) as Record<string, unknown>;
    const odd: readonly string[] = [
      '',
      '{',
      '[]',
      JSON.stringify({ ...body, hash: 'A'.repeat(43) }),
      JSON.stringify({ ...body, hash: 'short' }),
      JSON.stringify({ ...body, scopes: ['everything'] }),
      JSON.stringify({ ...body, scopes: [] }),
      JSON.stringify({ ...body, isAdmin: true }),
      JSON.stringify({ ...body, revokedAtMs: START }),
      JSON.stringify({ ...body, expiresAtMs: START }),
      row.body.replace('{', '{"name":"twice",'),
    ];
    for (const text of odd) {
      records.rows.set(info.id, { ...row, body: text });
      expect(await ringOf(records).find(key.reveal()), text).to.equal(undefined);
    }
    expect((await rejection(ringOf(records).rotate(info.id, host))).name).to.equal('NotFoundError');
    records.rows.set(info.id, row);
    expect((await ringOf(records).find(key.reveal()))?.id).to.equal(info.id);
  });

  it('keeps the old secret for a day after a rotation, or as long as it is told', async () => {
    const ring = ringOf();
    const { info, key: first } = await ring.create(decide, host);
    expect((await ring.find(first.reveal()))?.id).to.equal(info.id);
    const { key: second, info: rotated } = await ring.rotate(info.id, host);
    expect(rotated).to.include({ id: info.id, previousUntilMs: START + 86_400_000 });
    for (const key of [first, second]) expect((await ring.find(key.reveal()))?.id).to.equal(info.id);
    clock.tick(86_399_999);
    expect((await ring.find(first.reveal()))?.id).to.equal(info.id);
    clock.tick(1);
    expect(await ring.find(first.reveal())).to.equal(undefined);
    const { key: third } = await ring.rotate(info.id, host, 0);
    expect(await ring.find(second.reveal())).to.equal(undefined);
    expect((await ring.find(third.reveal()))?.id).to.equal(info.id);
    for (const overlapMs of [-1, 0.5, NaN, 31 * 86_400_000])
      expect((await rejection(ring.rotate(info.id, host, overlapMs))).name).to.equal('BadRequestError');
  });

  it('revokes at once here, within 30 s elsewhere, for good, and keeps the record', async () => {
    const records = new MapRecordStore();
    const [ring, elsewhere] = [ringOf(records), ringOf(records)];
    const { info, key } = await ring.create(decide, host);
    for (const each of [ring, elsewhere]) expect((await each.find(key.reveal()))?.id).to.equal(info.id);
    expect(await ring.revoke(info.id, host)).to.include({ status: 'revoked', revokedAtMs: START });
    expect(await ring.find(key.reveal())).to.equal(undefined);
    clock.tick(29_999);
    expect((await elsewhere.find(key.reveal()))?.id).to.equal(info.id);
    clock.tick(1);
    expect(await elsewhere.find(key.reveal())).to.equal(undefined);
    expect((await ring.revoke(info.id, host)).revokedAtMs).to.equal(START);
    expect((await rejection(ring.rotate(info.id, host))).name).to.equal('NotFoundError');
    await ring.create(decide, host);
    expect((await ring.list(host)).keys).to.have.length(2);
    expect((await ring.list(host, { limit: 1 })).keys.map(({ id }) => id)).to.deep.equal([info.id]);
  });

  it('does not keep what it read before a revocation', async () => {
    const ring = ringOf();
    const { info, key } = await ring.create(decide, host);
    const reading = ring.find(key.reveal());
    const revoked = ring.revoke(info.id, host);
    await reading;
    await revoked;
    expect(await ring.find(key.reveal())).to.equal(undefined);
  });

  it('reads the store once for 1,000 requests at a time, and then not for 30 s', async () => {
    const records = new MapRecordStore();
    const ring = ringOf(records);
    const { key } = await ring.create(decide, host);
    const callers = await Promise.all(Array.from({ length: 1_000 }, () => ring.find(key.reveal())));
    expect(new Set(callers).size).to.equal(1);
    clock.tick(29_000);
    await ring.find(key.reveal());
    expect(records.reads).to.equal(1);
    clock.tick(1_000);
    await ring.find(key.reveal());
    expect(records.reads).to.equal(2);
  });

  it('takes the change of another process that was first', async () => {
    const records = new MapRecordStore();
    const ring = ringOf(records);
    const { info } = await ring.create(decide, host);
    const rotated = await Promise.all([ring.rotate(info.id, host), ring.rotate(info.id, host), ring.rotate(info.id, host)]);
    const found = await Promise.all(rotated.map(({ key }) => ring.find(key.reveal())));
    // the last one, and the one before it for its overlap
    expect(found.filter((caller) => caller !== undefined)).to.have.length(2);
    expect(records.rows.get(info.id)?.version).to.equal(4);
  });

  it('makes nothing where the store does not take it', async () => {
    const records = new MapRecordStore();
    records.insert = () => false;
    expect((await rejection(ringOf(records).create(decide, host))).name).to.equal('StoreError');
  });

  const refused: Record<string, [Partial<KeyRequest>, string]> = {
    'an empty name': [{ name: ' ' }, '`name`'],
    'a long name': [{ name: 'n'.repeat(129) }, '`name`'],
    'a name that moves the cursor': [{ name: 'a\u001b[2J' }, '`name`'],
    'no scope': [{ scopes: [] }, '`scopes`'],
    'a scope twice': [{ scopes: ['decide', 'decide'] }, '`scopes`'],
    'a scope that does not exist': [{ scopes: ['aprovals:read' as 'decide'] }, "did you mean 'approvals:read'?"],
    'an agent that administers keys': [{ scopes: ['keys:admin', 'decide'] }, 'Make two keys'],
    'no agent': [{ agents: [] }, '`agents`'],
    'an agent twice': [{ agents: ['a', 'a'] }, '`agents`'],
    'an agent without a name': [{ agents: [''] }, '`agents`'],
    'too many agents': [{ agents: Array.from({ length: 1_001 }, (_, i) => String(i)) }, '`agents`'],
    'an end that is over': [{ expiresAtMs: START }, '`expires_at`'],
    'an end that is not a time': [{ expiresAtMs: NaN }, '`expires_at`'],
  };
  for (const [what, [change, message]] of Object.entries(refused))
    it(`refuses ${what}`, async () => {
      const records = new MapRecordStore();
      const error = await rejection(ringOf(records).create({ ...decide, ...change }, host));
      expect([error.name, records.rows.size]).to.deep.equal(['BadRequestError', 0]);
      expect(error.message).to.include(message);
    });

  describe('where a key makes keys', () => {
    const admin: Caller = {
      kind: 'key',
      tenantId: 'default',
      id: 'k',
      scopes: new Set(['keys:admin', 'approvals:read']),
      agents: ['a', 'b'],
      sessionTrusted: false,
    };

    it('gives none a scope, an agent or a trust that it lacks', async () => {
      const records = new MapRecordStore();
      const ring = ringOf(records);
      const own: KeyRequest = { name: 'reader', scopes: ['approvals:read'], agents: ['a'] };
      const { info } = await ring.create(own, admin);
      expect(info.createdBy).to.equal('k');
      const more: Partial<KeyRequest>[] = [
        { scopes: ['decide'] },
        { scopes: ['policies:read'] },
        { agents: ['c'] },
        { agents: ['a', 'c'] },
        { agents: undefined },
        { sessionTrusted: true },
      ];
      for (const change of more)
        expect(await rejection(ring.create({ ...own, ...change }, admin))).to.include({
          name: 'RequestError',
          code: 'scope_missing',
          status: 403,
        });
      expect(records.rows.size).to.equal(1);
      expect((await ring.create({ ...own, sessionTrusted: true }, { ...admin, sessionTrusted: true })).info.sessionTrusted).to.equal(true);
    });

    it('gives none a longer life than its own: neither a key that ends, nor a secret that was rotated out', async () => {
      const ring = ringOf();
      const caller = async (key: SecretString): Promise<Caller> => (await ring.find(key.reveal())) as Caller;
      const end = Date.now() + 3_600_000;
      const asked: KeyRequest = { name: 'k', scopes: ['keys:admin'] };
      const refused = { name: 'RequestError', code: 'scope_missing', status: 403 };

      const ending = await ring.create({ ...asked, expiresAtMs: end }, host);
      const maker = await caller(ending.key);
      for (const expiresAtMs of [undefined, end + 1])
        expect(await rejection(ring.create({ ...asked, expiresAtMs }, maker))).to.include(refused);
      expect((await ring.create({ ...asked, expiresAtMs: end }, maker)).info.expiresAtMs).to.equal(end);
      expect((await ring.rotate(ending.info.id, maker)).info.expiresAtMs).to.equal(end);

      const lasting = await ring.create(asked, host);
      expect((await ring.create(asked, await caller(lasting.key))).info.expiresAtMs).to.equal(undefined);
      expect(await rejection(ring.rotate(lasting.info.id, maker))).to.include(refused);
      const rotated = await ring.rotate(lasting.info.id, host, 60_000);
      const stolen = await caller(lasting.key);
      expect(await rejection(ring.create(asked, stolen))).to.include(refused);
      expect(await rejection(ring.rotate(lasting.info.id, stolen))).to.include(refused);
      expect((await ring.create(asked, await caller(rotated.key))).info.status).to.equal('active');
      expect((await ring.revoke(lasting.info.id, stolen)).status).to.equal('revoked');
    });

    it('sees, rotates and revokes none of other agents, and gets the secret of none that can do more', async () => {
      const ring = ringOf();
      const { info: foreign } = await ring.create({ ...decide, agents: ['c'] }, host);
      const { info: everyone } = await ring.create({ ...decide, agents: undefined }, host);
      const { info: near, key } = await ring.create({ ...decide, agents: ['a'] }, host);
      expect((await ring.list(admin)).keys.map(({ id }) => id)).to.deep.equal([near.id]);
      expect((await ring.list({ ...admin, agents: undefined })).keys).to.have.length(3);
      for (const { id } of [foreign, everyone]) {
        const unknown = await rejection(ring.revoke('0', admin));
        for (const act of [ring.rotate(id, admin), ring.revoke(id, admin)])
          expect(await rejection(act)).to.include({ name: 'NotFoundError', message: unknown.message });
      }
      expect((await rejection(ring.rotate(near.id, admin))).code).to.equal('scope_missing');
      expect((await ring.find(key.reveal()))?.id).to.equal(near.id);
      expect((await ring.revoke(near.id, admin)).status).to.equal('revoked');
    });
  });
});
