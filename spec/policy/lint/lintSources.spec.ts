import { expect } from 'chai';
import { lintSources } from '../../../lib/policy/lint/lintSources.js';
import { PERMIT_ALL } from '../../support/policyCalls.js';

const SCHEMA = `namespace Aegis {
  entity Role; entity Agent in Role; entity Toolset;
  action call_tool;
  action transfer in call_tool appliesTo { principal: Agent, resource: Toolset, context: { input: { amount: Long, note?: String } } };
}`;
const lint = (text: string, schema?: string): string[] =>
  lintSources([{ file: 'a.cedar', text }], schema).map(
    ({ file, line, column, severity, policyId, message }) => `${file}:${line}:${column} ${severity} [${policyId ?? ''}] ${message}`,
  );

describe('lintSources', () => {
  it('finds what would not load, and what its author should know, in the order of the file', () => {
    const text = [
      '@id("all") permit (principal, action, resource);',
      '@id("mask") @effect("sanitize") @sanitize("mask_email /body")',
      '  forbid (principal, action, resource);',
      'forbid (principal, action, resource);',
      '@id("ask") @effect("approval_needed") forbid (principal, action, resource);',
      '@id("no") forbid (principal, action, resource);',
    ].join('\n');
    const found = lint(text);
    expect(found.map((line) => line.split(' ').slice(0, 3).join(' '))).to.deep.equal([
      'a.cedar:1:1 warning [all]',
      'a.cedar:2:1 warning [mask]',
      'a.cedar:2:1 info [mask]',
      'a.cedar:4:1 error []',
      'a.cedar:5:1 info [ask]',
    ]);
  });

  it('says of a watched policy until when, and warns once that is over', () => {
    const watched = (until: number): string =>
      `@id("w") @effect("approval_needed") @observe("true") @observe_until("${new Date(until).toISOString()}") forbid (principal, action, resource);`;
    const [soft, info] = lint(PERMIT_ALL.replace('action,', 'action == Aegis::Action::"t",') + watched(Date.now() + 60_000));
    expect(soft).to.contain('info [w] A soft forbid');
    expect(info).to.match(/^a\.cedar:2:1 info \[w\] Only watched until \d{4}-.*Z: it asks no one before that\.$/);
    const [, over] = lint(PERMIT_ALL.replace('action,', 'action == Aegis::Action::"t",') + watched(Date.now() - 60_000));
    expect(over).to.match(/^a\.cedar:2:1 warning \[w\] @observe_until was \d{4}-.*Z, so the policy asks now\./);
  });

  it('says of a watched limit that it stops nothing, and that it stops calls once that is over', () => {
    const watched = (until: number): string =>
      `@id("w") @effect("limit") @limit("1/1d") @observe("true") @observe_until("${new Date(until).toISOString()}") forbid (principal, action, resource);`;
    const of = (until: number): string => lint(PERMIT_ALL.replace('action,', 'action == Aegis::Action::"t",') + watched(until)).join('\n');
    expect(of(Date.now() + 60_000)).to.match(/ info \[w\] Only watched until \d{4}-.*Z: it stops nothing before that\./);
    expect(of(Date.now() - 60_000)).to.match(/ warning \[w\] @observe_until was \d{4}-.*Z, so the policy stops calls now\./);
  });

  it('finds what the validator finds, where there is a schema', () => {
    const when = (condition: string): string =>
      `@id("x")\n permit (principal, action == Aegis::Action::"transfer", resource)\n when { ${condition} };`;
    expect(lint(when('context.input.amount > 5'), SCHEMA)).to.deep.equal([]);
    const [typo] = lint(
      `${PERMIT_ALL.replace('action,', 'action == Aegis::Action::"transfer",')}\n${when('context.input.amout > 5')}`,
      SCHEMA,
    );
    expect(typo).to.match(/^a\.cedar:5:\d+ error \[x\] .*amout.*did you mean `amount`/);
    expect(lint(when('context.input.note == "x"'), SCHEMA)[0])
      .to.contain('error [x]')
      .and.contain('optional');
    expect(lint(when('context.input.amount == "x" && false'), SCHEMA).join()).to.contain('[x]');
    expect(lint('/* é */'.slice(8) + when('context.input.amount > "é"'), SCHEMA)[0]).to.match(/^a\.cedar:3:/);
  });

  it('finds a decimal that is compared as a Long, where the schema says that it is one', () => {
    const decimals = SCHEMA.replace('amount: Long', 'amount: decimal');
    const when = '@id("x") forbid (principal, action == Aegis::Action::"transfer", resource) when { context.input.amount > 100 };';
    expect(lint(when, decimals).join()).to.match(/error \[x\] .*expected .*Long.* but saw decimal/is);
  });

  it('tells the first line where Cedar names no place in the schema or the policy', () => {
    expect(lint(PERMIT_ALL, 'entity A;\naction a in b;\naction b in a;').at(-1)).to.match(
      /^schema:1:1 error \[\] cycle in action hierarchy/,
    );
    const text = `\n${PERMIT_ALL.replace('action,', 'action in [],')}`;
    expect(lint(text, SCHEMA)[0]).to.match(/^a\.cedar:2:1 error \[permit-all\] .*empty set/);
  });

  it('orders files by name, whatever the order they came in', () => {
    const files = ['b', 'c', 'a'].map((file) => ({ file, text: `@id("${file}") permit (principal, action, resource);` }));
    expect(lintSources(files).map(({ file }) => file)).to.deep.equal(['a', 'b', 'c']);
  });

  it('finds a broken schema', () => {
    expect(lint(PERMIT_ALL, 'namespace A {\n entity ;')).to.satisfy((found: string[]) =>
      found.some((line) => line.startsWith('schema:2:')),
    );
  });
});
