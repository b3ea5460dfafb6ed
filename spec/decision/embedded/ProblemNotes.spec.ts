import { expect } from 'chai';
import { ProblemNotes } from '../../../lib/decision/embedded/ProblemNotes.js';
import { AegisModule, guard } from '../../../lib/index.js';
import { runInChild } from '../../support/runInChild.js';

const POLICY =
  '@id("all") permit (principal, action, resource); @id("large") forbid (principal, action, resource) when { context.input.amount > 100 };';

describe('What a developer is told about a policy that could not be evaluated', () => {
  it('is said once for each policy, and again after a reload', () => {
    const lines: string[] = [];
    const notes = new ProblemNotes((line) => lines.push(line));
    const problem = { policyId: 'large', problem: '`context.input.amount > 100` needs two Longs' };
    notes.note('refund', [problem], 'one');
    notes.note('other', [problem, { policyId: 'small', problem: 'it could not be evaluated' }], 'one');
    notes.note('refund', [problem], 'two');
    expect(lines.map((line) => /tool '(\w+)' .* policy '(\w+)' .*evaluated: (.*?)\. Said/.exec(line)?.slice(1))).to.deep.equal([
      ['refund', 'large', problem.problem],
      ['other', 'small', 'it could not be evaluated'],
      ['refund', 'large', problem.problem],
    ]);
  });

  it('escapes what could move the cursor', () => {
    const lines: string[] = [];
    new ProblemNotes((line) => lines.push(line)).note('t', [{ policyId: 'a\u001b[2J', problem: 'b\r' }], 'h');
    expect(lines.join()).to.include("'a\\u{1b}[2J'").and.include('b\\u{d}');
  });

  const program = `
    const { AegisModule, guard } = await import(${JSON.stringify(new URL('../../../lib/index.js', import.meta.url).href)});
    const module = AegisModule.create({ policies: { text: ${JSON.stringify(POLICY)} }, agentId: 'a' });
    const refund = guard(async (amount) => amount, { module, toolName: 'refund', params: ['amount'] });
    for (const amount of [19.99, 20.5, 42]) await refund(amount).then(console.log, (error) => console.log(error.message));
    await module.close();`;

  it('names the policy, the expression and the kinds, never the value, on stderr in development', async () => {
    const { code, stdout, stderr } = await runInChild(program, { env: { NODE_ENV: 'development' } });
    expect(code).to.equal(0);
    expect(stdout).to.include('The policies could not be evaluated for this call.');
    expect(stderr.trim().split('\n')).to.have.length(1);
    expect(stderr)
      .to.include("policy 'large'")
      .and.include('`context.input.amount > 100`')
      .and.include('a decimal and a Long')
      .and.include('cents');
    expect(stdout + stderr)
      .to.not.include('19.99')
      .and.not.include('20.5');
  });

  it('is nothing in production, nor where a logger gets it', async () => {
    expect(await runInChild(program, { env: { NODE_ENV: 'production' } })).to.include({ code: 0, stderr: '' });
    const warned: object[] = [];
    const logger = { debug() {}, info() {}, warn: (fields: object) => void warned.push(fields), error() {} };
    const module = AegisModule.create({ policies: { text: POLICY }, agentId: 'a', logger });
    await guard(async (amount: number) => amount, { module, toolName: 'refund', params: ['amount'] })(1.5).catch(() => {});
    expect(JSON.stringify(warned)).to.include('context.input.amount > 100');
    await module.close();
  });
});
