import { createHash, randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import type { VerdictProof } from '../../../lib/store/ApprovalStore.js';
import { MemoryRecordStore } from '../../../lib/store/memory/MemoryRecordStore.js';
import { rejection } from '../../support/rejection.js';
import { SoftAuthenticator } from '../../support/SoftAuthenticator.js';
import type { Lies, SignedResponse } from '../../support/SoftAuthenticator.js';
import { firstPerson, invited, signedIn } from './arrivals.js';
import { identityOf, ORIGIN } from './identitySetup.js';

const REFUSED = { status: 403, code: 'passkey_refused' };

describe('Passkeys', () => {
  let clock: SinonFakeTimers;
  beforeEach(() => {
    clock = useFakeTimers({ now: Date.UTC(2026, 0, 1), toFake: ['Date', 'performance'] });
  });
  afterEach(() => clock.restore());

  it('sign a person in, with one that counts and with a synced one', async () => {
    for (const counts of [true, false]) {
      const identity = identityOf();
      const { person, device } = await firstPerson(identity, 'Ann', new SoftAuthenticator(ORIGIN, { counts }));
      for (let i = 0; i < 3; i++) {
        const { text } = await signedIn(identity, device);
        expect((await identity.sessions.find(text))?.person.id).to.equal(person.id);
      }
      const [key] = await identity.passkeys.list(person.id);
      expect(key).to.include({ name: 'first passkey', synced: !counts });
    }
  });

  it('tell the browser that the person must be verified, and name no one before they sign in', async () => {
    const identity = identityOf();
    const text = (await identity.setup.begin('serve'))?.text.reveal() as string;
    const made = (await identity.setup.options(text, 'Ann', ORIGIN)) as any;
    expect(made.rp).to.deep.equal({ name: 'Aegis', id: 'localhost' });
    expect(made.attestation).to.equal('none');
    expect(made.authenticatorSelection).to.include({ residentKey: 'required', userVerification: 'required' });
    await firstPerson(identity);
    const signIn = (await identity.passkeys.signInOptions(ORIGIN)) as any;
    expect(signIn).to.include({ rpId: 'localhost', userVerification: 'required' });
    expect(signIn.allowCredentials ?? []).to.deep.equal([]);
  });

  it('are refused where anything that was signed is not what was asked: sign-in', async () => {
    const identity = identityOf();
    const { device } = await firstPerson(identity);
    const bob = await invited(identity, { name: 'Bob' });
    await signedIn(identity, device);
    const lies: readonly Lies[] = [
      { origin: 'http://localhost:4181' },
      { origin: 'https://localhost:4180' },
      { origin: 'http://127.0.0.1:4180' },
      { origin: 'http://localhost' },
      { origin: 'null' },
      { rpId: 'example.com' },
      { type: 'webauthn.create' },
      { type: 'payment.get' },
      { challenge: randomBytes(32).toString('base64url') },
      { crossOrigin: true },
      { userVerified: false },
      { userPresent: false },
      { counter: 0 },
      { userHandle: Buffer.from(bob.person.id).toString('base64url') },
    ];
    for (const lie of lies) {
      const response = device.get(await identity.passkeys.signInOptions(ORIGIN), lie);
      expect(await rejection(identity.passkeys.signIn({ origin: ORIGIN, response })), JSON.stringify(lie)).to.include(REFUSED);
    }
    console.log(`      ${lies.length} lies about a sign-in: 0 let in`);
    expect(await signedIn(identity, device)).to.have.property('text');
  });

  it('are refused where anything that was signed is not what was asked: registration', async () => {
    const lies: readonly Lies[] = [
      { origin: 'http://localhost:4181' },
      { rpId: 'example.com' },
      { type: 'webauthn.get' },
      { challenge: randomBytes(32).toString('base64url') },
      { crossOrigin: true },
      { userVerified: false },
      { userPresent: false },
    ];
    for (const lie of lies) {
      const identity = identityOf();
      const text = (await identity.setup.begin('serve'))?.text.reveal() as string;
      const response = new SoftAuthenticator(ORIGIN).create(await identity.setup.options(text, 'Ann', ORIGIN), lie);
      const tried = identity.setup.register(text, { name: 'Ann', origin: ORIGIN, response });
      expect(await rejection(tried), JSON.stringify(lie)).to.include(REFUSED);
      expect([await identity.hasPeople(), await identity.setup.isGood(text)]).to.deep.equal([false, true]);
    }
  });

  it('refuse what is not a response at all', async () => {
    const identity = identityOf();
    const { device } = await firstPerson(identity);
    const good = device.get(await identity.passkeys.signInOptions(ORIGIN));
    const odd: readonly unknown[] = [
      undefined,
      null,
      1,
      'x',
      [],
      {},
      { ...good, id: '' },
      { ...good, id: 'a'.repeat(2_000) },
      { ...good, rawId: 'other' },
      { ...good, type: 'password' },
      { ...good, response: null },
      { ...good, response: { ...good.response, clientDataJSON: 'e30' } },
      { ...good, response: { ...good.response, clientDataJSON: 'bm90IGpzb24' } },
      { ...good, response: { ...good.response, clientDataJSON: 'bnVsbA' } },
      { ...good, response: { ...good.response, signature: 'a+b=' } },
      { ...good, response: { ...good.response, signature: 'AAAA' } },
      { ...good, response: { ...good.response, authenticatorData: 'AAAA' } },
      { ...good, response: { ...good.response, userHandle: 7 } },
    ];
    for (const response of odd)
      expect(await rejection(identity.passkeys.signIn({ origin: ORIGIN, response })), JSON.stringify(response)).to.include(REFUSED);
    expect((await identity.passkeys.signIn({ origin: ORIGIN, response: good })).person.name).to.equal('Ann');
  });

  it('take each response once, on every server, and only while its challenge is good', async () => {
    const store = new MemoryRecordStore();
    const [here, there] = [identityOf(store), identityOf(store)];
    const { device } = await firstPerson(here, 'Ann', new SoftAuthenticator(ORIGIN, { counts: false }));
    const response = device.get(await here.passkeys.signInOptions(ORIGIN));
    const tries = await Promise.allSettled(
      Array.from({ length: 64 }, (_, i) => (i % 2 === 0 ? here : there).passkeys.signIn({ origin: ORIGIN, response })),
    );
    expect(tries.filter(({ status }) => status === 'fulfilled')).to.have.length(1);
    const late = device.get(await here.passkeys.signInOptions(ORIGIN));
    clock.tick(5 * 60_000);
    expect(await rejection(here.passkeys.signIn({ origin: ORIGIN, response: late }))).to.include(REFUSED);
  });

  it('of which one was copied are noticed: a signature that counts no further opens nothing', async () => {
    const identity = identityOf();
    const { device } = await firstPerson(identity);
    const outcomes: string[] = [];
    for (const counter of [5, 5, 4, 1, 6]) {
      const response = device.get(await identity.passkeys.signInOptions(ORIGIN), { counter });
      const tried = identity.passkeys.signIn({ origin: ORIGIN, response });
      outcomes.push(
        await tried.then(
          () => 'in',
          (error: { code: string }) => error.code,
        ),
      );
    }
    expect(outcomes).to.deep.equal(['in', 'passkey_refused', 'passkey_refused', 'passkey_refused', 'in']);
  });

  it('are added by the person in their own session only, at most 20, and none twice', async () => {
    const identity = identityOf();
    const { person, device } = await firstPerson(identity);
    const { person: bob } = await invited(identity, { name: 'Bob' });
    const { sessionId } = await signedIn(identity, device);
    clock.tick(1);
    const options = (await identity.passkeys.addOptions(person, sessionId, ORIGIN)) as any;
    expect(options.excludeCredentials).to.have.length(1);
    const response = new SoftAuthenticator(ORIGIN).create(options);
    const add = (who: typeof person, session: string, name = 'phone'): Promise<unknown> =>
      identity.passkeys.add(who, session, { origin: ORIGIN, response, name });
    expect(await rejection(add(bob, sessionId))).to.include(REFUSED);
    expect(await rejection(add(person, 'other'))).to.include(REFUSED);
    expect(await rejection(add(person, sessionId, ' \u202e'))).to.include({ status: 422, field: 'name' });
    await add(person, sessionId);
    expect(await rejection(add(person, sessionId))).to.include({ status: 409, code: 'passkey_known' });
    expect((await identity.passkeys.list(person.id)).map(({ name }) => name)).to.deep.equal(['first passkey', 'phone']);
    const addNew = async (): Promise<unknown> => {
      const made = new SoftAuthenticator(ORIGIN).create(await identity.passkeys.addOptions(person, sessionId, ORIGIN));
      return identity.passkeys.add(person, sessionId, { origin: ORIGIN, response: made, name: 'more' });
    };
    for (let i = 2; i < 20; i++) await addNew();
    expect(await rejection(addNew())).to.include({ status: 409, code: 'too_many_passkeys' });
  });

  it('end with what they started when they are removed: sessions and tokens, on every server', async () => {
    const store = new MemoryRecordStore();
    const [here, there] = [identityOf(store), identityOf(store)];
    const { person, device, passkeyId } = await firstPerson(here);
    const { text, sessionId } = await signedIn(here, device);
    const other = await here.sessions.create({ personId: person.id, method: 'oidc' });
    const session = (await here.sessions.find(text))?.session;
    const token = (await here.tokens.create(session as NonNullable<typeof session>, 'cli')).text.reveal();
    expect((await there.tokens.find(token))?.person.id).to.equal(person.id);
    expect(await rejection(here.passkeys.remove('person-other', passkeyId, 'x'))).to.include({ code: 'resource_not_found' });
    await here.passkeys.remove(person.id, passkeyId, person.id);
    await here.passkeys.remove(person.id, passkeyId, person.id);
    for (const identity of [here, there]) {
      expect(await identity.sessions.find(text)).to.equal(undefined);
      expect(await identity.tokens.find(token)).to.equal(undefined);
      expect((await identity.sessions.list(person.id)).map(({ id }) => id)).to.deep.equal([other.session.id]);
      expect((await identity.sessions.find(other.text.reveal()))?.person.id).to.equal(person.id);
      expect(await identity.passkeys.list(person.id)).to.deep.equal([]);
      const response = device.get(await identity.passkeys.signInOptions(ORIGIN));
      expect(await rejection(identity.passkeys.signIn({ origin: ORIGIN, response }))).to.include(REFUSED);
      expect(await rejection(identity.passkeys.actOptions({ personId: person.id, sessionId, what: 'x' }, ORIGIN))).to.include({
        status: 409,
        code: 'no_passkey',
      });
    }
  });

  it('sign an act: exactly it, by this person, in this session, once', async () => {
    const identity = identityOf();
    const { person, device } = await firstPerson(identity);
    const bob = await invited(identity, { name: 'Bob' });
    const act = { personId: person.id, sessionId: 's1', what: 'people/remove', with: { id: bob.person.id } };
    const sign = async (): Promise<SignedResponse> => device.get(await identity.passkeys.actOptions(act, ORIGIN));
    const others = [
      { ...act, personId: bob.person.id },
      { ...act, sessionId: 's2' },
      { ...act, what: 'people/roles' },
      { ...act, with: { id: person.id } },
      { ...act, with: undefined },
    ];
    for (const other of others)
      expect(await rejection(identity.passkeys.verifyAct(other, { origin: ORIGIN, response: await sign() }))).to.include(REFUSED);
    const signIn = device.get(await identity.passkeys.signInOptions(ORIGIN));
    expect(await rejection(identity.passkeys.verifyAct(act, { origin: ORIGIN, response: signIn }))).to.include(REFUSED);
    expect(await rejection(identity.passkeys.signIn({ origin: ORIGIN, response: await sign() }))).to.include(REFUSED);
    const response = await sign();
    expect((await identity.passkeys.verifyAct(act, { origin: ORIGIN, response })).person.id).to.equal(person.id);
    expect(await rejection(identity.passkeys.verifyAct(act, { origin: ORIGIN, response }))).to.include(REFUSED);
  });

  describe('as proofs of verdicts', () => {
    const challengeOf = (statement: string): string => createHash('sha256').update(statement).digest('base64url');
    const proofOf = ({ id, response }: SignedResponse): VerdictProof => ({
      kind: 'passkey',
      credential: id,
      nonce: 'n',
      version: 1,
      clientDataJSON: response.clientDataJSON,
      authenticatorData: response.authenticatorData,
      signature: response.signature,
    });

    it('are verified again from the record alone, with the key as it was valid then', async () => {
      const identity = identityOf();
      const { person, device, passkeyId } = await firstPerson(identity);
      const start = Date.now();
      clock.tick(1_000);
      const challenge = challengeOf('approve a');
      const proof = proofOf(device.get(await identity.passkeys.proofOptions(person.id, challenge, ORIGIN)));
      const now = await identity.passkeys.credentialNow(proof.credential);
      const counter = await identity.passkeys.verifyProof({ proof, challenge, origin: ORIGIN, credential: now as NonNullable<typeof now> });
      expect([counter, await identity.passkeys.advance(proof.credential, counter)]).to.deep.equal([1, true]);
      expect(await identity.passkeys.advance(proof.credential, counter)).to.equal(false);
      const givenAtMs = Date.now();
      await signedIn(identity, device);
      clock.tick(1_000);
      await identity.passkeys.remove(person.id, passkeyId, person.id);
      const then = await identity.passkeys.credentialAt(proof.credential, givenAtMs);
      expect(then).to.include({ id: proof.credential, personId: person.id });
      for (let i = 0; i < 3; i++)
        expect(
          await identity.passkeys.verifyProof({ proof, challenge, origin: ORIGIN, credential: then as NonNullable<typeof then> }),
        ).to.equal(1);
      const times = [start - 1, start, givenAtMs, Date.now() - 1, Date.now(), Date.now() + 1];
      const valid = await Promise.all(
        times.map(async (atMs) => (await identity.passkeys.credentialAt(proof.credential, atMs)) !== undefined),
      );
      expect(valid).to.deep.equal([false, true, true, true, false, false]);
      expect(await identity.passkeys.credentialAt('unknown', givenAtMs)).to.equal(undefined);
      expect([
        await identity.passkeys.credentialNow(proof.credential),
        await identity.passkeys.advance(proof.credential, 99),
      ]).to.deep.equal([undefined, false]);
    });

    it('count with the key of a person who was removed only for what they signed before', async () => {
      const identity = identityOf();
      await firstPerson(identity);
      const { person, device } = await invited(identity, { name: 'Bob' });
      const { id } = device.get(await identity.passkeys.proofOptions(person.id, challengeOf('x'), ORIGIN));
      const before = Date.now();
      clock.tick(1_000);
      await identity.people.remove(person.id, 'x');
      const at = [before, Date.now() - 1, Date.now(), Date.now() + 1];
      const valid = await Promise.all(at.map(async (atMs) => (await identity.passkeys.credentialAt(id, atMs)) !== undefined));
      expect([valid, await identity.passkeys.credentialNow(id)]).to.deep.equal([[true, true, false, false], undefined]);
    });

    it('are refused when anything of them was changed: of 1,000, none passes', async () => {
      const identity = identityOf();
      const { person, device } = await firstPerson(identity);
      const bob = await invited(identity, { name: 'Bob' });
      const challenge = challengeOf('approve a');
      const response = device.get(await identity.passkeys.proofOptions(person.id, challenge, ORIGIN));
      const proof = proofOf(response);
      const credential = await identity.passkeys.credentialAt(proof.credential, Date.now());
      if (credential === undefined) throw new Error('no credential');
      const bobs = proofOf(bob.device.get(await identity.passkeys.proofOptions(bob.person.id, challenge, ORIGIN)));
      const fields = ['clientDataJSON', 'authenticatorData', 'signature'] as const;
      let passed = 0;
      for (let i = 0; i < 1_000; i++) {
        const field = fields[i % 3] as (typeof fields)[number];
        const bytes = Buffer.from(proof[field], 'base64url');
        const at = i % bytes.length;
        bytes[at] = (bytes[at] as number) ^ (1 << (i % 8));
        const altered = { ...proof, [field]: bytes.toString('base64url') };
        passed += await identity.passkeys.verifyProof({ proof: altered, challenge, origin: ORIGIN, credential }).then(
          () => 1,
          () => 0,
        );
      }
      const swapped = [
        { proof, challenge: challengeOf('deny a'), origin: ORIGIN, credential },
        { proof, challenge, origin: 'http://localhost:4181', credential },
        { proof, challenge, origin: 'https://example.com', credential },
        { proof: { ...proof, credential: bobs.credential }, challenge, origin: ORIGIN, credential },
        { proof: { ...bobs, credential: proof.credential }, challenge, origin: ORIGIN, credential },
        { proof: { ...proof, kind: 'other' as 'passkey' }, challenge, origin: ORIGIN, credential },
      ];
      for (const check of swapped) expect(await rejection(identity.passkeys.verifyProof(check))).to.include(REFUSED);
      console.log(`      1,000 altered and ${swapped.length} swapped proofs: ${passed} accepted`);
      expect(passed).to.equal(0);
      expect(await identity.passkeys.verifyProof({ proof, challenge, origin: ORIGIN, credential })).to.equal(1);
    });
  });
});
