import { expect } from 'chai';
import { getEventListeners } from 'node:events';
import sinon from 'sinon';
import * as v from 'valibot';
import {
  AegisError,
  AegisModule,
  CallAbortedError,
  DecisionUnavailableError,
  ForbiddenError,
  guard,
  guardCall,
  ParamsError,
  SanitizeError,
  ShutdownError,
  UnsupportedParamError,
} from '../../lib/index.js';
import type { DecisionRequest } from '../../lib/model/Decision.js';
import { moduleAsking, rejection, StandInDecisions } from '../support/standInDecisions.js';
import { UNBELIEVABLE } from '../support/unbelievableAnswers.js';

/** The law: nothing runs but on an explicit, believable allow, sanitize or approval of this very call. */
describe('A guarded call', () => {
  let service: StandInDecisions;
  let module: AegisModule;
  let body: sinon.SinonSpy;
  const modes = ['defer', 'wait', 'throw'] as const;

  beforeEach(() => {
    service = new StandInDecisions();
    module = moduleAsking(service);
    body = sinon.spy();
  });
  afterEach(() => module.close());

  function guarded(options: object = {}): (...args: unknown[]) => Promise<unknown> {
    const run = async (amount: unknown, note: unknown): Promise<unknown> => {
      body(amount, note);
      return amount;
    };
    return (guard as unknown as (fn: unknown, options: object) => (...args: unknown[]) => Promise<unknown>)(run, {
      toolName: 'refund',
      params: ['amount', 'note'],
      module,
      ...options,
    });
  }

  async function refusedWith(kind: abstract new (...args: never) => Error, promise: Promise<unknown>): Promise<AegisError> {
    const error = await rejection(promise);
    expect(error).to.be.instanceOf(kind);
    expect(AegisError.is(error)).to.equal(true);
    expect(body.called, 'the method was entered').to.equal(false);
    return error as AegisError;
  }

  describe('is not run on an answer that is', () => {
    for (const [name, answer, reason] of UNBELIEVABLE)
      for (const later of [false, true])
        it(`${name}${later ? ', later' : ''}`, async () => {
          service.decide = () => (later ? Promise.resolve(answer) : answer) as never;
          for (const approval of modes) {
            const error = await refusedWith(DecisionUnavailableError, guarded({ approval })(5));
            expect(error).to.have.property('reason', reason);
          }
        });

    const effects: readonly (readonly [string, object])[] = [
      ['a deny', { effect: 'deny' }],
      ['an effect nobody knows', { effect: 'permit' }],
      ['an effect in capitals', { effect: 'ALLOW' }],
      ['no effect', {}],
    ];
    for (const [name, answer] of effects)
      for (const later of [false, true])
        it(`${name}${later ? ', later' : ''}`, async () => {
          service.answer = () => (later ? Promise.resolve(answer) : answer);
          for (const approval of modes) {
            const error = await refusedWith(ForbiddenError, guarded({ approval })(5));
            expect(error).to.include({ code: 'policy_violation', agentId: 'agent', toolName: 'refund', status: 403 });
            expect((error as ForbiddenError).decision).to.include({ effect: 'deny' });
          }
        });

    for (const [name, failure] of [
      ['an Error', new Error('CANARY')],
      ['a text', 'CANARY'],
      ['undefined', undefined],
    ] as const) {
      it(`thrown as ${name}`, async () => {
        service.answer = () => {
          throw failure;
        };
        const error = await refusedWith(DecisionUnavailableError, guarded()(5));
        expect(error).to.have.property('reason', 'service_threw');
        expect(error.message).to.equal(
          "The decision service failed for tool 'refund', so the tool did not run. See `cause` for its error.",
        );
      });
      it(`rejected with ${name}`, async () => {
        service.answer = () => Promise.reject(failure as Error);
        expect(await refusedWith(DecisionUnavailableError, guarded()(5))).to.have.property('reason', 'service_threw');
      });
    }

    it('an error of ours, which is passed on as it is', async () => {
      const mine = new ForbiddenError('no key');
      service.answer = () => Promise.reject(mine);
      expect(await rejection(guarded()(5))).to.equal(mine);
    });

    it('a thenable that answers twice, or changes its mind', async () => {
      const allow = { effect: 'allow', decisionId: 'd' };
      type Settle = (value: unknown) => void;
      const thenable = (then: (resolve: Settle, reject: Settle) => void): never =>
        // oxlint-disable-next-line unicorn/no-thenable -- what a service may answer with
        ({ then }) as never;
      service.decide = () =>
        thenable((resolve, reject) => {
          reject(new Error('no'));
          resolve(allow);
        });
      await refusedWith(DecisionUnavailableError, guarded()(5));
      service.decide = () =>
        thenable((resolve) => {
          resolve(allow);
          resolve(allow);
        });
      await guarded()(5);
      expect(body.callCount).to.equal(1);
    });
  });

  for (const later of [false, true])
    for (const approval of modes)
      it(`runs once on an allow${later ? ' that comes later' : ''}, in mode ${approval}`, async () => {
        service.answer = () => (later ? Promise.resolve({ effect: 'allow' }) : { effect: 'allow' });
        expect(await guarded({ approval })(5, 'n')).to.equal(5);
        expect(body.args).to.deep.equal([[5, 'n']]);
      });

  it('tells its service everything, frozen, and cannot be told what to run through it', async () => {
    const at = new Date(5);
    service.answer = (request) => {
      const hostile = request as unknown as Record<string, any>;
      expect(() => (hostile['agentId'] = 'other')).to.throw(TypeError);
      expect(() => (hostile['params'] = {})).to.throw(TypeError);
      expect(() => (hostile['params'].amount = 1e6)).to.throw(TypeError);
      expect(() => (hostile['groups'] as string[]).push('admin')).to.throw(TypeError);
      expect(() => Object.defineProperty(request, 'toolName', { value: 'other' })).to.throw(TypeError);
      (hostile['params'].note.at as Date).setTime(99);
      for (const key of Reflect.ownKeys(request)) expect(hostile[key as string], String(key)).to.not.have.property('amount');
      return { effect: 'allow' };
    };
    await guarded({ groups: ['write'], session: { user_id: 'u' }, key: 'k', approvalTimeoutMs: 5 })(5, { at });
    expect(body.args).to.deep.equal([[5, { at: new Date(5) }]]);
    const { last } = service;
    expect(last).to.include({ agentId: 'agent', toolName: 'refund', guardKey: 'k', approvalTimeoutMs: 5 });
    expect(last).to.deep.include({ session: { user_id: 'u' }, groups: ['write'], opaque: [], removable: [] });
    expect(last.paramsDigest).to.match(/^[0-9a-f]{64}$/);
    expect(last.sessionDigest).to.match(/^[0-9a-f]{64}$/);
    expect(last.callId).to.match(/^call_/);
    expect(last.callId).to.equal(last.callId);
  });

  it('has an id of its own each time, and equal digests for equal calls', async () => {
    await guarded()(5, { a: 1, b: 2 });
    await guarded()(5, { b: 2, a: 1 });
    await guarded()(5, { a: 1, b: 3 });
    const [one, two, three] = service.requests as [DecisionRequest, DecisionRequest, DecisionRequest];
    expect(one.callId).to.not.equal(two.callId);
    expect(one.paramsDigest).to.equal(two.paramsDigest).and.not.equal(three.paramsDigest);
    expect(one.sessionDigest).to.equal('none');
  });

  it('looks the same afterwards, though the method changed its arguments', async () => {
    const call = (guard as any)(async (o: { list: number[] }) => o.list.push(9), { toolName: 't', module, approval: 'wait' }) as (
      o: object,
    ) => unknown;
    service.answer = () => ({ effect: 'allow' }); // reads nothing
    await call({ list: [1] });
    expect(service.last.params).to.deep.equal({ list: [1] });
  });

  describe('runs what was decided, whoever changes its arguments in between', () => {
    const effects: Readonly<Record<string, (r: DecisionRequest) => object>> = {
      allow: () => ({ effect: 'allow' }),
      deny: () => ({ effect: 'deny' }),
      sanitize: (request) => ({ effect: 'sanitize', params: { ...request.params, amount: 1 } }),
    };
    for (const [effect, answer] of Object.entries(effects))
      for (const later of [false, true])
        it(`${effect}${later ? ', later' : ''}`, async () => {
          const note = { to: ['ann'], at: new Date(5) };
          const attack = (): void => {
            note.to[0] = 'mallory';
            note.to.push('mallory');
            note.at.setTime(99);
          };
          service.answer = (request) => {
            attack();
            const said = answer(request);
            if (!later) return said;
            return new Promise((resolve) => setImmediate(() => (attack(), resolve(said)))).then((d) => (attack(), d));
          };
          const running = guarded({ approval: 'wait' })(5, note);
          attack();
          await running.catch(() => {});
          const expected = effect === 'deny' ? [] : [[effect === 'sanitize' ? 1 : 5, { to: ['ann'], at: new Date(5) }]];
          expect(body.args).to.deep.equal(expected);
        });

    it('while stores open', async () => {
      let open = (): void => {};
      const opening = Object.assign(new StandInDecisions(), { ready: () => new Promise<void>((resolve) => (open = resolve)) });
      const slow = moduleAsking(opening);
      const note = { to: 'ann' };
      const running = guarded({ module: slow, approval: 'wait' })(5, note);
      note.to = 'mallory';
      open();
      await running;
      expect(opening.last.params).to.deep.equal({ amount: 5, note: { to: 'ann' } });
      expect(body.args).to.deep.equal([[5, { to: 'ann' }]]);
    });

    it('though a sanitize keeps hold of its params', async () => {
      const params = { amount: 1, note: { to: 'x' } };
      service.answer = () => {
        queueMicrotask(() => (params.note.to = 'mallory'));
        return Promise.resolve({ effect: 'sanitize', params });
      };
      const running = guarded({ approval: 'wait' })(5, { to: 'y' });
      await running;
      params.note.to = 'mallory again';
      expect(body.args[0]?.[1]).to.not.equal(params.note);
    });
  });

  it('decides on, and runs, what a getter said first (trap H)', async () => {
    let reads = 0;
    const note = {
      get amount(): number {
        return (reads += 1);
      },
    };
    await guarded({ approval: 'wait' })(5, note);
    expect(service.last.params).to.deep.equal({ amount: 5, note: { amount: 1 } });
    expect(body.args).to.deep.equal([[5, { amount: 1 }]]);
  });

  it('never asks toJSON (trap H)', async () => {
    class Liar {
      amount = 1e6;
      toJSON(): object {
        return { amount: 1 };
      }
    }
    await guarded({ params: ['amount', 'note'], plain: ['note'], approval: 'wait' })(5, new Liar());
    expect(service.last.params).to.deep.equal({ amount: 5, note: { amount: 1e6 } });
  });

  it('asks nobody about arguments that cannot be copied', async () => {
    for (const value of [new Map(), () => 1, Symbol('s'), Promise.resolve(), new Proxy({}, {}), Number.NaN]) {
      const error = await refusedWith(UnsupportedParamError, guarded()(5, value));
      expect(error).to.have.property('path', '/note');
    }
    expect(service.requests).to.be.empty;
  });

  describe('with null among its arguments', () => {
    it('is refused at any depth, whatever service decides, unless the guard has a schema', async () => {
      for (const [note, path] of [
        [null, '/note'],
        [{ a: [null] }, '/note/a/0'],
        [['x', { b: null }], '/note/1/b'],
      ]) {
        const error = await refusedWith(UnsupportedParamError, guarded()(5, note));
        expect(error).to.have.property('path', path);
      }
      expect(service.requests).to.be.empty;
      const schema = v.object({ amount: v.number(), note: v.any() });
      expect(await guarded({ schema })(5, null)).to.equal(5);
      expect(service.last.params).to.deep.equal({ amount: 5, note: null });
    });
    it('is refused with policies', async () => {
      const embedded = AegisModule.create({ policies: { text: '@id("all") permit (principal, action, resource);' }, agentId: 'a' });
      await refusedWith(UnsupportedParamError, guarded({ module: embedded })(5, null));
      expect(await guarded({ module: embedded })(5)).to.equal(5);
      await embedded.close();
    });
  });

  describe('that is sanitized', () => {
    const sanitized = (params: unknown): void => void service.always({ effect: 'sanitize', params });

    it('runs with the complete params it was given', async () => {
      sanitized({ amount: 1, note: '[masked]' });
      expect(await guarded()(5, 'CANARY')).to.equal(1);
      expect(body.args).to.deep.equal([[1, '[masked]']]);
    });

    const refused: readonly (readonly [string, unknown, string])[] = [
      ['a name the call does not have', { amount: 1, note: 'x', admin: true }, '/admin'],
      ['a param taken away', { amount: 1 }, '/note'],
      ['every param taken away', {}, '/amount'],
      ['a Map for a param', { amount: 1, note: new Map() }, '/note'],
      ['a function for a param', { amount: 1, note: () => 1 }, '/note'],
      ['NaN for a param', { amount: Number.NaN, note: 'x' }, '/amount'],
      ['params that are an instance', new (class Params { amount = 1; note = 'x'; })(), ''], // prettier-ignore
      ['params that are a Date', new Date(), ''],
      ['params that are a Proxy', new Proxy({ amount: 1, note: 'x' }, {}), ''],
    ];
    for (const [name, params, path] of refused)
      it(`is refused with ${name}`, async () => {
        sanitized(params);
        const error = await refusedWith(SanitizeError, guarded()(5, 'n'));
        expect(error).to.have.property('path', path);
      });

    for (const key of ['__proto__', 'constructor', 'prototype', '__entity', '__extn', '__expr'])
      for (const [where, text] of [
        ['at the top', `{"amount":1,"note":"x","${key}":{"admin":true}}`],
        ['in a param', `{"amount":1,"note":{"${key}":{"admin":true}}}`],
        ['deep in a list', `{"amount":1,"note":[{"a":[{"${key}":{"admin":true}}]}]}`],
      ] as const)
        it(`is refused with the key ${key} ${where} (trap G)`, async () => {
          sanitized(JSON.parse(text));
          await refusedWith(SanitizeError, guarded()(5, 'n'));
          expect(({} as { admin?: boolean }).admin).to.equal(undefined);
        });

    it('is refused where its params cannot be read, whatever a getter in them throws', async () => {
      for (const mine of [new Error('CANARY'), new ForbiddenError('CANARY')]) {
        const get = (): never => {
          throw mine;
        };
        sanitized(Object.defineProperty({}, 'amount', { get, enumerable: true }));
        const error = await refusedWith(SanitizeError, guarded()(5));
        expect(error).to.include({ path: '', message: 'The params of the decision hold a value that a call cannot have; see `cause`.' });
      }
    });

    it('may fill a parameter that was omitted', async () => {
      sanitized({ amount: 5, note: 'filled' });
      await guarded()(5);
      expect(body.args).to.deep.equal([[5, 'filled']]);
    });

    it('may not name keys that a sole object does not have', async () => {
      sanitized({ a: 1, b: 2 });
      const run = (guard as any)(async (o: unknown) => body(o), { toolName: 't', module }) as (o: object) => Promise<unknown>;
      await refusedWith(SanitizeError, run({ a: 1 }));
    });

    describe('under a schema', () => {
      const schema = v.object({ amount: v.pipe(v.number(), v.maxValue(10)), note: v.optional(v.string()) });

      it('may lose what the schema makes optional', async () => {
        sanitized({ amount: 1 });
        await guarded({ schema })(5, 'n');
        expect(body.args).to.deep.equal([[1, undefined]]);
        expect(service.last.removable).to.deep.equal(['amount', 'note']);
      });

      for (const [name, params] of [
        ['what does not fit', { amount: 11 }],
        ['another type', { amount: '1' }],
        ['a param the schema needs taken away', { note: 'x' }],
        ['a name that the schema drops', { amount: 1, admin: true }],
      ] as const)
        it(`is refused with ${name}`, async () => {
          sanitized(params);
          await refusedWith(SanitizeError, guarded({ schema })(5, 'n'));
        });

      it('is refused where the schema would change it once more', async () => {
        const growing = v.object({ amount: v.pipe(v.number(), v.transform((n) => n + 1)) }); // prettier-ignore
        sanitized({ amount: 1 });
        const error = await refusedWith(SanitizeError, guarded({ schema: growing })(5));
        expect(error.message).to.include('must return its own output unchanged');
      });

      it('is checked before the decision, and what the schema made is decided', async () => {
        const trimming = v.object({ amount: v.number(), note: v.pipe(v.string(), v.trim()) });
        await guarded({ schema: trimming })(5, ' n ');
        expect(service.last.params).to.deep.equal({ amount: 5, note: 'n' });
        expect(body.args).to.deep.equal([[5, 'n']]);
        service.requests.length = 0;
        expect(await rejection(guarded({ schema })(50))).to.be.instanceOf(ParamsError);
        expect(service.requests).to.be.empty;
      });

      it('shows no value of it in an error', async () => {
        sanitized({ amount: 'CANARY' });
        const error = await refusedWith(SanitizeError, guarded({ schema })(5));
        expect(`${error.message} ${String(error.stack)} ${String(error.cause)}`).to.not.include('CANARY');
      });
    });
  });

  describe('that is aborted', () => {
    it('before it starts asks nobody', async () => {
      const reason = new Error('gone');
      const error = await refusedWith(CallAbortedError, guarded({ signal: AbortSignal.abort(reason) })(5));
      expect(error.cause).to.equal(reason);
      expect(service.requests).to.be.empty;
    });

    it('while it is decided does not wait for a service that hangs', async () => {
      const controller = new AbortController();
      service.answer = () => new Promise(() => {});
      const running = guarded({ signal: () => controller.signal })(5);
      controller.abort();
      await refusedWith(CallAbortedError, running);
      expect(service.options[0]?.signal).to.equal(controller.signal);
      expect(getEventListeners(controller.signal, 'abort')).to.be.empty;
    });

    it('by the service itself, while it answers at once, does not run', async () => {
      for (const answer of [
        { effect: 'allow' },
        { effect: 'sanitize', params: { amount: 1 } },
        { effect: 'approval_needed', decisionId: 'd' },
      ]) {
        const controller = new AbortController();
        service.answer = () => (controller.abort(), answer);
        for (const approval of modes)
          await refusedWith(
            CallAbortedError,
            guarded({ signal: controller.signal, approval })(5).catch((e) => Promise.reject(e as Error)),
          );
        expect(module.scheduler.queueSize).to.equal(0);
      }
    });

    it('by the service itself, which then answers nothing, does not wait for it', async () => {
      const controller = new AbortController();
      service.answer = () => (controller.abort(), new Promise(() => {}));
      await refusedWith(CallAbortedError, guarded({ signal: controller.signal })(5));
    });

    it('after it was decided, and before it runs, does not run', async () => {
      const controller = new AbortController();
      let checks = 0;
      const validate = async (value: unknown): Promise<object> => {
        checks += 1;
        // the second time is after the sanitize
        if (checks === 2) controller.abort();
        return { value };
      };
      service.always({ effect: 'sanitize', params: { amount: 1 } });
      const schema = { '~standard': { version: 1, vendor: 'spec', validate } };
      await refusedWith(CallAbortedError, guarded({ schema, signal: controller.signal })(5));
      expect(checks).to.equal(2);
    });

    it('leaves no listener on a signal that many calls share', async () => {
      const controller = new AbortController();
      for (const answer of [{ effect: 'allow' }, { effect: 'deny' }, new Error('x')])
        for (let i = 0; i < 50; i++) {
          service.answer = () => (answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer));
          await guarded({ signal: controller.signal })(5).catch(() => {});
        }
      expect(getEventListeners(controller.signal, 'abort')).to.be.empty;
    });

    it('leaves none where what the service answers cannot even be awaited', async () => {
      const controller = new AbortController();
      const fail = (): never => {
        throw new Error('CANARY');
      };
      // oxlint-disable-next-line unicorn/no-thenable -- what a service may answer with
      service.decide = () => ({ then: fail }) as never;
      await refusedWith(DecisionUnavailableError, guarded({ signal: controller.signal })(5));
      expect(getEventListeners(controller.signal, 'abort')).to.be.empty;
    });

    it('once it runs is left to the method', async () => {
      const controller = new AbortController();
      const call = (guard as any)(async () => (controller.abort(), 'ran'), {
        toolName: 't',
        module,
        signal: controller.signal,
      }) as () => Promise<unknown>;
      expect(await call()).to.equal('ran');
    });
  });

  describe('of a module that closes', () => {
    it('before it is not run', async () => {
      await module.close();
      await refusedWith(ShutdownError, guarded()(5));
      expect(service.requests).to.be.empty;
    });

    it('while it is decided is not run', async () => {
      let release: (answer: unknown) => void = () => {};
      for (const effect of ['allow', 'sanitize', 'approval_needed']) {
        const closing = moduleAsking(service);
        service.answer = () => new Promise((resolve) => (release = resolve));
        const running = guarded({ module: closing })(5);
        await closing.close();
        release({ effect, ...(effect === 'sanitize' ? { params: { amount: 1 } } : {}) });
        await refusedWith(ShutdownError, running);
      }
    });
  });

  it('without polling and push is refused where a person would have to decide', async () => {
    service.always({ effect: 'approval_needed' });
    const silent = moduleAsking(service, { approvalPolling: { enabled: false } });
    for (const approval of modes) {
      const error = await refusedWith(ForbiddenError, guarded({ module: silent, approval })(5));
      expect(error).to.have.property('code', 'approval_required');
      expect(error.message).to.include('requires approval');
    }
  });

  it("passes the method's own errors on unchanged, thrown at once or later, whatever they are", async () => {
    for (const mine of [new Error('mine'), new ForbiddenError('mine'), 'text', undefined, null])
      for (const fail of [
        () => {
          throw mine;
        },
        () => Promise.reject(mine as Error),
      ]) {
        // prettier-ignore
        for (const later of [false, true]) {
          service.answer = () => (later ? Promise.resolve({ effect: 'allow' }) : { effect: 'allow' });
          const call = (guard as any)(fail, { toolName: 't', module }) as () => Promise<unknown>;
          let caught: unknown = 'nothing';
          try {
            await call();
          } catch (error) {
            caught = error;
          }
          expect(caught).to.equal(mine);
        }
      }
  });

  it('guards within guarded calls each by themselves, ten thousand at once', async () => {
    const inner = guard(async (n: number) => n, { toolName: 'inner', params: ['n'], approval: 'wait', module });
    const outer = guard(async (n: number) => (await inner(n)) + 1, { toolName: 'outer', params: ['n'], approval: 'wait', module });
    const all = await Promise.all(Array.from({ length: 10_000 }, (_, n) => outer(n)));
    expect(all.every((sum, n) => sum === n + 1)).to.equal(true);
    expect(service.requests).to.have.length(20_000);
  });

  it('survives a logger that throws', async () => {
    const fail = (): never => {
      throw new Error('log');
    };
    const logger = { debug: fail, info: fail, warn: fail, error: fail };
    expect(await guarded({ module: moduleAsking(service, { logger, debug: true }) })(5)).to.equal(5);
  });

  it('logs each decision with debug, and no argument', async () => {
    const info = sinon.spy();
    const logger = { debug() {}, info, warn() {}, error() {} };
    await guarded({ module: moduleAsking(service, { logger, debug: true }) })(5, 'CANARY');
    expect(info.callCount).to.equal(1);
    expect(info.firstCall.args[0]).to.include({ agentId: 'agent', toolName: 'refund', effect: 'allow' });
    expect(JSON.stringify(info.args)).to.not.include('CANARY');
  });

  describe('through guardCall', () => {
    const call = (more: object = {}) => ({ agentId: 'a', toolName: 't', params: { a: 1 }, ...more });

    it('resolves to what became of it', async () => {
      const ran = await guardCall(module, call(), async (params) => params);
      expect(ran).to.deep.include({ kind: 'ran', value: { a: 1 }, params: { a: 1 } });
      service.always({ effect: 'deny' });
      const denied = await guardCall(module, call(), body);
      expect(denied.kind === 'denied' && denied.error).to.be.instanceOf(ForbiddenError);
      service.always({ effect: 'approval_needed' });
      const pending = await guardCall(module, call(), body);
      expect(pending.kind).to.equal('pending');
      expect(body.called).to.equal(false);
    });

    it('works with the view of a module', async () => {
      AegisModule.configure({ decisions: service, env: false });
      expect(await guardCall(AegisModule.current, call(), () => 1)).to.include({ kind: 'ran', value: 1 });
      await AegisModule.close();
    });

    it("rejects with the method's own error alone", async () => {
      const mine = new Error('mine');
      expect(await rejection(guardCall(module, call(), () => Promise.reject(mine)))).to.equal(mine);
    });

    const wrong: readonly (readonly [string, object])[] = [
      ['no agent', { agentId: undefined }],
      ['an empty agent', { agentId: '' }],
      ['a toolName that is none', { toolName: 'a b' }],
      ['no toolName', { toolName: undefined }],
      ['an empty guardKey', { guardKey: '' }],
      ['a guardKey that is no text', { guardKey: 7 }],
      ['params that are a list', { params: [1] }],
      ['params that are a Date', { params: new Date() }],
      ['params that are an instance', { params: new (class Params {})() }],
      ['params that are a Proxy', { params: new Proxy({}, {}) }],
      ['no params', { params: undefined }],
      ['a forbidden key', { params: JSON.parse('{"__proto__": 1}') as object }],
      ['a session that is a text', { session: 'u' }],
      ['a session that is a list', { session: ['u'] }],
    ];
    for (const [name, more] of wrong)
      it(`denies a call with ${name}, and asks nobody`, async () => {
        const outcome = await guardCall(module, call(more), body);
        expect(outcome.kind === 'denied' && outcome.error).to.be.instanceOf(ParamsError);
        expect(service.requests).to.be.empty;
      });

    it('copies session and groups of its caller', async () => {
      const session = { user_id: 'u' };
      const groups = ['read'];
      service.answer = () => {
        session.user_id = 'root';
        groups.push('write');
        return Promise.resolve({ effect: 'allow' });
      };
      await guardCall(module, call({ session, groups }), () => 1);
      expect(service.last).to.deep.include({ session: { user_id: 'u' }, groups: ['read'] });
      expect(service.last.session).to.be.frozen;
    });

    it('copies the names of what is opaque, which no sanitize replaces', async () => {
      const opaque = ['file'];
      service.answer = () => {
        opaque.length = 0;
        return Promise.resolve({ effect: 'sanitize', params: { a: 1, file: '/etc/passwd' } });
      };
      const outcome = await guardCall(module, call({ opaque, guardKey: 'g', knows: () => true }), body);
      expect(outcome.kind === 'denied' && outcome.error).to.be.instanceOf(SanitizeError);
      expect(service.last).to.deep.include({ opaque: ['file'], guardKey: 'g' });
      expect(body.called).to.equal(false);
    });

    it('denied and floating ends no process', async () => {
      const unhandled = sinon.spy();
      const listeners = process.rawListeners('unhandledRejection');
      process.removeAllListeners('unhandledRejection').on('unhandledRejection', unhandled);
      try {
        service.always({ effect: 'deny' });
        void guardCall(module, call(), body);
        await new Promise(setImmediate);
        expect(unhandled.called).to.equal(false);
      } finally {
        process.removeAllListeners('unhandledRejection');
        for (const listener of listeners) process.on('unhandledRejection', listener as () => void);
      }
    });
  });
});
