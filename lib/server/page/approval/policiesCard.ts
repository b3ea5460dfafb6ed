import { excerptOf } from '../../../common/data/excerpt.js';
import { viewedSeats } from '../../../decision/desk/quorum/viewedSeats.js';
import type { ViewedSeats } from '../../../decision/desk/quorum/viewedSeats.js';
import { approversAt } from '../../../model/terms/approversAt.js';
import { recordedSeats } from '../../../model/terms/recordedSeats.js';
import type { ApprovalPolicy, ApprovalRecord, Verdict } from '../../../store/ApprovalStore.js';
import { html } from '../html.js';
import type { Html } from '../html.js';
import { revealedBox, revealedText } from '../revealed.js';
import { severityOf, severityTag } from '../severityTag.js';
import { timeText } from '../timeText.js';

/** The text of a policy in force, by its id. */
export type PolicyTextOf = (id: string) => { readonly hash: string; readonly text: string } | undefined;

/** Why a person is asked: each policy with its reason, who may decide it, who has, and what it says. */
export function policiesCard(
  record: ApprovalRecord,
  nowMs: number,
  textOf: PolicyTextOf,
  all: boolean,
  shown: readonly ViewedSeats[] | undefined,
): Html {
  const { policies, message } = record;
  const seats = shown ?? viewedSeats(recordedSeats(record));
  const row = (policy: ApprovalPolicy): Html => {
    const { id, reason, selfApproval } = policy;
    const seat = seatsOf(policy, record, seats.find((one) => one.id === id) as ViewedSeats, nowMs);
    const self = selfApproval === true && html`<span class="muted small">the requester may decide</span>`;
    return html`<li><b>${reason === undefined ? html`A person decides this call` : revealedText(reason)}</b><div class="quorum">${seat}${policies.length > 1 && severityTag(severityOf([policy]))}<span class="muted small">policy <code>${id}</code></span>${self}</div>${policyText(policy, textOf(id), all)}</li>`;
  };
  const change =
    message !== undefined &&
    html`<li><b>${revealedText(message)}</b><div class="quorum"><span class="muted small">why a policy changed the params</span></div></li>`;
  return html`<section class="card"><h2>Why a person is asked <span class="muted">from your policies</span></h2><ul class="in why-list">${policies.map(row)}${change}</ul></section>`;
}

/** Who has a seat of a policy, how many are open and whose they are; which groups come later, and who does not count. */
function seatsOf(policy: ApprovalPolicy, record: ApprovalRecord, { needed, filledBy }: ViewedSeats, nowMs: number): Html {
  const { verdicts, createdAtMs, status } = record;
  const filled = filledBy.map((by) => {
    const { name, atMs } = verdicts.find((verdict) => verdict.approve && verdict.by === by) as Verdict;
    return html`<span class="tag ok"><span aria-hidden="true">✓</span> <span>${revealedText(name ?? by)}, ${timeText(atMs, nowMs)}</span></span>`;
  });
  const open = needed - filledBy.length;
  const count = needed > 1 && html`<span class="tag">${filledBy.length} of ${needed} people</span>`;
  const who =
    open > 0 &&
    html`<span class="tag"><span>${open > 1 && html`${open} more, each `}${whoMay(approversAt(policy, nowMs - createdAtMs))}</span></span>`;
  const later = (policy.escalate ?? []).filter(({ afterMs }) => createdAtMs + afterMs > nowMs && policy.approvers !== undefined);
  const steps =
    status === 'pending' &&
    open > 0 &&
    later.map(
      ({ afterMs, groups }) =>
        html`<span class="muted small">${timeText(createdAtMs + afterMs, nowMs)}: also ${groups.map((group, i) => html`${i > 0 && ', '}${revealedText(group)}`)}</span>`,
    );
  const apart =
    policy.distinct === true &&
    record.policies.length > 1 &&
    html`<span class="muted small">by people who count for no other policy of this call</span>`;
  return html`${count}${filled}${who}${steps}${apart}`;
}

/** The text of a policy, where it is the one that asked. */
function policyText({ hash }: ApprovalPolicy, now: ReturnType<PolicyTextOf>, all: boolean): Html {
  if (now?.hash !== hash)
    return html`<p class="aid">${now === undefined ? 'This policy is gone by now.' : 'This policy has been changed since.'} Its text at the time of asking has the SHA-256 <span class="mono">${hash.slice(0, 12)}</span>.</p>`;
  return html`<details class="fold"${all && html` open`}><summary>What the policy says</summary>${revealedBox(excerptOf(now.text, { all }))}</details>`;
}

/** Who may decide a policy, such as `one of dba, platform-leads`. */
export function whoMay(approvers: readonly string[] | undefined): Html {
  return approvers === undefined
    ? html`any approver`
    : html`one of ${approvers.map((group, i) => html`${i > 0 && ', '}${revealedText(group)}`)}`;
}
