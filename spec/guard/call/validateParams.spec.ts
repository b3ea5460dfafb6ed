import { expect } from 'chai';
import { guard, ParamsError, SanitizeError } from '../../../lib/index.js';
import type { AegisModule } from '../../../lib/index.js';
import { moduleAsking, rejection, StandInDecisions } from '../../support/standInDecisions.js';

type Loose = (...args: unknown[]) => Promise<unknown>;
const looseGuard = guard as unknown as (fn: (...args: any[]) => unknown, options: object) => Loose;

describe('The schema of a guard', () => {
  let service: StandInDecisions;
  let module: AegisModule;
  let ran: number;
  beforeEach(() => {
    service = new StandInDecisions();
    module = moduleAsking(service);
    ran = 0;
  });
  afterEach(() => module.close());

  const guarded = (validate: (params: unknown) => unknown): Loose =>
    looseGuard(async () => (ran += 1), { toolName: 't', module, schema: { '~standard': { version: 1, vendor: 'spec', validate } } });

  it('may name places by plain keys or by objects that hold one, as the standard has it', async () => {
    const issues = [
      { message: 'CANARY', path: ['items', 0, { key: 'a/b' }] },
      { message: 'CANARY', path: [Symbol('s')] },
      { message: 'x' },
    ];
    const error = await rejection(guarded(() => ({ issues }))({}));
    expect(error).to.be.instanceOf(ParamsError).and.include({ code: 'schema_mismatch', path: '/items/0/a~1b' });
    expect(error.message).to.equal("The arguments do not fit the guard's schema at /items/0/a~1b, /Symbol(s), the top.");
    expect([ran, service.requests.length]).to.deep.equal([0, 0]);
  });

  it('refuses by issues alone, though it names none and gives a value beside them', async () => {
    const error = await rejection(guarded((value) => ({ issues: [], value }))({}));
    expect(error).to.be.instanceOf(ParamsError).and.include({ code: 'schema_mismatch', path: '' });
    expect([ran, service.requests.length]).to.deep.equal([0, 0]);
  });

  for (const [form, issues] of Object.entries({
    'a text': 'CANARY',
    null: null,
    'a number': 5,
    'a list of nothing': [null],
    'a path that is none': [{ path: 5 }],
  }))
    it(`refuses by issues in no form of the standard: ${form}`, async () => {
      const error = await rejection(guarded((value) => ({ issues, value }))({}));
      expect(error).to.be.instanceOf(ParamsError).and.include({ code: 'schema_mismatch', path: '' });
      expect(error.message).to.equal("The arguments do not fit the guard's schema at the top.");
      expect([ran, service.requests.length]).to.deep.equal([0, 0]);
    });

  for (const [what, again] of [
    ['throws', () => JSON.parse('CANARY') as unknown],
    ['finds the top unfit', () => ({ issues: [{ message: 'CANARY' }] })],
    ['gives what is no result of a schema', () => ({ issues: 'CANARY' })],
  ] as const)
    it(`that ${what} at the second look, after a sanitize, keeps the call from running`, async () => {
      service.always({ effect: 'sanitize', params: { amount: 1 } });
      let looks = 0;
      const error = await rejection(guarded((value) => ((looks += 1) === 1 ? { value } : again()))({ amount: 5 }));
      expect(error).to.be.instanceOf(SanitizeError).and.include({ path: '' });
      expect(error.message).to.equal("The params of the decision do not fit the guard's schema. Change the policy, or the schema.");
      expect([looks, ran]).to.deep.equal([2, 0]);
    });
});
