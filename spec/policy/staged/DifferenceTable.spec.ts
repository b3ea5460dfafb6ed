import { expect } from 'chai';
import type { AppliedPolicy, PolicyOutcome } from '../../../lib/policy/PolicyEngine.js';
import { DifferenceTable, type DifferenceKind, type EarlierDecision } from '../../../lib/policy/staged/DifferenceTable.js';
import { ALLOW, approvalPolicy, askOutcome, denyOutcome } from '../../support/scriptedPolicies.js';

const ask = (...ids: string[]): PolicyOutcome => askOutcome({ approvals: ids.map((id) => approvalPolicy(id)) });
let texts = 0;
/** A policy of another text each time. */
const asking = (more: Partial<AppliedPolicy>): PolicyOutcome =>
  askOutcome({ approvals: [{ ...approvalPolicy('limit'), hash: `text ${(texts += 1)}`, ...more }] });
const askChanged = (text: string): PolicyOutcome => askOutcome({ params: { text } });
const sanitize = (text: string): PolicyOutcome => ({ effect: 'sanitize', params: { text }, message: 'm', policies: [] });
const deny = denyOutcome('no');

const ROWS: readonly (readonly [what: string, before: PolicyOutcome, after: PolicyOutcome, kind: DifferenceKind | undefined])[] = [
  ['allow → allow', ALLOW, ALLOW, undefined],
  ['allow → sanitize', ALLOW, sanitize('a'), 'stricter'],
  ['allow → approval', ALLOW, ask('p'), 'stricter'],
  ['allow → deny', ALLOW, deny, 'stricter'],
  ['sanitize → allow', sanitize('a'), ALLOW, 'newlyAllowed'],
  ['sanitize → the same', sanitize('a'), sanitize('a'), undefined],
  ['sanitize → another', sanitize('a'), sanitize('b'), 'changed'],
  ['sanitize → approval', sanitize('a'), ask('p'), 'stricter'],
  ['sanitize → deny', sanitize('a'), deny, 'stricter'],
  ['approval → allow', ask('p'), ALLOW, 'newlyAllowed'],
  ['approval → sanitize', ask('p'), sanitize('a'), 'newlyAllowed'],
  ['approval → the same', ask('p'), ask('p'), undefined],
  ['approval → one more', ask('p'), ask('p', 'q'), 'stricter'],
  ['approval → one less', ask('p', 'q'), ask('p'), 'asksFewer'],
  ['approval → another', ask('p'), ask('q'), 'asksFewer'],
  ['approval → another, of other params', ask('p'), askChanged('a'), 'asksFewer'],
  ['approval → of more groups', asking({ approvers: ['a'] }), asking({ approvers: ['a', 'b'] }), 'asksFewer'],
  ['approval → of anyone', asking({ approvers: ['a'] }), asking({}), 'asksFewer'],
  ['approval → of fewer groups', asking({ approvers: ['a', 'b'] }), asking({ approvers: ['a'] }), 'stricter'],
  ['approval → of a group', asking({}), asking({ approvers: ['a'] }), 'stricter'],
  ['approval → of other groups', asking({ approvers: ['a'] }), asking({ approvers: ['b'] }), 'asksFewer'],
  ['approval → by the requester too', asking({}), asking({ selfApproval: true }), 'asksFewer'],
  ['approval → no longer by the requester', asking({ selfApproval: true }), asking({ selfApproval: false }), 'stricter'],
  ['approval → of fewer people', asking({ quorum: 3 }), asking({ quorum: 2 }), 'asksFewer'],
  ['approval → of one person', asking({ quorum: 2 }), asking({}), 'asksFewer'],
  ['approval → of more people', asking({}), asking({ quorum: 2 }), 'stricter'],
  ['approval → of the same people for two', asking({ distinct: true }), asking({}), 'asksFewer'],
  ['approval → of other people for each', asking({}), asking({ distinct: true }), 'stricter'],
  ['approval → of a lower severity', asking({ severity: 'high' }), asking({}), 'asksFewer'],
  ['approval → of a higher severity', asking({}), asking({ severity: 'critical' }), 'stricter'],
  ['approval → of another text that asks for the same', asking({ severity: 'medium' }), asking({}), undefined],
  ['approval → of more people and a lower severity', asking({}), asking({ quorum: 2, severity: 'low' }), 'asksFewer'],
  ['approval → of other params', ask('limit'), askChanged('a'), 'changed'],
  ['approval of changed params → the same', askChanged('a'), askChanged('a'), undefined],
  ['approval → deny', ask('p'), deny, 'stricter'],
  ['deny → allow', deny, ALLOW, 'newlyAllowed'],
  ['deny → sanitize', deny, sanitize('a'), 'newlyAllowed'],
  ['deny → approval', deny, ask('p'), 'milder'],
  ['deny → deny for another reason', deny, denyOutcome('other'), undefined],
];

describe('DifferenceTable', () => {
  for (const [what, before, after, kind] of ROWS)
    it(`${kind ?? 'no difference'}: ${what}`, () => {
      const table = new DifferenceTable();
      table.addOutcomes('tool', 5, before, after);
      const { compared, differences, rows } = table.report();
      expect(compared).to.equal(1);
      const none = { newlyAllowed: 0, asksFewer: 0, milder: 0, changed: 0, stricter: 0 };
      expect(differences).to.deep.equal(kind === undefined ? none : { ...none, [kind]: 1 });
      expect(rows.map((row) => row.kind)).to.deep.equal(kind === undefined ? [] : [kind]);
    });

  it('knows all sixteen ways from one effect to another', () => {
    const seen = new Set(ROWS.map(([, before, after]) => `${before.effect} ${after.effect}`));
    expect(seen.size).to.equal(16);
  });

  it('counts by tool and policies, newly allowed ones first, then the most calls, then the name', () => {
    const table = new DifferenceTable();
    const by = (id: string): readonly AppliedPolicy[] => [{ id, hash: 'h', effect: 'deny' }];
    const denied = (id: string): PolicyOutcome => ({ ...denyOutcome('no'), policies: by(id) }) as PolicyOutcome;
    for (const atMs of [7, 3, 9]) table.addOutcomes('b', atMs, ALLOW, denied('x'));
    table.addOutcomes('b', 1, ALLOW, denied('y'));
    table.addOutcomes('z', 1, ALLOW, denied('x'));
    table.addOutcomes('a', 1, ALLOW, denied('x'));
    table.addOutcomes('c', 1, denied('x'), ALLOW);
    table.addOutcomes('c', 1, ALLOW, ALLOW);
    const { compared, rows, differences } = table.report();
    expect(compared).to.equal(8);
    expect(differences).to.deep.equal({ newlyAllowed: 1, asksFewer: 0, milder: 0, changed: 0, stricter: 6 });
    expect(rows.map(({ kind, toolName, after, calls }) => `${kind} ${toolName} ${after.join()} ${calls}`)).to.deep.equal([
      'newlyAllowed c  1',
      'stricter b x 3',
      'stricter a x 1',
      'stricter b y 1',
      'stricter z x 1',
    ]);
    expect(rows[0])
      .to.include({ from: 'deny', to: 'allow' })
      .and.deep.include({ before: ['x'], after: [] });
    expect(rows[1]).to.include({ firstAtMs: 3, lastAtMs: 9 });
  });

  it('keeps a thousand rows, and counts the rest', () => {
    const table = new DifferenceTable();
    for (let i = 0; i < 1_003; i++) table.addOutcomes(`tool-${i}`, 1, deny, ALLOW);
    table.addOutcomes('tool-0', 1, deny, ALLOW);
    const { rows, otherCalls, differences } = table.report();
    expect(rows).to.have.length(1_000);
    expect(otherCalls).to.equal(3);
    expect(differences.newlyAllowed).to.equal(1_004);
  });

  it('takes what is not known of an earlier decision for the same', () => {
    const earlier: EarlierDecision = { effect: 'approval_needed' };
    const table = new DifferenceTable();
    table.add('tool', 1, earlier, ask('p'));
    expect(table.report().rows).to.deep.equal([]);
    table.add('tool', 1, { effect: 'deny' }, ALLOW);
    expect(table.report().rows[0]).to.deep.include({ before: [], kind: 'newlyAllowed' });
  });
});
