import { expect } from 'chai';
import { CapacityError, ConfigError, currentCall, guard, guardCall } from '../../../lib/index.js';
import type { AegisModule, CurrentCall, PendingApproval } from '../../../lib/index.js';
import { offerDecision, takeDecision } from '../../../lib/guard/call/callContext.js';
import type { DecidedCall } from '../../../lib/guard/call/callContext.js';
import { runInChild } from '../../support/runInChild.js';
import { moduleAsking, rejection, StandInDecisions } from '../../support/standInDecisions.js';

const LIBRARY = new URL('../../../lib/index.js', import.meta.url).href;

describe('currentCall()', () => {
  let service: StandInDecisions;
  let module: AegisModule;
  beforeEach(() => {
    service = new StandInDecisions();
    module = moduleAsking(service);
  });
  afterEach(() => module.close());

  it('is undefined outside of guarded calls', () => expect(currentCall()).to.equal(undefined));

  it('is the call, in the method and what it calls', async () => {
    service.always({ effect: 'allow', decisionId: 'd1' });
    const look = (): CurrentCall | undefined => currentCall();
    const call = guard(async () => look(), { toolName: 't', approval: 'wait', module });
    expect(await call()).to.deep.include({ agentId: 'agent', toolName: 't', decisionId: 'd1', taskId: undefined, depth: 1 });
    expect(currentCall()).to.equal(undefined);
  });

  it('is the inner call within the inner one, and the outer one again after it', async () => {
    const inner = guard(async () => currentCall()?.toolName, { toolName: 'inner', approval: 'wait', module });
    const outer = guard(
      async () => {
        const before = currentCall()?.toolName;
        const within = inner();
        return [before, await within, currentCall()?.toolName];
      },
      { toolName: 'outer', approval: 'wait', module },
    );
    const [before, within] = await outer();
    expect([before, within]).to.deep.equal(['outer', 'inner']);
    const seen: unknown[] = [];
    const sync = guard(
      async () => {
        void inner().then(() => {});
        seen.push(currentCall()?.toolName);
      },
      { toolName: 'sync', approval: 'wait', module },
    );
    await sync();
    expect(seen).to.deep.equal(['sync']);
  });

  it('is nobody after a method that threw', async () => {
    const call = (guard as any)(
      () => {
        throw new Error('mine');
      },
      { toolName: 't', module },
    ) as () => Promise<unknown>;
    await rejection(call());
    expect(currentCall()).to.equal(undefined);
  });

  it('names the task of an approved call', async () => {
    service.always({ effect: 'approval_needed' });
    const call = guard(async () => currentCall(), { toolName: 't', approval: 'throw', module });
    const error = (await rejection(call())) as Error & { pending: PendingApproval };
    service.state = 'approved';
    expect(await call()).to.include({ taskId: error.pending.taskId, decisionId: error.pending.decisionId });
  });

  it('has one signal, which its caller aborts too', async () => {
    const caller = new AbortController();
    const signals: (AbortSignal | undefined)[] = [];
    const look = (): void => void signals.push(currentCall()?.signal, currentCall()?.signal);
    const call = { agentId: 'a', toolName: 't', params: {} };
    await guardCall(module, { ...call, signal: caller.signal }, look);
    await guardCall(module, call, look);
    const [first, again, own, ownAgain] = signals;
    expect(first).to.be.instanceOf(AbortSignal).and.equal(again);
    expect(own).to.be.instanceOf(AbortSignal).and.equal(ownAgain);
    caller.abort(new Error('enough'));
    expect(first?.reason).to.include({ message: 'enough' });
    expect(own?.aborted).to.equal(false);
  });

  it('holds in every piece of a stream, and never for its consumer', async () => {
    async function* pieces(): AsyncGenerator<string | undefined> {
      yield currentCall()?.toolName;
      yield currentCall()?.toolName;
    }
    const seen: unknown[] = [];
    for await (const name of guard(pieces, { approval: 'wait', module })()) seen.push(name, currentCall()?.toolName);
    expect(seen).to.deep.equal(['pieces', undefined, 'pieces', undefined]);
  });

  it('runs the clean-up of a stream that its consumer throws into', async () => {
    const seen: unknown[] = [];
    async function* items(): AsyncGenerator<number> {
      try {
        yield 1;
      } catch (error) {
        seen.push((error as Error).message);
        yield 2;
      } finally {
        seen.push('finally');
      }
    }
    const stream = guard(items, { approval: 'wait', module })();
    await stream.next();
    expect(await stream.throw(new Error('mine'))).to.deep.equal({ value: 2, done: false });
    await stream.return(undefined);
    expect(seen).to.deep.equal(['mine', 'finally']);
  });

  describe("with sessions: 'async-local'", () => {
    beforeEach(() => (module = moduleAsking(service, { sessions: 'async-local' })));

    it('lasts beyond awaits, also those of many calls at once', async () => {
      const call = guard(
        async (n: number) => {
          await new Promise((resolve) => setTimeout(resolve, n % 3));
          return currentCall()?.decisionId;
        },
        { toolName: 't', params: ['n'], approval: 'wait', module },
      );
      service.answer = (request) => ({ effect: 'allow', decisionId: `d${String(request.params['n'])}` });
      const all = await Promise.all(Array.from({ length: 20 }, (_, n) => call(n)));
      expect(all).to.deep.equal(Array.from({ length: 20 }, (_, n) => `d${n}`));
      expect(currentCall()).to.equal(undefined);
    });

    it('counts how deep calls are nested, and refuses the 33rd before it runs', async () => {
      const entered: (number | undefined)[] = [];
      const dig = guard(
        async (n: number): Promise<void> => {
          entered.push(currentCall()?.depth);
          await Promise.resolve();
          await (dig as (n: number) => Promise<void>)(n + 1);
        },
        { toolName: 'dig', params: ['n'], approval: 'wait', module },
      );
      const error = await rejection(dig(1));
      expect(error).to.be.instanceOf(CapacityError).and.have.property('limit', 32);
      expect(entered).to.deep.equal(Array.from({ length: 32 }, (_, i) => i + 1));
    });

    it('denies the 33rd as an outcome of guardCall, not as an error of the method', async () => {
      const nest = async (depth: number): Promise<string> => {
        const call = { agentId: 'a', toolName: 't', params: {} };
        const outcome = await guardCall(module, call, async () => nest(depth + 1));
        return outcome.kind === 'ran' ? outcome.value : `${outcome.kind} at ${depth}`;
      };
      expect(await nest(1)).to.equal('denied at 33');
    });

    it('counts through streams too', async () => {
      const dig = guard(
        async function* (n: number): AsyncGenerator<number> {
          yield n;
          yield* (dig as (n: number) => AsyncGenerator<number>)(n + 1);
        },
        { toolName: 'dig', params: ['n'], approval: 'wait', module },
      );
      const items: number[] = [];
      const error = await rejection(
        (async () => {
          for await (const n of dig(1)) items.push(n);
        })(),
      );
      expect(error).to.be.instanceOf(CapacityError);
      expect(items).to.have.length(32);
    });

    it('finds the session of withSession, in everything it calls and awaits, and a guard of its own wins', async () => {
      const call = guard(async () => {}, { toolName: 't', approval: 'wait', module });
      const own = guard(async () => {}, { toolName: 'own', approval: 'wait', module, session: { user_id: 'own' } });
      const session = { user_id: 'ann' };
      await module.withSession(session, async () => {
        session.user_id = 'mallory';
        await new Promise(setImmediate);
        await call();
        await own();
        await module.withSession({ user_id: 'bob' }, () => call());
        await module.withSession(null, () => call());
        await call();
      });
      await call();
      const users = service.requests.map((r) => r.session?.['user_id'] ?? r.session);
      expect(users).to.deep.equal(['ann', 'own', 'bob', null, 'ann', null]);
    });

    it('keeps the session for guarded calls within guarded calls', async () => {
      const inner = guard(async () => {}, { toolName: 'inner', approval: 'wait', module });
      const outer = guard(
        async () => {
          await Promise.resolve();
          await inner();
        },
        { toolName: 'outer', approval: 'wait', module },
      );
      await module.withSession({ user_id: 'ann' }, () => outer());
      expect(service.requests.map((r) => r.session)).to.deep.equal([{ user_id: 'ann' }, { user_id: 'ann' }]);
    });

    it('is of no account to a module that did not ask for it', async () => {
      const explicit = moduleAsking(service);
      await module.withSession({ user_id: 'ann' }, () => guard(async () => {}, { toolName: 't', approval: 'wait', module: explicit })());
      expect(service.last.session).to.equal(null);
    });

    for (const [name, session] of [
      ['a text', 'u'],
      ['a list', ['u']],
      ['a Date', new Date()],
    ] as const)
      it(`refuses ${name} for a session`, () => {
        expect(() => module.withSession(session as object, () => 1)).to.throw('The session must be a plain object');
      });
  });

  it('says what withSession needs', () => {
    expect(() => module.withSession({}, () => 1)).to.throw(ConfigError, "must be 'async-local' for withSession()");
  });

  it('is known without AsyncLocalStorage until the first await of the method, and nowhere else', async () => {
    const { code, stdout, stderr } = await runInChild(`
      const { AegisModule, currentCall, guard } = await import('${LIBRARY}');
      const decisions = { decide: () => ({ effect: 'allow', decisionId: 'd' }), status: () => ({}) };
      const module = AegisModule.create({ decisions });
      const call = guard(async () => currentCall(), { toolName: 't', agentId: 'a', approval: 'wait', module });
      console.log(JSON.stringify([currentCall() ?? 'none', await call(), currentCall() ?? 'none']));`);
    expect(code, stderr).to.equal(0);
    expect(JSON.parse(stdout)).to.deep.equal(['none', { agentId: 'a', toolName: 't', decisionId: 'd', depth: 1 }, 'none']);
  });

  it('costs the host no AsyncLocalStorage unless a module asks for it (trap I)', async () => {
    const { code, stdout, stderr } = await runInChild(`
      import { AsyncLocalStorage } from 'node:async_hooks';
      let stores = 0;
      const run = AsyncLocalStorage.prototype.run;
      AsyncLocalStorage.prototype.run = function (...args) { stores++; return Reflect.apply(run, this, args); };
      const { AegisModule, guard } = await import('${LIBRARY}');
      const decisions = { decide: () => ({ effect: 'allow', decisionId: 'd' }), status: () => ({}) };
      const call = (module) => guard(async () => 1, { toolName: 't', agentId: 'a', approval: 'wait', module })();
      await call(AegisModule.create({ decisions }));
      const before = stores;
      await call(AegisModule.create({ decisions, sessions: 'async-local' }));
      console.log(before, stores);`);
    expect(code, stderr).to.equal(0);
    expect(stdout.trim()).to.equal('0 1');
  });
});

describe('offerDecision()', () => {
  it('offers nothing where no guarded call is running: there is none whose decision it could be', () => {
    const decided = { agentId: 'agent', toolName: 't', session: null, groups: [], digest: '' } as unknown as DecidedCall;
    expect(offerDecision(decided, () => [takeDecision(), currentCall()])).to.deep.equal([undefined, undefined]);
    expect(takeDecision()).to.equal(undefined);
  });
});
