import { excerptOf } from '../../../common/data/excerpt.js';
import { leafText } from '../../../common/data/leafChanges.js';
import { canonicalText } from '../../../common/data/canonical.js';
import { REVERSIBLE_TEXT } from '../../../decision/preview/describePreview.js';
import { WHY_NO_PREVIEW } from '../../../decision/preview/openedPreview.js';
import type { PreviewChange, Reversibility } from '../../../model/preview/CallPreview.js';
import { hiddenFromApprover } from '../../../model/view/viewOf.js';
import type { ApprovalRecord } from '../../../store/ApprovalStore.js';
import { html } from '../html.js';
import type { Html } from '../html.js';
import { revealedBox, revealedText } from '../revealed.js';

/** How much a mistake costs is seen by the kind of tag. */
const TAGS: Readonly<Record<Reversibility, string>> = {
  'read-only': 'tag ok',
  reversible: 'tag',
  external: 'tag high',
  irreversible: 'tag critical',
};

/** What a tool says that its call would do. Every character is shown: it is short, and part of what is approved. */
export function previewCard(record: ApprovalRecord): Html | undefined {
  const { preview, digest } = record;
  if (preview === undefined) return undefined;
  const { content, failure, of } = preview;
  const title = html`<h2>What it will do <span class="muted">in the words of the tool's author</span></h2>`;
  if (content === undefined) {
    const why = failure === undefined ? 'The preview is no longer kept.' : `No preview: ${WHY_NO_PREVIEW[failure]}.`;
    return html`<section class="card preview">${title}<p class="in muted">${why}</p></section>`;
  }
  const { summary, changes = [], reversible } = content;
  const hides = hiddenFromApprover(record).length > 0;
  return html`<section class="card preview">${title}<div class="in"><p class="said">${revealedBox(excerptOf(summary, { all: true }))}</p>
<p><span class="${TAGS[reversible]}">${reversible}</span> <span class="small">It ${REVERSIBLE_TEXT[reversible]}, says the tool.</span></p>
${of !== digest && html`<p class="small"><b>The preview is of the call before the edit.</b> Nothing says what the edited call would do.</p>`}
${hides && html`<p class="small muted">The tool wrote this text itself: it may show what is hidden from you below.</p>`}</div>
${changes.length > 0 && html`<div class="scroll"><table><thead><tr><th scope="col">What changes</th><th scope="col">Now</th><th scope="col">Then</th></tr></thead><tbody>${changes.map(changeRow)}</tbody></table></div>`}</section>`;
}

function changeRow(change: PreviewChange): Html {
  return html`<tr><th scope="row">${revealedText(change.what)}</th><td>${side(change, 'before')}</td><td>${side(change, 'after')}</td></tr>`;
}

function side(change: PreviewChange, which: 'before' | 'after'): Html {
  if (!Object.hasOwn(change, which)) return html`<span class="muted">not said</span>`;
  const value = change[which];
  const text = typeof value === 'object' && value !== null ? canonicalText(value) : leafText(value);
  return revealedBox(excerptOf(text, { all: true }));
}
