import { expect } from 'chai';
import { writeApproval } from '../../../lib/decision/wire/approvalAnswer.js';
import type { ApprovalPreview } from '../../../lib/model/preview/CallPreview.js';
import { boundPreview } from '../../../lib/model/preview/previewDigest.js';
import type { Amendment, ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { BINDING_BASE, policyOf, recordOf } from '../../support/approvalRecords.js';

const answerOf = (record: ApprovalRecord): Readonly<Record<'editable' | 'amendments' | 'preview', unknown>> =>
  JSON.parse(writeApproval(record, true)) as Readonly<Record<'editable' | 'amendments' | 'preview', unknown>>;

describe('An approval on the wire', () => {
  const amendable = { bindingBase: BINDING_BASE, groups: [], removable: [] };
  const policies = [policyOf('limit', { editable: ['/amount', '/to'] }), policyOf('other', { editable: ['/to/name', '/amount'] })];

  it('says what may be edited: nothing where its caller does not take edits, or a value is hidden', () => {
    expect(answerOf(recordOf({ policies, amendable })).editable).to.have.members(['/amount', '/to/name']);
    expect(answerOf(recordOf({ policies })).editable).to.deep.equal([]);
    const sensitive = { '/amount': { approver: 'hidden', log: 'hidden', model: 'hidden', audit: 'hidden' } } as const;
    expect(answerOf(recordOf({ policies, amendable, sensitive })).editable).to.deep.equal([]);
  });

  it('says what its tool says that it would do, and whether that is of what would run now', () => {
    const record = recordOf();
    const read = (preview: ApprovalPreview | undefined): unknown => answerOf({ ...record, preview }).preview;
    expect(read(undefined)).to.equal(null);
    const content = { summary: 'Refunds 1', changes: [{ what: 'till', before: 2 }], reversible: 'external' } as const;
    const now = boundPreview(record.digest, { content });
    expect(read(now)).to.deep.equal({ of: record.digest, digest: now.digest, is_current: true, ...content });
    const failed = boundPreview('a'.repeat(64), { failure: 'threw' });
    expect(read(failed)).to.deep.equal({ of: 'a'.repeat(64), digest: failed.digest, is_current: false, failure: 'threw' });
  });

  it('says who edited what, and whether it was signed', () => {
    const edit: Amendment = {
      by: 'ann',
      atMs: 0,
      from: 'a',
      to: 'b',
      params: { amount: 2, note: 'x' },
      changes: [
        { pointer: '/amount', before: 1, after: 2 },
        { pointer: '/note', after: 'x' },
      ],
      superseded: [],
    };
    const proof = {
      kind: 'passkey',
      credential: 'c',
      nonce: 'n',
      version: 1,
      clientDataJSON: 'd',
      authenticatorData: 'a',
      signature: 's',
    } as const;
    const again: Amendment = {
      ...edit,
      by: 'bob',
      name: 'Bob',
      reason: 'too much',
      assurance: 'passkey',
      proof,
      from: 'b',
      to: 'c',
      changes: [],
    };
    const written = {
      by: 'ann',
      name: null,
      reason: null,
      at: '1970-01-01T00:00:00.000Z',
      assurance: null,
      signed: false,
      from: 'a',
      to: 'b',
    };
    expect(answerOf(recordOf({ amendments: [edit, again] })).amendments).to.deep.equal([
      {
        ...written,
        changes: [
          { at: '/amount', before: 1, after: 2 },
          { at: '/note', after: 'x' },
        ],
      },
      { ...written, by: 'bob', name: 'Bob', reason: 'too much', assurance: 'passkey', signed: true, from: 'b', to: 'c', changes: [] },
    ]);
    expect(answerOf(recordOf()).amendments).to.deep.equal([]);
  });

  it('says which grant came with a yes', () => {
    const yes = { approve: true, by: 'ann', atMs: 0, policies: ['limit'] };
    const verdicts = [yes, { ...yes, grant: { id: 'grt-1', digest: 'd' } }];
    const answer = JSON.parse(writeApproval(recordOf({ verdicts }), true)) as {
      readonly verdicts: readonly { readonly grant_id: unknown }[];
    };
    expect(answer.verdicts.map(({ grant_id: id }) => id)).to.deep.equal([null, 'grt-1']);
  });
});
