import { expect } from 'chai';
import { approvalPage } from '../../../lib/server/page/approval/approvalPage.js';
import { previewCard } from '../../../lib/server/page/approval/previewCard.js';
import type { CallPreview, PreviewFailure } from '../../../lib/model/preview/CallPreview.js';
import { PREVIEW_FAILURES } from '../../../lib/model/preview/CallPreview.js';
import { boundPreview } from '../../../lib/model/preview/previewDigest.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { elements } from '../../support/pageElements.js';
import type { PageElements } from '../../support/pageElements.js';
import { approvalView, askedOf } from './inboxExamples.js';

const RIGHT: CallPreview = {
  summary: 'Refunds 7',
  changes: [
    { what: 'till', before: 12, after: 5 },
    { what: 'order', before: { state: 'paid' }, after: null },
    { what: 'mail', after: 'Dear Dana' },
  ],
  reversible: 'irreversible',
};

const show = (more: Partial<ApprovalRecord>): PageElements => elements(approvalPage(approvalView(askedOf({ amount: 7 }, more))));
const previewed = (content: CallPreview, more: Partial<ApprovalRecord> = {}): PageElements => {
  const { digest } = askedOf({ amount: 7 });
  return show({ preview: boundPreview(digest, { content }), ...more });
};

describe('The preview on the page of an approval', () => {
  it('stands above the params, with what changes in a table and what can be done about it', () => {
    const page = previewed(RIGHT);
    expect(page.texts('h2').slice(0, 2)).to.deep.equal([
      "What it will do in the words of the tool's author",
      'What will run written by the agent; every character is shown',
    ]);
    expect(page.text('.preview .said')).to.equal('Refunds 7');
    expect(page.text('.preview .tag')).to.equal('irreversible');
    expect(page.text('.preview .in')).to.contain('It cannot be undone, says the tool.').and.not.contain('before the edit');
    expect(page.texts('.preview tbody th')).to.deep.equal(['till', 'order', 'mail']);
    expect(page.texts('.preview tbody td')).to.deep.equal(['12', '5', '{"state":"paid"}', 'null', 'not said', 'Dear Dana']);
    expect(previewed({ summary: 'x', reversible: 'read-only' }).all('.preview table')).to.have.length(0);
  });

  it('is not there where the guard makes none, and says why where it could not be made', () => {
    expect(previewCard(askedOf({ amount: 7 }))).to.equal(undefined);
    expect(show({}).all('.preview')).to.have.length(0);
    const texts: string[] = PREVIEW_FAILURES.map((failure: PreviewFailure) => {
      const page = show({ preview: boundPreview('a'.repeat(64), { failure }) });
      return page.text('.preview .muted.in');
    });
    expect(new Set(texts).size).to.equal(6);
    for (const text of texts) expect(text).to.match(/^No preview: .+\.$/);
    const spent = show({ preview: { of: 'a'.repeat(64), digest: 'b'.repeat(64) } });
    expect(spent.text('.preview .muted.in')).to.equal('The preview is no longer kept.');
  });

  it('says that it is of the call before an edit, and that it may show what is hidden', () => {
    expect(previewed(RIGHT, { digest: 'c'.repeat(64) }).text('.preview .in')).to.contain('The preview is of the call before the edit.');
    const sensitive = { '/amount': { approver: 'hidden', log: 'hidden', model: 'hidden', audit: 'hidden' } } as const;
    expect(previewed(RIGHT, { sensitive }).text('.preview .in')).to.contain('it may show what is hidden from you below');
  });

  it('shows every character, however many, and what could hide or imitate text', () => {
    const page = previewed({
      summary: `<b>bold</b> \u202e${'x'.repeat(9_000)} p\u0430y`,
      changes: [{ what: '</td><script>hit=1</script>\u200b', before: '<img src=x onerror=hit=1>', after: { '\u202e': 1 } }],
      reversible: 'external',
    });
    const text = page.text('.preview');
    expect(text).to.contain('<b>bold</b>').and.contain('x'.repeat(9_000)).and.contain('RLO U+202E');
    expect(text).to.contain('</td><script>hit=1</script>').and.contain('<img src=x onerror=hit=1>').and.contain('U+200B');
    expect(page.all('.preview b')).to.have.length(0);
    expect(page.all('.preview img')).to.have.length(0);
    expect(page.all('.preview script')).to.have.length(0);
    expect(text).to.not.contain('not shown here');
  });
});
