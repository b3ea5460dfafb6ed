import { expect } from 'chai';
import { lintSources } from '../../../lib/policy/lint/lintSources.js';
import { deadConditions } from '../../../lib/policy/lint/deadConditions.js';

const warnings = (conditions: string): string[] =>
  lintSources([{ file: 'a.cedar', text: `@id("p") forbid (principal, action == Aegis::Action::"t", resource) ${conditions};` }])
    .filter(({ severity }) => severity === 'warning')
    .map(({ message }) => message);

describe('What lint says of conditions that cannot hold', () => {
  const dead: readonly (readonly [conditions: string, ...parts: string[]])[] = [
    ['when { context.inputs.x == 1 }', '`context.inputs`', 'reading it fails, which denies the call', "did you mean 'input'?"],
    ['when { context.Input.x == 1 }', '`context.Input`', "did you mean 'input'?"],
    ['when { context.params.x == 1 }', '`context.params`', '`context.input`, `context.session`, `context.facts`, `context.system`'],
    ['when { context.sesion.user_id == "ann" }', '`context.sesion`', "did you mean 'session'?"],
    ['unless { context.fact.ok }', '`context.fact`', "did you mean 'facts'?"],
    ['when { context has inputs }', '`context.inputs`', 'this test is always false'],
    ['when { context has inputs.x && true }', '`context.inputs`', 'this test is always false'],
    ['when { context.system.nows < datetime("2030-01-01") }', '`context.system.nows`', "did you mean 'now'?"],
    ['when { context.system has time }', '`context.system.time`', 'this test is always false', '`context.system.now`'],
    ['when { context.input.a == 1 || (if context.inptu.b then true else false) }', '`context.inptu`'],
    ['when { principal is Aegis::Role }', '`principal` is always of type `Aegis::Agent`, never `Aegis::Role`'],
    ['when { principal == User::"ann" }', '`principal` is always of type `Aegis::Agent`, never `User`'],
    ['when { Aegis::Agent::"x" == resource }', '`resource` is always of type `Aegis::Toolset`, never `Aegis::Agent`'],
    ['when { false }', '`when { false }` never holds'],
    ['unless { true }', '`unless { true }` never holds'],
    [
      'when { context.input.env == "prod" && context.input.n > 1 && context.input.env == "dev" }',
      '`context.input.env` to be two different',
    ],
    ['when { "a" == context.input.env } when { context.input.env == "b" }', '`context.input.env` to be two different'],
    ['when { context.input.n > 1 || (context.input.a == 1 && context.input.a == 2) }', '`context.input.a` to be two different'],
  ];
  for (const [conditions, ...parts] of dead)
    it(`is a warning: ${conditions}`, () => {
      const found = warnings(conditions);
      expect(found).to.have.length(1);
      for (const part of parts) expect(found[0]).to.include(part);
    });

  for (const conditions of [
    '',
    'when { context.input.x == 1 }',
    'when { context.input has x && context.input.x == 1 }',
    'when { context.session has user_id.x }',
    'when { context.facts.anything.at.all }',
    'when { context has input }',
    'when { context has input.x }',
    'when { context.system.now > datetime("2020-01-01") }',
    'when { context.system has now }',
    'when { principal is Aegis::Agent && principal in Aegis::Role::"ops" && principal.inputs == 1 }',
    'when { principal has inputs && principal == Aegis::Agent::"a" }',
    'when { resource == Aegis::Toolset::"default" }',
    'when { context.input.env == "prod" && context.input.env == "prod" }',
    'when { context.input.env == "prod" || context.input.env == "dev" }',
    'when { context.input.a == context.input.b && context.input.a == 1 }',
    'when { {inputs: 1} has inputs }',
    'when { 1 == 1 && context == {} }',
    'when { true } unless { false }',
  ])
    it(`is nothing: ${conditions}`, () => expect(warnings(conditions)).to.deep.equal([]));

  it('is each once', () => {
    expect(warnings('when { context.inputs.x == 1 || context.inputs.y == 2 }')).to.have.length(1);
  });

  it('is nothing about what it does not know', () => {
    expect(
      deadConditions([
        { kind: 'when', body: null },
        { kind: 'when', body: { '.': 'odd' } },
      ]),
    ).to.deep.equal([]);
  });
});
