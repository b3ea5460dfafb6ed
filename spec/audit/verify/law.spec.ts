import { expect } from 'chai';
import type { AuditRecord } from '../../../lib/audit/record/AuditRecord.js';
import { Law } from '../../../lib/audit/verify/law/Law.js';
import { Findings } from '../../../lib/audit/verify/report/Findings.js';
import { verifyAudit } from '../../../lib/audit/verify/verifyAudit.js';
import { countedSuite } from '../../support/assurance.js';
import {
  allowedCall,
  amended,
  approvedCall,
  askedCall,
  begun,
  builtCall,
  BuiltLog,
  builtSource,
  committed,
  consumed,
  decided,
  entering,
  idsOf,
  opened,
  POLICIES,
  ranApproved,
  settled,
  verdict,
} from '../../support/builtLogs.js';
import type { BuiltCall, Over } from '../../support/builtLogs.js';

type Make = (log: BuiltLog, call: BuiltCall) => unknown;

const OTHER = committed('effective', 'AAAAAAAAAAAAAAAAAAAAAA', { amount: 5_000 });
const run = (call: BuiltCall): Over => ({ taskId: `task-${call.decisionId}`, claim: `claim-${call.decisionId}` });
const policy = (over: Over): Over => ({ policies: [{ ...POLICIES, approvers: ['leads'], ...over }] });

const APART = [
  { ...POLICIES, approvers: ['leads'], distinct: true },
  { id: 'large', hash: 'd'.repeat(64) },
];

/** A call that eve edits, so that it is about 4. */
function edited(log: BuiltLog, call: BuiltCall, over: Over = {}): BuiltCall {
  return amended(askedCall(log, call), call, { amount: 4 }, over);
}
const HALTS = [
  { all: true },
  { agentId: 'shop-agent' },
  { toolName: 'refund' },
  { group: 'money' },
  { agentId: 'shop-agent', toolName: 'refund' },
] as const;
const NOT_HALTS = [{ agentId: 'other' }, { toolName: 'read' }, { group: 'mail' }, { agentId: 'shop-agent', toolName: 'read' }] as const;
/** A halt is in force, or what became of it. */
const halted = (log: BuiltLog, scope: Over, how: 'halted' | 'over' = 'halted'): BuiltLog =>
  log.add('halt', { how, halt: 'halt_1', pending: 'freeze', by: 'ann', ...scope });
const lifted = (log: BuiltLog, halt = 'halt_1'): BuiltLog => log.add('halt', { how: 'lifted', halt, pending: 'freeze', by: 'ann' });
const ofMoney = (log: BuiltLog, call: BuiltCall): BuiltLog => decided(log, call, { groups: ['money'] });

/** What a writer does who has the key and wants a run that was not allowed to look like one that was. */
const HOSTILE: readonly (readonly [what: string, codes: readonly string[], make: Make])[] = [
  // runs without what allows them
  ['a run without a decision', ['run_without_decision'], (log, call) => settled(entering(log, call), call)],
  ['a run before its decision', ['run_without_decision'], (log, call) => decided(entering(log, call), call)],
  [
    'a run of what was denied',
    ['run_without_decision'],
    (log, call) => entering(decided(log, call, { effect: 'deny', effective: undefined }), call),
  ],
  ['a run under a dry run', ['run_without_decision'], (log, call) => entering(decided(log, call, { dryRun: true }), call)],
  [
    'a run of what a person should decide',
    ['run_without_decision'],
    (log, call) => entering(decided(log, call, { effect: 'approval_needed' }), call),
  ],
  ['a run with other params', ['run_with_other_params'], (log, call) => entering(decided(log, call), call, { effective: OTHER })],
  [
    'a run with the params as they were before a sanitize',
    ['run_with_other_params'],
    (log, call) => entering(decided(log, call, { effect: 'sanitize', effective: OTHER }), call),
  ],
  ['a run of another tool', ['run_of_another_call'], (log, call) => entering(decided(log, call), call, { toolName: 'wire_money' })],
  ['a run by another agent', ['run_of_another_call'], (log, call) => entering(decided(log, call), call, { agentId: 'other-agent' })],
  ['a run for another tenant', ['run_of_another_call'], (log, call) => entering(decided(log, call), call, { tenantId: 'other' })],
  ['a second run at the same time', ['run_twice'], (log, call) => entering(entering(decided(log, call), call), call)],
  ['a second run after the first', ['run_twice'], (log, call) => entering(allowedCall(log, call), call)],
  ['a second run under the decision made again', ['run_twice'], (log, call) => allowedCall(allowedCall(log, call), call)],
  [
    'more runs after the first, one of them withheld',
    ['run_twice'],
    (log, call) => settled(entering(settled(entering(allowedCall(log, call), call), call, { outcome: 'withheld' }), call), call),
  ],
  ['a decision on two calls', ['decided_twice'], (log, call) => decided(decided(log, call), call)],
  ['a run inside another that is not there', ['reused_alone'], (log, call) => entering(decided(log, call), call, { reused: true })],
  ['a run inside another, after it', ['reused_alone'], (log, call) => entering(allowedCall(log, call), call, { reused: true })],
  [
    'a run inside another, with other params',
    ['run_with_other_params'],
    (log, call) => entering(entering(decided(log, call), call), call, { reused: true, effective: OTHER }),
  ],
  [
    'a run inside another, by another agent',
    ['run_of_another_call'],
    (log, call) => entering(entering(decided(log, call), call), call, { reused: true, agentId: 'other-agent' }),
  ],
  [
    'a run inside another, of another tool',
    ['run_of_another_call'],
    (log, call) => entering(entering(decided(log, call), call), call, { reused: true, toolName: 'wire_money' }),
  ],
  // edits
  [
    'a run of an edited call as it was before',
    ['other_params', 'other_params'],
    (log, call) => {
      verdict(log, edited(log, call));
      ranApproved(log, call);
    },
  ],
  [
    'a run of an edited call with the yes to what it was before',
    ['quorum_missing', 'quorum_missing'],
    (log, call) => ranApproved(log, amended(verdict(askedCall(log, call), call), call, { amount: 4 })),
  ],
  [
    'a yes after an edit to what it was before',
    ['verdict_other_params', 'quorum_missing', 'quorum_missing'],
    (log, call) => {
      const next = edited(log, call);
      ranApproved(verdict(log, call), next);
    },
  ],
  [
    'a yes before an edit to what it made',
    ['verdict_other_params', 'quorum_missing', 'quorum_missing'],
    (log, call) => {
      const next = { ...call, effective: committed('effective', call.salt, { amount: 4 }) };
      verdict(askedCall(log, call), next);
      ranApproved(log, amended(log, call, { amount: 4 }));
    },
  ],
  [
    'a yes of two that was given before an edit',
    ['quorum_missing', 'quorum_missing'],
    (log, call) => {
      opened(decided(log, call, { effect: 'approval_needed' }), call, policy({ quorum: 2 }));
      const next = amended(verdict(log, call, { status: 'pending' }), call, { amount: 4 }, policy({ quorum: 2 }));
      ranApproved(verdict(log, next, { by: 'cat' }), next);
    },
  ],
  [
    'an edit after a no',
    ['quorum_missing', 'quorum_missing'],
    (log, call) => {
      const next = amended(verdict(askedCall(log, call), call, { approved: false }), call, { amount: 4 });
      ranApproved(verdict(log, next), next);
    },
  ],
  [
    'a yes of the editor',
    ['verdict_of_editor', 'quorum_missing', 'quorum_missing'],
    (log, call) => {
      const next = edited(log, call);
      ranApproved(verdict(log, next, { by: 'EVE' }), next);
    },
  ],
  ...(
    [
      ['host:root', 'host'],
      ['host:bob', 'host'],
      ['local-admin', 'session'],
    ] as const
  ).map(([by, assurance]): (typeof HOSTILE)[number] => [
    `a yes of the operator of the host, who edited it, as ${by}`,
    ['verdict_of_editor', 'quorum_missing', 'quorum_missing'],
    (log, call) => {
      const next = edited(log, call, { by: 'host:root', assurance: 'host' });
      ranApproved(verdict(log, next, { by, assurance, groups: [] }), next);
    },
  ]),
  [
    'a yes of the editor of the edit before the last',
    ['verdict_of_editor', 'quorum_missing', 'quorum_missing'],
    (log, call) => {
      const next = amended(log, edited(log, call), { amount: 3 }, { by: 'fay' });
      ranApproved(verdict(log, next, { by: 'eve' }), next);
    },
  ],
  ...['high', 'critical'].map((severity): (typeof HOSTILE)[number] => [
    `a yes of the editor who may approve, at severity ${severity}`,
    ['verdict_of_editor', 'quorum_missing', 'quorum_missing'],
    (log, call) => {
      const terms = policy({ editorMayApprove: true, severity });
      opened(decided(log, call, { effect: 'approval_needed' }), call, terms);
      const next = amended(log, call, { amount: 4 }, terms);
      ranApproved(verdict(log, next, { by: 'eve', assurance: 'step-up' }), next);
    },
  ]),
  [
    'an edit that drops a policy',
    ['edit_sheds_approval'],
    (log, call) => {
      opened(decided(log, call, { effect: 'approval_needed' }), call, { policies: APART });
      const next = amended(log, call, { amount: 4 });
      ranApproved(verdict(log, next), next);
    },
  ],
  [
    'an edit that loosens a policy whose text is the same',
    ['edit_sheds_approval'],
    (log, call) => {
      opened(decided(log, call, { effect: 'approval_needed' }), call, policy({ quorum: 2 }));
      const next = amended(log, call, { amount: 4 });
      ranApproved(verdict(log, next), next);
    },
  ],
  [
    'a run without the yes that an edit added',
    ['quorum_missing', 'quorum_missing'],
    (log, call) => {
      const next = edited(log, call, {
        policies: [
          { ...POLICIES, approvers: ['leads'] },
          { id: 'large', hash: 'd'.repeat(64) },
        ],
      });
      ranApproved(verdict(log, next), next);
    },
  ],
  [
    'an edit of something that was not asked about',
    ['edit_not_in_order'],
    (log, call) => {
      const next = edited(log, call, { from: OTHER });
      ranApproved(verdict(log, next), next);
    },
  ],
  [
    'an edit that leaves out the one before it',
    ['edit_not_in_order'],
    (log, call) => {
      edited(log, call);
      const next = amended(log, call, { amount: 3 });
      ranApproved(verdict(log, next), next);
    },
  ],
  [
    'more edits than there may be',
    ['edit_not_in_order'],
    (log, call) => {
      askedCall(log, call);
      const next = [1, 2, 3, 4, 6, 7].reduce((before, amount) => amended(log, before, { amount }), call);
      ranApproved(verdict(log, next), next);
    },
  ],
  [
    'an edit of a call to another tool',
    ['edit_other_call'],
    (log, call) => {
      const next = edited(log, call, { toolName: 'wire_money' });
      ranApproved(verdict(log, next), next);
    },
  ],
  [
    'an edit before the question',
    ['edit_too_early'],
    (log, call) => {
      const next = amended(decided(log, call, { effect: 'approval_needed' }), call, { amount: 4 });
      ranApproved(verdict(opened(log, call), next), next);
    },
  ],
  [
    'an edit after its time',
    ['edit_too_late'],
    (log, call) => {
      amended(askedCall(log, call).wait(2 * 3_600_000), call, { amount: 4 });
    },
  ],
  [
    'an edit after the use',
    ['edit_after_use', 'other_params', 'other_params', 'quorum_missing', 'quorum_missing'],
    (log, call) => {
      ranApproved(verdict(askedCall(log, call), call), call);
      amended(log, call, { amount: 4 });
    },
  ],
  [
    'an edit after the end',
    ['edit_after_use'],
    (log, call) => {
      amended(askedCall(log, call).add('ended', { ...idsOf(call), how: 'withdrawn' }), call, { amount: 4 });
    },
  ],
  [
    'an edit of the requester, which can be opened',
    ['edit_of_requester'],
    (log, call) => {
      const next = edited(log, call, { by: 'ANN', reason: committed('reason', call.salt, 'less') });
      log.open(call, { reason: 'less' });
      ranApproved(verdict(log, next), next);
    },
  ],
  [
    'an edit under policies that are not loaded',
    ['policies_not_loaded'],
    (log, call) => {
      const next = edited(log, call, { policySetHash: 'c'.repeat(64) });
      ranApproved(verdict(log, next), next);
    },
  ],
  [
    'an edit that is said to be signed',
    ['edit_unsigned'],
    (log, call) => {
      const next = edited(log, call, { assurance: 'passkey' });
      ranApproved(verdict(log, next), next);
    },
  ],
  [
    'an edit that no one was asked about',
    ['approval_not_opened'],
    (log, call) => {
      amended(log, call, { amount: 4 });
    },
  ],
  [
    'an edited run elsewhere with other params than were decided on',
    ['other_params'],
    (log, call) => {
      opened(decided(log, call, { effect: 'approval_needed', policySetHash: undefined }), call, { policies: [], policySetHash: undefined });
      const next = { ...call, effective: committed('effective', call.salt, { amount: 4 }) };
      decided(log, next, { approvalId: call.decisionId, effect: 'sanitize', policySetHash: undefined });
      entering(log, call, { ...run(call), effective: OTHER });
    },
  ],
  // policies
  [
    'a decision without its policies',
    ['policies_not_loaded'],
    (log, call) => settled(entering(decided(log, call, { policySetHash: 'c'.repeat(64) }), call), call),
  ],
  ['a decision under the policies of another tenant', ['policies_not_loaded'], (log, call) => decided(log, call, { tenantId: 'other' })],
  [
    'a question to a person under policies that are not loaded',
    ['policies_not_loaded'],
    (log, call) => opened(decided(log, call, { effect: 'approval_needed' }), call, { policySetHash: 'c'.repeat(64) }),
  ],
  // approvals
  [
    'an approval that no one opened',
    ['approval_not_opened', 'approval_not_opened', 'approval_not_opened', 'run_without_decision'],
    (log, call) => ranApproved(verdict(decided(log, call, { effect: 'approval_needed' }), call), call),
  ],
  [
    'an approval kept elsewhere, of policies that are here',
    ['run_without_decision'],
    (log, call) =>
      entering(opened(decided(log, call, { effect: 'approval_needed' }), call, { policies: [], policySetHash: undefined }), call),
  ],
  [
    'a run of what a person was asked, with other params',
    ['other_params'],
    (log, call) =>
      entering(opened(decided(log, call, { effect: 'approval_needed', policySetHash: undefined }), call, { policies: [] }), call, {
        effective: OTHER,
      }),
  ],
  [
    'a question about other params than were decided on',
    ['other_params'],
    (log, call) => opened(decided(log, call, { effect: 'approval_needed', effective: OTHER }), call),
  ],
  [
    'a question about another tool than was decided on',
    ['another_call'],
    (log, call) => opened(decided(log, call, { effect: 'approval_needed', toolName: 'wire_money' }), call),
  ],
  ['an approval opened again for other params', ['opened_twice'], (log, call) => opened(askedCall(log, call), call, { effective: OTHER })],
  [
    'an approval opened again for other policies',
    ['opened_twice'],
    (log, call) => opened(askedCall(log, call), call, policy({ approvers: ['friends'] })),
  ],
  ['a run without a verdict', ['quorum_missing', 'quorum_missing'], (log, call) => ranApproved(askedCall(log, call), call)],
  [
    'a run after a no',
    ['quorum_missing', 'quorum_missing'],
    (log, call) => ranApproved(verdict(askedCall(log, call), call, { approved: false }), call),
  ],
  [
    'a run after a yes and a no',
    ['quorum_missing', 'quorum_missing'],
    (log, call) => ranApproved(verdict(verdict(askedCall(log, call), call), call, { by: 'cat', approved: false }), call),
  ],
  [
    'a verdict on another digest',
    ['verdict_other_params', 'quorum_missing', 'quorum_missing'],
    (log, call) => ranApproved(verdict(askedCall(log, call), call, { effective: OTHER }), call),
  ],
  [
    'a verdict on another tool',
    ['verdict_other_call', 'quorum_missing', 'quorum_missing'],
    (log, call) => ranApproved(verdict(askedCall(log, call), call, { toolName: 'read' }), call),
  ],
  [
    'a verdict before the question',
    ['verdict_too_early', 'quorum_missing', 'quorum_missing'],
    (log, call) => {
      decided(log, call, { effect: 'approval_needed' });
      ranApproved(opened(verdict(log, call), call), call);
    },
  ],
  ['a verdict after the use', ['quorum_missing', 'quorum_missing'], (log, call) => verdict(ranApproved(askedCall(log, call), call), call)],
  [
    'a verdict after its time',
    ['verdict_too_late', 'quorum_missing', 'quorum_missing', 'used_too_late'],
    (log, call) => ranApproved(verdict(askedCall(log, call).wait(2 * 3_600_000), call), call),
  ],
  [
    'a verdict for a policy that did not ask',
    ['verdict_other_policies', 'quorum_missing', 'quorum_missing'],
    (log, call) => ranApproved(verdict(askedCall(log, call), call, { policies: ['other'] }), call),
  ],
  [
    'a verdict for one of two policies',
    ['quorum_missing', 'quorum_missing'],
    (log, call) => {
      const asked = opened(decided(log, call, { effect: 'approval_needed' }), call, {
        policies: [POLICIES, { id: 'large', hash: 'd'.repeat(64) }],
      });
      ranApproved(verdict(asked, call), call);
    },
  ],
  [
    'a verdict of the requester',
    ['verdict_of_requester', 'quorum_missing', 'quorum_missing'],
    (log, call) => ranApproved(verdict(askedCall(log, call), call, { by: 'ann', isRequester: true }), call),
  ],
  [
    'a verdict of the requester that does not say so, and can be opened',
    ['verdict_of_requester', 'quorum_missing', 'quorum_missing'],
    (log, call) => {
      verdict(askedCall(log, call), call, { by: 'ANN', reason: committed('reason', call.salt, 'mine') }).open(call, { reason: 'mine' });
      ranApproved(log, call);
    },
  ],
  [
    'a verdict of no approver',
    ['verdict_not_eligible', 'quorum_missing', 'quorum_missing'],
    (log, call) => ranApproved(verdict(askedCall(log, call), call, { groups: ['friends'] }), call),
  ],
  [
    'a verdict with a session on what is critical',
    ['verdict_assurance', 'quorum_missing', 'quorum_missing'],
    (log, call) => {
      opened(decided(log, call, { effect: 'approval_needed' }), call, policy({ severity: 'critical' }));
      ranApproved(verdict(log, call, { assurance: 'session' }), call);
    },
  ],
  [
    'a verdict with a passkey that signed nothing',
    ['verdict_unsigned', 'quorum_missing', 'quorum_missing'],
    (log, call) => ranApproved(verdict(askedCall(log, call), call, { assurance: 'passkey' }), call),
  ],
  [
    'a quorum of two that is one person twice',
    ['quorum_missing', 'quorum_missing'],
    (log, call) => {
      opened(decided(log, call, { effect: 'approval_needed' }), call, policy({ quorum: 2 }));
      ranApproved(verdict(verdict(log, call), call, { by: 'BOB' }), call);
    },
  ],
  [
    'a quorum of two that is the operator under two names',
    ['quorum_missing', 'quorum_missing'],
    (log, call) => {
      opened(decided(log, call, { effect: 'approval_needed' }), call, policy({ quorum: 2 }));
      const host = { assurance: 'host', groups: undefined };
      ranApproved(verdict(verdict(log, call, { by: 'host:root', ...host }), call, { by: 'host:admin', ...host }), call);
    },
  ],
  [
    'two policies that keep their people apart, and one person for both',
    ['quorum_missing', 'quorum_missing'],
    (log, call) => {
      opened(decided(log, call, { effect: 'approval_needed' }), call, { policies: APART });
      ranApproved(verdict(log, call, { policies: ['refunds', 'large'] }), call);
    },
  ],
  [
    'a yes of a group that was to be added only later',
    ['verdict_not_eligible', 'quorum_missing', 'quorum_missing'],
    (log, call) => {
      opened(decided(log, call, { effect: 'approval_needed' }), call, policy({ escalate: [{ afterMs: 1_800_000, groups: ['friends'] }] }));
      ranApproved(verdict(log.wait(1_700_000), call, { groups: ['friends'] }), call);
    },
  ],
  // use, begin, run
  [
    'a run under an approval that was not used',
    ['run_without_use', 'run_not_begun'],
    (log, call) => entering(verdict(askedCall(log, call), call), call, run(call)),
  ],
  [
    'a run that did not begin',
    ['run_not_begun'],
    (log, call) => entering(consumed(verdict(askedCall(log, call), call), call), call, run(call)),
  ],
  [
    'a run under another claim',
    ['run_of_another_claim'],
    (log, call) => {
      begun(consumed(verdict(askedCall(log, call), call), call), call);
      entering(log, call, { ...run(call), claim: 'claim-other' });
    },
  ],
  ['a use for other params', ['other_params'], (log, call) => consumed(verdict(askedCall(log, call), call), call, { effective: OTHER })],
  [
    'a use by another agent',
    ['another_call'],
    (log, call) => consumed(verdict(askedCall(log, call), call), call, { agentId: 'other-agent' }),
  ],
  [
    'a use before the question',
    ['used_before_opened', 'quorum_missing'],
    (log, call) => verdict(askedCall(consumed(log, call), call), call),
  ],
  [
    'a second use',
    ['used_twice'],
    (log, call) => consumed(consumed(verdict(askedCall(log, call), call), call), call, { token: 'token-other' }),
  ],
  ['a use after its time', ['used_too_late'], (log, call) => consumed(verdict(askedCall(log, call), call).wait(2 * 3_600_000), call)],
  [
    'a use of what was withdrawn',
    ['used_after_end'],
    (log, call) => consumed(verdict(askedCall(log, call), call).add('ended', { ...idsOf(call), how: 'withdrawn' }), call),
  ],
  ['a beginning without a use', ['begun_without_use'], (log, call) => begun(verdict(askedCall(log, call), call), call)],
  [
    'a second beginning',
    ['begun_twice'],
    (log, call) => begun(begun(consumed(verdict(askedCall(log, call), call), call), call), call, { claim: 'claim-other' }),
  ],
  [
    'a beginning for another tool',
    ['another_call'],
    (log, call) => begun(consumed(verdict(askedCall(log, call), call), call), call, { toolName: 'wire_money' }),
  ],
  [
    'a run with other params than were approved',
    ['other_params'],
    (log, call) => {
      begun(consumed(verdict(askedCall(log, call), call), call), call);
      entering(log, call, { ...run(call), effective: OTHER });
    },
  ],
  [
    'a run of another tool than was approved',
    ['another_call'],
    (log, call) => {
      begun(consumed(verdict(askedCall(log, call), call), call), call);
      entering(log, call, { ...run(call), toolName: 'wire_money' });
    },
  ],
  ['a second run under one approval', ['run_twice'], (log, call) => entering(approvedCall(log, call), call, run(call))],
  [
    'a second run after a crash, of what may not run again',
    ['run_twice'],
    (log, call) => {
      begun(consumed(verdict(askedCall(log, call), call), call), call);
      settled(entering(log, call, run(call)), call, { outcome: 'unknown', bySuccessor: true });
      entering(log, call, run(call));
    },
  ],
  [
    'a run of what the policies denied in the end',
    ['run_of_denied'],
    (log, call) => {
      verdict(askedCall(log, call), call);
      decided(log, call, { decisionId: `${call.decisionId}-again`, effect: 'deny', approvalId: call.decisionId });
      ranApproved(log, call);
    },
  ],
  [
    'a run of what the policies asked of anew in the end',
    ['run_of_asked'],
    (log, call) => {
      verdict(askedCall(log, call), call);
      decided(log, call, { decisionId: `${call.decisionId}-again`, effect: 'approval_needed', approvalId: call.decisionId });
      ranApproved(log, call);
    },
  ],
  [
    'a run of what the policies changed in the end',
    ['run_of_changed'],
    (log, call) => {
      verdict(askedCall(log, call), call);
      decided(log, call, { effect: 'sanitize', effective: OTHER, approvalId: call.decisionId });
      ranApproved(log, call);
    },
  ],
  [
    'a quorum of two in one of two policies of one name',
    ['quorum_missing', 'quorum_missing'],
    (log, call) => {
      opened(decided(log, call, { effect: 'approval_needed' }), call, { policies: [POLICIES, { ...POLICIES, quorum: 2 }] });
      ranApproved(verdict(log, call), call);
    },
  ],
  [
    'a quorum of two that comes after a no',
    ['quorum_missing', 'quorum_missing'],
    (log, call) => {
      opened(decided(log, call, { effect: 'approval_needed' }), call, policy({ quorum: 2 }));
      ranApproved(verdict(verdict(verdict(log, call), call, { approved: false }), call, { by: 'cat' }), call);
    },
  ],
  // runs that a halt forbids
  ...HALTS.map(
    (scope) =>
      [
        `a run while ${JSON.stringify(scope)} is halted`,
        ['run_while_halted'],
        (log: BuiltLog, call: BuiltCall) => lifted(settled(entering(halted(ofMoney(log, call), scope), call), call)),
      ] as const,
  ),
  [
    'an approved run while everything is halted',
    ['run_while_halted'],
    (log, call) => lifted(ranApproved(halted(verdict(askedCall(log, call), call), { all: true }), call)),
  ],
  [
    'an approved run while the group of its tool is halted',
    ['run_while_halted'],
    (log, call) => {
      decided(verdict(askedCall(log, call), call), call, { approvalId: call.decisionId, groups: ['money'] });
      lifted(ranApproved(halted(log, { group: 'money' }), call));
    },
  ],
  [
    'a run while one of two halts is lifted',
    ['run_while_halted'],
    (log, call) => {
      halted(log, { all: true }).add('halt', { how: 'halted', halt: 'halt_2', pending: 'cancel', by: 'ann', agentId: 'shop-agent' });
      lifted(allowedCall(lifted(log), call), 'halt_2');
    },
  ],
  [
    'a run before the time of a halt is over',
    ['run_while_halted'],
    (log, call) => lifted(allowedCall(halted(log, { all: true, until: log.at + 3_600_000 }), call)),
  ],
];

/** A halt, and the end of it. */
const whileHalted = (log: BuiltLog, over: Over, during: () => unknown): void => {
  const halt = { halt: 'halt_1', pending: 'freeze', by: 'ann', ...over } as const;
  log.add('halt', { ...halt, how: 'halted' });
  during();
  log.add('halt', { ...halt, how: 'lifted' });
};

const FORBIDDING_HALTS: readonly (readonly [what: string, over: (call: BuiltCall) => Over])[] = [
  ['of everything', () => ({ all: true })],
  ['of its agent', ({ agentId }) => ({ agentId })],
  ['of its tool', ({ toolName }) => ({ toolName })],
  ['of its group', () => ({ group: 'write' })],
  ['of its agent, its tool and its group together', ({ agentId, toolName }) => ({ agentId, toolName, group: 'write' })],
  ['that is not over yet', ({ agentId }) => ({ agentId, until: 9_000_000_000_000 })],
];
const NO_HALTS: readonly (readonly [what: string, over: (call: BuiltCall) => Over])[] = [
  ['of another agent', () => ({ agentId: 'other' })],
  ['of another tool', ({ agentId }) => ({ agentId, toolName: 'other' })],
  ['of another group', () => ({ group: 'read' })],
  ['whose time has passed', () => ({ all: true, until: 1_000 })],
];

/** What is as it should be, though it looks unusual. */
const LAWFUL: readonly (readonly [what: string, make: Make])[] = [
  [
    'two policies that keep their people apart, and two people, of whom one counts for either',
    (log, call) => {
      opened(decided(log, call, { effect: 'approval_needed' }), call, { policies: APART });
      verdict(verdict(log, call, { policies: undefined }), call, { by: 'cat', policies: ['refunds'] });
      ranApproved(verdict(log, call, { by: 'dan', policies: ['refunds'] }), call);
    },
  ],
  [
    'a yes of a group that was added by then',
    (log, call) => {
      opened(decided(log, call, { effect: 'approval_needed' }), call, policy({ escalate: [{ afterMs: 1_800_000, groups: ['friends'] }] }));
      ranApproved(verdict(log.wait(1_800_000), call, { groups: ['friends'] }), call);
    },
  ],
  [
    'a call of which a person is asked elsewhere',
    (log, call) =>
      opened(decided(log, call, { effect: 'approval_needed', policySetHash: undefined }), call, { policies: [], policySetHash: undefined }),
  ],
  ['a call that is allowed', (log, call) => allowedCall(log, call)],
  [
    'a call that is changed',
    (log) => {
      const call = builtCall({ amount: 5_000 }, {}, { amount: 5 });
      settled(entering(decided(log, call, { effect: 'sanitize' }), call), call);
    },
  ],
  [
    'a call that is denied, and one that is not made',
    (log, call) => decided(decided(log, call, { effect: 'deny' }), builtCall(), { dryRun: true }),
  ],
  ['a call whose method did not run after all', (log, call) => settled(entering(decided(log, call), call), call, { outcome: 'withheld' })],
  [
    'a call by a service elsewhere, whose policies are not known',
    (log, call) => allowedCall(log, call) && decided(log, builtCall(), { policySetHash: undefined }),
  ],
  [
    'a guard inside another',
    (log, call) => settled(settled(entering(entering(decided(log, call), call), call, { reused: true }), call), call),
  ],
  ['a call that is approved', (log, call) => approvedCall(log, call)],
  ['a call that is refused', (log, call) => verdict(askedCall(log, call), call, { approved: false, status: 'denied' })],
  [
    'a call that is refused by its requester',
    (log, call) => verdict(askedCall(log, call), call, { by: 'ann', isRequester: true, approved: false, status: 'denied' }),
  ],
  ['a call that expired', (log, call) => askedCall(log, call).add('ended', { ...idsOf(call), how: 'expired' })],
  [
    'a verdict that the program vouches for',
    (log, call) => ranApproved(verdict(askedCall(log, call), call, { assurance: undefined, groups: undefined }), call),
  ],
  ['a verdict for every policy', (log, call) => ranApproved(verdict(askedCall(log, call), call, { policies: undefined }), call)],
  [
    'a requester who may approve',
    (log, call) => {
      opened(decided(log, call, { effect: 'approval_needed' }), call, policy({ selfApproval: true }));
      ranApproved(verdict(log, call, { by: 'ann', isRequester: true }), call);
    },
  ],
  [
    'an operator of the host',
    (log, call) => ranApproved(verdict(askedCall(log, call), call, { by: 'host:root', assurance: 'host', groups: [] }), call),
  ],
  [
    'a quorum of two',
    (log, call) => {
      opened(decided(log, call, { effect: 'approval_needed' }), call, policy({ quorum: 2 }));
      ranApproved(verdict(verdict(log, call, { status: 'pending' }), call, { by: 'cat' }), call);
    },
  ],
  [
    'two policies with a yes each',
    (log, call) => {
      opened(decided(log, call, { effect: 'approval_needed' }), call, { policies: [POLICIES, { id: 'large', hash: 'd'.repeat(64) }] });
      ranApproved(verdict(verdict(log, call, { status: 'pending' }), call, { by: 'bob', policies: ['large'] }), call);
    },
  ],
  [
    'a call that is edited and approved',
    (log, call) => {
      const next = edited(log, call);
      verdict(log, next);
      decided(log, next, { approvalId: call.decisionId, effect: 'sanitize' });
      ranApproved(log, next);
    },
  ],
  [
    'an edit after a yes of two, and two afterwards',
    (log, call) => {
      opened(decided(log, call, { effect: 'approval_needed' }), call, policy({ quorum: 2 }));
      const next = amended(verdict(log, call, { status: 'pending' }), call, { amount: 4 }, policy({ quorum: 2 }));
      ranApproved(verdict(verdict(log, next, { status: 'pending' }), next, { by: 'cat' }), next);
    },
  ],
  [
    'an edit and another one back',
    (log, call) => {
      const back = amended(log, edited(log, call), { amount: 5 }, { by: 'fay' });
      ranApproved(verdict(log, back), back);
    },
  ],
  [
    'an editor who may approve',
    (log, call) => {
      const terms = policy({ editorMayApprove: true });
      opened(decided(log, call, { effect: 'approval_needed' }), call, terms);
      const next = amended(log, call, { amount: 4 }, terms);
      ranApproved(verdict(log, next, { by: 'eve' }), next);
    },
  ],
  [
    'an editor who denies the edited call',
    (log, call) => {
      verdict(log, edited(log, call), { by: 'eve', approved: false, status: 'denied' });
    },
  ],
  [
    'an operator of the host who edits, and may approve that',
    (log, call) => {
      const host = { by: 'host:root', assurance: 'host' };
      const terms = policy({ editorMayApprove: true });
      opened(decided(log, call, { effect: 'approval_needed' }), call, terms);
      const next = amended(log, call, { amount: 4 }, { ...host, ...terms });
      ranApproved(verdict(log, next, { ...host, groups: [] }), next);
    },
  ],
  [
    'an edit that makes another policy ask, and a policy whose text was changed meanwhile',
    (log, call) => {
      const policies = [
        { ...POLICIES, hash: 'e'.repeat(64) },
        { id: 'large', hash: 'd'.repeat(64) },
      ];
      const next = edited(log, call, { policies });
      ranApproved(verdict(log, next, { policies: ['refunds', 'large'] }), next);
    },
  ],
  [
    'a requester who may approve, and edits',
    (log, call) => {
      opened(decided(log, call, { effect: 'approval_needed' }), call, policy({ selfApproval: true }));
      const reason = committed('reason', call.salt, 'less');
      const next = amended(log, call, { amount: 4 }, { by: 'ann', reason, ...policy({ selfApproval: true }) });
      log.open(call, { reason: 'less' });
      ranApproved(verdict(log, next), next);
    },
  ],
  [
    'an edit and a use that are written late, in any order',
    (log, call) => {
      const next = { ...call, effective: committed('effective', call.salt, { amount: 4 }) };
      const committedAt = askedCall(log, call).at;
      consumed(log, next, { committedAt: committedAt + 2 });
      verdict(log, next, { committedAt: committedAt + 1 });
      amended(log, call, { amount: 4 }, { committedAt });
      settled(entering(begun(log, call), next, run(call)), call, { taskId: run(call)['taskId'] });
    },
  ],
  [
    'an edited call of a service elsewhere, which decided on it once more',
    (log, call) => {
      opened(decided(log, call, { effect: 'approval_needed', policySetHash: undefined }), call, { policies: [], policySetHash: undefined });
      const next = { ...call, effective: committed('effective', call.salt, { amount: 4 }) };
      decided(log, next, { approvalId: call.decisionId, effect: 'sanitize', policySetHash: undefined });
      settled(entering(log, next, run(call)), call, { taskId: run(call)['taskId'] });
    },
  ],
  [
    'a call that is approved after the clock was set back, which records do not show',
    (log, call) => {
      opened(decided(log, call, { effect: 'approval_needed' }), call, { expiresAt: log.at - 86_400_000 });
      ranApproved(verdict(log, call), call);
    },
  ],
  [
    'a no that comes after the run',
    (log, call) => {
      ranApproved(verdict(askedCall(log, call), call), call);
      verdict(log, call, { by: 'cat', approved: false });
    },
  ],
  [
    'a use and a beginning that are told twice',
    (log, call) => {
      verdict(askedCall(log, call), call);
      ranApproved(begun(consumed(log, call), call), call);
    },
  ],
  [
    'a claim that was given back before the method',
    (log, call) => {
      begun(consumed(verdict(askedCall(log, call), call), call), call);
      settled(entering(log, call, run(call)), call, { outcome: 'withheld' });
      settled(entering(log, call, run(call)), call);
    },
  ],
  [
    'a call that may run again after a crash',
    (log, call) => {
      begun(consumed(verdict(askedCall(log, call), call), call), call);
      settled(entering(log, call, { ...run(call), idempotent: true }), call, { outcome: 'unknown', bySuccessor: true });
      settled(entering(log, call, { ...run(call), claim: 'claim-other', idempotent: true }), call);
    },
  ],
  [
    'a call that is asked again with the same approval',
    (log, call) => {
      opened(askedCall(log, call), call, { taskId: 'task-other', expiresAt: log.at + 3_600_000 });
      ranApproved(verdict(log, call), call);
    },
  ],
  [
    'a verdict and a use that are written late, in any order and long after',
    (log, call) => {
      const committedAt = log.at;
      begun(consumed(askedCall(log, call), call), call);
      settled(entering(log, call, run(call)), call, { taskId: run(call)['taskId'] });
      log.add('ended', { ...idsOf(builtCall()), how: 'expired' }).wait(7_200_000);
      verdict(log, call, { committedAt });
      const other = builtCall();
      verdict(askedCall(log, other), other);
      const usedAt = log.at;
      log.wait(7_200_000).add('ended', { ...idsOf(other), how: 'expired' });
      consumed(log, other, { committedAt: usedAt });
    },
  ],
  [
    'what is told of security, people and keys',
    (log) =>
      log
        .add('security', { code: 'approval_already_begun' })
        .add('authority', { act: 'person.created', by: 'host:root', subject: 'person-1', holds: ['leads'] })
        .add('erased', { by: 'host:root', selector: 'user', count: 3 }),
  ],
  ...NOT_HALTS.map(
    (scope) =>
      [
        `a run while ${JSON.stringify(scope)} is halted`,
        (log: BuiltLog, call: BuiltCall) => settled(entering(halted(ofMoney(log, call), scope), call), call),
      ] as const,
  ),
  ['a run that had begun before a halt', (log, call) => lifted(settled(halted(entering(decided(log, call), call), { all: true }), call))],
  ['a call that a halt denies', (log, call) => lifted(decided(halted(log, { all: true }), call, { effect: 'deny', effective: undefined }))],
  [
    'an approved run while another group is halted',
    (log, call) => {
      decided(verdict(askedCall(log, call), call), call, { approvalId: call.decisionId, groups: ['money'] });
      lifted(ranApproved(halted(log, { group: 'mail' }), call));
    },
  ],
  ['a run once a halt was lifted', (log, call) => allowedCall(lifted(halted(log, { all: true })), call)],
  ['a run once a halt is over', (log, call) => allowedCall(halted(halted(log, { all: true }), {}, 'over'), call)],
  [
    'a run after the time of a halt whose end nobody noticed yet',
    (log, call) => allowedCall(halted(log, { all: true, until: log.at + 1_000 }).wait(1_000), call),
  ],
];

describe('The law verdict', () => {
  countedSuite('logs that a hostile writer made', () => ({ cases: HOSTILE.length, beside: { 'honest ones': LAWFUL.length } }));

  for (const [what, codes, make] of HOSTILE)
    it(`finds ${what}`, async () => {
      const { report } = await verified(make);
      expect(report.law.findings.map(({ code }) => code).sort()).to.deep.equal([...codes].sort());
      expect(report.law.ok).to.equal(false);
      expect(report.integrity.findings).to.deep.equal([]);
      for (const { message, seq } of report.law.findings) expect(message).to.match(new RegExp(`(^|\\W)record ${seq ?? ''}\\W`, 'i'));
    });

  for (const [what, make] of LAWFUL)
    it(`finds nothing wrong with ${what}`, async () => {
      const { report } = await verified(make);
      expect(report.law.findings).to.deep.equal([]);
      expect(report.ok).to.equal(true);
    });

  for (const [what, over] of FORBIDDING_HALTS)
    it(`finds a run in a halt ${what}`, async () => {
      const { report } = await verified((log, call) => {
        decided(log, call, { groups: ['write'] });
        whileHalted(log, over(call), () => settled(entering(log, call), call));
      });
      expect(report.law.findings.map(({ code }) => code)).to.deep.equal(['run_while_halted']);
      expect(report.law.findings[0]?.message).to.match(/\(record \d+\)\.$/);
    });

  for (const [what, over] of NO_HALTS)
    it(`finds nothing wrong with a run in a halt ${what}`, async () => {
      const { report } = await verified((log, call) => {
        decided(log, call, { groups: ['write'] });
        whileHalted(log, over(call), () => settled(entering(log, call), call));
      });
      expect(report.law.findings).to.deep.equal([]);
    });

  it('finds nothing wrong with runs before a halt and after its end', async () => {
    const { report } = await verified((log, call) => {
      const other = builtCall();
      settled(entering(decided(log, other), other), other);
      whileHalted(log, { all: true }, () => decided(log, call));
      settled(entering(log, call), call);
    });
    expect(report.law.findings).to.deep.equal([]);
  });

  it('joins what different logs say of one approval', async () => {
    const key = new BuiltLog().key;
    const logs = ['w0', 'w1', 'w2', 'w3'].map((writer) => new BuiltLog(writer, { key }));
    const [asks, decides, uses, runs] = logs as [BuiltLog, BuiltLog, BuiltLog, BuiltLog];
    const call = builtCall();
    askedCall(asks, call);
    verdict(decides, call);
    begun(consumed(uses, call), call);
    settled(entering(runs, call, run(call)), call, { taskId: run(call)['taskId'] });
    const report = await verifyAudit(builtSource(...logs.map((log) => log.close())), { heads: logs.map(({ head }) => head) });
    expect(report.law.findings).to.deep.equal([]);
    expect(report).to.include({ ok: true });
    expect(report.counts).to.include({ approvals: 1, runs: 1, notWitnessed: 0, decisions: 1 });
  });

  it('knows what is written late by the policies of the log that it would have been written to', async () => {
    const logs = (policySetHash: string): readonly BuiltLog[] => {
      const [first, second] = [new BuiltLog('w1'), new BuiltLog('w0')] as const;
      first.add('policies', { hash: 'e'.repeat(64) });
      opened(second, builtCall(), { committedAt: second.at, policySetHash });
      return [first.close(), second.close()];
    };
    for (const [hash, codes] of [
      ['e', []],
      ['f', ['policies_not_loaded']],
    ] as const) {
      const { law } = await verifyAudit(builtSource(...logs(hash.repeat(64))));
      expect(law.findings.map(({ code, writer, seq }) => [code, writer, seq])).to.deep.equal(codes.map((code) => [code, 'w0', 2]));
    }
  });

  it('finds a change of the store that is recorded twice', async () => {
    const logs = [new BuiltLog('w0'), new BuiltLog('w1')] as const;
    for (const log of logs) log.add('security', { code: 'x', change: 'chg_1' }).add('security', { code: 'x', change: `chg_${log.writer}` });
    const { integrity } = await verifyAudit(builtSource(...logs.map((log) => log.close())));
    expect(integrity.findings.map(({ code, writer, seq }) => [code, writer, seq])).to.deep.equal([['change_twice', 'w1', 2]]);
  });

  it('counts what servers allowed and no log saw run', async () => {
    const server = new BuiltLog('server', { source: 'server' });
    const library = new BuiltLog('w0', { key: server.key });
    const [seen, unseen, approved] = [builtCall(), builtCall(), builtCall()];
    decided(decided(decided(server, seen), unseen), builtCall(), { effect: 'deny' });
    // a second answer to the same request
    decided(server, unseen);
    begun(consumed(verdict(askedCall(server, approved), approved), approved), approved);
    allowedCall(library, seen);
    const elsewhere = builtCall();
    opened(decided(library, elsewhere, { effect: 'approval_needed', policySetHash: undefined }), elsewhere, {
      policies: [],
      policySetHash: undefined,
    });
    settled(entering(library, elsewhere), elsewhere);
    for (const order of [
      [server, library],
      [library, server],
    ])
      order.forEach((log) => log.notes.length === 0 && log.close());
    const report = await verifyAudit(builtSource(server, library), { heads: [server.head] });
    expect(report.law.findings).to.deep.equal([]);
    expect(report.counts).to.include({ notWitnessed: 2, approvedElsewhere: 1, runs: 2, open: 0 });
    const early = new BuiltLog('a0', { key: server.key });
    allowedCall(early, unseen).close();
    expect((await verifyAudit(builtSource(early, server))).counts).to.include({ notWitnessed: 2, runs: 1 });
    const other = await verifyAudit(builtSource(server, new BuiltLog('z0', { key: server.key }).close()));
    expect(other.counts).to.include({ notWitnessed: 3, runs: 0 });
  });

  it('joins edits of two logs by what they begin with, whatever their clocks say', async () => {
    for (const skew of [0, 30_000]) {
      const key = new BuiltLog().key;
      const [one, other] = [new BuiltLog('w0', { key }), new BuiltLog('w1', { key })];
      const call = builtCall();
      askedCall(one.wait(skew), call);
      const first = amended(one, call, { amount: 4 });
      const back = amended(other, first, { amount: 5 }, { by: 'fay' });
      const last = amended(one, back, { amount: 3 });
      verdict(other, last);
      ranApproved(one, last);
      for (const log of [one, other]) log.close();
      const { law } = await verifyAudit(builtSource(one, other));
      expect(law.findings, String(skew)).to.deep.equal([]);
    }
  });

  it('joins verdicts of two logs to a quorum, and a no of another log to nothing', async () => {
    const key = new BuiltLog().key;
    const [here, there] = [new BuiltLog('w0', { key }), new BuiltLog('w1', { key })];
    const [good, refused] = [builtCall(), builtCall()];
    for (const call of [good, refused]) {
      opened(decided(here, call, { effect: 'approval_needed' }), call, policy({ quorum: 2 }));
      ranApproved(verdict(here, call), call);
      verdict(there, call, { by: 'cat' });
    }
    verdict(there, refused, { by: 'dan', approved: false });
    const { law } = await verifyAudit(builtSource(here.close(), there.close()));
    expect(law.findings.map(({ code, writer }) => [code, writer])).to.deep.equal([
      ['quorum_missing', 'w0'],
      ['quorum_missing', 'w0'],
    ]);
  });

  it('takes a claim for given back where that is in another log, and not where it was given back before', async () => {
    const key = new BuiltLog().key;
    const logs = ['w0', 'w1', 'w2'].map((writer) => new BuiltLog(writer, { key }));
    const [first, second, third] = logs as [BuiltLog, BuiltLog, BuiltLog];
    const [good, bad] = [builtCall(), builtCall()];
    for (const call of [good, bad]) begun(consumed(verdict(askedCall(first, call), call), call), call);
    entering(first, good, run(good));
    settled(second, good, { outcome: 'withheld' });
    settled(entering(third, good, run(good)), good);
    settled(first, bad, { outcome: 'withheld' });
    settled(entering(first, bad, run(bad)), bad);
    settled(entering(third, bad, run(bad)), bad);
    const { law } = await verifyAudit(builtSource(...logs.map((log) => log.sign())));
    expect(law.findings.map(({ code, writer }) => [code, writer])).to.deep.equal([['run_twice', 'w2']]);
  });

  it('reads each record a few times, however many are about one approval', () => {
    const reads = [50, 200].map((count) => {
      const log = new BuiltLog();
      const call = builtCall();
      askedCall(log, call);
      for (let i = 0; i < count; i++) verdict(log, call, { by: `person-${i}` });
      for (let i = 0; i < count; i++) begun(consumed(log, call), call);
      for (let i = 0; i < count; i++) settled(entering(log, call, run(call)), call, { outcome: 'withheld' });
      for (let i = 0; i < count; i++) decided(log, call, { approvalId: call.decisionId });
      entering(log, call, run(call));
      let found = 0;
      const law = new Law(new Findings(9));
      law.start('w0');
      for (const line of log.lines) {
        const record = JSON.parse(line) as AuditRecord;
        const counted = new Proxy(record, {
          get: (target, field) => {
            found += 1;
            return target[field as keyof AuditRecord];
          },
        });
        law.record(counted);
      }
      law.finish();
      return found;
    });
    const [few = 0, many = 0] = reads;
    // four times as many records
    expect(many / few).to.be.lessThan(6);
  });

  it('remembers so many decisions until their calls are entered, and no more', () => {
    const log = new BuiltLog();
    const [early, late] = [builtCall(), builtCall()];
    decided(log, early);
    for (let i = 0; i < 9; i++) decided(log, builtCall());
    settled(entering(log, early), early);
    decided(log, late);
    for (let i = 0; i < 10; i++) decided(log, builtCall());
    entering(log, late);
    const findings = new Findings(9);
    const law = new Law(findings, 10);
    law.start('w0');
    for (const line of log.lines) law.record(JSON.parse(line) as AuditRecord);
    law.finish();
    expect(findings.verdict().findings.map(({ code, seq }) => [code, seq])).to.deep.equal([['run_without_decision', log.lines.length - 1]]);
  });
});

async function verified(make: Make): Promise<{ report: Awaited<ReturnType<typeof verifyAudit>> }> {
  const log = new BuiltLog();
  allowedCall(log);
  make(log, builtCall());
  allowedCall(log);
  log.sign();
  return { report: await verifyAudit(builtSource(log), { heads: [log.head], keys: [log.key.publicKey.toString()] }) };
}
