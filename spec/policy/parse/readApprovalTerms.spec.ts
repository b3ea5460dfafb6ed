import { expect } from 'chai';
import { policiesOf, problemsOf } from '../../support/policyCalls.js';

const ask = (annotations: string): string => `@id("p") @effect("approval_needed") ${annotations} forbid (principal, action, resource);`;
const problem = (annotations: string): string => problemsOf(ask(annotations)).join('\n');
const list = (n: number): string => Array.from({ length: n }, (_, i) => `/p${i}`).join(',');

describe('The annotations of approval policies', () => {
  it('say who decides, and for what', () => {
    const [policy] = policiesOf(
      ask(
        '@quorum("2") @distinct("true") @escalate("900: managers; 3600 : on-call, directors") @editable("/amount, /to/0/na~1me") @editor_may_approve("false") @show_approver("/note") @needs_preview("true")',
      ),
    );
    expect(policy?.applied).to.deep.include({
      quorum: 2,
      distinct: true,
      escalate: [
        { afterMs: 900_000, groups: ['managers'] },
        { afterMs: 3_600_000, groups: ['on-call', 'directors'] },
      ],
      editable: ['/amount', '/to/0/na~1me'],
      editorMayApprove: false,
      showApprover: ['/note'],
      needsPreview: true,
    });
    const terms = ['quorum', 'distinct', 'escalate', 'grantable', 'editable', 'editorMayApprove', 'showApprover', 'needsPreview'];
    expect(policiesOf(ask(''))[0]?.applied).not.to.have.any.keys(...terms);
  });

  for (const [text, uses, forMs] of [
    ['50 uses; 8h', 50, 28_800_000],
    [' 1 use ; 1s ', 1, 1_000],
    ['1000 uses;30d', 1_000, 2_592_000_000],
    ['2 uses; 90m', 2, 5_400_000],
  ] as const)
    it(`@grantable("${text}") is a ceiling of uses and time`, () =>
      expect(policiesOf(ask(`@grantable("${text}")`))[0]?.applied.grantable).to.deep.equal({ uses, forMs }));

  it('@show_approver("full") is the pointer of everything', () =>
    expect(policiesOf(ask('@show_approver("full")'))[0]?.applied.showApprover).to.deep.equal(['']));

  const WRONG: readonly (readonly [annotation: string, ...values: string[]])[] = [
    ['quorum', '0', '21', '1.5', '-1', 'two', '', ' 2', '02'],
    ['distinct', 'yes', 'TRUE', ''],
    ['escalate', '', '900', ': managers', '900:', '900: a b', '0: managers', '-1: managers', '31536001: managers', '60: a; 60: b', '60: a; 30: b', '60: a;',
      Array.from({ length: 9 }, (_, i) => `${i + 1}: g`).join('; ')], // prettier-ignore
    [
      'grantable',
      '',
      '50',
      '8h',
      '0 uses; 8h',
      '1001 uses; 8h',
      '1 use; 0h',
      '1 use; 31d',
      '1 use; 721h',
      '1 use; 8w',
      '1 use, 8h',
      '1.5 uses; 8h',
    ],
    ['editable', '', 'amount', '/a, /a', '/a,', '/~', '/__proto__', '/a/constructor', list(33)],
    ['editor_may_approve', '1'],
    ['show_approver', '', 'all', 'note', '/a, full', '/__proto__'],
    ['needs_preview', 'no'],
  ];
  for (const [annotation, ...values] of WRONG)
    for (const value of values)
      it(`refuses @${annotation}("${value}")`, () => expect(problem(`@${annotation}("${value}")`)).to.contain(`@${annotation} must be`));

  it('are for approval policies only', () => {
    for (const [annotation] of WRONG) {
      const text = `@id("p") @${annotation}("x") forbid (principal, action, resource);`;
      expect(problemsOf(text).join(), annotation).to.contain(`@${annotation} is only for a forbid with @effect("approval_needed")`);
    }
  });

  it('exclude each other where one would take the other back', () => {
    expect(problem('@grantable("2 uses; 1h") @quorum("2")')).to.contain('@grantable is not for a policy with @quorum above 1');
    expect(problem('@grantable("2 uses; 1h") @severity("critical")')).to.contain(
      '@grantable is not for a policy with @severity("critical")',
    );
    expect(problem('@editor_may_approve("true")')).to.contain('@editor_may_approve is only for a policy with @editable');
    expect(problem('@grantable("2 uses; 1h") @needs_preview("true")')).to.contain(
      '@grantable is not for a policy with @needs_preview("true")',
    );
    expect(problem('@grantable("2 uses; 1h") @distinct("true")')).to.contain('@grantable is not for a policy with @distinct("true")');
    expect(problem('@grantable("2 uses; 1h") @distinct("false")')).to.equal('');
    expect(problem('@grantable("2 uses; 1h") @needs_preview("false")')).to.equal('');
    expect(problem('@grantable("2 uses; 1h") @quorum("1") @severity("high")')).to.equal('');
  });
});
