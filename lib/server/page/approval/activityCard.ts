import type { Amendment, ApprovalRecord, Verdict } from '../../../store/ApprovalStore.js';
import type { ToldStage } from '../../notify/stage/toldStages.js';
import { html } from '../html.js';
import type { Html } from '../html.js';
import type { Paths } from '../Paths.js';
import { counted, revealedText } from '../revealed.js';
import { timeText } from '../timeText.js';
import type { RunReport } from './runState.js';

const SHOWN_BY: Readonly<Record<string, string>> = {
  passkey: 'signed with a passkey',
  'step-up': 'signed in again for it',
  code: 'typed the code',
  host: 'on the host',
};
const ENDED: Readonly<Record<RunReport['status'], string>> = { completed: 'Done', failed: 'Failed', unknown: 'It may have run' };

/** What happened to an approval, the newest first. */
export function activityCard(
  { createdAtMs, verdicts, amendments = [], consumed, begun }: ApprovalRecord,
  report: RunReport | undefined,
  nowMs: number,
  stages: readonly ToldStage[],
  paths: Paths,
): Html {
  const lines: readonly (readonly [number, Html])[] = [
    [createdAtMs, html`Asked.`],
    ...stages.map(({ atMs, event }) => [atMs, stageLine(event)] as const),
    ...amendments.flatMap((amendment) => [
      ...amendment.superseded.map((verdict) => [verdict.atMs, verdictLine(verdict, paths)] as const),
      [amendment.atMs, editLine(amendment)] as const,
    ]),
    ...verdicts.map((verdict) => [verdict.atMs, verdictLine(verdict, paths)] as const),
    ...(consumed === undefined ? [] : [[consumed.atMs, html`The approval was used.`] as const]),
    ...(begun === undefined ? [] : [[begun.atMs, html`The call began.`] as const]),
    ...(report === undefined ? [] : [[report.atMs, html`${ENDED[report.status]}, says its caller.`] as const]),
  ];
  const items = lines
    .toSorted(([one], [other]) => one - other)
    .toReversed()
    .map(
      ([atMs, line]) => html`<li><span class="muted">${timeText(atMs, nowMs).replace(/:\d\d UTC$/, '')}</span><span>${line}</span></li>`,
    );
  return html`<section class="card"><h2>Activity <span class="muted">UTC</span></h2><ul class="in log small">${items}</ul></section>`;
}

function verdictLine({ approve, by, name, reason, assurance, grant, hidden }: Verdict, paths: Paths): Html {
  const how = assurance === undefined ? undefined : SHOWN_BY[assurance];
  const unseen = hidden !== undefined && hidden > 0 && `, without having seen ${counted(hidden, 'hidden value')}`;
  const made = grant !== undefined && html`, and made <a href="${paths.grants({ all: '1' })}#${grant.id}">a grant</a>`;
  return html`<b>${revealedText(name ?? by)}</b> ${approve ? 'approved' : 'denied'}${how !== undefined && `, ${how}`}${unseen}${made}${reason !== undefined && reason !== '' && html`: “${revealedText(reason, { max: 500 })}”`}`;
}

function stageLine(event: ToldStage['event']): Html {
  const groups = event.groups.map((group, i) => html`${i > 0 && ', '}<b>${revealedText(group)}</b>`);
  return event.kind === 'reminded' ? html`${groups} reminded, after ${event.percent} % of the time.` : html`${groups} may decide as well.`;
}

function editLine({ by, name, reason, changes }: Amendment): Html {
  const where = changes.map(({ pointer }, i) => html`${i > 0 && ', '}<code>${revealedText(pointer, { max: 100 })}</code>`);
  return html`<b>${revealedText(name ?? by)}</b> edited ${where}${reason !== undefined && reason !== '' && html`: “${revealedText(reason, { max: 500 })}”`}`;
}
