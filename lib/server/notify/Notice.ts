import { approversAt } from '../../model/terms/approversAt.js';
import { areFilled } from '../../model/terms/fillSeats.js';
import { recordedSeats } from '../../model/terms/recordedSeats.js';
import type { ApprovalPolicy, ApprovalRecord } from '../../store/ApprovalStore.js';
import { plainLine } from '../front/plainLine.js';
import type { IdentityChange } from '../people/row/identityRows.js';

/** One approval in a notice. Nothing of its params, facts and session is in it. */
export interface NoticeItem {
  readonly decisionId: string;
  readonly toolName: string;
  readonly agentId: string;
  /** The highest of the policies that ask the group. */
  readonly severity: string;
  /** The reasons of these policies, in their author's words. */
  readonly reason: string;
  readonly expiresAtMs: number;
  readonly status: ApprovalRecord['status'];
  /** How many seats it has in all its policies, and how many of them are filled. */
  readonly seats: { readonly needed: number; readonly filled: number };
  /** The page of the approval. */
  readonly link: string;
}

/** What is told to a group: that these approvals wait, or what became of them. */
export interface Notice {
  /** The same for every attempt to deliver it. */
  readonly id: string;
  readonly tenantId: string;
  /** `reminder`: they have waited for half of their time, or for most of it. `settled`: they wait no longer. */
  readonly about: 'requested' | 'reminder' | 'settled';
  readonly group: string;
  readonly items: readonly NoticeItem[];
  /** How many more there are than `items`. */
  readonly more: number;
  /** The page of all of them. */
  readonly link: string;
}

/** What is told to the admins: what became of people and of what they come in with. No secret is in it. */
export interface AdminNotice {
  /** The same for every attempt to deliver it. */
  readonly id: string;
  readonly tenantId: string;
  /** Oldest first. */
  readonly changes: readonly IdentityChange[];
  /** How many more there are. */
  readonly more: number;
  /** The page of people. */
  readonly link: string;
}

/** The group of policies without `@approvers`. */
export const EVERYONE = 'everyone';

const SEVERITIES = ['low', 'medium', 'high', 'critical'];

/** The groups that are asked by an approval: those that `@escalate` has added by now too, and none whose policy has everyone that it takes. */
export function groupsOf(
  record: Pick<ApprovalRecord, 'policies' | 'verdicts' | 'createdAtMs' | 'status'>,
  nowMs: number,
): readonly string[] {
  const seats = recordedSeats(record).policies;
  const open = record.policies.filter((_, i) => !areFilled(seats.slice(i, i + 1)));
  // of what was settled, everyone who was asked is told
  const asking = record.status !== 'pending' || open.length === 0 ? record.policies : open;
  return [...new Set(asking.flatMap((policy) => askedGroups(policy, record, nowMs)))];
}

function askedGroups(policy: ApprovalPolicy, { createdAtMs }: Pick<ApprovalRecord, 'createdAtMs'>, nowMs: number): readonly string[] {
  return approversAt(policy, nowMs - createdAtMs) ?? [EVERYONE];
}

/** What a group is told of an approval. */
export function noticeItem(record: ApprovalRecord, group: string, linkOf: (path: string) => string, nowMs: number): NoticeItem {
  const asking = record.policies.filter((policy) => askedGroups(policy, record, nowMs).includes(group));
  const seats = recordedSeats(record).policies;
  const severity = Math.max(...asking.map((policy) => SEVERITIES.indexOf(policy.severity ?? 'medium')), 0);
  const { decisionId, toolName, agentId, expiresAtMs, status } = record;
  const reason = [...new Set(asking.flatMap((policy) => policy.reason ?? []))].join('; ');
  return {
    decisionId,
    toolName,
    agentId,
    severity: SEVERITIES[severity] as string,
    reason,
    expiresAtMs,
    status,
    seats: {
      needed: seats.reduce((sum, { needed }) => sum + needed, 0),
      filled: seats.reduce((sum, { filledBy }) => sum + filledBy.length, 0),
    },
    link: linkOf(`/a/${encodeURIComponent(decisionId)}`),
  };
}

const TITLES: Readonly<Record<IdentityChange['what'], string>> = {
  'person.came': 'A person came',
  'person.confirmed': 'A person was confirmed',
  'person.changed': 'A person was changed',
  'person.removed': 'A person was removed',
  'invitation.made': 'An invitation was made',
  'invitation.revoked': 'An invitation was revoked',
  'passkey.added': 'A passkey was added',
  'passkey.removed': 'A passkey was removed',
  'token.made': 'A personal token was made',
  'setup_link.made': 'A link by which another admin comes was made',
};

/** A change as lines for people: nothing that anyone typed is hidden in them, or becomes a link. */
export function changeLines({ what, by, byName, person, added = [], removed = [], name, atMs }: IdentityChange): readonly string[] {
  const who =
    person === undefined
      ? []
      : [`Person: ${plainLine(person.name, 128)}${person.id === undefined ? '' : ` (${plainLine(person.id, 64)})`}`];
  const listed = (label: string, items: readonly string[]): readonly string[] =>
    items.length === 0 ? [] : [`${label}: ${plainLine(items.join(', '), 500)}`];
  return [
    `${TITLES[what]}, ${new Date(atMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    ...who,
    ...listed(what === 'invitation.made' ? 'To get' : 'Got', added),
    ...listed('Lost', removed),
    ...(name === undefined ? [] : [`${what === 'person.changed' ? 'Was called' : 'Named'}: ${plainLine(name, 128)}`]),
    `By: ${byName === undefined ? '' : `${plainLine(byName, 128)} `}(${plainLine(by, 128)})`,
  ];
}

/** How many of its people an approval has, as a notice says it; nothing where it takes one. */
export function seatsText({ seats: { needed, filled } }: Pick<NoticeItem, 'seats'>): readonly string[] {
  return needed > 1 ? [`Yes so far: ${filled} of ${needed}`] : [];
}
