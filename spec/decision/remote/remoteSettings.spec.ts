import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { SecretString } from '../../../lib/common/SecretString.js';
import { remoteSettings } from '../../../lib/decision/remote/remoteSettings.js';
import type { RemoteDecisionServiceOptions } from '../../../lib/decision/remote/remoteSettings.js';
import { ConfigError } from '../../../lib/model/errors/SetupErrors.js';
import { everythingShownOf, KEY_CANARY } from '../../support/remoteRequest.js';

function refused(options: Record<string, unknown>): ConfigError {
  try {
    remoteSettings(options as unknown as RemoteDecisionServiceOptions);
  } catch (error) {
    expect(error).to.be.instanceOf(ConfigError);
    return error as ConfigError;
  }
  return expect.fail('it was taken');
}

describe('remoteSettings', () => {
  it('has the documented defaults', () => {
    const settings = remoteSettings({ apiKey: KEY_CANARY });
    expect(settings).to.include({
      baseUrl: 'https://api.beta.aegissecurity.dev',
      timeoutMs: 10_000,
      retries: 2,
      maxBodyBytes: 1_048_576,
      random: Math.random,
    });
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(settings.userAgent).to.equal(`aegis-typescript-sdk/${version}`);
    expect(settings.apiKey.reveal()).to.equal(KEY_CANARY);
    expect(everythingShownOf(settings)).to.not.contain(KEY_CANARY);
  });

  it('demands everything of a Data Plane of your own where nothing else is said, and nothing of the hosted service', () => {
    for (const dataPlane of [undefined, {}, { require: undefined }]) {
      expect(remoteSettings({ apiKey: 'k', baseUrl: 'https://aegis.example', dataPlane }).require).to.include.members(['consume', 'begin']);
      expect(remoteSettings({ apiKey: 'k', dataPlane }).require).to.deep.equal([]);
    }
  });

  it('refuses demands that are no list of capabilities, and options that a Data Plane does not have', () => {
    for (const [dataPlane, where] of [
      [{ require: 'consume' }, 'dataPlane.require'],
      [{ require: { length: 0 } }, 'dataPlane.require'],
      [{ require: ['consume', 'consumes'] }, 'dataPlane.require'],
      [{ requires: [] }, 'dataPlane.requires'],
      [7, 'dataPlane'],
    ] as const)
      expect(refused({ apiKey: 'k', dataPlane }).problems.map((problem) => problem.where)).to.deep.equal([where]);
  });

  it('takes the key as a SecretString', () => {
    expect(remoteSettings({ apiKey: new SecretString('k') }).apiKey.reveal()).to.equal('k');
  });

  const urls: readonly (readonly [string, string])[] = [
    ['https://aegis.example/', 'https://aegis.example'],
    ['https://aegis.example/base//', 'https://aegis.example/base'],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
    ['http://127.1/', 'http://127.0.0.1'],
    ['http://localhost:1', 'http://localhost:1'],
    ['http://[::1]:9', 'http://[::1]:9'],
  ];
  for (const [given, expected] of urls) {
    it(`takes ${given}`, () => {
      expect(remoteSettings({ apiKey: 'k', baseUrl: given }).baseUrl).to.equal(expected);
      expect(remoteSettings({ apiKey: 'k', baseUrl: new URL(given) }).baseUrl).to.equal(expected);
    });
  }

  const insecure = [
    'http://aegis.example',
    'http://127.0.0.1.evil.example',
    'http://10.0.0.1',
    'http://0.0.0.0',
    'http://localhost.evil.example',
    'http://dev.localhost',
    'http://a.b.localhost:8080',
    'http://localhost.',
    'http://127.0.0.1.localhost',
  ];
  for (const baseUrl of insecure) {
    it(`refuses ${baseUrl}, but for allowInsecureHttp`, () => {
      expect(refused({ apiKey: 'k', baseUrl }).problems[0]).to.have.property('where', 'baseUrl');
      expect(refused({ apiKey: 'k', baseUrl }).message).to.contain('allowInsecureHttp: true');
      expect(remoteSettings({ apiKey: 'k', baseUrl, allowInsecureHttp: true }).baseUrl).to.equal(baseUrl);
    });
  }

  const bad: readonly (readonly [string, unknown])[] = [
    ['baseUrl', 'aegis.example'],
    ['baseUrl', ''],
    ['baseUrl', 'ftp://aegis.example'],
    ['baseUrl', 'file:///etc/passwd'],
    ['baseUrl', 'https://user:secret-canary@aegis.example'],
    ['baseUrl', 'https://secret-canary@aegis.example'],
    ['baseUrl', 'https://aegis.example/?key=secret-canary'],
    ['baseUrl', 'https://aegis.example/#secret-canary'],
    ['timeoutMs', 99],
    ['timeoutMs', 30_001],
    ['timeoutMs', 1_000.5],
    ['timeoutMs', Number.NaN],
    ['timeoutMs', Infinity],
    ['timeoutMs', '1000'],
    ['retries', -1],
    ['retries', 11],
    ['retries', 1.5],
    ['maxBodyBytes', 0],
    ['maxBodyBytes', 2 ** 30],
    ['userAgent', ''],
    ['userAgent', 'secret-canary\r\nX-Evil: 1'],
    ['userAgent', 7],
    ['apiKey', undefined],
    ['apiKey', ''],
    ['apiKey', 7],
    ['apiKey', 'secret-canary\n'],
    ['apiKey', 'secret canary'],
    ['apiKey', 'sécret-canary'],
    ['apiKey', new SecretString('secret-canary\r\n')],
  ];
  for (const [option, value] of bad) {
    it(`refuses ${option} = ${JSON.stringify(value)}, naming it but not the value`, () => {
      const error = refused({ apiKey: 'k', [option]: value });
      expect(error.problems.map((p) => p.where)).to.deep.equal([option]);
      expect(everythingShownOf(error)).to.not.match(/secret.canary|cret-canary/);
    });
  }

  it('takes the bounds themselves', () => {
    for (const [option, values] of Object.entries({ timeoutMs: [100, 30_000], retries: [0, 10], maxBodyBytes: [1_024, 67_108_864] })) {
      for (const value of values) expect(remoteSettings({ apiKey: 'k', [option]: value })).to.have.property(option, value);
    }
  });

  it('names every problem at once', () => {
    const error = refused({ baseUrl: 'x', timeoutMs: 0, retries: -1, maxBodyBytes: 0, userAgent: '' });
    expect(error.problems.map((p) => p.where).sort()).to.deep.equal([
      'apiKey',
      'baseUrl',
      'maxBodyBytes',
      'retries',
      'timeoutMs',
      'userAgent',
    ]);
  });
});
