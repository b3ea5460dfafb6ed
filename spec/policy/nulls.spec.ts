import { expect } from 'chai';
import { counted } from '../support/assurance.js';
import { callOf, engineOf, PERMIT_ALL, wasmEngineOf } from '../support/policyCalls.js';

const forbid = (condition: string): string => `${PERMIT_ALL}@id("f") forbid (principal, action, resource) when { ${condition} };`;
const INPUT = { to: ['a@x', null], one: null, o: { a: null, b: 1 }, list: [{ id: 1, note: null }], plain: 1, mails: ['a@x'] };

/** Conditions that depend on a null of INPUT, whatever they would say of it. */
const READING = [
  'context.input.to != ["a@x"]',
  'context.input.to == ["a@x"]',
  '["a@x"] == context.input.to',
  'context.input.to.contains("b@x")',
  'context.input.to.containsAll(["b@x"])',
  'context.input.to.containsAny(["b@x"])',
  '["a@x", "b@x"].containsAll(context.input.to)',
  '["a@x"].containsAny(context.input.to)',
  'context.input.to.isEmpty()',
  'context.input.one == 1',
  'context.input.one != 1',
  'context.input.one like "*"',
  'context.input.one > 1',
  'context.input.one + 1 == 1',
  '-context.input.one == 1',
  'context.input.one',
  '!context.input.one',
  'context.input.one.deeper == 1',
  'context.input.one.contains(1)',
  'context.input.one.isEmpty()',
  'context.input has one',
  '!(context.input has one)',
  'context.input has one.deeper',
  'context.input has o.a',
  'context.input has o.a.deeper',
  'context.input.o has a',
  'context.input.o == {b: 1}',
  'context.input.o != {b: 1}',
  '{x: context.input.o} == {x: {b: 1}}',
  '[context.input.o].contains({b: 1})',
  '[{b: 1}].contains(context.input.o)',
  'context.input.list.contains({id: 1})',
  'context.input.list == [{id: 1}]',
  'context.input == {}',
  'context == {}',
  'if context.input has one then false else false',
  'decimal(context.input.one) == decimal("1.0")',
  'context.input.plain == 1 && context.input has one',
  'context.input.plain == 2 || context.input.one == 3',
];

/** Conditions that hold or not by other things alone. */
const OTHER: readonly (readonly [string, 'allow' | 'deny'])[] = [
  ['context.input.plain == 2', 'allow'],
  ['context.input.plain == 1', 'deny'],
  ['context.input.plain == 2 && context.input.one == 1', 'allow'],
  ['context.input.plain == 1 || context.input.one == 1', 'deny'],
  ['context.input.o.b == 1', 'deny'],
  ['context.input.o has b', 'deny'],
  ['context.input has to', 'deny'],
  ['context.input has nothing', 'allow'],
  ['context.input.mails != ["a@x"]', 'allow'],
  ['context.session has user_id', 'allow'],
];

describe('A null in the params', () => {
  const wrong: string[] = [];
  after(() => counted({ what: 'A15 nulls that a policy depends on', cases: READING.length + OTHER.length, wrong: wrong.length }));

  for (const condition of READING)
    it(`denies where a policy depends on it: ${condition}`, () => {
      const outcome = engineOf(forbid(condition)).evaluate(callOf(INPUT));
      if (outcome.effect !== 'deny' || outcome.code !== 'null_read') wrong.push(condition);
      expect(outcome).to.include({ effect: 'deny', code: 'null_read' });
      expect(outcome).to.have.property('reason').that.includes('is null').and.includes('Leave the parameter out');
      expect(outcome).to.have.deep.nested.property('problems[0].policyId', 'f');
    });

  for (const [condition, effect] of OTHER)
    it(`does not matter where none does: ${condition}`, () => {
      const outcome = engineOf(forbid(condition)).evaluate(callOf(INPUT, { session: { user_id: null } }));
      if (outcome.effect !== effect || 'problems' in outcome) wrong.push(condition);
      expect(outcome.effect).to.equal(effect);
      expect(outcome).to.not.have.property('problems');
    });

  it('denies where a policy looks for an entity in it', () => {
    for (const condition of ['principal in context.input.to', 'principal in context.input.one'])
      expect(engineOf(forbid(condition)).evaluate(callOf(INPUT)).effect).to.equal('deny');
  });

  it('denies where cedar-wasm has to decide, which knows no null', () => {
    expect(wasmEngineOf(PERMIT_ALL).evaluate(callOf(INPUT))).to.include({ effect: 'deny', code: 'policy_error' });
    expect(wasmEngineOf(PERMIT_ALL).evaluate(callOf({ plain: 1 }))).to.include({ effect: 'allow' });
  });

  it('is not compared with cedar-wasm, and is no mismatch', () => {
    const engine = engineOf(forbid('context.input.plain == 2'), { verify: 1 });
    for (let i = 0; i < 3; i++) expect(engine.evaluate(callOf(INPUT)).effect).to.equal('allow');
    expect(engine.evaluate(callOf({ plain: 2 })).effect).to.equal('deny');
  });

  it('of which one policy of two depends is a policy error, where the other fails for another reason', () => {
    const engine = engineOf(
      `${forbid('context.input.one == 1')}@id("g") forbid (principal, action, resource) when { context.input.nothing };`,
    );
    const outcome = engine.evaluate(callOf(INPUT));
    expect(outcome).to.include({ effect: 'deny', code: 'policy_error' });
    expect(outcome).to.have.property('problems').with.length(2);
  });

  it('may be removed or replaced by a sanitize policy, and masked by none', () => {
    const outcome = (operation: string): unknown =>
      engineOf(`${PERMIT_ALL}@id("s") @effect("sanitize") @sanitize("${operation}") forbid (principal, action, resource) when { context.input.plain == 1 };`) // prettier-ignore
        .evaluate(callOf({ ...INPUT }, { removable: ['one', 'plain'] }));
    expect(outcome('set /plain 2; remove /one')).to.have.property('effect', 'sanitize');
    expect(outcome('set /plain 2; set /one 3')).to.have.property('effect', 'sanitize');
    for (const operation of ['mask_email /one', 'redact /one', 'truncate /one 3', 'mask_email /to'])
      expect(outcome(`set /plain 2; ${operation}`), operation).to.include({ effect: 'deny', code: 'sanitize_failed' });
  });

  it('cannot be hidden in a list of the session or of an agent either', () => {
    const engine = engineOf(forbid('context.session.groups != ["ops"]'));
    expect(engine.evaluate(callOf({}, { session: { groups: ['ops', null] } }))).to.include({ effect: 'deny', code: 'null_read' });
    expect(engine.evaluate(callOf({}, { session: { groups: ['ops'] } })).effect).to.equal('allow');
    expect(() => engineOf(PERMIT_ALL, { agents: { bot: { attributes: { groups: ['ops', null] } } } })).to.throw('without null in lists');
  });
});
