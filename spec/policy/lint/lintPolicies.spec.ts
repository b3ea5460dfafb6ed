import { expect } from 'chai';
import { cedarGeneration } from '../../../lib/policy/wasm/CedarWasm.js';
import { lintPolicies } from '../../../lib/policy/lint/lintPolicies.js';
import { PERMIT_ALL } from '../../support/policyCalls.js';

describe('lintPolicies', () => {
  it('checks in a thread of its own', async () => {
    const findings = await lintPolicies([{ file: 'a.cedar', text: `${PERMIT_ALL}permit (` }], { schema: 'namespace Aegis {}' });
    expect(findings.map(({ severity }) => severity)).to.include.members(['warning', 'error']);
    expect(findings.find(({ line }) => line === 2)).to.include({ file: 'a.cedar', severity: 'error' });
  });

  it('cannot be trapped into ruining our own instance', async () => {
    const before = cedarGeneration();
    const schema = `namespace Aegis { type T = ${'Set<'.repeat(3_000)}Long${'>'.repeat(3_000)}; }`;
    const findings = await lintPolicies([{ file: 'a.cedar', text: PERMIT_ALL }], { schema });
    expect(findings.some(({ severity }) => severity === 'error')).to.equal(true);
    expect(cedarGeneration()).to.equal(before);
  });

  it('tells where no thread can be started, as for a text that is none', async () => {
    const findings = await lintPolicies([{ file: 'a.cedar', text: (() => PERMIT_ALL) as never }]);
    expect(findings).to.deep.equal([
      { file: 'a.cedar', line: 1, column: 1, severity: 'error', message: 'No thread could be started for the check.' },
    ]);
  });

  it('has a place for what stops it, also where there is no file', async () => {
    expect(await lintPolicies([], { timeoutMs: 1 })).to.have.nested.property('[0].file', 'policies');
  });

  it('ends after its time', async () => {
    const findings = await lintPolicies([{ file: 'a.cedar', text: PERMIT_ALL.repeat(20_000) }], { timeoutMs: 1 });
    expect(findings).to.deep.equal([
      {
        file: 'a.cedar',
        line: 1,
        column: 1,
        severity: 'error',
        message: 'The check took longer than 1 ms and was stopped. Check fewer policies at once, or raise timeoutMs.',
      },
    ]);
  });
});
