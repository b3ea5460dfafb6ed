import { expect } from 'chai';
import sinon from 'sinon';
import { AegisGuard, ForbiddenError, guard, GuardDefinitionError, ParamsError } from '../../../lib/index.js';
import type { AegisModule, PendingApproval } from '../../../lib/index.js';
import { moduleAsking, rejection, StandInDecisions } from '../../support/standInDecisions.js';

type Loose = (...args: unknown[]) => Promise<unknown>;
const looseGuard = guard as unknown as (fn: (...args: any[]) => unknown, options: object) => Loose;

describe('The callbacks of a guard', () => {
  let clock: sinon.SinonFakeTimers;
  let service: StandInDecisions;
  let module: AegisModule;
  beforeEach(() => {
    clock = sinon.useFakeTimers();
    service = new StandInDecisions();
    module = moduleAsking(service);
  });
  afterEach(async () => {
    clock.restore();
    await module.close();
  });

  it('may refuse the call in words of their own', async () => {
    const mine = new ForbiddenError('not on a Sunday');
    const body = sinon.spy();
    const session = (): never => {
      throw mine;
    };
    expect(await rejection(looseGuard(async () => void body(), { toolName: 't', session, module })())).to.equal(mine);
    expect([body.called, service.requests.length]).to.deep.equal([false, 0]);
  });

  describe('that change the list of arguments they are given', () => {
    const meddling: readonly (readonly [string, (args: any[]) => unknown])[] = [
      ['replace one', (args) => (args[0] = { n: 99 })],
      ['take them away', (args) => (args.length = 0)],
      ['swap them', (args) => args.reverse()],
      ['add one', (args) => args.push({ n: 99 })],
      ['add several', (args) => args.push('a', 'b', undefined)],
      ['put one in front', (args) => args.unshift({ n: 99 })],
      ['add what cannot be copied', (args) => args.push(() => {})],
    ];
    /** How the guard names arguments; what is passed; what was decided on, as the function would get it. */
    const kinds: readonly (readonly [string, object, unknown[], (params: any) => unknown[]])[] = [
      ['by position', { params: ['x', 'y'] }, [{ n: 1 }, { n: 2 }], ({ x, y }) => [x, y]],
      ['with a rest', { params: ['x', '...y'] }, [{ n: 1 }, { n: 2 }, { n: 3 }], ({ x, y }) => [x, ...(y as unknown[])]],
      ['with one that is opaque', { params: ['x', 'y'], opaque: ['y'] }, [{ n: 1 }, 'own'], ({ x }) => [x, 'own']],
      ['as a sole object', {}, [{ n: 1 }], (params) => [params]],
    ];
    const withoutEnd = (args: readonly unknown[]): unknown[] => args.slice(0, args.findLastIndex((arg) => arg !== undefined) + 1);

    for (const name of ['session', 'agentId', 'signal'] as const)
      for (const [how, meddle] of meddling)
        it(`(${name}: they ${how}) make nothing else run than what was decided`, async () => {
          for (const [kind, naming, args, decidedArgs] of kinds) {
            const got: unknown[][] = [];
            const callback = (_self: unknown, given: unknown[]): unknown => {
              meddle(given);
              return name === 'agentId' ? 'agent' : name === 'session' ? { user_id: 'ann' } : undefined;
            };
            const options = { toolName: 't', approval: 'wait', module, ...naming, [name]: callback };
            const call = looseGuard(async (...received) => got.push(structuredClone(received)), options);
            service.requests.length = 0;
            const refused = await call(...structuredClone(args)).then(
              () => undefined,
              (error: unknown) => error,
            );
            // either it is refused and not run, or it ran with exactly what the decision was made on
            if (refused !== undefined) expect(refused, kind).to.be.instanceOf(ParamsError);
            else expect(got.map(withoutEnd), kind).to.deep.equal([withoutEnd(decidedArgs(service.last.params))]);
            expect(got.length, kind).to.equal(refused === undefined ? 1 : 0);
          }
        });

    it('make nothing else run than what was approved, when they are called again', async () => {
      service.always({ effect: 'approval_needed' });
      let called = 0;
      const session = (_self: unknown, args: unknown[]): object => {
        if ((called += 1) > 1) args.splice(0, 2, 1_000_000, 'eve');
        return { user_id: 'ann' };
      };
      const body = sinon.spy();
      const refund = looseGuard(async (...args) => void body(...args), { toolName: 't', params: ['amount', 'to'], session, module });
      const pending = (await refund(5, 'ann')) as PendingApproval;
      service.state = 'approved';
      await clock.tickAsync(10_000);
      await pending.completed;
      expect(called).to.equal(2);
      expect(body.args).to.deep.equal([[5, 'ann']]);
    });
  });
});

describe('The options of a guard', () => {
  const define = (options: unknown) => () => looseGuard(async () => {}, { toolName: 't', ...(options as object) });

  const wrong: readonly (readonly [string, object])[] = [
    ['a toolName that is no text', { toolName: 5 }],
    ['a group that is no text', { groups: [5] }],
    ['a key that is no text', { key: 5 }],
    ['an empty key', { key: '' }],
    ['a key of 257 characters', { key: 'k'.repeat(257) }],
    ['an agent that is a list', { agentId: ['a'] }],
    ['an agent of 257 characters', { agentId: 'a'.repeat(257) }],
    ['null for a schema', { schema: null }],
    ['an opaque name that is no text', { opaque: [5] }],
    ['a rest parameter without a name', { params: ['...'] }],
  ];
  for (const [name, options] of wrong)
    it(`are refused for ${name}`, () => expect(define(options)).to.throw(GuardDefinitionError, 'The guard of '));

  it('may have names of 256 characters', () => {
    expect(define({ key: 'k'.repeat(256), agentId: 'a'.repeat(256) })).to.not.throw();
  });

  it('need a toolName where the name of the function is none, though it would be one without its #', () => {
    const fn = Object.defineProperty(async () => {}, 'name', { value: 'a#b' });
    expect(() => looseGuard(fn, {})).to.throw(GuardDefinitionError, 'give the guard a `toolName`');
  });

  it('are an object', () => {
    for (const options of [null, undefined, 'wait'])
      expect(() => AegisGuard(options as never)).to.throw(GuardDefinitionError, 'object of options');
  });

  it('stand on a function', () => {
    const decorate = AegisGuard({} as never) as unknown as (value: unknown, context: object) => unknown;
    expect(() => decorate(undefined, { kind: 'method', name: 'm' })).to.throw(GuardDefinitionError, 'guards methods');
  });
});
