import { expect } from 'chai';
import * as v from 'valibot';
import { guard, ParamsError, SanitizeError, UnsupportedParamError } from '../../../lib/index.js';
import type { AegisModule } from '../../../lib/index.js';
import { moduleAsking, rejection, StandInDecisions } from '../../support/standInDecisions.js';

describe('The params that a decision puts in place of the call', () => {
  let service: StandInDecisions;
  let module: AegisModule;
  beforeEach(() => {
    service = new StandInDecisions();
    module = moduleAsking(service);
  });
  afterEach(() => module.close());

  const schema = v.object({ amount: v.pipe(v.number(), v.maxValue(10)), note: v.optional(v.string()) });
  const refund = (options: object = {}): ((params: object) => Promise<unknown>) =>
    (guard as any)(async (params: object) => params, { toolName: 'refund', approval: 'wait', module, ...options });

  it('are refused at the place that does not fit the schema', async () => {
    service.always({ effect: 'sanitize', params: { amount: 11 } });
    const error = await rejection(refund({ schema })({ amount: 5 }));
    expect(error).to.be.instanceOf(SanitizeError).and.have.property('path', '/amount');
    expect(error.message).to.equal(
      "The params of the decision do not fit the guard's schema at /amount. Change the policy, or the schema.",
    );
  });

  it('are refused with the place of what no call can have, and the reason as the cause', async () => {
    service.always({ effect: 'sanitize', params: { amount: () => 5 } });
    const error = await rejection(refund()({ amount: 5 }));
    expect(error).to.be.instanceOf(SanitizeError).and.have.property('path', '/amount');
    expect(error.cause).to.be.instanceOf(UnsupportedParamError);
  });

  it('may leave out what the schema does not need', async () => {
    service.always({ effect: 'sanitize', params: { amount: 5 } });
    expect(await refund({ schema })({ amount: 5, note: 'x' })).to.deep.equal({ amount: 5 });
  });

  for (const [name, validate, code] of [
    ['throws', () => JSON.parse('{') as unknown, 'schema_failed'],
    ['gives no result', () => null, 'schema_failed'],
    ['makes no record of the params', () => ({ value: [1] }), 'schema_mismatch'],
  ] as const)
    it(`are not asked for where the schema ${name}: the call is refused as ${code}`, async () => {
      const broken = { '~standard': { version: 1, vendor: 'spec', validate } };
      expect(await rejection(refund({ schema: broken })({ amount: 5 })))
        .to.be.instanceOf(ParamsError)
        .and.have.property('code', code);
      expect(service.requests).to.have.length(0);
    });
});
