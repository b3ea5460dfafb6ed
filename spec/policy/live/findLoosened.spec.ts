import { expect } from 'chai';
import fc from 'fast-check';
import { inOneGo } from '../../../lib/common/time/inSlices.js';
import { ANNOTATION_CHECKS } from '../../../lib/policy/parse/annotations.js';
import { findLoosened } from '../../../lib/policy/live/findLoosened.js';
import { counted, seed, volume } from '../../support/assurance.js';
import { callOf, engineOf, PERMIT_ALL, policiesOf } from '../../support/policyCalls.js';

const loosened = (before: string, after: string): string[] =>
  inOneGo(findLoosened(policiesOf(before), policiesOf(after))).map(({ id, how }) => `${id} ${how}`);

const ask = (annotations = '', condition = ''): string =>
  `@id("p") @effect("approval_needed") ${annotations} forbid (principal, action, resource) ${condition};`;
const mask = (operations: string, annotations = '', condition = ''): string =>
  `@id("p") @effect("sanitize") @sanitize("${operations}") ${annotations} forbid (principal, action, resource) ${condition};`;
const limit = (text = '10/1h', annotations = '', condition = ''): string =>
  `@id("p") @effect("limit") @limit("${text}") ${annotations} forbid (principal, action, resource) ${condition};`;
const OVER = '@over("approval_needed")';
const SOON = new Date(Date.now() + 86_400_000).toISOString();
const forbid = (condition = '', scope = 'principal, action, resource', annotations = ''): string =>
  `@id("p") ${annotations} forbid (${scope}) ${condition};`;
const permit = (condition = '', scope = 'principal, action, resource'): string => `@id("p") permit (${scope}) ${condition};`;
const named = (id: string, condition = '', scope?: string): string => permit(condition, scope).replace('"p"', `"${id}"`);
const tool = (id: string): string => `Aegis::Action::"${id}"`;
const action = (constraint: string): string => `principal, action ${constraint}, resource`;

const MAY = '@may_permit("true")';

type Row = readonly [what: string, before: string, after: string, held: string];

/** One of each kind. The last column is what is reported; empty where the reload comes into force. */
const ROWS: readonly Row[] = [
  // limits
  ['a limit is new', '', limit(), ''],
  ['a limit is gone', limit(), '', 'p removed'],
  ['a limit is lower', limit('10/1h'), limit('9/1h'), ''],
  ['a limit is higher', limit('10/1h'), limit('10.5/1h'), 'p limit'],
  ['a window is longer', limit('10/1h'), limit('10/2h'), 'p limit'],
  ['a window is shorter', limit('10/1h'), limit('10/30m'), 'p limit'],
  ['a window is written otherwise', limit('10/1h'), limit('10/60m fixed by tenant, agent,tool'), ''],
  ['a window slides', limit('10/1h'), limit('10/1h sliding'), 'p limit'],
  ['a limit counts other things apart', limit('10/1h by agent'), limit('10/1h by agent,tool'), 'p limit'],
  ['a cost is another one', limit('10/1h', '@cost("/a")'), limit('10/1h', '@cost("/b")'), 'p cost'],
  ['a cost is gone', limit('10/1h', '@cost("/a")'), limit('10/1h'), 'p cost'],
  ['a cost is new', limit('10/1h'), limit('10/1h', '@cost("/a")'), 'p cost'],
  ['a limit asks now', limit(), limit('10/1h', OVER), 'p over'],
  ['a limit asks no more', limit('10/1h', OVER), limit(), ''],
  ['a limit asks more people', limit('10/1h', `${OVER} @approvers("a")`), limit('10/1h', `${OVER} @approvers("a, b")`), 'p approvers'],
  ['a limit warns', limit(), limit('10/1h', '@warn_at("80")'), ''],
  ['a limit is watched', limit(), limit('10/1h', `@observe("true") @observe_until("${SOON}")`), 'p observe'],
  ['a limit asks about each call', limit(), ask(), 'p effect'],
  ['a limit asks no one but changes calls', limit(), mask('remove /a'), 'p effect'],
  ['a limit forbids', limit(), forbid(), ''],
  ['a limit permits', limit(), permit(), 'p removed'],
  ['a forbid is a limit', forbid(), limit(), 'p effect'],
  ['an approval is a limit', ask(), limit(), 'p effect'],
  ['a sanitize is a limit', mask('remove /a'), limit(), 'p effect'],
  ['a permit is a limit', permit(), limit(), ''],
  ['a limit may match less', limit('10/1h'), limit('10/1h', '', 'when { context.input.a > 1 }'), 'p condition'],
  // policies that come and go
  ['a forbid is gone', forbid(), '', 'p removed'],
  ['an approval is gone', ask(), '', 'p removed'],
  ['a sanitize is gone', mask('remove /a'), '', 'p removed'],
  ['a permit is gone', permit(), '', ''],
  ['a forbid is new', '', forbid(), ''],
  ['an approval is new', '', ask(), ''],
  ['a sanitize is new', '', mask('remove /a'), ''],
  ['a permit is new', '', permit(), ''],
  ['a sanitize is new that permits', '', mask('remove /a', '@may_permit("true")'), 'p may_permit'],
  // permits with another @id
  ['a permit is renamed', named('a'), named('b'), ''],
  ['a permit is renamed, and narrower', named('a'), named('b', 'when { context.input.a == 1 }'), ''],
  ['a permit is renamed, and loses its condition', named('a', 'when { context.input.a == 1 }'), named('b'), 'b condition'],
  ['a permit is renamed, and its limit is higher', named('a', 'when { context.input.a < 1 }'), named('b', 'when { context.input.a < 2 }'), 'b condition'],
  ['a permit is renamed, for all tools', named('a', '', action(`== ${tool('x')}`)), named('b'), 'b scope'],
  ['a permit is renamed, for one more tool', named('a', '', action(`== ${tool('x')}`)), named('b', '', action(`in [${tool('x')}, ${tool('y')}]`)), 'b scope'],
  ['a permit is renamed, for one tool of two, without its condition', named('a', 'when { context.input.a == 1 }', action(`in [${tool('x')}, ${tool('y')}]`)), named('b', '', action(`== ${tool('x')}`)), 'b condition'],
  ['two permits become one wider one', named('a', '', action(`== ${tool('x')}`)) + named('b', '', action(`== ${tool('y')}`)), named('c'), 'c scope'],
  ['a permit becomes two, one of them wider', named('a', 'when { context.input.a == 1 }'), named('b', 'when { context.input.a == 1 }') + named('c'), 'c condition'],
  ['the ids of two permits are exchanged', named('a', 'when { context.input.a == 1 }') + named('b'), named('b', 'when { context.input.a == 1 }') + named('a'), 'a condition'],
  ['a permit becomes a forbid, and another takes its place', named('a', 'when { context.input.a == 1 }'), named('a').replace('permit', 'forbid') + named('b'), 'b condition'],
  ['a forbid becomes a permit where another is gone', forbid() + named('b'), permit(), 'p removed'],
  ['a permit is gone, and a new one is what another covers', named('a', 'when { context.input.a == 1 }') + named('b'), named('b') + named('c', 'when { context.input.c == 1 }'), ''],
  ['a permit is gone, and one for another tool is new', named('a', '', action(`== ${tool('x')}`)), named('b', '', action(`== ${tool('y')}`)), ''],
  ['a permit is new beside the others', named('a', 'when { context.input.a == 1 }'), named('a', 'when { context.input.a == 1 }') + named('b'), ''],
  // effects
  ['a forbid becomes a permit', forbid(), permit(), 'p removed'],
  ['a permit becomes a forbid', permit(), forbid(), ''],
  ['a permit becomes an approval', permit(), ask(), ''],
  ['deny becomes approval', forbid(), ask(), 'p effect'],
  ['deny becomes sanitize', forbid(), mask('remove /a'), 'p effect'],
  ['approval becomes sanitize', ask(), mask('remove /a'), 'p effect'],
  ['approval becomes a permit', ask(), permit(), 'p removed'],
  ['approval becomes deny', ask(), forbid(), ''],
  ['sanitize becomes approval: what never ran unchanged may now', mask('remove /a'), ask(), 'p sanitize'],
  ['sanitize becomes deny', mask('remove /a'), forbid(), ''],
  // who may approve, and until when
  ['@approvers is gone', ask('@approvers("legal")'), ask(), 'p approvers'],
  ['@approvers has one group more', ask('@approvers("legal")'), ask('@approvers("legal, sales")'), 'p approvers'],
  ['@approvers has another group', ask('@approvers("legal")'), ask('@approvers("sales")'), 'p approvers'],
  ['@approvers has one group less', ask('@approvers("legal, sales")'), ask('@approvers("sales")'), ''],
  ['@approvers is new', ask(), ask('@approvers("legal")'), ''],
  ['@approvers in another order', ask('@approvers("a, b")'), ask('@approvers("b,a")'), ''],
  ['@self_approval is new', ask(), ask('@self_approval("true")'), 'p self_approval'],
  ['@self_approval becomes true', ask('@self_approval("false")'), ask('@self_approval("true")'), 'p self_approval'],
  ['@self_approval becomes false', ask('@self_approval("true")'), ask('@self_approval("false")'), ''],
  ['@self_approval is gone', ask('@self_approval("true")'), ask(), ''],
  ['@approval_timeout_s is longer', ask('@approval_timeout_s("60")'), ask('@approval_timeout_s("61")'), 'p approval_timeout_s'],
  ['@approval_timeout_s is gone', ask('@approval_timeout_s("60")'), ask(), 'p approval_timeout_s'],
  ['@approval_timeout_s is shorter', ask('@approval_timeout_s("60")'), ask('@approval_timeout_s("59")'), ''],
  ['@approval_timeout_s is new', ask(), ask('@approval_timeout_s("60")'), ''],
  ['@severity is lower', ask('@severity("critical")'), ask('@severity("high")'), 'p severity'],
  ['@severity is gone', ask('@severity("high")'), ask(), 'p severity'],
  ['@severity is low for the first time', ask(), ask('@severity("low")'), 'p severity'],
  ['@severity is higher', ask('@severity("low")'), ask('@severity("critical")'), ''],
  ['@severity low is gone', ask('@severity("low")'), ask(), ''],
  ['@severity of a forbid, which nobody is asked about', forbid('', undefined, '@severity("high")'), forbid('', undefined, '@severity("low")'), ''],
  ['several at once', ask('@approvers("a") @severity("high")'), ask('@self_approval("true")'), 'p approvers, p self_approval, p severity'],
  ['@reason', ask('@reason("a")'), ask('@reason("b")'), ''],
  // what a sanitize does
  ['an operation is gone', mask('remove /a; remove /b'), mask('remove /a'), 'p sanitize'],
  ['an operation is new', mask('remove /a'), mask('remove /a; set /b 1'), 'p sanitize'],
  ['an operation keeps more', mask('truncate /a 10'), mask('truncate /a 100'), 'p sanitize'],
  ['an operation sets another value', mask('set /a 1'), mask('set /a 2'), 'p sanitize'],
  ['operations are written otherwise', mask('remove /a;remove /b'), mask('remove /a ; remove /b'), ''],
  ['@may_permit is new', mask('remove /a'), mask('remove /a', '@may_permit("true")'), 'p may_permit'],
  ['@may_permit is gone', mask('remove /a', '@may_permit("true")'), mask('remove /a'), ''],
  ['@may_permit covers more calls', mask('remove /a', MAY, 'when { context.input.a == 1 }'), mask('remove /a', MAY), 'p may_permit'],
  ['@may_permit covers one more case', mask('remove /a', MAY, 'when { context.input.a == 1 }'), mask('remove /a', MAY, 'when { context.input.a == 1 || context.input.b == 1 }'), 'p may_permit'],
  ['@may_permit covers other calls', mask('remove /a', MAY, 'when { context.input.a == 1 }'), mask('remove /a', MAY, 'when { context.input.a == 2 }'), 'p condition, p may_permit'],
  ['@may_permit covers fewer calls', mask('remove /a', MAY), mask('remove /a', MAY, 'when { context.input.a == 1 }'), 'p condition'],
  ['a sanitize without it covers more calls', mask('remove /a', '', 'when { context.input.a == 1 }'), mask('remove /a'), ''],
  ['@may_permit covers as much', mask('remove /a', MAY, 'when { context.input.a == 1 }'), mask('remove /a', `${MAY} @reason("x")`, 'when { context.input.a == 1 }'), ''],
  // scopes
  ['a forbid for one tool only', forbid(), forbid('', action(`== ${tool('a')}`)), 'p scope'],
  ['a forbid for all tools', forbid('', action(`== ${tool('a')}`)), forbid(), ''],
  ['a forbid for another tool', forbid('', action(`== ${tool('a')}`)), forbid('', action(`== ${tool('b')}`)), 'p scope'],
  ['a forbid for more tools', forbid('', action(`in [${tool('a')}]`)), forbid('', action(`in [${tool('b')}, ${tool('a')}]`)), ''],
  ['a forbid for fewer tools', forbid('', action(`in [${tool('a')}, ${tool('b')}]`)), forbid('', action(`in [${tool('a')}]`)), 'p scope'],
  ['a forbid for a list with the tool', forbid('', action(`== ${tool('a')}`)), forbid('', action(`in [${tool('a')}, ${tool('b')}]`)), ''],
  ['a forbid for a group instead of one in it', forbid('', action(`in ${tool('g')}`)), forbid('', action(`in ${tool('h')}`)), 'p scope'],
  ['a forbid for every agent', forbid('', 'principal == Aegis::Agent::"x", action, resource'), forbid('', 'principal is Aegis::Agent, action, resource'), ''],
  ['a forbid for a role, type or not', forbid('', 'principal is Aegis::Agent in Aegis::Role::"r", action, resource'), forbid('', 'principal in Aegis::Role::"r", action, resource'), ''],
  ['a forbid for a type instead of all in a role', forbid('', 'principal in Aegis::Role::"r", action, resource'), forbid('', 'principal is Aegis::Agent in Aegis::Role::"r", action, resource'), 'p scope'],
  ['a forbid for a type, without its role', forbid('', 'principal is Aegis::Agent in Aegis::Role::"r", action, resource'), forbid('', 'principal is Aegis::Agent, action, resource'), ''],
  ['a forbid for a role instead of a type', forbid('', 'principal is Aegis::Agent, action, resource'), forbid('', 'principal in Aegis::Role::"r", action, resource'), 'p scope'],
  ['a permit for all tools', permit('', action(`== ${tool('a')}`)), permit(), 'p scope'],
  ['a permit for one more tool', permit('', action(`in [${tool('a')}]`)), permit('', action(`in [${tool('a')}, ${tool('b')}]`)), 'p scope'],
  ['a permit for fewer tools', permit('', action(`in [${tool('a')}, ${tool('b')}]`)), permit('', action(`== ${tool('b')}`)), ''],
  // conditions
  ['a forbid gets a condition', forbid(), forbid('when { context.input.a > 1 }'), 'p condition'],
  ['a forbid loses its condition', forbid('when { context.input.a > 1 }'), forbid(), ''],
  ['a limit is higher', forbid('when { context.input.a > 1 }'), forbid('when { context.input.a > 2 }'), 'p condition'],
  ['a limit is lower', forbid('when { context.input.a > 2 }'), forbid('when { context.input.a > 1 }'), ''],
  ['a limit is included', forbid('when { context.input.a > 2 }'), forbid('when { context.input.a >= 2 }'), ''],
  ['a limit is excluded', forbid('when { context.input.a <= 2 }'), forbid('when { context.input.a < 2 }'), 'p condition'],
  ['an upper limit is higher', forbid('when { context.input.a < 2 }'), forbid('when { context.input.a < 3 }'), ''],
  ['a limit of another param', forbid('when { context.input.a < 2 }'), forbid('when { context.input.b < 3 }'), 'p condition'],
  ['a limit in the other direction', forbid('when { context.input.a < 2 }'), forbid('when { context.input.a > 0 }'), 'p condition'],
  ['a limit that JSON would round', forbid('when { context.input.a > 9007199254740992 }'), forbid('when { context.input.a > 9007199254740993 }'), 'p condition'],
  ['an alternative more', forbid('when { context.input.a == 1 }'), forbid('when { context.input.b == 1 || context.input.a == 1 }'), ''],
  ['an alternative less', forbid('when { context.input.a == 1 || context.input.b == 1 }'), forbid('when { context.input.a == 1 }'), 'p condition'],
  ['a term more', forbid('when { context.input.a == 1 }'), forbid('when { context.input.a == 1 && context.input.b == 1 }'), 'p condition'],
  ['a last term less', forbid('when { context.input.a == 1 && context.input.b == 1 }'), forbid('when { context.input.a == 1 }'), ''],
  ['a first term less, which may fail to evaluate', forbid('when { context.input.a == 1 && context.input.b == 1 }'), forbid('when { context.input.b == 1 }'), 'p condition'],
  ['a `has` less, which fails on a null', forbid('when { context.input has a && context.input.b > 1 }'), forbid('when { context.input.b > 1 }'), 'p condition'],
  ['a first term less that cannot fail', forbid('when { principal has tier && context.input.a > 1 }'), forbid('when { context.input.a > 1 }'), ''],
  ['a comparison less that cannot fail', forbid('when { action == Aegis::Action::"a" && context.input.a > 1 }'), forbid('when { context.input.a > 1 }'), ''],
  ['a member more', forbid('when { ["x"].contains(context.input.a) }'), forbid('when { ["y", "x"].contains(context.input.a) }'), ''],
  ['a member less', forbid('when { ["x", "y"].contains(context.input.a) }'), forbid('when { ["x"].contains(context.input.a) }'), 'p condition'],
  ['members that are no literals', forbid('when { [context.input.b].contains(context.input.a) }'), forbid('when { [context.input.b, 1].contains(context.input.a) }'), 'p condition'],
  ['an exception more', forbid('unless { context.input.a == 1 }'), forbid('unless { context.input.a == 1 || context.input.b == 1 }'), 'p condition'],
  ['an exception for less', forbid('unless { context.input.a < 5 }'), forbid('unless { context.input.a < 4 }'), ''],
  ['an exception with a term more', forbid('unless { context.input.a == 1 }'), forbid('unless { context.input.a == 1 && context.input.b == 1 }'), ''],
  ['when becomes unless', forbid('when { context.input.a == 1 }'), forbid('unless { context.input.a == 1 }'), 'p condition'],
  ['a condition that cannot be compared', forbid('when { context.input.a like "*x" }'), forbid('when { context.input.a like "*" }'), 'p condition'],
  ['an approval under a condition', ask(), ask('', 'when { context.input.a > 1 }'), 'p condition'],
  ['a sanitize under a condition', mask('remove /a'), mask('remove /a', '', 'when { context.input has a }'), 'p condition'],
  ['a permit loses its condition', permit('when { context.input.a > 1 }'), permit(), 'p condition'],
  ['a permit gets a condition', permit(), permit('when { context.input.a > 1 }'), ''],
  ['a permit with a wider limit', permit('when { context.input.a < 1 }'), permit('when { context.input.a < 2 }'), 'p condition'],
  ['a permit with a narrower limit', permit('when { context.input.a < 2 }'), permit('when { context.input.a < 1 }'), ''],
  ['a permit with an alternative more', permit('when { context.input.a == 1 }'), permit('when { context.input.a == 1 || context.input.b == 1 }'), 'p condition'],
  ['a permit with an alternative less', permit('when { context.input.a == 1 || context.input.b == 1 }'), permit('when { context.input.a == 1 }'), ''],
  ['a permit with a term more', permit('when { context.input.a == 1 }'), permit('when { context.input.b == 1 && context.input.a == 1 }'), ''],
  ['a permit with an exception less', permit('unless { context.input.a > 5 }'), permit('unless { context.input.a > 6 }'), 'p condition'],
  ['a permit with an exception more', permit('unless { context.input.a > 5 }'), permit('unless { context.input.a > 4 }'), ''],
  // who decides, and for what
  ['a quorum of fewer people', ask('@quorum("3")'), ask('@quorum("2")'), 'p quorum'],
  ['a quorum is gone', ask('@quorum("2")'), ask(), 'p quorum'],
  ['a quorum of more people', ask(), ask('@quorum("2")'), ''],
  ['people need not be distinct any more', ask('@distinct("true")'), ask('@distinct("false")'), 'p distinct'],
  ['people must be distinct', ask(), ask('@distinct("true")'), ''],
  ['an escalation is new', ask(), ask('@escalate("60: managers")'), 'p escalate'],
  ['an escalation comes sooner', ask('@escalate("60: managers")'), ask('@escalate("30: managers")'), 'p escalate'],
  ['an escalation is gone', ask('@escalate("60: managers")'), ask(), ''],
  ['grants become possible', ask(), ask('@grantable("1 use; 1h")'), 'p grantable'],
  ['grants of more uses', ask('@grantable("1 use; 1h")'), ask('@grantable("2 uses; 1h")'), 'p grantable'],
  ['grants for longer', ask('@grantable("2 uses; 1h")'), ask('@grantable("1 use; 61m")'), 'p grantable'],
  ['grants of fewer uses', ask('@grantable("2 uses; 1d")'), ask('@grantable("1 use; 24h")'), ''],
  ['one more pointer may be edited', ask('@editable("/a")'), ask('@editable("/a, /b")'), 'p editable'],
  ['one pointer less may be edited', ask('@editable("/a, /b")'), ask('@editable("/b")'), ''],
  ['editors may approve', ask('@editable("/a")'), ask('@editable("/a") @editor_may_approve("true")'), 'p editor_may_approve'],
  ['editors may not approve', ask('@editable("/a") @editor_may_approve("true")'), ask('@editable("/a") @editor_may_approve("false")'), ''],
  ['approvers may see less', ask('@show_approver("full")'), ask('@show_approver("/a")'), 'p show_approver'],
  ['approvers may see one value less', ask('@show_approver("/a, /b")'), ask('@show_approver("/b")'), 'p show_approver'],
  ['approvers may see nothing for certain', ask('@show_approver("/a")'), ask(), 'p show_approver'],
  ['approvers see all', ask('@show_approver("/a")'), ask('@show_approver("full")'), ''],
  ['no preview is needed any more', ask('@needs_preview("true")'), ask(), 'p needs_preview'],
  ['a preview is needed', ask('@needs_preview("false")'), ask('@needs_preview("true")'), ''],
  // no change of what they do
  ['comments and layout', forbid('when { context.input.a == 1 }'), `// note\n${forbid('when {\n context.input.a == 1 // again\n}')}`, ''],
  ['the order of policies', `${permit()}${PERMIT_ALL}`, `${PERMIT_ALL}${permit()}`, ''],
]; // prettier-ignore

describe('findLoosened', () => {
  for (const [what, before, after, held] of ROWS)
    it(`${what}: ${held === '' ? 'comes into force' : `held, ${held}`}`, () => expect(loosened(before, after).join(', ')).to.equal(held));

  it('is counted', () => {
    const wrong = ROWS.filter(([, before, after, held]) => loosened(before, after).join(', ') !== held);
    counted({ what: 'A13 kinds of change, held or not', cases: ROWS.length, wrong: wrong.length });
    expect(wrong).to.deep.equal([]);
  });

  it('says which policy, where, and what changed, in words', () => {
    const before = policiesOf(ask('@approvers("legal") @approval_timeout_s("60") @severity("high")'));
    expect(inOneGo(findLoosened(before, policiesOf(ask('@approvers("legal, sales") @approval_timeout_s("90")'))))).to.deep.equal([
      { id: 'p', file: 'a.cedar', how: 'approvers', message: '@approvers changed from legal to legal, sales' },
      { id: 'p', file: 'a.cedar', how: 'approval_timeout_s', message: '@approval_timeout_s changed from 60 to 90' },
      { id: 'p', file: 'a.cedar', how: 'severity', message: '@severity changed from high to medium' },
    ]);
    expect(inOneGo(findLoosened(before, policiesOf(ask()))).map(({ message }) => message)).to.deep.equal([
      '@approvers changed from legal to anyone',
      '@approval_timeout_s changed from 60 to none',
      '@severity changed from high to medium',
    ]);
  });

  it('says which permit a new one takes the place of', () => {
    const before = policiesOf(named('a', 'when { context.input.a == 1 }'));
    expect(inOneGo(findLoosened(before, policiesOf(named('b'))))).to.deep.equal([
      { id: 'b', file: 'a.cedar', how: 'condition', message: "the permit takes the place of 'a', which is gone, and may match more calls" },
    ]);
  });

  it('compares a bounded number of permits that were renamed, and says of the rest that they may be wider', () => {
    const many = (prefix: string): string =>
      Array.from({ length: 200 }, (_, i) => named(`${prefix}${i}`, `when { context.input.a == ${i} }`)).join('');
    const found = loosened(many('a'), many('b'));
    expect(found.length).to.be.within(1, 199);
    expect(new Set(found.map((each) => each.split(' ')[1]))).to.deep.equal(new Set(['condition']));
  });

  it('knows every annotation: a new one has to be thought of here', () => {
    const compared = [
      'effect',
      'sanitize',
      'may_permit',
      'approvers',
      'self_approval',
      'approval_timeout_s',
      'severity',
      'observe',
      'observe_until',
      'quorum',
      'distinct',
      'escalate',
      'grantable',
      'editable',
      'editor_may_approve',
      'show_approver',
      'needs_preview',
      'limit',
      'cost',
      'over',
    ];
    expect([...ANNOTATION_CHECKS.keys()].sort()).to.deep.equal(['id', 'reason', 'summary', 'warn_at', ...compared].sort());
  });

  it('gives up on conditions that would take long to compare, and says that they may be looser', () => {
    const chain = (n: number, more: string): string =>
      Array.from({ length: n }, (_, i) => `(context.input.a${i} == 1 && context.input.b${i} ${more} 1)`).join(' || ');
    expect(loosened(forbid(`when { ${chain(25, '==')} }`), forbid(`when { ${chain(25, '!=')} }`))).to.deep.equal(['p condition']);
  });

  describe('where it says nothing', () => {
    const term = fc.constantFrom(
      'context.input.a > 1', 'context.input.a > 2', 'context.input.a >= 2', 'context.input.a < 2', 'context.input.a == 1', 'context.input has a',
      'context.input has b', 'context.input.b == 1', 'context.input.b != 2', '[1, 2].contains(context.input.a)', '[1].contains(context.input.a)',
      'context.input.c', 'true', 'principal has x', 'action == Aegis::Action::"tool"', 'context.input == context.session',
    ); // prettier-ignore
    const { condition } = fc.letrec<{ condition: string }>((tie) => ({
      condition: fc.oneof(
        { maxDepth: 3 },
        term,
        fc.tuple(tie('condition'), fc.constantFrom('&&', '||'), tie('condition')).map(([a, operator, b]) => `(${a} ${operator} ${b})`),
        tie('condition').map((inner) => `!(${inner})`),
        fc.tuple(tie('condition'), tie('condition')).map(([a, b]) => `(if ${a} then ${b} else ${a})`),
      ),
    }));
    const change = fc.oneof(
      fc.tuple(condition, condition),
      // most pairs of conditions have nothing to do with each other: others are variants of one
      fc.tuple(condition, condition, fc.constantFrom('&&', '||'), fc.boolean()).map(([a, b, operator, swap]): [string, string] => {
        const combined = fc.sample(fc.constantFrom(`${a} ${operator} ${b}`, `${b} ${operator} ${a}`), { numRuns: 1, seed })[0] as string;
        return swap ? [combined, a] : [a, combined];
      }),
      condition.map((a): [string, string] => [a, a.replace('> 1', '> 2')]),
      condition.map((a): [string, string] => [a.replaceAll('> 1', '>= 2').replace('[1]', '[1, 2]'), a]),
    );
    const kinds = fc.constantFrom<readonly ('when' | 'unless')[]>(['when'], ['unless']);
    const values = [undefined, 1, 2, null, 'x', true];
    const calls = values.flatMap((a) => values.slice(0, 4).flatMap((b) => [undefined, true].map((c) => callOf({ a, b, c }))));
    const RUNS = volume(1_500);

    it('no call runs that did not', () => {
      let [wrong, silent] = [0, 0];
      const compare = (before: string, after: string): void => {
        if (loosened(before, after).length > 0) return;
        silent += 1;
        const [old, next] = [engineOf(PERMIT_ALL + before), engineOf(PERMIT_ALL + after)];
        if (calls.some((call) => old.evaluate(call).effect === 'deny' && next.evaluate(call).effect !== 'deny')) wrong += 1;
      };
      fc.assert(
        fc.property(change, kinds, ([before, after], [kind]) => compare(forbid(`${kind} { ${before} }`), forbid(`${kind} { ${after} }`))),
        { numRuns: RUNS, seed },
      );
      counted({ what: 'A13 forbids that changed, reload not held', cases: RUNS, wrong, beside: { 'not held': silent } });
      expect(wrong).to.equal(0);
    });

    it('no call is permitted that was not', () => {
      let [wrong, silent] = [0, 0];
      fc.assert(
        fc.property(change, kinds, ([before, after], [kind]) => {
          const [was, is] = [permit(`${kind} { ${before} }`), permit(`${kind} { ${after} }`)];
          if (loosened(was, is).length > 0) return;
          silent += 1;
          const [old, next] = [engineOf(was), engineOf(is)];
          if (calls.some((call) => old.evaluate(call).effect === 'deny' && next.evaluate(call).effect !== 'deny')) wrong += 1;
        }),
        { numRuns: RUNS, seed },
      );
      counted({ what: 'A13 permits that changed, reload not held', cases: RUNS, wrong, beside: { 'not held': silent } });
      expect(wrong).to.equal(0);
    });
  });
});
