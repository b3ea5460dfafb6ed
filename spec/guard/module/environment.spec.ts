import { expect } from 'chai';
import { applyEnvironment } from '../../../lib/guard/module/environment.js';
import type { AegisOptions } from '../../../lib/index.js';

const remote: AegisOptions = { apiKey: 'k', timeoutMs: 500, retries: 1, debug: false, logLevel: 'error' };
const polling = 'AEGIS_APPROVAL_POLLING_';

function read(options: AegisOptions, path: string): unknown {
  return path.split('.').reduce<any>((at, key) => at?.[key], options);
}

describe('The environment', () => {
  /** Variable, what it says, the option it sets, to what. */
  const variables: readonly (readonly [string, string, string, unknown])[] = [
    ['AEGIS_BASE_URL', 'https://aegis.example', 'baseUrl', 'https://aegis.example'],
    ['AEGIS_API_KEY', 'key', 'apiKey', 'key'],
    ['AEGIS_TIMEOUT_S', '2.5', 'timeoutMs', 2_500],
    ['AEGIS_TIMEOUT_S', ' 7 ', 'timeoutMs', 7_000],
    ['AEGIS_RETRIES', '5', 'retries', 5],
    ['AEGIS_LOG_LEVEL', 'WARNING', 'logLevel', 'warning'],
    ['AEGIS_DEBUG', 'true', 'debug', true],
    ['AEGIS_DEBUG', '1', 'debug', true],
    ['AEGIS_DEBUG', 'Yes', 'debug', true],
    ['AEGIS_DEBUG', 'on', 'debug', true],
    ['AEGIS_DEBUG', '0', 'debug', false],
    ['AEGIS_DEBUG', 'FALSE', 'debug', false],
    ['AEGIS_DEBUG', 'no', 'debug', false],
    ['AEGIS_DEBUG', ' off ', 'debug', false],
    [`${polling}ENABLED`, 'off', 'approvalPolling.enabled', false],
    [`${polling}INITIAL_DELAY_S`, '0.5', 'approvalPolling.initialDelayMs', 500],
    [`${polling}MAX_DELAY_S`, '300', 'approvalPolling.maxDelayMs', 300_000],
    [`${polling}MAX_ATTEMPTS`, '200', 'approvalPolling.maxAttempts', 200],
    [`${polling}JITTER_RATIO`, '0.5', 'approvalPolling.jitterRatio', 0.5],
  ];
  const before: AegisOptions = {
    ...remote,
    debug: true,
    baseUrl: 'https://program.example',
    approvalPolling: { enabled: true, initialDelayMs: 1_000, maxDelayMs: 9_000, maxAttempts: 9, jitterRatio: 0.2 },
  };

  for (const [name, text, option, value] of variables) {
    it(`sets ${option} by ${name}=${text}, and wins over the program`, () => {
      const result = applyEnvironment(before, { [name]: text });
      expect(result.problems).to.deep.equal([]);
      expect(read(result.options, option)).to.equal(value);
      expect(result.origins.get(option)).to.equal(name);
      expect(Object.keys(result.options).sort()).to.deep.equal(Object.keys(before).sort());
    });
    it(`leaves ${option} alone where ${name} is empty or missing`, () => {
      for (const env of [{ [name]: '' }, {}, { [name]: undefined }]) {
        const result = applyEnvironment(before, env);
        expect(result.options).to.deep.equal(before);
        expect(result.problems).to.deep.equal([]);
      }
    });
  }

  it('sets the key of stored approvals by AEGIS_STATE_KEY, where policies decide in this process', () => {
    const env = { AEGIS_STATE_KEY: 'k'.repeat(32) };
    const result = applyEnvironment({ policies: './a', stateKey: 'p'.repeat(32) }, env);
    expect([result.options.stateKey, result.origins.get('stateKey')]).to.deep.equal([env.AEGIS_STATE_KEY, 'AEGIS_STATE_KEY']);
    expect(applyEnvironment({}, { ...env, AEGIS_POLICIES: './a' }).options.stateKey).to.equal(env.AEGIS_STATE_KEY);
    expect(applyEnvironment({ apiKey: 'x' }, env).options).to.not.have.property('stateKey');
    expect(applyEnvironment({ policies: './a' }, { AEGIS_STATE_KEY: '' }).options).to.not.have.property('stateKey');
  });

  it('sets policies by AEGIS_POLICIES', () => {
    expect(applyEnvironment({}, { AEGIS_POLICIES: './a' }).options.policies).to.equal('./a');
    expect(applyEnvironment({ policies: './b' }, { AEGIS_POLICIES: './a' }).options.policies).to.equal('./a');
    expect(applyEnvironment({ policies: { text: '' } }, { AEGIS_POLICIES: './a' }).options.policies).to.equal('./a');
  });

  it('overrides one option inside another and leaves the others', () => {
    const result = applyEnvironment(
      { ...remote, approvalPolling: { maxAttempts: 9, jitterRatio: 0.2 } },
      { [`${polling}MAX_ATTEMPTS`]: '3' },
    );
    expect(result.options.approvalPolling).to.deep.equal({ maxAttempts: 3, jitterRatio: 0.2 });
  });

  it('changes nothing of the options it was given', () => {
    const given: AegisOptions = { ...remote, approvalPolling: { maxAttempts: 9 } };
    const copy = structuredClone(given);
    applyEnvironment(given, { AEGIS_API_KEY: 'x', [`${polling}MAX_ATTEMPTS`]: '3' });
    expect(given).to.deep.equal(copy);
  });

  const numbers = [
    'AEGIS_TIMEOUT_S',
    'AEGIS_RETRIES',
    `${polling}INITIAL_DELAY_S`,
    `${polling}MAX_DELAY_S`,
    `${polling}MAX_ATTEMPTS`,
    `${polling}JITTER_RATIO`,
  ];
  for (const name of numbers)
    it(`names ${name} where it is no number, and not what it says`, () => {
      for (const text of ['CANARY', '10s', '1e3', '0x10', 'NaN', 'Infinity', '1,5', '--1', '1.2.3', ' ', '+']) {
        const { problems, options } = applyEnvironment(remote, { [name]: text });
        expect(problems, text).to.deep.equal([
          { where: name, message: `must be a number${name.endsWith('_S') ? ' of seconds' : ''}, such as 2 or 2.5.` },
        ]);
        expect(options.timeoutMs).to.equal(500);
      }
    });

  for (const name of ['AEGIS_DEBUG', `${polling}ENABLED`])
    it(`names ${name} where it is neither yes nor no, and not what it says`, () => {
      for (const text of ['CANARY', '2', 'y', 'truthy', ' ']) {
        const { problems } = applyEnvironment(remote, { [name]: text });
        expect(problems).to.have.length(1);
        expect(problems[0]?.where).to.equal(name);
        expect(problems[0]?.message).to.not.include('CANARY');
      }
    });

  it('names everything that is wrong with it', () => {
    const env = { AEGIS_TIMEOUT_S: 'x', AEGIS_RETRIES: 'x', AEGIS_DEBUG: 'x', [`${polling}ENABLED`]: 'x' };
    expect(applyEnvironment(remote, env).problems.map((p) => p.where)).to.deep.equal(Object.keys(env));
  });

  describe('never switches the source of decisions:', () => {
    const everything = {
      AEGIS_POLICIES: './a',
      AEGIS_API_KEY: 'k',
      AEGIS_BASE_URL: 'https://a.example',
      AEGIS_TIMEOUT_S: '1',
      AEGIS_RETRIES: '1',
    };

    it('policies of the program stay policies', () => {
      const { options, problems } = applyEnvironment({ policies: './b' }, everything);
      expect(options).to.deep.equal({ policies: './a' });
      expect(problems).to.deep.equal([]);
    });
    it('a Data Plane of the program stays one', () => {
      for (const given of [{ apiKey: 'p' }, { baseUrl: 'https://p.example' }]) {
        const { options, problems } = applyEnvironment(given, everything);
        expect(options).to.deep.equal({ apiKey: 'k', baseUrl: 'https://a.example', timeoutMs: 1_000, retries: 1 });
        expect(problems).to.deep.equal([]);
      }
    });
    it('a service of the program stays, untouched', () => {
      const decisions = {} as NonNullable<AegisOptions['decisions']>;
      expect(applyEnvironment({ decisions }, everything).options).to.deep.equal({ decisions });
    });
    it('no address of the environment lowers what the program’s own one demands', () => {
      const hosted = { AEGIS_BASE_URL: 'https://api.beta.aegissecurity.dev/' };
      const all = ['consume', 'begin', 'effective-digest', 'reevaluate', 'types'];
      const demanded = (options: AegisOptions, env: Readonly<Record<string, string>>): unknown =>
        applyEnvironment({ apiKey: 'k', ...options }, env).options.dataPlane?.require;
      const own = 'https://own.example';
      for (const baseUrl of [own, new URL(own), `${own}/base`, 'not a URL']) expect(demanded({ baseUrl }, hosted)).to.deep.equal(all);
      expect(demanded({ baseUrl: own, dataPlane: {} }, hosted)).to.deep.equal(all);
      // what the program says counts, and where nothing is lowered, the final address decides
      expect(demanded({ baseUrl: own, dataPlane: { require: ['begin'] } }, hosted)).to.deep.equal(['begin']);
      expect(demanded({ baseUrl: own, dataPlane: { require: [] } }, hosted)).to.deep.equal([]);
      expect(demanded({ baseUrl: own }, { AEGIS_BASE_URL: 'https://other.example' })).to.equal(undefined);
      expect(demanded({ baseUrl: 'https://api.beta.aegissecurity.dev' }, { AEGIS_BASE_URL: own })).to.equal(undefined);
      expect(demanded({}, hosted)).to.equal(undefined);
      expect(applyEnvironment({ baseUrl: own, dataPlane: 5 as never }, hosted).options.dataPlane).to.equal(5);
    });
    it('it names one only where the program names none', () => {
      expect(applyEnvironment({}, { AEGIS_API_KEY: 'k', AEGIS_BASE_URL: 'https://a.example' }).options).to.deep.equal({
        apiKey: 'k',
        baseUrl: 'https://a.example',
      });
      expect(applyEnvironment({}, { AEGIS_BASE_URL: 'https://a.example', AEGIS_TIMEOUT_S: '1' }).options).to.deep.equal({});
    });
    it('it may not name two', () => {
      const { problems } = applyEnvironment({}, everything);
      expect(problems.map((p) => p.where)).to.deep.equal(['AEGIS_POLICIES']);
    });
  });
});
