import { expect } from 'chai';
import type { EditPreview } from '../../../../lib/decision/desk/DeskVerdicts.js';
import { editOf, writeEditPreview } from '../../../../lib/decision/wire/edit/editPreview.js';
import { policyOf, recordOf } from '../../../support/approvalRecords.js';

const standing = {
  may: true,
  mayDeny: true,
  why: undefined,
  policies: ['limit'],
  needs: 'session',
  yesSoFar: 0,
  seats: [],
  seatsAfter: [],
  isLastYes: true,
} as unknown as EditPreview['standing'];

describe('The preview of an edit on the wire', () => {
  const approval = recordOf({ params: { amount: 2n }, policies: [policyOf('limit'), policyOf('vip', { severity: 'high' })] });
  const preview: EditPreview = {
    approval,
    digest: 'd',
    asking: 'a',
    added: ['vip'],
    changes: [
      { pointer: '/amount', before: 1n, after: 2n },
      { pointer: '/note', before: 'x' },
    ],
    standing,
  };

  it('says what would run, with its types, where it differs, who would be asked, and whether its editor may approve it', () => {
    expect(JSON.parse(writeEditPreview(preview))).to.deep.equal({
      digest: 'd',
      asking: 'a',
      added: ['vip'],
      reason: 'over the limit',
      message: null,
      changes: [
        { at: '/amount', before: '1', after: '2' },
        { at: '/note', before: 'x' },
      ],
      params: { amount: '2' },
      types: { '/amount': 'bigint' },
      policies: [
        { id: 'limit', severity: null },
        { id: 'vip', severity: 'high' },
      ],
      may_approve: true,
      why_not: null,
    });
    const why = { code: 'editor_approval', message: 'Someone else.' } as const;
    const refused = { ...preview, standing: { ...standing, may: false, why } as EditPreview['standing'] };
    expect(JSON.parse(writeEditPreview({ ...preview, approval: { ...approval, message: 'no addresses' } }))).to.include({
      message: 'no addresses',
    });
    expect(JSON.parse(writeEditPreview(refused))).to.deep.include({ may_approve: false, why_not: why });
  });

  it('is asked for with values in JSON, which are of the types that the call has', () => {
    expect(editOf({}, approval)).to.equal(undefined);
    expect(editOf({ edit: { set: { '/amount': '3' }, digest: 'd', asking: 'a' } }, approval)).to.deep.equal({
      set: { '/amount': 3n },
      remove: undefined,
      editedDigest: 'd',
      asking: 'a',
    });
    expect(editOf({ edit: { remove: ['/note'] } }, approval)).to.deep.include({ set: undefined, remove: ['/note'] });
  });
});
