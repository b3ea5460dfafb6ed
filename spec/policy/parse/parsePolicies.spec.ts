import { expect } from 'chai';
import sinon from 'sinon';
import { ConfigError } from '../../../lib/model/errors/SetupErrors.js';
import { cedarGeneration, useCedar } from '../../../lib/policy/wasm/CedarWasm.js';
import { MAX_SET_BYTES, parsePolicies } from '../../../lib/policy/parse/parsePolicies.js';
import { engineOf, PERMIT_ALL, policiesOf, problemsOf } from '../../support/policyCalls.js';

const forbid = (annotations: string, scope = 'principal, action, resource'): string =>
  `${annotations} forbid (${scope}) when { context.input.a == 1 };`;

describe('parsePolicies', () => {
  afterEach(() => sinon.restore());

  it('reads every annotation', () => {
    const [ask, mask, plain, permit] = policiesOf(
      [
        '@id("ask") @effect("approval_needed") @reason("over 1000 😀") @approvers("finance-leads, ops@x") @approval_timeout_s("60") @severity("high") @self_approval("false") @summary("amount, to , Empfänger") forbid (principal, action, resource);',
        '@id("mask") @effect("sanitize") @sanitize("mask_email /body; truncate /body 60") @may_permit("true") forbid (principal, action, resource);',
        '@id("plain") forbid (principal, action == Aegis::Action::"t", resource);',
        '@id("permit") permit (principal, action in [Aegis::Action::"a", Aegis::Action::"b"], resource);',
      ].join('\n'),
    );
    expect(ask?.applied).to.deep.include({
      id: 'ask',
      effect: 'approval_needed',
      reason: 'over 1000 😀',
      approvers: ['finance-leads', 'ops@x'],
      approvalTimeoutMs: 60_000,
      severity: 'high',
      selfApproval: false,
      summary: ['amount', 'to', 'Empfänger'],
    });
    expect(mask).to.deep.include({ effect: 'sanitize', mayPermit: true });
    expect(mask?.operations.map(({ op }) => op)).to.deep.equal(['mask_email', 'truncate']);
    expect(plain).to.deep.include({ effect: 'deny', line: 3, column: 1, action: { kind: 'equals', id: 't' } });
    expect(permit).to.deep.include({ effect: 'permit', action: { kind: 'in', ids: ['a', 'b'], list: true } });
  });

  it('tells every problem of every file at once, each with file, line and column', () => {
    const a =
      '// é\npermit (principal, action, resource);\n\n  @id("é") permit (é, action, resource);\n@id("ok") permit (principal, action, resource)\n when { 1 < };';
    const b = '\n\n@id("x") @effect("maybe") forbid (principal, action, resource);';
    expect(problemsOf(a, b)).to.deep.equal([
      'a.cedar:2:1 This policy has no @id. Add @id("…") with a name that no other policy has.',
      'a.cedar:4:20 invalid token',
      'a.cedar:6:13 unexpected token `}` (expected `!`, `(`, `-`, `[`, `{`, `false`, identifier, `if`, number, `?principal`, `?resource`, string literal, or `true`)',
      'b.cedar:3:10 [x] @effect must be one of deny, approval_needed, sanitize, limit.',
    ]);
  });

  it('throws them as one ConfigError', () => {
    expect(() => engineOf('permit (principal, action, resource); permit (principal, action, resource);'))
      .to.throw(ConfigError)
      .with.property('problems')
      .with.length(2);
  });

  it('shows a hundred problems and counts the rest', () => {
    const problems = problemsOf('permit (principal, action, resource);'.repeat(150));
    expect(problems).to.have.length(101);
    expect(problems.at(-1)).to.contain('50 more');
  });

  const refused: [string, string | string[], string][] = [
    ['no policy', '// nothing', 'no policy'],
    ['a missing @id', 'permit (principal, action, resource);', 'This policy has no @id'],
    ['an @id without a value', '@id permit (principal, action, resource);', '@id must be a value'],
    ['an empty @id', '@id("") permit (principal, action, resource);', '@id must be'],
    ['an @id outside the charset', '@id("a b") permit (principal, action, resource);', '@id must be'],
    ['the @id __proto__', '@id("__proto__") forbid (principal, action, resource);', '@id must be'],
    ['the @id constructor', '@id("constructor") forbid (principal, action, resource);', '@id must be'],
    ['a repeated @id', `${PERMIT_ALL}${PERMIT_ALL}`, 'already used at a.cedar:1:1'],
    ['a repeated @id in another file', [PERMIT_ALL, PERMIT_ALL], 'already used at a.cedar:1:1'],
    ['a repeated annotation', forbid('@id("a") @reason("x") @reason("y")'), 'duplicate annotation'],
    ['an unknown annotation', forbid('@id("a") @resaon("x")'), "; did you mean 'reason'?"],
    ['an annotation named __proto__', forbid('@id("a") @__proto__("x")'), 'Unknown annotation @__proto__'],
    ['an annotation named permit', forbid('@id("a") @permit("x")'), 'Unknown annotation @permit'],
    ['@effect on a permit', '@id("a") @effect("deny") permit (principal, action, resource);', '@effect is not allowed on a permit'],
    ['an unknown @effect', forbid('@id("a") @effect("allow")'), '@effect must be one of'],
    ['@effect("sanitize") alone', forbid('@id("a") @effect("sanitize")'), 'needs @sanitize'],
    ['@sanitize alone', forbid('@id("a") @sanitize("remove /a")'), '@sanitize is only for a forbid with @effect("sanitize")'],
    [
      '@sanitize on a permit',
      '@id("a") @sanitize("remove /a") permit (principal, action, resource);',
      '@sanitize is only for a forbid with @effect("sanitize")',
    ],
    ['a bad @sanitize', forbid('@id("a") @effect("sanitize") @sanitize("mask_email body")'), 'starts with "/"'],
    ['overlapping pointers', forbid('@id("a") @effect("sanitize") @sanitize("set /o {}; set /o/a 1")'), 'overlap'],
    ['@approvers without approval', forbid('@id("a") @approvers("x")'), '@approvers is only for a forbid with @effect("approval_needed")'],
    ['@approvers with an empty group', forbid('@id("a") @effect("approval_needed") @approvers("x,")'), '@approvers must be'],
    [
      '@approval_timeout_s with text',
      forbid('@id("a") @effect("approval_needed") @approval_timeout_s("1h")'),
      '@approval_timeout_s must be',
    ],
    ['@approval_timeout_s of zero', forbid('@id("a") @effect("approval_needed") @approval_timeout_s("0")'), '@approval_timeout_s must be'],
    ['an unknown @severity', forbid('@id("a") @severity("huge")'), '@severity must be'],
    ['a misspelt @severity', forbid('@id("a") @severity("hig")'), "critical; did you mean 'high'?"],
    ...Object.entries({
      'no name': '',
      'an empty name': 'amount,,to',
      'a name twice': 'amount, to, amount',
      'more than 8 names': 'a,b,c,d,e,f,g,h,i',
      'a name of more than 60 characters': 'n'.repeat(61),
      'a name that no param can have': 'amount, __proto__',
      'a character that cannot be seen': 'amo\u200bunt',
    }).map(([what, names]): [string, string, string] => [
      `@summary with ${what}`,
      forbid(`@id("a") @effect("approval_needed") @summary("${names}")`),
      '@summary must be 1 to 8 names',
    ]),
    [
      '@summary on a policy that asks no one',
      forbid('@id("a") @summary("amount")'),
      '@summary is only for a forbid with @effect("approval_needed")',
    ],
    ['@self_approval("yes")', forbid('@id("a") @effect("approval_needed") @self_approval("yes")'), '@self_approval must be'],
    ['@may_permit without sanitize', forbid('@id("a") @may_permit("true")'), '@may_permit is only for a forbid with @effect("sanitize")'],
    ['a @reason with a line break', forbid('@id("a") @reason("a\\nb")'), '@reason must be'],
    ['a @reason with bidi control', forbid('@id("a") @reason("a\\u{202e}b")'), '@reason must be'],
    ['a template', '@id("a") permit (principal == ?principal, action, resource);', 'template'],
    ['an action that is a group', forbid('@id("a")', 'principal, action == Aegis::Action::"call_tool", resource'), 'is used as a group'],
    [
      'a tool with the name of a group',
      [
        forbid('@id("a")', 'principal, action == Aegis::Action::"read", resource'),
        '@id("b") permit (principal, action in Aegis::Action::"read", resource);',
      ],
      'is used as a group',
    ],
    [
      'an action without its namespace',
      forbid('@id("a")', 'principal, action == Action::"x", resource'),
      "Action never matches; did you mean 'Aegis::Action'?",
    ],
    ['a principal of another type', forbid('@id("a")', 'principal == User::"x", action, resource'), 'never matches'],
    ['a principal tested for another type', forbid('@id("a")', 'principal is User, action, resource'), 'never matches'],
    ['a resource of another type', forbid('@id("a")', 'principal, action, resource in Folder::"x"'), 'never matches'],
    ['a policy over 10 KB', forbid(`@id("a") @reason("${'x'.repeat(10_240)}")`), 'at most 10240 bytes'],
    ['a missing semicolon', '@id("a") permit (principal, action, resource)', 'unexpected end'],
    ['an unclosed text', '@id("a) permit (principal, action, resource);', 'invalid token'],
  ];
  for (const [what, texts, problem] of refused)
    it(`refuses ${what}`, () => {
      const problems = problemsOf(...[texts].flat());
      expect(
        problems.some((found) => found.includes(problem)),
        problems.join('\n'),
      ).to.equal(true);
    });

  it('refuses overlapping pointers of two policies that may meet, and lets them be where they cannot', () => {
    const mask = (id: string, ops: string, tool: string): string =>
      forbid(`@id("${id}") @effect("sanitize") @sanitize("${ops}")`, `principal, action == Aegis::Action::"${tool}", resource`);
    expect(problemsOf(mask('a', 'set /o {}', 't') + mask('b', 'set /o/x 1', 't'))[0]).to.contain("'/o/x' overlaps '/o' of policy 'a'");
    expect(problemsOf(mask('a', 'set /o {}', 't') + mask('b', 'set /o/x 1', 'u'))).to.deep.equal([]);
  });

  it('finds an overlap on either side, and with policies for every tool, however many there are', () => {
    const mask = (id: string, ops: string, scope: string): string =>
      forbid(`@id("${id}") @effect("sanitize") @sanitize("${ops}")`, `principal, ${scope}, resource`);
    const at = (tool: string): string => `action == Aegis::Action::"${tool}"`;
    expect(problemsOf(mask('a', 'set /o/x/y 1', at('t')) + mask('b', 'remove /o', 'action'))[0]).to.contain(
      "'/o' overlaps '/o/x/y' of policy 'a'",
    );
    expect(problemsOf(mask('a', 'remove /o', 'action') + mask('b', 'set /o/x 1', at('t')))[0]).to.contain(
      "'/o/x' overlaps '/o' of policy 'a'",
    );
    expect(problemsOf(mask('a', 'remove /o', at('t')) + mask('b', 'remove /o', at('u')) + mask('c', 'set /o/x 1', at('u')))[0]).to.contain(
      "of policy 'b'",
    );
    expect(
      problemsOf(mask('a', 'remove /o', at('t')) + mask('b', 'remove /o', 'action') + mask('c', 'remove /p/o', at('u'))),
    ).to.deep.equal([]);
    const deep = `remove ${'/a'.repeat(4_000)}`;
    expect(problemsOf(mask('a', deep, at('t')) + mask('b', deep, at('t')))).to.deep.equal([]);
  });

  it('refuses patterns of `like` that Cedar would take long to parse, in one policy and in all', () => {
    const like = (id: string, length: number): string =>
      `@id("${id}") permit (principal, action, resource) when { context.input.a like "${'*'.repeat(length)}" };`;
    expect(problemsOf(like('a', 6_144))).to.deep.equal([]);
    expect(problemsOf(like('a', 6_145))[0]).to.contain('have more than the 6144 characters');
    expect(problemsOf(Array.from({ length: 90 }, (_, i) => like(`a${i}`, 6_000)).join('')).join()).to.contain(
      'more than the 524288 characters',
    );
  });

  it('stops at more policies than are allowed', () => {
    const { policies, problems } = parsePolicies([{ file: 'a.cedar', text: ';'.repeat(12_001) }]);
    expect(policies).to.deep.equal([]);
    expect(problems.at(-1)).to.deep.include({ line: 1, column: 12_001 });
    expect(problems.at(-1)?.message).to.contain('more policies than the 12000 that are allowed');
  });

  it('refuses no files at all', () => {
    expect(parsePolicies([])).to.deep.equal({
      policies: [],
      problems: [
        {
          file: 'policies',
          line: 1,
          column: 1,
          message: 'There is no policy here, so every call would be denied. Write at least one permit.',
        },
      ],
    });
  });

  it('makes a problem of a parser that fails, and parses the next policy with a new one', () => {
    const before = cedarGeneration();
    useCedar((cedar) => sinon.stub(cedar, 'policyToJson').throws(new Error('unreachable')));
    expect(problemsOf(PERMIT_ALL + forbid('@id("a")'))).to.deep.equal([
      'a.cedar:1:1 The Cedar parser failed on this policy, which is probably too complex. Simplify it.',
    ]);
    expect(cedarGeneration()).to.equal(before + 1);
  });

  it('tells where the policy starts where Cedar names no place', () => {
    const errors = [{ message: 'no place', help: null, code: null, url: null, severity: null }];
    useCedar((cedar) => sinon.stub(cedar, 'policyToJson').returns({ type: 'failure', errors }));
    expect(problemsOf(`\n ${PERMIT_ALL}`)).to.deep.equal(['a.cedar:2:2 no place']);
  });

  it('refuses more than 2 MB before it looks at any of it', () => {
    expect(problemsOf(PERMIT_ALL, ' '.repeat(MAX_SET_BYTES))[0]).to.contain('at most 2097152 bytes');
  });

  it('takes any principal, action and resource of our own vocabulary', () => {
    expect(
      problemsOf(
        '@id("a") permit (principal is Aegis::Agent in Aegis::Role::"r", action in Aegis::Action::"g", resource == Aegis::Toolset::"default");',
      ),
    ).to.deep.equal([]);
  });
});
