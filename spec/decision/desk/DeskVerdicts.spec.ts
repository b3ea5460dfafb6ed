import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { JournalEvent } from '../../../lib/model/Journal.js';
import type { SinonFakeTimers } from 'sinon';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import type { ApprovalDeskOptions } from '../../../lib/decision/desk/ApprovalDeskOptions.js';
import type { ApprovalRequest } from '../../../lib/decision/desk/ApprovalRequest.js';
import type { GivenProof, SignedVerdict } from '../../../lib/decision/desk/Directory.js';
import { DeskVerdicts } from '../../../lib/decision/desk/DeskVerdicts.js';
import type { VerdictInput } from '../../../lib/decision/desk/verdict.js';
import { verdictChallenge } from '../../../lib/decision/desk/verdictStatement.js';
import { SecretString } from '../../../lib/common/SecretString.js';
import { MemoryApprovalStore } from '../../../lib/store/memory/MemoryApprovalStore.js';
import { SignedApprovalStore } from '../../../lib/store/SignedApprovalStore.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { openingOf, policyOf, recordOf } from '../../support/approvalRecords.js';
import { rejection } from '../../support/rejection.js';

const HIGH = [policyOf('p', { severity: 'high' })];
const CRITICAL = [policyOf('p', { severity: 'critical' })];

describe('Verdicts of a desk', () => {
  describe('on what was shown', () => {
    it('are refused where the approval has changed since', async () => {
      const policies = [policyOf('one', { approvers: ['a'] }), policyOf('two', { approvers: ['b'] })];
      const { desk, record } = await opened({ policies }, { approverGroups: { a: ['ann1'], b: ['bob'] } });
      const { decisionId, digest, version } = record;
      await desk.approve(decisionId, { by: 'ann1', digest, version });
      for (const shown of [version, version + 2]) {
        const error = await rejection(desk.approve(decisionId, { by: 'bob', digest, version: shown }));
        expect(error).to.include({ status: 409, code: 'version' });
        expect(error.message).to.contain('Changed since you opened this');
        expect(await rejection(desk.deny(decisionId, { by: 'bob', version: shown }))).to.include({ code: 'version' });
      }
      expect((await desk.approve(decisionId, { by: 'bob', digest, version: version + 1 })).status).to.equal('approved');
    });

    it('have fields of the right kind', async () => {
      const { desk, record } = await opened();
      const bad: readonly (readonly [field: string, value: unknown])[] = [
        ...[0, -1, 1.5, '1', null, Number.NaN, {}].map((value) => ['version', value] as const),
        ...['', 'a'.repeat(257), 1, null].map((value) => ['name', value] as const),
        ...['', 'a b', 'a'.repeat(129), 'ü', 1, null].map((value) => ['key', value] as const),
        ...[null, 'x', {}, { ...PROOF, kind: 'password' }, { ...PROOF, nonce: '' }, { ...PROOF, signature: 'a=' }].map(
          (value) => ['proof', value] as const,
        ),
        ['proof', { ...PROOF, clientDataJSON: 'a'.repeat(8_193) }],
        ['proof', { ...PROOF, credential: 7 }],
      ];
      for (const [field, value] of bad) {
        const given = { by: 'rita', digest: record.digest, [field]: value } as unknown as VerdictInput;
        const error = await rejection(desk.approve(record.decisionId, given));
        expect(error, `${field} ${String(value)}`).to.include({ status: 400, code: 'invalid_verdict' });
        expect(error.message).to.contain(`\`${field}\``);
      }
    });
  });

  describe('beside other changes', () => {
    it('are given on what another change left', async () => {
      const store = new MemoryApprovalStore();
      const { desk, record } = await opened({}, {}, store);
      const replace = store.replace.bind(store);
      let times = 0;
      store.replace = (next, version) => {
        times += 1;
        if (times > 1) return replace(next, version);
        replace({ ...record, version: record.version + 1 }, record.version);
        return false;
      };
      expect(await desk.approve(record.decisionId, { by: 'rita', digest: record.digest })).to.include({ status: 'approved', version: 3 });
    });

    it('are foretold by no one where it cannot be known who may: an error that is none of the desk', async () => {
      const record = recordOf();
      const away = (): never => {
        throw new TypeError('away');
      };
      const verdicts = new DeskVerdicts({
        get: () => record,
        people: away,
        current: () => record,
        isSignedElsewhere: () => false,
      } as never);
      expect(await rejection(verdicts.viewerOf('d1', { by: 'rita' }))).to.be.instanceOf(TypeError);
    });
  });

  describe('with a key', () => {
    it('are each refused where each is wrong, also at the same time', async () => {
      const { desk, record } = await opened();
      const wrong = { by: 'rita', digest: 'another', key: 'form-1' };
      const both = [desk.approve(record.decisionId, wrong), desk.approve(record.decisionId, wrong)];
      for (const one of both) expect(await rejection(one)).to.include({ code: 'digest_mismatch' });
    });

    it('are given once, and the second one gets what the first one has recorded', async () => {
      const { desk, record } = await opened();
      const { decisionId, digest } = record;
      const verdict = { by: 'rita', digest, key: 'form-1', version: 1 };
      const first = await desk.approve(decisionId, verdict);
      expect(await desk.approve(decisionId, verdict)).to.deep.equal(first);
      expect(first.verdicts).to.have.length(1);
      expect(first.verdicts[0]).to.include({ key: 'form-1' });
    });

    it('are given once where they come at the same time, to one desk or to several', async () => {
      const store = new MemoryApprovalStore();
      const one = new ApprovalDesk(store);
      const other = new ApprovalDesk(store);
      const outcome = await one.open(openingOf());
      const { decisionId, digest } = (outcome as { record: ApprovalRecord }).record;
      const verdict = { by: 'rita', digest, key: 'k', version: 1 };
      const all = await Promise.all([one, one, other, one, other].map((desk) => desk.deny(decisionId, verdict)));
      for (const record of all) {
        expect(record.status).to.equal('denied');
        expect(record.verdicts).to.have.length(1);
      }
    });

    it('stay what they were: another verdict under the key is refused', async () => {
      const { desk, record } = await opened();
      const { decisionId, digest } = record;
      await desk.approve(decisionId, { by: 'rita', digest, key: 'k' });
      expect(await rejection(desk.deny(decisionId, { by: 'rita', key: 'k' }))).to.include({ status: 409, code: 'verdict_key_reused' });
      const other = { by: 'rita', digest: 'f'.repeat(64), key: 'k' };
      expect(await rejection(desk.approve(decisionId, other))).to.include({ status: 409, code: 'verdict_key_reused' });
      // another person, or another key, comes too late
      expect(await rejection(desk.approve(decisionId, { by: 'otto', digest, key: 'k' }))).to.include({ code: 'already_approved' });
      expect(await rejection(desk.approve(decisionId, { by: 'rita', digest, key: 'k2' }))).to.include({ code: 'already_approved' });
    });

    it('that were refused can be given again', async () => {
      const { desk, record } = await opened();
      const { decisionId, digest } = record;
      expect(await rejection(desk.approve(decisionId, { by: 'rita', digest, key: 'k', version: 9 }))).to.include({ code: 'version' });
      expect((await desk.approve(decisionId, { by: 'rita', digest, key: 'k', version: 1 })).status).to.equal('approved');
    });
  });

  describe('of someone in a hurry', () => {
    let time: SinonFakeTimers;
    beforeEach(() => (time = useFakeTimers({ now: Date.UTC(2026, 0, 1) })));
    afterEach(() => time.restore());

    /** Gives so many verdicts, that far apart. */
    async function decide(desk: ApprovalDesk, count: number, apartMs: number): Promise<void> {
      for (let i = 0; i < count; i++) {
        time.tick(apartMs);
        const { decisionId, digest } = await openOn(desk);
        await desk.approve(decisionId, { by: 'rita', digest, assurance: 'code' });
      }
    }

    it('take the code at any severity after ten within three seconds each', async () => {
      const { desk } = await opened();
      await decide(desk, 9, 2_999);
      const ninth = await openOn(desk, { policies: [policyOf('p', { severity: 'low' })] });
      expect((await desk.viewerOf(ninth.decisionId, { by: 'rita', assurance: 'session' }))?.needs).to.deep.equal({
        assurance: 'session',
        code: false,
        reason: 'optional',
        passkey: false,
      });
      await decide(desk, 1, 2_999);
      const { decisionId, digest } = ninth;
      expect((await desk.viewerOf(decisionId, { by: 'rita', assurance: 'session' }))?.needs).to.deep.equal({
        assurance: 'code',
        code: true,
        reason: 'optional',
        passkey: false,
      });
      expect((await desk.viewerOf(decisionId, { by: 'otto', assurance: 'session' }))?.needs.code).to.equal(false);
      const yes = { by: 'rita', digest, assurance: 'session' } as const;
      expect(await rejection(desk.approve(decisionId, yes))).to.include({ status: 403, code: 'assurance_too_low' });
      expect((await desk.approve(decisionId, { ...yes, assurance: 'code' })).status).to.equal('approved');
    });

    it('may be a no without it', async () => {
      const { desk } = await opened();
      await decide(desk, 10, 1);
      const { decisionId } = await openOn(desk);
      expect((await desk.deny(decisionId, { by: 'rita', assurance: 'session' })).status).to.equal('denied');
    });

    it('are as before once one took its time, or ten minutes later', async () => {
      const { desk } = await opened();
      await decide(desk, 10, 1);
      await decide(desk, 1, 3_000);
      const calm = await openOn(desk);
      expect((await desk.viewerOf(calm.decisionId, { by: 'rita' }))?.needs.code).to.equal(false);
      await decide(desk, 10, 1);
      const later = await openOn(desk, { timeoutMs: 3_600_000 });
      time.tick(599_999);
      expect((await desk.viewerOf(later.decisionId, { by: 'rita' }))?.needs.code).to.equal(true);
      time.tick(1);
      expect((await desk.viewerOf(later.decisionId, { by: 'rita' }))?.needs.code).to.equal(false);
    });
  });

  describe('by someone who must sign', () => {
    it('take a passkey at any severity, and a no takes nothing', async () => {
      for (const assurance of ['session', 'code', 'step-up'] as const) {
        const { desk, record } = await opened();
        const { decisionId, digest } = record;
        const error = await rejection(desk.approve(decisionId, { by: 'rita', digest, assurance, mustSign: true }));
        expect(error).to.include({ status: 403, code: 'assurance_too_low' });
        expect(error.message).to.contain('it takes passkey, and');
        expect((await desk.viewerOf(decisionId, { by: 'rita', assurance, mustSign: true }))?.needs).to.deep.equal({
          assurance: 'passkey',
          code: false,
          reason: 'optional',
          passkey: true,
        });
        expect((await desk.deny(decisionId, { by: 'rita', assurance, mustSign: true })).status).to.equal('denied');
      }
    });
  });

  describe('how a person stands to one', () => {
    it('says what a yes takes, by severity and where something may deceive', async () => {
      const needs = async (severity: string | undefined, to: string) => {
        const { desk, record } = await opened({ params: { to }, policies: [policyOf('p', { severity })] });
        return (await desk.viewerOf(record.decisionId, { by: 'rita', assurance: 'session' }))?.needs;
      };
      const session = { assurance: 'session', code: false, reason: 'optional', passkey: false };
      const code = { assurance: 'code', code: true, reason: 'needed', passkey: false };
      const passkey = { assurance: 'passkey', code: false, reason: 'needed', passkey: true };
      expect(await needs('low', 'ann')).to.deep.equal(session);
      expect(await needs('medium', 'ann')).to.deep.equal(session);
      expect(await needs(undefined, 'ann')).to.deep.equal(session);
      expect(await needs('low', 'аnn')).to.deep.equal(code);
      expect(await needs('high', 'ann')).to.deep.equal(code);
      expect(await needs('critical', 'ann')).to.deep.equal(passkey);
      // one that this code does not know
      expect(await needs('apocalyptic', 'ann')).to.deep.equal(passkey);
    });

    it('says how many have said yes, and whether theirs is the last', async () => {
      const policies = [
        policyOf('one', { approvers: ['a'] }),
        policyOf('two', { approvers: ['b'] }),
        policyOf('three', { approvers: ['b'] }),
      ];
      const { desk, record } = await opened({ policies }, { approverGroups: { a: ['ann1'], b: ['bob'] } });
      const { decisionId, digest } = record;
      const of = (by: string) => desk.viewerOf(decisionId, { by });
      expect(await of('ann1')).to.deep.include({ may: true, why: undefined, policies: ['one'], yesSoFar: 0, isLastYes: false });
      expect(await of('bob')).to.deep.include({ may: true, policies: ['two', 'three'], yesSoFar: 0, isLastYes: false });
      await desk.approve(decisionId, { by: 'bob', digest });
      expect(await of('ann1')).to.deep.include({ may: true, policies: ['one'], yesSoFar: 2, isLastYes: true });
      const bob = await of('bob');
      expect(bob).to.deep.include({ may: false, policies: [], yesSoFar: 2, isLastYes: false });
      expect(bob?.why?.code).to.equal('not_an_approver');
    });

    it('says why not', async () => {
      const { desk, record } = await opened();
      const { decisionId } = record;
      expect((await desk.viewerOf(decisionId, { by: 'ann' }))?.why).to.deep.equal({
        code: 'self_approval',
        message: 'You cannot approve your own request.',
      });
      expect((await desk.viewerOf(decisionId, { by: ' a\u200bb ' }))?.may).to.equal(false);
      await desk.deny(decisionId, { by: 'rita' });
      expect((await desk.viewerOf(decisionId, { by: 'otto' }))?.why?.code).to.equal('already_denied');
      expect(await desk.viewerOf('dec-none', { by: 'rita' })).to.equal(undefined);
      expect(await desk.mayDecide('dec-none', 'rita')).to.equal(false);
    });

    it('says so where this process has no key, or does not know what the approval demands', async () => {
      const store = new MemoryApprovalStore();
      const signing = new ApprovalDesk(new SignedApprovalStore(store, new SecretString('k'.repeat(32))));
      const signed = await openOn(signing);
      expect((await new ApprovalDesk(store).viewerOf(signed.decisionId, { by: 'rita' }))?.why?.code).to.equal('state_key_missing');
      const plain = new ApprovalDesk(store);
      const newer = await openOn(plain);
      await store.replace({ ...newer, requires: ['binding', 'later'], version: 2 }, 1);
      expect((await plain.viewerOf(newer.decisionId, { by: 'rita' }))?.why?.code).to.equal('approval_not_understood');
    });

    it('fails where the store does', async () => {
      const store = new MemoryApprovalStore();
      const desk = new ApprovalDesk(store);
      const { decisionId } = await openOn(desk);
      const mayApprove = (): boolean => true;
      const hurt = new ApprovalDesk(
        Object.assign(Object.create(store) as MemoryApprovalStore, {
          get: async () => {
            throw new Error('away');
          },
        }),
        { mayApprove },
      );
      expect((await rejection(hurt.viewerOf(decisionId, { by: 'rita' }))).message).to.equal('away');
    });
  });

  describe('with a proof', () => {
    const origin = 'http://localhost:4180';

    async function proving(policies = CRITICAL) {
      const seen: SignedVerdict[] = [];
      const nonces = new Set(['nonce-1', 'nonce-2']);
      const { desk, record } = await opened({ policies }, { journal: { note: (event) => void noted.push(event) } });
      desk.usePeople({
        directory: {
          personOf: (id) => (id === 'ann' ? undefined : { id, name: id, ids: [id], groups: [], groupsFrom: 'aegis' }),
          hasPeople: () => true,
        },
        proofs: {
          // signs by naming the challenge
          verify: async (signed) => {
            seen.push(signed);
            return signed.proof.signature === signed.challenge && nonces.delete(signed.proof.nonce);
          },
        },
      });
      const { decisionId, digest } = record;
      const given = { by: 'rita', digest, version: 1, reason: 'checked', origin, sessionId: 's-1', assurance: 'passkey' } as const;
      const sign = async (approve: boolean, change: Partial<VerdictInput> = {}, nonce = 'nonce-1'): Promise<GivenProof> => ({
        ...PROOF,
        nonce,
        signature: await desk.challengeOf(decisionId, approve, { ...given, ...change }, nonce),
      });
      return { desk, record, decisionId, given, sign, seen };
    }

    const noted: JournalEvent[] = [];

    it('are recorded with it, and with the version that was signed', async () => {
      const { desk, decisionId, given, sign, seen, record } = await proving();
      const proof = await sign(true);
      const after = await desk.approve(decisionId, { ...given, proof });
      expect(after.status).to.equal('approved');
      expect(after.verdicts[0]?.proof).to.deep.equal({ ...proof, version: 1 });
      // a log of it can show what was signed
      const [told] = noted.splice(0).filter((event) => event.kind === 'verdict');
      expect(told?.statement).to.be.a('string').that.includes(decisionId);
      const challenge = verdictChallenge(record, { approve: true, reason: 'checked', origin, nonce: 'nonce-1', tenantId: null });
      expect(seen).to.deep.equal([{ personId: 'rita', sessionId: 's-1', decisionId, origin, proof, challenge }]);
    });

    it('need one where they claim a passkey', async () => {
      const { desk, decisionId, given } = await proving();
      expect(await rejection(desk.approve(decisionId, given))).to.include({ status: 428, code: 'proof_needed' });
      expect((await desk.get(decisionId))?.status).to.equal('pending');
    });

    it('are refused where anything that was signed is another', async () => {
      const { desk, decisionId, given, sign } = await proving();
      const proof = await sign(true);
      const others: readonly Partial<VerdictInput>[] = [
        { reason: 'other' },
        { reason: undefined },
        { origin: 'http://localhost:4181' },
        { origin: undefined },
        { proof: { ...proof, nonce: 'nonce-2' } },
        { proof: { ...proof, signature: `${proof.signature}a` } },
      ];
      for (const other of others) {
        const error = await rejection(desk.approve(decisionId, { ...given, proof, ...other }));
        expect(error, JSON.stringify(other)).to.include({ status: 403, code: 'proof_invalid' });
      }
      // that of a yes is none of a no
      expect(await rejection(desk.deny(decisionId, { ...given, proof }))).to.include({ code: 'proof_invalid' });
      expect((await desk.get(decisionId))?.status).to.equal('pending');
      expect((await desk.approve(decisionId, { ...given, proof })).status).to.equal('approved');
    });

    it('of another version are refused, also where it changes while the proof is verified', async () => {
      const policies = [policyOf('one', { severity: 'critical' }), policyOf('two', { approvers: ['nobody'] })];
      const store = new MemoryApprovalStore();
      const desk = new ApprovalDesk(store);
      const { decisionId, digest } = await openOn(desk, { policies });
      let meanwhile = async (): Promise<void> => {
        const record = (await store.get(decisionId)) as ApprovalRecord;
        await store.replace({ ...record, version: record.version + 1 }, record.version);
      };
      desk.usePeople({
        directory: {
          personOf: (id) => (id === 'ann' ? undefined : { id, name: id, ids: [id], groups: [], groupsFrom: 'aegis' }),
          hasPeople: () => true,
        },
        proofs: {
          verify: async () => {
            await meanwhile();
            return true;
          },
        },
      });
      const given = { by: 'rita', digest, assurance: 'passkey', proof: PROOF } as const;
      expect(await rejection(desk.approve(decisionId, given))).to.include({ status: 409, code: 'version' });
      meanwhile = async () => {};
      expect((await desk.approve(decisionId, given)).verdicts[0]?.proof?.version).to.equal(2);
    });

    it('are refused where no one can verify it', async () => {
      const { desk, record } = await opened();
      const given = { by: 'rita', digest: record.digest, proof: PROOF };
      expect(await rejection(desk.approve(record.decisionId, given))).to.include({ status: 403, code: 'proof_invalid' });
    });

    it('keep the proof as it was when they were given', async () => {
      const { desk, decisionId, given, sign } = await proving();
      const proof: { -readonly [K in keyof GivenProof]: GivenProof[K] } = await sign(true);
      const yes = desk.approve(decisionId, { ...given, proof });
      const { signature } = proof;
      proof.signature = 'changed';
      const error = await yes.then(
        (record) => record.verdicts[0]?.proof?.signature,
        (refused: unknown) => refused,
      );
      expect(error === signature || (error as { code?: string }).code === 'proof_invalid').to.equal(true);
    });

    it('are challenged only where the verdict could be given', async () => {
      const { desk, decisionId, given } = await proving();
      const challenge = (change: Partial<VerdictInput>, id = decisionId) => desk.challengeOf(id, true, { ...given, ...change }, 'n');
      expect(await challenge({})).to.match(/^[\w-]{43}$/);
      expect(await rejection(challenge({ by: 'ann' }))).to.include({ status: 403 });
      expect(await rejection(challenge({ version: 7 }))).to.include({ code: 'version' });
      expect(await rejection(challenge({ digest: 'f'.repeat(64) }))).to.include({ code: 'digest_mismatch' });
      expect(await rejection(challenge({}, 'dec-none'))).to.include({ status: 404 });
      expect(await desk.challengeOf(decisionId, true, { by: 'rita', digest: given.digest }, 'n')).to.match(/^[\w-]{43}$/);
      await desk.deny(decisionId, { by: 'otto', assurance: 'session' });
      expect(await rejection(challenge({}))).to.include({ code: 'already_denied' });
    });
  });

  it('of high severity take what they took before there were people', async () => {
    const { desk, record } = await opened({ policies: HIGH });
    const after = await desk.approve(record.decisionId, { by: 'host:olga', digest: record.digest, assurance: 'host' });
    expect(after.status).to.equal('approved');
  });
});

const PROOF: GivenProof = {
  kind: 'passkey',
  credential: 'cred',
  nonce: 'nonce',
  clientDataJSON: 'client',
  authenticatorData: 'auth',
  signature: 'sig',
};

async function opened(more: Partial<ApprovalRequest> = {}, options: ApprovalDeskOptions = {}, store = new MemoryApprovalStore()) {
  const desk = new ApprovalDesk(store, options);
  return { desk, record: await openOn(desk, more) };
}

async function openOn(desk: ApprovalDesk, more: Partial<ApprovalRequest> = {}): Promise<ApprovalRecord> {
  const outcome = await desk.open(openingOf(more));
  if (outcome.kind !== 'opened') throw new Error(outcome.kind);
  return outcome.record;
}
