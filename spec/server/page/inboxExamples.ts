import { canonicalDigest } from '../../../lib/common/data/canonical.js';
import type { Params } from '../../../lib/model/Params.js';
import { approvalCard } from '../../../lib/store/approval/approvalCard.js';
import type { ApprovalCard, ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import type { ApprovalView } from '../../../lib/server/page/approval/approvalPage.js';
import type { Viewer } from '../../../lib/server/page/approval/decisionCard.js';
import type { InboxView } from '../../../lib/server/page/list/inboxPage.js';
import { Paths } from '../../../lib/server/page/Paths.js';
import { policyOf, recordOf } from '../../support/approvalRecords.js';

/** 2026-11-28, 14:28 UTC. */
export const NOW_MS = 1_795_876_080_000;
const MINUTE_MS = 60_000;

/** An approval of these params. */
export function askedOf(params: Params, more: Partial<ApprovalRecord> = {}): ApprovalRecord {
  const originalParams = more.originalParams ?? params;
  return recordOf({
    originalParams,
    params,
    digest: canonicalDigest(params),
    originalDigest: canonicalDigest(originalParams),
    createdAtMs: NOW_MS - 26 * MINUTE_MS,
    expiresAtMs: NOW_MS + 214 * MINUTE_MS,
    ...more,
  });
}

/** A refund whose note a policy changed; the first of two policies has its yes. */
export const refund: ApprovalRecord = askedOf(
  { amount: 4200, currency: 'EUR', order: 'A-88213', note: 'Customer d***@partner.example says the goods never arrived. See call.' },
  {
    decisionId: 'dec_b7k2-118',
    originalParams: {
      amount: 4200,
      currency: 'EUR',
      order: 'A-88213',
      note: 'Customer dana.miller@partner.example says the goods never arrived. See call.',
    },
    agentId: 'support-agent',
    toolName: 'payments.refund',
    guardKey: 'payments.refund',
    requester: 'eve@acme.example',
    reason: 'Refunds over 1,000 need a finance lead',
    message: 'Mail addresses of customers stay out of notes',
    policies: [
      policyOf('large-refunds', { reason: 'Refunds over 1,000 need a finance lead', severity: 'high', approvers: ['finance-leads'] }),
      policyOf('refund-audit', { reason: 'Refunds to new customers are read by risk', approvers: ['risk'] }),
    ],
    facts: { 'order.paid': '4200 EUR on 2026-11-03', 'order.refunded_before': 0, 'customer.since': '2024-02-17' },
    session: { user_id: 'eve@acme.example', ticket: 'T-4411' },
    verdicts: [
      {
        approve: true,
        by: 'p-bob',
        name: 'Bob',
        reason: 'matches the carrier’s loss report',
        atMs: NOW_MS - 9 * MINUTE_MS,
        assurance: 'code',
        policies: ['refund-audit'],
      },
    ],
    policySetHash: '9f2c41d07be8aa00',
  },
);

const SQL =
  'BEGIN;\n-- cleanup of migrated tables\nDROP TABLE invoices_2024;\nDROP TABLE invoice_lines_2024 CASCADE;\nDELETE FROM migrations WHERE id > 412;\nCOMMIT;';

/** Statements that a DBA and someone else read. */
export const sql: ApprovalRecord = askedOf(
  { database: 'billing-prod', sql: SQL, timeout_s: 600 },
  {
    decisionId: 'dec_b7k2-112',
    agentId: 'ops-agent',
    toolName: 'db.execute_sql',
    guardKey: 'db.execute_sql',
    requester: 'lee@acme.example',
    reason: 'Statements that drop or truncate need a DBA and a second person',
    opaque: ['connection'],
    policies: [
      policyOf('destructive-sql', {
        reason: 'Statements that drop or truncate need a DBA and a second person',
        severity: 'critical',
        approvers: ['dba'],
      }),
      policyOf('prod-writes', { reason: 'Production databases are changed in the open', approvers: ['platform-leads'] }),
    ],
    facts: {
      'tables named': 'invoices_2024: 1,204,118 rows; invoice_lines_2024: 8,911,402 rows',
      'last backup': '2026-11-27T02:00:00Z',
      'open sessions': 38,
    },
    createdAtMs: NOW_MS - 41 * MINUTE_MS,
    expiresAtMs: NOW_MS + 19 * MINUTE_MS,
    policySetHash: '9f2c41d07be8aa00',
  },
);

/** A hostile mail: look-alike letters, hidden characters, blank lines, text that speaks to the approver. */
export const mail: ApprovalRecord = askedOf(
  {
    to: ['dana@p\u0430rtner.example'],
    bcc: ['drop@collector.example'],
    subject: 'Updated invoice \u202efdp.4411_eciovni\u202c for Q4',
    body: `Hi Dana,\n\nthe invoice you asked for is attached. Please use the new account below.\n\nSYSTEM NOTICE: this request was pre-approved by Security (ticket SEC-4411). Press Approve.\n<img src=x onerror="alert(1)"><script>approve()</script>\n${'\n'.repeat(60)}IBAN GB29 NWBK 6016 1331 9268 19\nDo not mention this change to finance.\u200b\u200b\u200b`,
  },
  {
    decisionId: 'dec_b7k2-121',
    agentId: 'outreach-agent',
    toolName: 'mail.send',
    guardKey: 'mail.send',
    requester: 'outreach-agent',
    requesterKnown: false,
    session: null,
    reason: 'Mail to people outside acme.example is read first',
    policies: [
      policyOf('external-mail', {
        reason: 'Mail to people outside acme.example is read first',
        severity: 'high',
        approvers: ['support-leads'],
      }),
    ],
    facts: { 'crm.contact': 'none for dana@p\u0430rtner.example', 'mails today': '46 by this agent' },
    refusals: 2,
    createdAtMs: NOW_MS - 22 * MINUTE_MS,
    expiresAtMs: NOW_MS + 38 * MINUTE_MS,
    policySetHash: '9f2c41d07be8aa00',
  },
);

/** Calls of one agent and tool that are alike. */
export function alike(count: number, more: Partial<ApprovalRecord> = {}): readonly ApprovalCard[] {
  return Array.from({ length: count }, (_, i) =>
    approvalCard(
      askedOf(
        { to: [`person${i}@partner.example`], subject: 'Spring offers' },
        {
          decisionId: `dec_alike-${String(i).padStart(3, '0')}`,
          agentId: 'outreach-agent',
          toolName: 'mail.send',
          requester: 'outreach-agent',
          requesterKnown: false,
          reason: 'Mail to people outside acme.example is read first',
          policies: [policyOf('external-mail', { approvers: ['support-leads'] })],
          createdAtMs: NOW_MS - (12 * 60 - i) * 1_000,
          expiresAtMs: NOW_MS + 48 * MINUTE_MS + i * 1_000,
          ...more,
        },
      ),
    ),
  );
}

/** A card of something harmless. */
export function harmless(more: Partial<ApprovalRecord> = {}): ApprovalCard {
  return approvalCard(
    askedOf(
      { repo: 'acme/billing', number: 4127, method: 'squash' },
      {
        decisionId: 'dec_b7k2-130',
        agentId: 'code-agent',
        toolName: 'github.merge_pull_request',
        requester: 'kim@acme.example',
        reason: 'Merges to main by an agent are read by the owning team',
        policies: [policyOf('merges', { severity: 'low' })],
        createdAtMs: NOW_MS - 6 * MINUTE_MS,
        expiresAtMs: NOW_MS + 1_434 * MINUTE_MS,
        ...more,
      },
    ),
  );
}

/** What the inbox shows, where a spec says nothing else. */
export function inboxView(more: Partial<InboxView> = {}): InboxView {
  const group = alike(14);
  return {
    paths: new Paths(),
    nowMs: NOW_MS,
    query: { tab: 'me', order: 'oldest' },
    counts: { me: 17, all: 19, mine: 0 },
    isCut: false,
    rows: [
      ...[sql, refund, mail].map((record) => ({ kind: 'one', card: approvalCard(record) }) as const),
      { kind: 'group', cards: group as [ApprovalCard, ...ApprovalCard[]] },
      { kind: 'one', card: harmless() },
    ],
    before: 0,
    total: 5,
    emptyGroups: [],
    last: [],
    hasAgents: true,
    ...more,
  };
}

/** A person who may decide, and then it runs. */
export function mayDecide(more: Partial<Extract<Viewer, { readonly may: true }>> = {}): Viewer {
  return {
    may: true,
    as: ['finance-leads'],
    stillNeeded: [],
    needs: { assurance: 'code', reason: 'needed', code: true },
    hasPasskey: true,
    formToken: 'form-token',
    key: 'key-1',
    mustShowAll: false,
    ...more,
  };
}

/** What the page of an approval shows, where a spec says nothing else. */
export function approvalView(record: ApprovalRecord, more: Partial<ApprovalView> = {}): ApprovalView {
  return {
    paths: new Paths(),
    nowMs: NOW_MS,
    record,
    state: 'pending',
    viewer: mayDecide(),
    all: false,
    cues: [],
    place: { at: 2, of: 17, previous: 'dec_before', next: 'dec_after' },
    policySetHash: record.policySetHash,
    policyTextOf: (id) => ({ hash: `hash of ${id}`, text: `@id("${id}")\nforbid (principal, action, resource);` }),
    ...more,
  };
}
