import { expect } from 'chai';
import { explainGrant } from '../../../lib/decision/grant/explainGrant.js';
import { GrantedScope } from '../../../lib/decision/grant/GrantedScope.js';
import { grantMatcher, termMatcher } from '../../../lib/decision/grant/grantMatcher.js';
import { readTerm } from '../../../lib/model/terms/GrantTerm.js';
import type { GrantTerm, GrantTerms, ReadTerm } from '../../../lib/model/terms/GrantTerm.js';
import type { CedarPolicyEngine } from '../../../lib/policy/engine/CedarPolicyEngine.js';
import type { GrantScope } from '../../../lib/model/terms/Grant.js';
import { counted, seed, volume } from '../../support/assurance.js';
import { callOf, engineOf } from '../../support/policyCalls.js';

const covers = (term: GrantTerm, example: unknown, value: unknown): boolean => termMatcher(readTerm(term) as ReadTerm, example)(value);

describe('Terms of grants', () => {
  const cases: readonly (readonly [term: GrantTerm, example: unknown, inside: readonly unknown[], outside: readonly unknown[]])[] = [
    [{ '>=': 0, '<=': 100 }, 40, [0, 100, 7], [-1, 101, 7.5, '7', NaN, Infinity, null, undefined, 7n, true]],
    [{ '>': 0, '<': 100 }, 40, [1, 99], [0, 100, 0.5]],
    [{ '>': 0, '<=': 99.99 }, 40, [0.01, 99.99, 40, 1], [0, 100, 99.991, 0.00001, '1']],
    [{ '>=': -5, '<=': 5 }, 1.5, [-5, 5, 0.1234], [-5.1, 0.12345]],
    ['any', 'x', ['', 'y', '..'], [1, true, null, undefined, ['x']]],
    ['any', true, [true, false], ['true', 1, 0, null]],
    [{ in: ['a', 'b'] }, 'a', ['a', 'b'], ['c', 'A', '', ['a'], null]],
    [{ in: [1, 2.5] }, 1, [1, 2.5], ['1', 2, true]],
    [{ startsWith: '/srv/reports/' }, '/srv/reports/a', ['/srv/reports/', '/srv/reports/2026/x.pdf'], ['/srv/reports', '/srv/reportsX', '/srv/reports/../etc', '/srv/reports/%2e%2e/etc', '/srv/reports/a\\b', '/srv/reports/a\nb', ' /srv/reports/', 7]], // prettier-ignore
    [{ startsWith: 'https://api.example.com/v1/' }, 'https://api.example.com/v1/x', ['https://api.example.com/v1/users?x=1'], ['https://api.example.com.evil.io/v1/', 'http://api.example.com/v1/', 'https://api.example.com/v1/..']], // prettier-ignore
    [
      { startsWith: '//cdn.example.com/' },
      '//cdn.example.com/x',
      ['//cdn.example.com/y'],
      ['//cdn.example.com.evil.io/', '/cdn.example.com/y'],
    ],
    [
      { startsWith: '/srv/reports/' },
      '/srv/reports/a',
      ['/srv/reports/a;b', '/srv/reports/a & b'],
      ['/srv/reports/\u2025/etc', '/srv/reports/\u2026', '/srv/reports/\ufe19', '/srv/reports/\ufe30/x'],
    ],
    [{ startsWith: 'git log ' }, 'git log -1', ['git log --stat lib', 'git log '], ['git log;id', 'git log ; id', 'git log | sh', 'git log & id', 'git log $(id)', 'git log `id`', 'git log > /etc/x', 'git log < x', 'git log \n id']], // prettier-ignore
    ['any', { a: 1 }, [], [{ a: 1 }, { b: 2 }, [1], null, new Date(0), 'x', 1]],
    ['any', 1, [], [1, 2, '1']],
    [{ endsWith: '@example.com' }, 'a@example.com', ['b@example.com', 'b.c+d@example.com'], ['@example.com', 'evil@x@example.com', 'a,b@example.com', 'b@example.com ', 'x/y@example.com', 'a b@example.com', 'b@sub.example.com', 'b@EXAMPLE.com']], // prettier-ignore
    [{ endsWith: '.pdf' }, 'a.pdf', ['b.pdf', 'b-c.pdf'], ['.pdf', '../b.pdf', 'x/b.pdf', 'b.pdf.exe', 'b..pdf']],
  ];
  for (const [term, example, inside, outside] of cases)
    it(`${JSON.stringify(term)} covers ${inside.length} values, and not ${outside.length} others`, () => {
      for (const value of inside) expect(covers(term, example, value), String(value)).to.equal(true);
      for (const value of outside) expect(covers(term, example, value), String(value)).to.equal(false);
    });

  const wrong: readonly unknown[] = [
    null, undefined, 7, '', 'all', [], {}, { like: '*' }, { '==': 1 }, { '<=': 1 }, { '>': 1, '>=': 1 }, { '>=': 1, '<=': NaN },
    { '>=': 1, '<=': 1e300 }, { in: [null] }, { in: [{}] }, { in: [0.00001] }, { in: ['\ud800'] }, { startsWith: '' }, { startsWith: '/' },
    { startsWith: 'https://' }, { startsWith: 'https://api.' }, { startsWith: 'https://a@b/' }, { startsWith: 'https://api.example.com' },
    { startsWith: 'https:' }, { startsWith: 'HTTPS:/' }, { startsWith: ' https:' }, { startsWith: 'http:/ ' }, { startsWith: 'wss:' }, { startsWith: 'ftp:a/' },
    { startsWith: 'file:' }, { startsWith: '//' }, { startsWith: ' //' }, { startsWith: '//cdn-' }, { startsWith: 'https://./' }, { startsWith: 'https:api.example.com/' },
    { startsWith: 'ls ;' }, { startsWith: 'cat a | b ' }, { startsWith: 'a\u2025/' },
    { startsWith: 'a%/' }, { startsWith: 'a\\/' }, { startsWith: 'a/../' }, { startsWith: '\ud800/' }, { startsWith: `${'a'.repeat(1_024)}/` },
    { endsWith: '' }, { endsWith: '@' }, { endsWith: 'com' }, { endsWith: '.a..b' }, { endsWith: '.\ud800' }, { endsWith: '@%' }, { endsWith: '@a', in: ['b'] },
  ]; // prettier-ignore
  it(`are nothing else: ${wrong.length} inputs`, () => {
    for (const given of wrong) expect(readTerm(given), JSON.stringify(given)).to.be.a('string');
    // a term that a newer version has written covers nothing
    expect(grantMatcher({ a: 1 }, { '/a': { like: 1 } as never })({ a: 1 })).to.equal(false);
  });

  it('that a newer version has written are explained too: as what permits nothing', () => {
    const params = { amount: 40, to: 'a' };
    const scope: GrantScope = { agentId: 'bot', toolName: 'refund', guardKey: 'refund', requester: 'bot', params, session: null, facts: {}, loosened: { params: { '/to': { like: 'a' } as never }, session: {}, facts: {} }, lifts: [] }; // prettier-ignore
    const engines = enginesOf(explainGrant(scope));
    for (const engine of engines) expect(engine.evaluate(callOf(params, { toolName: 'refund' })).effect).to.equal('deny');
    expect(engines).to.have.lengthOf(1);
    for (const engine of engines) engine.release();
  });

  it('leave everything else exactly as it was: names, nested names, lists, kinds', () => {
    const example = { a: { b: 1, c: [1, { d: 'x' }] }, 'e/f~': true, g: '' };
    const matches = grantMatcher(example, { '/a/b': { '>=': 0, '<=': 9 } });
    expect(matches(structuredClone(example))).to.equal(true);
    expect(matches({ ...example, a: { ...example.a, b: 9 } })).to.equal(true);
    const others: readonly unknown[] = [
      { ...example, a: { ...example.a, b: 10 } },
      { ...example, a: { ...example.a, x: 1 } },
      { ...example, a: { b: 1 } },
      { ...example, a: { ...example.a, c: [{ d: 'x' }, 1] } },
      { ...example, a: { ...example.a, c: [1, { d: 'x' }, 2] } },
      { ...example, a: { ...example.a, c: { 0: 1, 1: { d: 'x' } } } },
      { ...example, a: [1] },
      { ...example, g: null },
      { ...example, h: undefined },
      { ...example, 'e/f~': 1 },
      Object.create(example) as unknown,
      [example],
      null,
    ];
    for (const [i, other] of others.entries()) expect(matches(other), String(i)).to.equal(false);
    expect(grantMatcher(example, { '/e~1f~0': 'any' })({ ...example, 'e/f~': false })).to.equal(true);
  });

  it('never cover a null, a date or a BigInt, not even an equal one', () => {
    for (const value of [null, new Date(0), 1n, 1e300, 0.00001, NaN, undefined, () => 1])
      expect(grantMatcher({ value }, {})({ value }), String(value)).to.equal(false);
  });

  it('mean what their Cedar says', function () {
    this.timeout(600_000);
    const random = randomOf(seed);
    const cases = volume(100_000);
    const counts = { checked: 0, covered: 0, wrong: 0, outside: 0 };
    while (counts.checked < cases) {
      const scope = randomScope(random);
      const granted = new GrantedScope(scope);
      const called = enginesOf(explainGrant(scope, 'called'));
      const effective = enginesOf(explainGrant(scope));
      for (let n = 0; n < 40; n++) {
        const call = randomCall(random, scope);
        const { params, original, session, facts } = call;
        const isCovered = granted.covers({
          request: { agentId: 'bot', toolName: 'refund', guardKey: 'refund', params: original ?? params, session, opaque: [] },
          params: original === undefined ? undefined : params,
          facts,
          approvals: [{ id: 'p', hash: 'h', effect: 'approval_needed', grantable: { uses: 1, forMs: 1 } }],
        });
        // in Cedar a policy that cannot be evaluated permits nothing, and hinders no other one
        const ask = (engines: typeof called, input: Record<string, unknown>): boolean =>
          engines.some((one) => one.evaluate(callOf(input, { toolName: 'refund', session, facts })).effect === 'allow');
        const says = ask(effective, params) && ask(called, original ?? params);
        counts.checked += 1;
        if (isCovered) counts.covered += 1;
        if (isCovered && !says) counts.wrong += 1;
        // Cedar knows no order of lists, and a text that may deceive is for people: both only make grants narrower
        if (says !== isCovered && !call.isReordered && !call.mayDeceive) counts.wrong += 1;
        // never wider: a value that no term loosens is the one that was approved
        if (isCovered && strays(scope, call)) counts.outside += 1;
      }
      for (const engine of [...called, ...effective]) engine.release();
    }
    counted({
      what: 'a grant against its Cedar',
      cases: counts.checked,
      wrong: counts.wrong + counts.outside,
      beside: { covered: counts.covered },
    });
    expect(counts.wrong).to.equal(0);
    expect(counts.outside).to.equal(0);
    expect(counts.covered / counts.checked).to.be.within(0.1, 0.9);
  });
});

type Random = (n: number) => number;
interface RandomCall {
  readonly params: Record<string, unknown>;
  readonly original: Record<string, unknown> | undefined;
  readonly session: Record<string, unknown>;
  readonly facts: Record<string, unknown>;
  readonly isReordered: boolean;
  readonly mayDeceive: boolean;
}

/** 0 to n - 1. */
function randomOf(first: number): Random {
  let state = first >>> 0;
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

const pick = <T>(random: Random, values: readonly T[]): T => values[random(values.length)] as T;
const TEXTS = ['', 'a', '/srv/a/', '/srv/a/b', '/srv/a/../b', 'a@example.com', 'b@example.com', 'x@y@example.com', 'a*b', 'a"b\\c', 'ä\n', '%2e', '.pdf', 'b.pdf', 'ls a', 'ls ', 'ls a;b', '/srv/a/\u2025/b', '/srv/a/x$y']; // prettier-ignore
const NUMBERS = [0, 1, -1, 5, 40, 99, 100, 101, 0.5, 99.99, -0.0001, 2 ** 53 - 1, 12.3456];

/** Params with terms that cover them. */
function randomScope(random: Random): GrantScope {
  const params: Record<string, unknown> = { n: pick(random, NUMBERS), t: pick(random, TEXTS), f: random(2) === 0 };
  if (random(2) === 0) params['deep'] = { n: random(100), 'odd/name~': pick(random, TEXTS), list: [1, 2, { a: 'x' }] };
  if (random(3) === 0) params['list'] = [pick(random, TEXTS), pick(random, NUMBERS)];
  const originalParams = random(3) === 0 ? { ...params, t: pick(random, TEXTS) } : undefined;
  const session = { user_id: 'u1', level: random(100) };
  const facts = random(2) === 0 ? {} : { risk: random(100) };
  const terms = (example: Record<string, unknown>, before: Record<string, unknown> | undefined): GrantTerms => {
    const found: Record<string, GrantTerm> = {};
    for (const at of ['/n', '/t', '/f', '/deep/n', '/deep/odd~1name~0', '/level', '/risk']) {
      const values = [example, before].flatMap((root) => (root === undefined ? [] : [valueIn(root, at)])).filter((v) => v !== undefined);
      if (values.length === 0 || random(2) === 0) continue;
      const term = randomTerm(random, values[0]);
      const read = readTerm(term);
      if (typeof read !== 'string' && values.every((value) => termMatcher(read, value)(value))) found[at] = term;
    }
    return found;
  };
  return {
    agentId: 'bot',
    toolName: 'refund',
    guardKey: 'refund',
    requester: 'u1',
    params,
    ...(originalParams && { originalParams }),
    session,
    facts,
    loosened: { params: terms(params, originalParams), session: terms(session, undefined), facts: terms(facts, undefined) },
    lifts: [{ id: 'p', hash: 'h' }],
  };
}

function randomTerm(random: Random, value: unknown): GrantTerm {
  if (typeof value === 'number') {
    if (random(4) === 0) return { in: [value, pick(random, NUMBERS)] };
    const [lower, upper] = [value - pick(random, [0, 1, 10]), value + pick(random, [0, 1, 100])];
    return { [random(2) === 0 ? '>=' : '>']: lower, [random(2) === 0 ? '<=' : '<']: upper };
  }
  if (typeof value === 'boolean') return random(2) === 0 ? 'any' : { in: [value] };
  return pick<GrantTerm>(random, [
    'any',
    { in: [String(value), 'a'] },
    { startsWith: '/srv/a/' },
    { startsWith: 'ls ' },
    { endsWith: '@example.com' },
    { endsWith: '.pdf' },
  ]);
}

/** A call like that of the grant, changed in some places. */
function randomCall(random: Random, scope: GrantScope): RandomCall {
  let isReordered = false;
  const changed = (root: Readonly<Record<string, unknown>>, times: number): Record<string, unknown> => {
    const copy = structuredClone(root) as Record<string, unknown>;
    for (let i = 0; i < times; i++) {
      const holder = random(3) === 0 && typeof copy['deep'] === 'object' ? (copy['deep'] as Record<string, unknown>) : copy;
      const name = pick(random, Object.keys(holder).length > 0 ? Object.keys(holder) : ['n']);
      const value = holder[name];
      const kind = random(12);
      if (kind === 0) delete holder[name];
      else if (kind === 1) holder['more'] = 1;
      else if (Array.isArray(value)) {
        if (random(2) === 0) value.push('new');
        else {
          value.reverse();
          isReordered = true;
        }
      } else if (typeof value === 'number') holder[name] = pick(random, [...NUMBERS, value + 1, value - 1, value + 0.5, String(value)]);
      else if (typeof value === 'string') holder[name] = pick<unknown>(random, [...TEXTS, value, 7]);
      else if (typeof value === 'boolean') holder[name] = pick<unknown>(random, [true, false, 'true']);
    }
    return copy;
  };
  const params = changed(scope.params, random(3));
  const original = scope.originalParams && changed(scope.originalParams, random(2));
  const session = changed(scope.session ?? {}, random(4) === 0 ? 1 : 0);
  // whose calls they are is a matter of the grant, and no term's
  session['user_id'] = 'u1';
  const facts = changed(scope.facts, random(4) === 0 ? 1 : 0);
  const mayDeceive = JSON.stringify([params, original]).includes('\\n');
  return { params, original, session, facts, isReordered, mayDeceive };
}

/** Whether some value that no term names is another one. */
function strays(scope: GrantScope, call: RandomCall): boolean {
  const pairs: readonly (readonly [GrantTerms, unknown, unknown])[] = [
    [scope.loosened.params, scope.params, call.params],
    [scope.loosened.params, scope.originalParams, call.original],
    [scope.loosened.session, scope.session, call.session],
    [scope.loosened.facts, scope.facts, call.facts],
  ];
  return pairs.some(([terms, example, value]) => JSON.stringify(blanked(example, terms, '')) !== JSON.stringify(blanked(value, terms, '')));
}

function blanked(value: unknown, terms: GrantTerms, at: string): unknown {
  if (Object.hasOwn(terms, at)) return '-';
  if (Array.isArray(value) || typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([name, inner]) => [name, blanked(inner, terms, `${at}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`)]);
}

function valueIn(root: Record<string, unknown>, at: string): unknown {
  let value: unknown = root;
  for (const name of at
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return typeof value === 'object' ? undefined : value;
}

/** An engine for each policy of a text. */
function enginesOf(text: string): readonly CedarPolicyEngine[] {
  return text
    .split('permit (')
    .slice(1)
    .map((policy) => engineOf(`@id("g") permit (${policy}`));
}
