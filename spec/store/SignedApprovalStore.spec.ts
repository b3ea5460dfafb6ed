import { expect } from 'chai';
import { SecretString } from '../../lib/common/SecretString.js';
import { ApprovalDesk } from '../../lib/decision/desk/ApprovalDesk.js';
import type { ApprovalRequest } from '../../lib/decision/desk/ApprovalRequest.js';
import { VerdictError } from '../../lib/model/errors/SetupErrors.js';
import type { ApprovalRecord, ApprovalStore } from '../../lib/store/ApprovalStore.js';
import { MemoryApprovalStore } from '../../lib/store/memory/MemoryApprovalStore.js';
import { SignedApprovalStore } from '../../lib/store/SignedApprovalStore.js';
import { BINDING_BASE, openingOf, recordOf } from '../support/approvalRecords.js';
import { diagnosed, securityCodes } from '../support/diagnosed.js';
import { rejection } from '../support/rejection.js';
import { behavesLikeApprovalStore } from './behavesLikeApprovalStore.js';

const KEY = new SecretString('k'.repeat(32));

/** The contract compares records as they were given: without their signature. */
class Unsigned extends SignedApprovalStore {
  override get(decisionId: string): ApprovalRecord | undefined {
    return bare(super.get(decisionId) as ApprovalRecord | undefined);
  }
  override list(query: Parameters<ApprovalStore['list']>[0]): readonly ApprovalRecord[] {
    return (super.list(query) as readonly ApprovalRecord[]).map((r) => bare(r) as ApprovalRecord);
  }
}

function bare(record: ApprovalRecord | undefined): ApprovalRecord | undefined {
  if (record === undefined) return undefined;
  const { mac: _, ...rest } = record;
  return Object.freeze(rest);
}

behavesLikeApprovalStore('SignedApprovalStore', () => new Unsigned(new MemoryApprovalStore(), KEY));

describe('SignedApprovalStore', () => {
  function setup() {
    const inner = new MemoryApprovalStore();
    const store = new SignedApprovalStore(inner, KEY);
    const desk = new ApprovalDesk(store);
    const open = async (more?: Partial<ApprovalRequest>): Promise<ApprovalRecord> =>
      ((await desk.open(openingOf(more))) as { record: ApprovalRecord }).record;
    const approved = async (): Promise<ApprovalRecord> => {
      const { decisionId, digest } = await open();
      return desk.approve(decisionId, { by: 'bob', digest });
    };
    const forge = (record: ApprovalRecord, change: Partial<ApprovalRecord>): boolean =>
      inner.replace({ ...(inner.get(record.decisionId) as ApprovalRecord), ...change }, record.version);
    return { inner, store, desk, open, approved, forge };
  }

  it('keeps no key and no approval without a signature', async () => {
    const { inner, open } = setup();
    const { decisionId } = await open();
    expect(inner.get(decisionId)?.mac).to.match(/^[\w-]{43}$/);
    expect(JSON.stringify(inner.get(decisionId))).to.not.include(KEY.reveal());
  });

  it('gives what was signed back, also with dates, big numbers and nothing', async () => {
    const { store } = setup();
    const record = recordOf({ params: { at: new Date(5), big: 7n, none: undefined }, message: undefined });
    await store.insert(record);
    expect(await store.get(record.decisionId)).to.deep.include({ params: record.params });
  });

  for (const [what, change] of [
    ['a yes that no one gave', { status: 'approved' as const }],
    ['a verdict', { status: 'approved' as const, verdicts: [{ approve: true, by: 'bob', atMs: 1, policies: ['limit'] }] }],
    ['other params', { params: { amount: 5_000 } }],
    ['another digest', { digest: 'another' }],
    ['a later end', { expiresAtMs: Number.MAX_SAFE_INTEGER }],
    ['another requester', { requester: 'eve' }],
    ['other policies', { policies: [] }],
    ['no signature', { mac: undefined }],
    ['an empty signature', { mac: '' }],
    ['a signature that is no text', { mac: 5 as unknown as string }],
    ['another version', { version: 9 }],
  ] as const) {
    it(`counts one for nothing into which somebody wrote ${what}, and reports it`, async () => {
      const { desk, store, open, approved, forge } = setup();
      const record = 'status' in change ? await open() : await approved();
      expect(forge(record, change as Partial<ApprovalRecord>)).to.equal(true);
      const { decisionId, digest } = record;
      const seen = await diagnosed(async () => {
        expect(await store.get(decisionId)).to.equal(undefined);
        expect(await store.list({})).to.deep.equal([]);
        expect(await desk.consume({ decisionId, digest, token: 't', bindingBase: BINDING_BASE })).to.equal(false);
        expect(await rejection(desk.approve(decisionId, { by: 'bob', digest }))).to.be.instanceOf(VerdictError);
      });
      expect(new Set(securityCodes(seen))).to.deep.equal(new Set(['approval_signature_invalid']));
    });
  }

  it('takes no signature of another approval, nor of an earlier state once it was used', async () => {
    const { approved, desk, forge, inner } = setup();
    const [one, other] = [await approved(), await approved()];
    forge(one, { mac: inner.get(other.decisionId)?.mac });
    const { decisionId, digest } = one;
    await diagnosed(async () => expect(await desk.consume({ decisionId, digest, token: 't', bindingBase: BINDING_BASE })).to.equal(false));
  });

  it('knows nothing of what another key signed', async () => {
    const { inner, approved } = setup();
    const { decisionId, digest } = await approved();
    const other = new ApprovalDesk(new SignedApprovalStore(inner, new SecretString('o'.repeat(32))));
    const seen = await diagnosed(async () => {
      expect(await other.get(decisionId)).to.equal(undefined);
      expect(await other.consume({ decisionId, digest, token: 't', bindingBase: BINDING_BASE })).to.equal(false);
    });
    expect(securityCodes(seen)).to.include('approval_signature_invalid');
  });

  it('believes no refusal that is not signed', async () => {
    const { desk, open, forge } = setup();
    const record = await open();
    forge(record, { status: 'denied', verdicts: [{ approve: false, by: 'eve', atMs: Date.now(), policies: [] }] });
    await diagnosed(async () => expect((await desk.open(openingOf())).kind).to.equal('opened'));
  });

  it('takes a withdrawal that the store made by itself, such as after it was restored: it lets nothing run', async () => {
    const { inner, store, open } = setup();
    const record = await open();
    const signed = inner.get(record.decisionId) as ApprovalRecord;
    inner.replace({ ...signed, status: 'withdrawn', version: signed.version + 1 }, signed.version);
    const seen = await diagnosed(async () => {
      expect(await store.get(record.decisionId)).to.include({ status: 'withdrawn' });
    });
    expect(securityCodes(seen)).to.deep.equal([]);
  });

  it('opens and closes what it keeps them in', async () => {
    const seen: string[] = [];
    const inner = Object.assign(new MemoryApprovalStore(), { open: () => void seen.push('open'), close: () => void seen.push('close') });
    const store = new SignedApprovalStore(inner, KEY);
    await store.open();
    await store.close();
    expect(seen).to.deep.equal(['open', 'close']);
    const plain = new SignedApprovalStore(new MemoryApprovalStore(), KEY);
    expect([await plain.open(), await plain.close()]).to.deep.equal([undefined, undefined]);
  });
});
