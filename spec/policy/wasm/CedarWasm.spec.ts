import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { expect } from 'chai';
import sinon from 'sinon';
import { ConfigError } from '../../../lib/model/errors/SetupErrors.js';
import { CedarPolicyEngine } from '../../../lib/policy/engine/CedarPolicyEngine.js';
import { CEDAR_VERSION, CedarTrap, cedarGeneration, useCedar } from '../../../lib/policy/wasm/CedarWasm.js';
import { callOf, engineOf, wasmEngineOf } from '../../support/policyCalls.js';

const trap = (): unknown =>
  useCedar((cedar) => cedar.policyToJson(`permit (principal, action, resource) when { ${'('.repeat(400)}true${')'.repeat(400)} };`));

describe('CedarWasm', () => {
  it('drops an instance that trapped, and serves the next call from a new one', () => {
    const before = cedarGeneration();
    expect(trap).to.throw(CedarTrap);
    expect(cedarGeneration()).to.equal(before + 1);
    expect(useCedar((cedar) => cedar.policyToJson('permit (principal, action, resource);')).type).to.equal('success');
    expect(cedarGeneration()).to.equal(before + 1);
  });

  it('says which package is missing where it cannot be found, and finds it once it is there', () => {
    expect(trap).to.throw(CedarTrap);
    const resolve = sinon.stub(Module as unknown as { _resolveFilename(): string }, '_resolveFilename');
    try {
      resolve.throws(Object.assign(new Error('Cannot find module /secret/place'), { code: 'MODULE_NOT_FOUND' }));
      const load = (): unknown => CedarPolicyEngine.load({ sources: [{ file: 'a.cedar', text: 'permit (principal, action, resource);' }] });
      expect(load)
        .to.throw(ConfigError, /@cedar-policy\/cedar-wasm, which policies need, was not found/)
        .that.does.not.match(/secret/);
    } finally {
      resolve.restore();
    }
    expect(useCedar((cedar) => cedar.policyToJson('permit (principal, action, resource);')).type).to.equal('success');
  });

  it('takes no other version than the one that package.json asks for', () => {
    const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: Record<string, string> };
    expect(dependencies['@cedar-policy/cedar-wasm']).to.equal(CEDAR_VERSION);
    expect(trap).to.throw(CedarTrap);
    const require = createRequire(import.meta.url);
    const path = require.resolve('@cedar-policy/cedar-wasm/nodejs');
    const load = sinon.stub(Module as unknown as { _load(request: string): unknown }, '_load');
    load
      .callThrough()
      .withArgs(path)
      .returns({ getCedarSDKVersion: () => '4.2.0' });
    try {
      expect(() => useCedar(() => true)).to.throw(ConfigError, /was found in version 4\.2\.0\. Install version 4\.13\.0/);
    } finally {
      load.restore();
    }
    expect(useCedar((cedar) => cedar.getCedarSDKVersion())).to.equal(CEDAR_VERSION);
  });

  it('drops an instance that threw something else than an Error, and does not repeat what', () => {
    const before = cedarGeneration();
    const throws = (): never => { throw 'a secret'; }; // prettier-ignore
    expect(() => useCedar(throws))
      .to.throw(CedarTrap, /^cedar-wasm failed: unknown$/)
      .with.property('cause', 'a secret');
    expect(cedarGeneration()).to.equal(before + 1);
  });

  it('lets engines that were loaded before a trap decide as before', () => {
    const engine = wasmEngineOf('@id("a") permit (principal, action, resource) when { context.input.a == 1 };');
    const other = wasmEngineOf('@id("a") permit (principal, action, resource) when { context.input.a == 2 };');
    const ask = (): string[] => [1, 2].flatMap((a) => [engine.evaluate(callOf({ a })).effect, other.evaluate(callOf({ a })).effect]);
    const before = ask();
    expect(before).to.deep.equal(['allow', 'deny', 'deny', 'allow']);
    expect(trap).to.throw(CedarTrap);
    expect(ask()).to.deep.equal(before);
  });

  for (const [name, make] of [
    ['cedar-wasm', wasmEngineOf],
    ['compiled policies', engineOf],
  ] as const)
    it(`recovers from a stack that the caller used up, by ${name}: that call is denied, the next is not`, () => {
      const engine = make(
        '@id("a") permit (principal, action, resource) when { [context].contains({input: {}, session: {}, facts: {}, system: context.system}) };',
      );
      engine.evaluate(callOf());
      let deepest = 0;
      const dive = (): void => {
        deepest += 1;
        dive();
      };
      expect(dive).to.throw(RangeError);
      // each trap costs a new instance, so only some depths near the end are tried
      const effects = new Set<string>();
      const diveTo = (left: number): void => {
        if (left > 0) diveTo(left - 1);
        else effects.add(engine.evaluate(callOf()).effect);
      };
      for (let share = 0.99; share > 0.2; share -= 0.08) {
        try {
          diveTo(Math.floor(deepest * share));
        } catch (error) {
          expect(error).to.be.instanceOf(RangeError);
        }
      }
      expect(engine.evaluate(callOf()).effect).to.equal('allow');
    });

  it('is an instance of our own, and leaves that of others alone', () => {
    const require = createRequire(import.meta.url);
    const path = require.resolve('@cedar-policy/cedar-wasm/nodejs');
    const theirs: unknown = require(path);
    expect(trap).to.throw(CedarTrap);
    const ours: unknown = useCedar((cedar) => cedar);
    expect(ours).not.to.equal(theirs);
    expect(require(path)).to.equal(theirs);
  });

  it('does not take the process down when optimised code is thrown away during a call', () => {
    // Node 20 and 22 abort where such code calls wasm directly
    const script = `
      const { useCedar } = await import(${JSON.stringify(new URL('../../../lib/policy/wasm/CedarWasm.js', import.meta.url).href)});
      const uid = { type: 'T', id: 'x' };
      useCedar((cedar) => cedar.preparsePolicySet('s', { staticPolicies: {} }));
      const call = { principal: uid, action: uid, resource: uid, context: {}, entities: [], preparsedPolicySetId: 's' };
      const ask = (call) => useCedar((cedar) => cedar.statefulIsAuthorized(call));
      for (let i = 0; i < 20_000; i++) ask(call);
      useCedar((cedar) => {
        const real = cedar.statefulIsAuthorized;
        const change = () => void (cedar.statefulIsAuthorized = (call) => real(call));
        ask({ ...call, get context() { change(); return {}; } });
      });
      console.log('alive');`;
    expect(execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', stdio: 'pipe' })).to.equal('alive\n');
  });

  it('gives WebAssembly back as it was', () => {
    const wasm = (globalThis as unknown as { WebAssembly: { Instance: unknown } }).WebAssembly;
    const { Instance } = wasm;
    expect(trap).to.throw(CedarTrap);
    useCedar((cedar) => cedar.getCedarVersion());
    expect(wasm.Instance).to.equal(Instance);
  });
});
