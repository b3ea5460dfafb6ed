import { expect } from 'chai';
import { AegisModule, ConfigError } from '../../../lib/index.js';
import type { AegisOptions, ConfigureOptions } from '../../../lib/index.js';
import { applyEnvironment } from '../../../lib/guard/module/environment.js';
import { StandInDecisions, thrown } from '../../support/standInDecisions.js';

const whereOf = (make: () => unknown): readonly string[] => {
  const error = thrown(make);
  if (!(error instanceof ConfigError)) throw error;
  return error.problems.map((problem) => problem.where);
};

describe('The options of a module', () => {
  it('may say how a Data Plane is asked', async () => {
    const options: AegisOptions = { apiKey: 'k', baseUrl: 'https://aegis.example', timeoutMs: 500, retries: 1, userAgent: 'x' };
    await AegisModule.create(options).close();
  });

  it('are refused where there is no Data Plane to ask', () => {
    const options: AegisOptions = { decisions: new StandInDecisions(), timeoutMs: 500, retries: 1 };
    expect(whereOf(() => AegisModule.create(options))).to.deep.equal(['timeoutMs', 'retries']);
  });

  it('are a source alone where the environment names it', () => {
    for (const env of [{ AEGIS_API_KEY: 'k' }, { AEGIS_POLICIES: './policies' }])
      expect(applyEnvironment({}, env).problems).to.deep.equal([]);
    expect(applyEnvironment({}, { AEGIS_API_KEY: 'k', AEGIS_POLICIES: './policies' }).problems).to.have.length(1);
  });

  describe('are all looked at in configure()', () => {
    const decisions = new StandInDecisions();
    for (const [options, where] of [
      [{ replace: 'yes' }, 'replace'],
      [{ replace: true, agentId: 5 }, 'agentId'],
      [{ agentId: 5 }, 'agentId'],
    ] as const)
      it(JSON.stringify(options), () => {
        expect(whereOf(() => AegisModule.configure({ decisions, env: false, ...options } as unknown as ConfigureOptions))).to.deep.equal([
          where,
        ]);
      });
  });
});
