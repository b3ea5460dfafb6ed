import { expect } from 'chai';
import { AegisModule, guard } from '../../../lib/index.js';
import type { PendingApproval } from '../../../lib/index.js';
import { runtimeOf } from '../../../lib/guard/call/GuardRuntime.js';
import { MethodCall } from '../../../lib/guard/method/MethodCall.js';
import { readGuardOptions } from '../../../lib/guard/method/readGuardOptions.js';
import type { LooseGuardOptions } from '../../../lib/guard/method/LooseGuardOptions.js';
import { StandInDecisions } from '../../support/standInDecisions.js';

const moduleOf = (service: StandInDecisions): AegisModule =>
  AegisModule.create({
    decisions: service,
    agentId: 'agent',
    approvalPolling: { initialDelayMs: 500, maxDelayMs: 5_000, jitterRatio: 0 },
  });

describe('MethodCall, as an approval keeps it', () => {
  const fn = (): number => 1;
  const target = {};
  const service = new StandInDecisions().always({ effect: 'approval_needed' });
  const one = moduleOf(service);
  const other = moduleOf(service);
  after(() => Promise.all([one.close(), other.close()]));
  const maker = (options: LooseGuardOptions = { params: ['a', 'b'] }) => {
    const spec = readGuardOptions('pay', 2, { toolName: 'pay', ...options }, true);
    return (args: unknown[] = [1, 2], more: object = {}, lastLook?: () => undefined): MethodCall => {
      const runtime = runtimeOf(one);
      const call = new MethodCall({ spec, fn, target, runtime, ...more }, args, lastLook);
      call.takeSnapshot(runtime.limits);
      return call;
    };
  };

  it('is one object for calls that differ in their params only', () => {
    const make = maker();
    const first = make();
    expect(first.kept()).to.equal(first);
    expect(make([3, 4]).kept()).to.equal(first);
  });

  it('is one object for calls whose sole argument names the params, and keeps nothing of it', () => {
    const spec = readGuardOptions('pay', 1, { toolName: 'pay' }, true);
    const make = (sole: object): MethodCall => {
      const runtime = runtimeOf(one);
      const call = new MethodCall({ spec, fn, target, runtime }, [sole]);
      call.takeSnapshot(runtime.limits);
      return call;
    };
    const first = make({ a: 1 });
    expect([first.kept(), make({ b: 2 }).kept()]).to.deep.equal([first, first]);
  });

  it('is its own where the guard is another', () => {
    expect(maker()().kept()).to.not.equal(maker()().kept());
  });

  const others: readonly [string, unknown[], object][] = [
    ['function', [1, 2], { fn: () => 2 }],
    ['object', [1, 2], { target: {} }],
    ['module', [1, 2], { runtime: runtimeOf(other) }],
    ['number of arguments', [1], {}],
  ];
  for (const [what, args, more] of others) {
    it(`is its own where the ${what} is another`, () => {
      const make = maker();
      const first = make();
      const second = make(args, more);
      expect([first.kept(), second.kept()]).to.deep.equal([first, second]);
      expect(second.kept()).to.not.equal(first);
    });
  }

  const own: readonly [string, LooseGuardOptions][] = [
    ['a session', { params: ['a', 'b'], session: { user: 'ann' } }],
    ['an agent that is computed', { params: ['a', 'b'], agentId: () => 'agent' }],
    ['a signal', { params: ['a', 'b'], signal: new AbortController().signal }],
    ['an opaque argument', { params: ['a', 'b'], opaque: ['b'] }],
    ['a plain argument', { params: ['a', 'b'], plain: ['b'] }],
  ];
  for (const [what, options] of own) {
    it(`is its own where it has ${what}`, () => {
      const make = maker(options);
      class Amount {
        value = 1;
      }
      const args = (): unknown[] => [1, options.plain === undefined ? 2 : new Amount()];
      const [first, second] = [make(args()), make(args())];
      expect(first.kept()).to.equal(first);
      expect(second.kept()).to.equal(second);
    });
  }

  it('is its own where a last look was given', () => {
    const make = maker();
    make().kept();
    const looked = make([1, 2], {}, () => undefined);
    expect(looked.kept()).to.equal(looked);
  });

  it('lets each call run with its own arguments, on its own object', async () => {
    const got: unknown[] = [];
    const pay = guard(
      async function (this: unknown, ...args: unknown[]) {
        got.push([this, ...args]);
        return args.length;
      },
      { module: one, toolName: 'pay', params: ['a', 'b', 'c'] as never },
    ) as unknown as (...args: unknown[]) => Promise<PendingApproval<number>>;
    const objects = [{ name: 'one' }, { name: 'two' }, undefined];
    const calls: [unknown, unknown[]][] = [];
    for (let n = 0; n < 30; n++) calls.push([objects[n % 3], [n, 'b', undefined].slice(0, 1 + (n % 2))]);
    const pending = await Promise.all(calls.map(([object, args]) => Reflect.apply(pay, object, args)));
    service.state = 'approved';
    expect(await Promise.all(pending.map((p) => p.completed))).to.deep.equal(calls.map(([, args]) => args.length));
    const inOrder = (got as [unknown, number][]).sort((a, b) => a[1] - b[1]);
    expect(inOrder).to.deep.equal(calls.map(([object, args]) => [object, ...args]));
    inOrder.forEach(([object], n) => expect(object).to.equal(objects[n % 3]));
  });
});
