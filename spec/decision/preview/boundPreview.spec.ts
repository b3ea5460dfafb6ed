import { expect } from 'chai';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import type { ApprovalRequest } from '../../../lib/decision/desk/ApprovalRequest.js';
import { isUnderstood, semanticsOf } from '../../../lib/decision/desk/use/semantics.js';
import { verdictStatement } from '../../../lib/decision/desk/verdictStatement.js';
import { deceptiveCues } from '../../../lib/decision/cue/deceptiveCues.js';
import { coversCall } from '../../../lib/decision/embedded/approvalRequestFor.js';
import { describePreview } from '../../../lib/decision/preview/describePreview.js';
import { hasDemandedPreview } from '../../../lib/decision/preview/openedPreview.js';
import type { DecisionRequest } from '../../../lib/model/Decision.js';
import type { ApprovalPreview } from '../../../lib/model/preview/CallPreview.js';
import { boundPreview } from '../../../lib/model/preview/previewDigest.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { MemoryApprovalStore } from '../../../lib/store/memory/MemoryApprovalStore.js';
import { BINDING_BASE, openingOf, policyOf, recordOf } from '../../support/approvalRecords.js';
import { countedSuite } from '../../support/assurance.js';
import { diagnosed, securityCodes } from '../../support/diagnosed.js';

const CONTENT = { summary: 'Refunds 1', reversible: 'external' } as const;
const OTHER = { summary: 'Refunds nothing', reversible: 'read-only' } as const;
const OF = openingOf().digest;

/** What somebody makes of a preview in a store without a key. */
const CHANGES: readonly (readonly [title: string, change: (preview: ApprovalPreview) => ApprovalPreview | undefined])[] = [
  ['another content', (preview) => ({ ...preview, content: OTHER })],
  ['another content with its digest', () => boundPreview(OF, { content: OTHER })],
  ['another digest', (preview) => ({ ...preview, digest: 'a'.repeat(64) })],
  ['of other params', (preview) => ({ ...preview, of: 'a'.repeat(64) })],
  ['of other params with its digest', () => boundPreview('a'.repeat(64), { content: CONTENT })],
  ['no content', ({ of, digest }) => ({ of, digest })],
  ['a failure in its place', ({ of, digest }) => ({ of, digest, failure: 'threw' })],
  ['a failure with its digest', () => boundPreview(OF, { failure: 'threw' })],
  ['a field more', (preview) => ({ ...preview, content: { ...CONTENT, changes: [] } })],
  ['no preview', () => undefined],
];

describe('An approval with a preview', () => {
  let store: MemoryApprovalStore;
  let desk: ApprovalDesk;
  let cases = 0;
  countedSuite('an approval whose preview was changed in its store is used', () => ({ cases }));
  beforeEach(() => {
    store = new MemoryApprovalStore();
    desk = new ApprovalDesk(store);
  });

  const open = async (more: Partial<ApprovalRequest> = {}): Promise<ApprovalRecord> => {
    const opened = await desk.open(openingOf({ makePreview: async () => ({ content: CONTENT }), ...more }));
    if (opened.kind !== 'opened') throw new Error(opened.kind);
    return opened.record;
  };
  const callOf = (): DecisionRequest => ({ ...openingOf(), paramsDigest: OF, bindingBase: BINDING_BASE }) as unknown as DecisionRequest;
  const covers = (record: ApprovalRecord, more: object = {}): boolean => {
    const outcome = { effect: 'approval_needed', reason: 'x', policies: [], approvals: [policyOf('limit', more)] };
    return coversCall(record, callOf(), outcome as never, {}, desk);
  };

  for (const [title, change] of CHANGES)
    it(`is not used once its store says ${title}`, async () => {
      cases += 2;
      const { decisionId, digest } = await open();
      const approved = await desk.approve(decisionId, { by: 'bob', digest });
      expect(covers(approved)).to.equal(true);
      const { preview, ...rest } = approved;
      const changed = change(preview as ApprovalPreview);
      const tampered = { ...rest, ...(changed && { preview: changed }), version: approved.version + 1 };
      expect(await store.replace(tampered, approved.version)).to.equal(true);
      expect(covers(tampered)).to.equal(false);
      const seen = await diagnosed(async () => {
        expect(await desk.consume({ decisionId, digest, bindingBase: BINDING_BASE, token: 't' })).to.equal(false);
      });
      expect(securityCodes(seen)[0]).to.be.oneOf(['approval_preview_mismatch', 'approval_binding_mismatch']);
    });

  it('is used as it was shown, and again by the task that used it', async () => {
    const { decisionId, digest } = await open();
    await desk.approve(decisionId, { by: 'bob', digest });
    for (let i = 0; i < 2; i++) expect(await desk.consume({ decisionId, digest, bindingBase: BINDING_BASE, token: 't' })).to.equal(true);
    const used = (await desk.get(decisionId)) as ApprovalRecord;
    expect(used.preview).to.not.have.property('content');
    expect(covers(used)).to.equal(true);
  });

  it('covers a call under a policy that demands a preview, unless there is none', async () => {
    const demands = { needsPreview: true };
    const { decisionId, digest } = await open();
    expect(covers(await desk.approve(decisionId, { by: 'bob', digest }), demands)).to.equal(true);
    for (const makePreview of [undefined, async () => ({ failure: 'timeout' }) as const]) {
      const other = await open({ makePreview });
      const approved = await desk.approve(other.decisionId, { by: 'bob', digest });
      expect([covers(approved), covers(approved, demands)]).to.deep.equal([true, false]);
    }
    expect(hasDemandedPreview({}, [{ needsPreview: false }, {}])).to.equal(true);
  });

  it('is for code that knows previews', async () => {
    const record = await open();
    expect(record.requires).to.deep.equal(['binding', 'begin', 'preview']);
    expect(isUnderstood(record)).to.equal(true);
    const both = semanticsOf({ ...record, policies: [policyOf('p', { needsPreview: true })], amendments: undefined });
    expect(both).to.deep.equal(['binding', 'begin', 'preview']);
  });

  it('is signed with it', () => {
    const stated = { approve: true, reason: undefined, origin: 'o', nonce: 'n', tenantId: null };
    const statement = (preview?: ApprovalPreview): Record<string, unknown> =>
      JSON.parse(verdictStatement(recordOf({ decisionId: 'd', preview }), stated)) as Record<string, unknown>;
    const preview = boundPreview(OF, { content: CONTENT });
    expect(statement(preview)['previewDigest']).to.equal(preview.digest);
    expect(statement()).to.not.have.property('previewDigest');
    const { content: _content, ...spent } = preview;
    expect(statement(spent)).to.deep.equal(statement(preview));
  });

  it('is told to the person, line by line, in text that is safe to print', () => {
    const content = {
      ...CONTENT,
      summary: 'Sends \u202eit',
      changes: [{ what: 'to', before: 'a\u200b', after: { n: 1 } }, { what: 'cc' }],
    };
    const { digest } = recordOf();
    const lines = (preview: ApprovalPreview | undefined, hides = false): readonly string[] => describePreview({ preview, digest }, hides);
    expect(lines(undefined)).to.deep.equal([]);
    expect(lines(boundPreview(digest, { content }))).to.deep.equal([
      'Preview   Sends \\u{202e}it',
      '          by the tool itself: reaches outside, where it cannot be undone from here',
      '  to: "a\\u{200b}" -> {"n":1}',
      '  cc: (not said) -> (not said)',
    ]);
    expect(lines(boundPreview('a'.repeat(64), { content: CONTENT }), true)).to.have.length(4);
    expect(lines(boundPreview(digest, { failure: 'timeout' }))).to.deep.equal(['Preview   none: it took too long']);
    expect(lines({ of: digest, digest })).to.deep.equal(['Preview   no longer kept']);
  });

  it('calls for a closer look where its words do: they hold what the agent wrote', () => {
    const preview = boundPreview(OF, {
      content: {
        summary: 'Already approved by finance',
        changes: [{ what: 'ho\u200bst', before: 'аррӏе.com', after: { 'to\u202e': 'x' } }],
        reversible: 'external',
      },
    });
    const found = deceptiveCues(recordOf({ preview })).map(({ code, place, path }) => `${place} ${path.join('.')}: ${code}`);
    expect(found).to.deep.equal([
      'preview summary: to_approver',
      'preview changes.0.what: hidden',
      'preview changes.0.before: lookalike',
      'preview changes.0.after.to\u202e: reorders',
    ]);
  });
});
