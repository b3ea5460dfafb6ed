import { expect } from 'chai';
import sinon from 'sinon';
import { useCedar } from '../../../lib/policy/wasm/CedarWasm.js';
import { preparsedSets } from '../../../lib/policy/wasm/PreparsedSets.js';
import { callOf, wasmEngineOf, PERMIT_ALL } from '../../support/policyCalls.js';

describe('wasmEvaluator', () => {
  afterEach(() => sinon.restore());

  it('keeps engines with equal policy ids apart', () => {
    const engines = Array.from({ length: 5 }, (_, i) =>
      wasmEngineOf(`@id("same") permit (principal, action, resource) when { context.input.tenant == ${i} };`),
    );
    for (const tenant of [0, 1, 2, 3, 4, 0])
      expect(engines.map((engine) => engine.evaluate(callOf({ tenant })).effect === 'allow')).to.deep.equal(
        [0, 1, 2, 3, 4].map((i) => i === tenant),
      );
  });

  it('denies an answer that names a policy of another engine', () => {
    const mine = wasmEngineOf('@id("p") forbid (principal, action, resource);');
    const other = {};
    // another engine's set, under an id that looks the same to people
    const slot = preparsedSets.slotFor(other, new Map([['p', PERMIT_ALL]]));
    sinon.stub(preparsedSets, 'slotFor').returns(slot);
    expect(mine.evaluate(callOf())).to.include({
      effect: 'deny',
      code: 'policy_error',
      detail: 'the answer of cedar-wasm names a policy that was not evaluated',
    });
    sinon.restore();
    preparsedSets.release(other);
  });

  const answers: [string, object][] = [
    ['an allow without reasons', { decision: 'allow', diagnostics: { reason: [], errors: [] } }],
    ['an unknown decision', { decision: 'maybe', diagnostics: { reason: [], errors: [] } }],
  ];
  for (const [what, response] of answers)
    it(`denies ${what}`, () => {
      const engine = wasmEngineOf(PERMIT_ALL);
      useCedar((cedar) => sinon.stub(cedar, 'statefulIsAuthorized').returns({ type: 'success', response, warnings: [] } as never));
      expect(engine.evaluate(callOf())).to.include({
        effect: 'deny',
        code: 'policy_error',
        detail: 'the answer of cedar-wasm contradicts itself',
      });
    });

  it('denies a failure', () => {
    const engine = wasmEngineOf(PERMIT_ALL);
    useCedar((cedar) => sinon.stub(cedar, 'statefulIsAuthorized').returns({ type: 'failure', errors: [], warnings: [] }));
    expect(engine.evaluate(callOf())).to.include({ effect: 'deny', code: 'policy_error', detail: 'cedar-wasm gave no answer' });
  });

  it('denies a failure in the words of Cedar, which are for logs only', () => {
    const engine = wasmEngineOf(PERMIT_ALL);
    const errors = [{ message: 'the context is no record', help: null, code: null, url: null, severity: null }];
    useCedar((cedar) => sinon.stub(cedar, 'statefulIsAuthorized').returns({ type: 'failure', errors, warnings: [] }));
    const outcome = engine.evaluate(callOf());
    expect(outcome).to.include({ effect: 'deny', code: 'policy_error', detail: 'the context is no record' });
    expect(outcome).to.have.property('reason').that.does.not.contain('context');
  });
});
