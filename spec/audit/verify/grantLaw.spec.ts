import { expect } from 'chai';
import { verifyAudit } from '../../../lib/audit/verify/verifyAudit.js';
import { countedSuite } from '../../support/assurance.js';
import {
  amended,
  approvedCall,
  askedCall,
  builtCall,
  BuiltLog,
  builtSource,
  decided,
  entering,
  GRANT,
  grant,
  grantedCall,
  idsOf,
  opened,
  POLICIES,
  settled,
  verdict,
} from '../../support/builtLogs.js';
import type { BuiltCall, Over } from '../../support/builtLogs.js';

type Make = (log: BuiltLog, call: BuiltCall) => unknown;

const MINUTES_2 = 120_000;

/** A grant that a person made with a yes, for two calls. */
const made = (log: BuiltLog, call: BuiltCall, over: Over = {}): BuiltLog => grant(verdict(askedCall(log, call), call), call, over);
const used = (log: BuiltLog, call: BuiltCall, over: Over): BuiltLog =>
  log.add('grant', { ...idsOf(call), how: 'used', grantId: GRANT, by: 'bob', uses: 1 }, over);
const revoked = (log: BuiltLog, call: BuiltCall, over: Over = {}): BuiltLog =>
  log.add('grant', { ...idsOf(call), how: 'revoked', grantId: GRANT, by: 'cat' }, over);

/** What a writer does who has the key and wants calls that no person answered to look as if a grant did. */
const HOSTILE: readonly (readonly [what: string, codes: readonly string[], make: Make])[] = [
  ['a grant without an approval', ['approval_not_opened'], (log, call) => grant(log, call)],
  ['a grant before the yes', ['grant_without_yes'], (log, call) => verdict(grant(askedCall(log, call), call), call)],
  ['a grant of a question', ['grant_without_yes'], (log, call) => grant(askedCall(log, call), call)],
  [
    'a grant after a no',
    ['grant_without_yes'],
    (log, call) => grant(verdict(askedCall(log, call), call, { approved: false, status: 'denied' }), call),
  ],
  ['a grant by another person than the one who said yes', ['grant_without_yes'], (log, call) => made(log, call, { by: 'eve' })],
  [
    'a grant by the one for whom the call is made',
    ['grant_without_yes', 'verdict_of_requester'],
    (log, call) => grant(verdict(askedCall(log, call), call, { by: 'ann', isRequester: true }), call, { by: 'ann' }),
  ],
  [
    'a grant by someone who may not decide',
    ['grant_without_yes', 'verdict_not_eligible'],
    (log, call) => grant(verdict(askedCall(log, call), call, { groups: ['friends'] }), call),
  ],
  [
    'a grant by someone who answered one of two policies',
    ['grant_without_yes'],
    (log, call) => {
      const policies = [POLICIES, { id: 'large', hash: 'd'.repeat(64) }];
      opened(decided(log, call, { effect: 'approval_needed' }), call, { policies });
      grant(verdict(log, call, { policies: [POLICIES.id] }), call);
    },
  ],
  ...(
    [
      ['was in the groups of one policy', { groups: ['lawyers'] }, {}],
      ['came by a step of an escalation', { groups: ['lawyers', 'managers'] }, { escalate: [{ afterMs: 0, groups: ['managers'] }] }],
      ['showed less than the severity takes', { groups: ['finance', 'lawyers'], assurance: 'session' }, { severity: 'high' }],
    ] as const
  ).map(([what, over, terms]): (typeof HOSTILE)[number] => [
    `a grant by someone who ${what}, where somebody else answered the other one`,
    ['grant_not_eligible'],
    (log, call) => {
      const policies = [
        { ...POLICIES, approvers: ['finance'], ...terms },
        { id: 'legal', hash: 'd'.repeat(64), approvers: ['lawyers'], severity: 'low' },
      ];
      opened(decided(log, call, { effect: 'approval_needed' }), call, { policies });
      verdict(log, call, { by: 'eve', groups: ['finance'], assurance: 'code', policies: [POLICIES.id] });
      grant(verdict(log, call, { ...over, policies: ['legal'] }), call);
    },
  ]),
  ['a grant for another tool than was approved', ['another_call'], (log, call) => made(log, call, { toolName: 'wire_money' })],
  ['a grant for another agent than was approved', ['another_call'], (log, call) => made(log, call, { agentId: 'other-agent' })],
  [
    'a grant that answers a policy which did not ask',
    ['grant_of_other_policies'],
    (log, call) => made(log, call, { lifts: [POLICIES, { id: 'large', hash: 'd'.repeat(64) }] }),
  ],
  [
    'a grant that answers another text of the policy',
    ['grant_of_other_policies'],
    (log, call) => made(log, call, { lifts: [{ ...POLICIES, hash: 'd'.repeat(64) }] }),
  ],
  ['a grant that answers nothing', ['grant_of_other_policies'], (log, call) => made(log, call, { lifts: undefined })],
  ['a grant that is made again with more uses', ['grant_made_twice'], (log, call) => grant(made(log, call), call, { maxUses: 50 })],
  ['a call before its grant', ['grant_used_too_early'], (log, call) => made(grantedCall(log), call)],
  ['a call after its grant was taken back', ['grant_revoked'], (log, call) => grantedCall(revoked(made(log, call), call).wait(MINUTES_2))],
  [
    'a changed call after its grant was taken back',
    ['grant_revoked'],
    (log, call) => grantedCall(revoked(made(log, call), call).wait(MINUTES_2), { effect: 'sanitize' }),
  ],
  ['a use in the store after its grant was taken back', ['grant_revoked'], (log, call) => used(revoked(made(log, call), call), call, {})],
  [
    'a call after its grant was taken back, twice',
    ['grant_revoked'],
    (log, call) => grantedCall(revoked(revoked(made(log, call), call).wait(MINUTES_2), call)),
  ],
  ['a call after the time of its grant', ['grant_used_too_late'], (log, call) => grantedCall(made(log, call).wait(3_600_000 + MINUTES_2))],
  [
    'a use in the store after the time',
    ['grant_used_too_late'],
    (log, call) => used(made(log, call).wait(3_600_000 + MINUTES_2), call, {}),
  ],
  ['a third call under two uses', ['grant_used_up'], (log, call) => grantedCall(grantedCall(grantedCall(made(log, call))))],
  ['a third use in the store of two', ['grant_used_up'], (log, call) => used(made(log, call), call, { uses: 3 })],
  ['a call under a grant that has no uses', ['grant_used_up'], (log, call) => grantedCall(made(log, call, { maxUses: undefined }))],
  [
    'a call of another tool',
    ['grant_of_another_call'],
    (log, call) => grantedCall(made(log, call), {}, builtCall({ amount: 5 }, { toolName: 'wire_money' })),
  ],
  [
    'a call by another agent',
    ['grant_of_another_call'],
    (log, call) => grantedCall(made(log, call), {}, builtCall({ amount: 5 }, { agentId: 'other-agent' })),
  ],
  ...(
    [
      ['takes several people', { quorum: 2 }, 2],
      ['takes a person of its own', { distinct: true }, 1],
      ['is critical', { severity: 'critical' }, 1],
      ['demands a preview', { needsPreview: true }, 1],
    ] as const
  ).map(([what, terms, people]): (typeof HOSTILE)[number] => [
    `a grant of a policy that ${what}`,
    ['grant_not_allowed'],
    (log, call) => {
      opened(decided(log, call, { effect: 'approval_needed' }), call, { policies: [{ ...POLICIES, ...terms }] });
      for (const by of ['bob', 'cat'].slice(0, people)) verdict(log, call, { by, assurance: 'step-up' });
      grant(log, call);
    },
  ]),
  [
    'a grant of an edited call',
    ['grant_not_allowed'],
    (log, call) => {
      const next = amended(askedCall(log, call), call, { amount: 4 });
      grant(verdict(log, next), call);
    },
  ],
  [
    'a grant by the one for whom the call is made, where their yes counts',
    ['grant_without_yes'],
    (log, call) => {
      opened(decided(log, call, { effect: 'approval_needed' }), call, { policies: [{ ...POLICIES, selfApproval: true }] });
      grant(verdict(log, call, { by: 'ann', isRequester: true }), call, { by: 'ann' });
    },
  ],
  ...(
    [
      ['another policy asks', { id: 'large', hash: 'd'.repeat(64) }],
      ['a policy asks in another text', { ...POLICIES, hash: 'd'.repeat(64) }],
      ['the policy takes several people by now', { ...POLICIES, quorum: 2 }],
      ['the policy demands a preview by now', { ...POLICIES, needsPreview: true }],
    ] as const
  ).map(([what, policy]): (typeof HOSTILE)[number] => [
    `a call under a grant about which ${what}`,
    ['grant_of_other_policies'],
    (log, call) => grantedCall(made(log, call), { asking: [policy] }),
  ]),
  [
    'a call about which a policy asks, and that no one answers',
    ['allowed_though_asked'],
    (log) => grantedCall(log, { grantId: undefined, asking: [POLICIES] }),
  ],
  [
    'a guard inside another, under one use',
    ['grant_reused'],
    (log, call) => {
      const inner = builtCall();
      entering(decided(made(log, call), inner, { grantId: GRANT }), inner);
      settled(entering(log, inner, { reused: true }), inner);
    },
  ],
  [
    'a second run under one use',
    ['run_twice'],
    (log, call) => {
      const inner = builtCall();
      entering(grantedCall(made(log, call), {}, inner), inner);
    },
  ],
  [
    'a run under a grant, of what a person should decide',
    ['run_without_decision'],
    (log, call) => {
      const inner = builtCall();
      settled(entering(decided(made(log, call), inner, { grantId: GRANT, effect: 'approval_needed' }), inner), inner);
    },
  ],
];

/** What is as it should be, though it looks unusual. */
const LAWFUL: readonly (readonly [what: string, grantedElsewhere: number, make: Make])[] = [
  ['a call under a grant that says who asks', 0, (log, call) => grantedCall(made(log, call), { asking: [POLICIES] })],
  ['a call of which it says that no policy asks', 0, (log) => grantedCall(log, { grantId: undefined, asking: [] })],
  [
    'a grant by someone who could decide all, where somebody else answered one policy',
    0,
    (log, call) => {
      const policies = [
        { ...POLICIES, approvers: ['finance'] },
        { id: 'legal', hash: 'd'.repeat(64), approvers: ['lawyers'] },
      ];
      opened(decided(log, call, { effect: 'approval_needed' }), call, { policies });
      verdict(log, call, { by: 'eve', groups: ['finance'], policies: [POLICIES.id] });
      grantedCall(grant(verdict(log, call, { groups: ['finance', 'lawyers'], policies: ['legal'] }), call));
    },
  ],
  ['a grant and its two calls', 0, (log, call) => grantedCall(grantedCall(made(log, call)), { effect: 'sanitize' })],
  ['a grant whose approved call runs too', 0, (log, call) => grantedCall(grant(approvedCall(log, call), call))],
  ['a grant that is told twice', 0, (log, call) => grantedCall(grant(made(log, call, { expiresAt: 1 }), call, { expiresAt: 1 }))],
  ['a grant that is taken back after its calls', 0, (log, call) => revoked(grantedCall(made(log, call)), call)],
  ['a call that is recorded just after its grant was taken back', 0, (log, call) => grantedCall(revoked(made(log, call), call))],
  [
    'a grant that was taken back, recorded late',
    0,
    (log, call) => grantedCall(revoked(made(log, call), call, { committedAt: 1 }).wait(MINUTES_2)),
  ],
  ['a use in the store that does not say which one it is', 0, (log, call) => used(made(log, call), call, { uses: undefined })],
  ['uses in the store', 0, (log, call) => used(used(made(log, call), call, {}), call, { uses: 2 })],
  [
    'a use that is recorded late, after its grant was taken back',
    0,
    (log, call) => used(revoked(made(log, call), call), call, { committedAt: log.at }),
  ],
  ['a grant that was made while the clock stood still', 0, (log, call) => grantedCall(made(log, call, { expiresAt: log.at - MINUTES_2 }))],
  [
    'three looks at what a grant covers',
    0,
    (log, call) => decided(grantedCall(made(log, call)), builtCall(), { grantId: GRANT, dryRun: true }),
  ],
  ['two calls under a grant that was made elsewhere', 2, (log) => grantedCall(grantedCall(log))],
  ['a grant that was made elsewhere, and is taken back here', 1, (log, call) => revoked(grantedCall(log), call)],
  [
    'a grant of another tenant with the same name',
    1,
    (log, call) => {
      log.add('policies', { hash: 'b'.repeat(64), tenantId: 'other' });
      const inner = builtCall();
      settled(entering(decided(made(log, call), inner, { grantId: GRANT, tenantId: 'other' }), inner, { tenantId: 'other' }), inner);
    },
  ],
];

describe('The law verdict on grants', () => {
  countedSuite('logs of grants that a hostile writer made', () => ({ cases: HOSTILE.length, beside: { 'honest ones': LAWFUL.length } }));

  for (const [what, codes, make] of HOSTILE)
    it(`finds ${what}`, async () => {
      const { law, integrity } = await verified(make);
      expect(law.findings.map(({ code }) => code).sort()).to.deep.equal([...codes].sort());
      expect(integrity.findings).to.deep.equal([]);
      for (const { message, seq } of law.findings) expect(message).to.match(new RegExp(`(^|\\W)record ${seq ?? ''}\\W`, 'i'));
    });

  for (const [what, grantedElsewhere, make] of LAWFUL)
    it(`finds nothing wrong with ${what}`, async () => {
      const { law, ok, counts } = await verified(make);
      expect(law.findings).to.deep.equal([]);
      expect({ ok, grantedElsewhere: counts.grantedElsewhere }).to.deep.equal({ ok: true, grantedElsewhere });
    });

  it('joins what different logs say of one grant, and counts a call that two of them record once', async () => {
    const { key } = new BuiltLog();
    const [maker, user, other] = ['w0', 'w1', 'w2'].map((writer) => new BuiltLog(writer, { key })) as [BuiltLog, BuiltLog, BuiltLog];
    const [call, one] = [builtCall(), builtCall()];
    made(maker, call);
    grantedCall(grantedCall(user, {}, one));
    decided(other, one, { grantId: GRANT });
    const report = async () => (await verifyAudit(builtSource(...[maker, user, other].map((log) => log.sign())))).law.findings;
    expect(await report()).to.deep.equal([]);
    grantedCall(other);
    expect((await report()).map(({ code, writer }) => [code, writer])).to.deep.equal([['grant_used_up', 'w2']]);
  });
});

async function verified(make: Make): Promise<Awaited<ReturnType<typeof verifyAudit>>> {
  const log = new BuiltLog();
  make(log, builtCall());
  log.sign();
  return verifyAudit(builtSource(log), { heads: [log.head], keys: [log.key.publicKey.toString()] });
}
