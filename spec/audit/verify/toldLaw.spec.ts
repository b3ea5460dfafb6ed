import { expect } from 'chai';
import { verifyAudit } from '../../../lib/audit/verify/verifyAudit.js';
import { countedSuite } from '../../support/assurance.js';
import {
  amended,
  askedCall,
  builtCall,
  BuiltLog,
  builtSource,
  decided,
  idsOf,
  opened,
  POLICIES,
  verdict,
} from '../../support/builtLogs.js';
import type { BuiltCall, Over } from '../../support/builtLogs.js';

type Make = (log: BuiltLog, call: BuiltCall) => unknown;

const HALF = 1_800_000;
const ESCALATING = [
  { ...POLICIES, approvers: ['leads'], escalate: [{ afterMs: 600_000, groups: ['managers', 'board'] }] },
  { id: 'large', hash: 'd'.repeat(64), approvers: ['audit'], escalate: [{ afterMs: 600_000, groups: ['on-call'] }] },
];

/** People are asked, by policies that add groups. */
function asked(log: BuiltLog, call: BuiltCall): BuiltLog {
  return opened(decided(log, call, { effect: 'approval_needed' }), call, { policies: ESCALATING });
}
const reminded = (log: BuiltLog, call: BuiltCall, over: Over = {}): BuiltLog =>
  log.add('reminded', { ...idsOf(call), groups: ['leads'], percent: 50 }, over);
const escalated = (log: BuiltLog, call: BuiltCall, over: Over = {}): BuiltLog =>
  log.add('escalated', { ...idsOf(call), groups: ['managers', 'on-call'], afterMs: 600_000 }, over);
const ended = (log: BuiltLog, call: BuiltCall): BuiltLog => log.add('ended', { ...idsOf(call), how: 'withdrawn' });

const HOSTILE: readonly (readonly [what: string, codes: readonly string[], make: Make])[] = [
  ['a reminder of what no one was asked', ['approval_not_opened'], (log, call) => reminded(log, call)],
  ['an escalation of what no one was asked', ['approval_not_opened'], (log, call) => escalated(log, call)],
  [
    'a reminder before the question',
    ['told_too_early'],
    (log, call) => {
      decided(log, call, { effect: 'approval_needed' });
      opened(reminded(log, call), call);
    },
  ],
  [
    'a reminder of an approval that was withdrawn',
    ['told_after_end'],
    (log, call) => reminded(ended(asked(log, call), call).wait(60_001), call),
  ],
  [
    'an escalation of an approval that was denied',
    ['told_after_end'],
    (log, call) => escalated(verdict(asked(log, call), call, { status: 'denied', approved: false }).wait(600_000), call),
  ],
  [
    'a reminder of an approval that everyone has said yes to',
    ['told_after_end'],
    (log, call) => reminded(verdict(askedCall(log, call), call).wait(HALF), call),
  ],
  [
    'a reminder after the time of the approval',
    ['told_after_end'],
    (log, call) => reminded(asked(log, call).wait(2 * HALF + 60_001), call),
  ],
  ...([{ toolName: 'read' }, { agentId: 'other-agent' }, { tenantId: 'other' }] as const).map(
    (over) =>
      [
        `a reminder that is about another ${Object.keys(over)[0] ?? ''}`,
        ['told_of_other_call'],
        (log: BuiltLog, call: BuiltCall) => reminded(asked(log, call).wait(HALF), call, over),
      ] as const,
  ),
  ['an escalation where no policy has a step', ['told_of_no_step'], (log, call) => escalated(askedCall(log, call).wait(600_000), call)],
  [
    'an escalation to a group that no step names',
    ['told_of_no_step'],
    (log, call) => escalated(asked(log, call).wait(600_000), call, { groups: ['managers', 'friends'] }),
  ],
  [
    'an escalation at the time of no step',
    ['told_of_no_step'],
    (log, call) => escalated(asked(log, call).wait(600_000), call, { afterMs: 300_000 }),
  ],
  ['an escalation before the time of its step', ['told_before_step'], (log, call) => escalated(asked(log, call).wait(500_000), call)],
];

const LAWFUL: readonly (readonly [what: string, make: Make])[] = [
  [
    'a reminder after half of the time and after most of it',
    (log, call) => {
      reminded(asked(log, call).wait(HALF), call);
      reminded(log.wait(HALF / 2), call, { percent: 80 });
    },
  ],
  [
    'an escalation at its time, and one that is noticed late',
    (log, call) => {
      escalated(asked(log, call).wait(600_000), call, { groups: ['managers', 'board', 'on-call'] });
      escalated(log.wait(HALF), call);
    },
  ],
  [
    'a reminder that was on its way when the approval ended',
    (log, call) => reminded(ended(asked(log, call).wait(HALF), call).wait(59_000), call),
  ],
  [
    'a reminder after the yes of one of two',
    (log, call) => reminded(verdict(askedCall(log, call), call, { status: 'pending' }).wait(HALF), call),
  ],
  [
    'an escalation to a group of a policy that asks since an edit',
    (log, call) => {
      const next = amended(askedCall(log, call), call, { amount: 4 }, { policies: [{ ...POLICIES, approvers: ['leads'] }, ESCALATING[1]] });
      escalated(log.wait(600_000), next, { groups: ['on-call'] });
    },
  ],
  [
    'a reminder of a call about which a person is asked elsewhere',
    (log, call) => {
      opened(decided(log, call, { effect: 'approval_needed', policySetHash: undefined }), call, { policies: [], policySetHash: undefined });
      reminded(log, call);
    },
  ],
];

async function verified(make: Make): Promise<Awaited<ReturnType<typeof verifyAudit>>> {
  const log = new BuiltLog();
  make(log, builtCall());
  log.sign();
  return verifyAudit(builtSource(log), { heads: [log.head], keys: [log.key.publicKey.toString()] });
}

describe('The law of reminders and escalations', () => {
  countedSuite('logs with reminders and escalations', () => ({ cases: HOSTILE.length, beside: { 'honest ones': LAWFUL.length } }));

  for (const [what, codes, make] of HOSTILE)
    it(`finds ${what}`, async () => {
      const { law, integrity } = await verified(make);
      expect(law.findings.map(({ code }) => code)).to.deep.equal(codes);
      expect(integrity.findings).to.deep.equal([]);
      for (const { message, seq } of law.findings) expect(message).to.match(new RegExp(`(^|\\W)record ${seq ?? ''}\\W`, 'i'));
    });

  for (const [what, make] of LAWFUL)
    it(`finds nothing wrong with ${what}`, async () => {
      const { law, integrity } = await verified(make);
      expect(law.findings).to.deep.equal([]);
      expect(integrity.findings).to.deep.equal([]);
    });

  it('refuses records without what they must say', async () => {
    for (const over of [{ groups: 'leads' }, { percent: 70 }, { percent: undefined }])
      expect((await verified((log, call) => reminded(asked(log, call), call, over as Over))).integrity.ok, JSON.stringify(over)).to.equal(
        false,
      );
    for (const over of [{ groups: [1] }, { afterMs: -1 }, { afterMs: undefined }])
      expect((await verified((log, call) => escalated(asked(log, call), call, over as Over))).integrity.ok, JSON.stringify(over)).to.equal(
        false,
      );
  });
});
