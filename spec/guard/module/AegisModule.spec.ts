import { expect } from 'chai';
import sinon from 'sinon';
import { inspect } from 'node:util';
import {
  AegisModule,
  ApprovalScheduler,
  ConfigError,
  EmbeddedDecisionService,
  guard,
  RemoteDecisionService,
  ShutdownError,
} from '../../../lib/index.js';
import { ReloadablePolicies } from '../../../lib/policy/live/ReloadablePolicies.js';
import { MemoryApprovalStore } from '../../../lib/store/memory/MemoryApprovalStore.js';
import { MemoryTaskStore } from '../../../lib/store/memory/MemoryTaskStore.js';
import type { AegisOptions, ConfigureOptions, PendingApproval } from '../../../lib/index.js';
import { preparsedSets } from '../../../lib/policy/wasm/PreparsedSets.js';
import { runInChild } from '../../support/runInChild.js';
import { moduleAsking, rejection, StandInDecisions, thrown } from '../../support/standInDecisions.js';

const ALL = '@id("all") permit (principal, action, resource);';
const problemsOf = (options: ConfigureOptions): readonly string[] => {
  const error = thrown(() => AegisModule.configure(options));
  if (!(error instanceof ConfigError)) throw error;
  return error.problems.map((p) => p.where);
};

describe('AegisModule', () => {
  const saved = { ...process.env };
  let service: StandInDecisions;
  beforeEach(() => {
    for (const name of Object.keys(process.env)) if (name.startsWith('AEGIS_')) delete process.env[name];
    service = new StandInDecisions();
  });
  afterEach(async () => {
    sinon.restore();
    for (const name of Object.keys(process.env)) if (name.startsWith('AEGIS_')) delete process.env[name];
    Object.assign(process.env, saved);
    await AegisModule.close();
  });

  describe('takes one source of decisions:', () => {
    it('policies', async () => {
      const module = AegisModule.create({ policies: { text: ALL } });
      expect(module.decisions).to.be.instanceOf(EmbeddedDecisionService);
      expect(module.policies).to.be.instanceOf(ReloadablePolicies);
      expect(await module.approvals.list()).to.deep.equal([]);
      await module.close();
    });
    it('policies, with cedar-wasm asked too where it says so', async () => {
      const before = preparsedSets.size;
      const module = AegisModule.create({ policies: { text: ALL }, agentId: 'a', verify: 1 });
      const read = guard(async () => 'read', { toolName: 'read', approval: 'wait', module });
      expect(await read()).to.equal('read');
      expect(preparsedSets.size).to.equal(before + 1);
      await module.close();
      expect(preparsedSets.size).to.equal(before);
    });
    it('a Data Plane, which has its own approvals and policies', async () => {
      const module = AegisModule.create({ apiKey: 'k', baseUrl: 'https://aegis.example' });
      expect(module.decisions).to.be.instanceOf(RemoteDecisionService);
      for (const part of ['approvals', 'policies', 'grants'] as const)
        expect(() => module[part]).to.throw(ConfigError, new RegExp(`^${part}: .+ in this process`));
      await module.close();
    });
    it('a service of your own', async () => {
      const module = moduleAsking(service);
      expect(module.decisions).to.equal(service);
      expect(() => module.approvals).to.throw(ConfigError);
      await module.close();
    });
    it('not none', () => expect(problemsOf({})).to.deep.equal(['policies']));
    it('not two or three', () => {
      const policies = { text: ALL };
      expect(problemsOf({ policies, apiKey: 'k' })).to.deep.equal(['policies, apiKey or baseUrl']);
      expect(problemsOf({ policies, decisions: service })).to.deep.equal(['policies, decisions']);
      expect(problemsOf({ baseUrl: 'https://a.example', decisions: service })).to.deep.equal(['apiKey or baseUrl, decisions']);
      expect(problemsOf({ policies, apiKey: 'k', decisions: service })).to.have.length(1);
    });

    const embedded: AegisOptions = {
      watch: true,
      onLoosened: 'hold',
      onReload: () => {},
      agents: {},
      toolset: 't',
      facts: () => ({}),
      factsTimeoutMs: 5,
      unattended: 'deny',
      approver: { attach: () => () => {} },
      approverGroups: {},
      mayApprove: () => true,
      requireRequester: true,
      maxPendingPerTool: 5,
      denialTtlMs: 5,
      exposePolicies: true,
      approvalStore: new MemoryApprovalStore(),
    };
    for (const [name, value] of Object.entries(embedded))
      it(`refuses ${name} without policies: it would do nothing`, () => {
        expect(problemsOf({ apiKey: 'k', [name]: value })).to.deep.equal([name]);
        expect(problemsOf({ decisions: service, [name]: value })).to.deep.equal([name]);
      });
    const remote: AegisOptions = { timeoutMs: 500, retries: 1, userAgent: 'u', allowInsecureHttp: true };
    for (const [name, value] of Object.entries(remote))
      it(`refuses ${name} without a Data Plane: it would do nothing`, () => {
        expect(problemsOf({ policies: { text: ALL }, [name]: value })).to.deep.equal([name]);
        expect(problemsOf({ decisions: service, [name]: value })).to.deep.equal([name]);
      });
    it('refuses all of them at once', () => {
      expect(problemsOf({ decisions: service, ...embedded, ...remote })).to.have.length(20);
    });
  });

  describe('is configured', () => {
    it('once: the second time is refused, and the first stays', () => {
      AegisModule.configure({ decisions: service });
      const { current } = AegisModule;
      const error = thrown(() => AegisModule.configure({ decisions: new StandInDecisions() }));
      expect(error)
        .to.be.instanceOf(ConfigError)
        .and.match(/close\(\) the module first, or call configure\(\) with \{ replace: true \}/);
      expect(AegisModule.current).to.equal(current);
    });

    it('again with replace: true, which closes the one before', async () => {
      const before = AegisModule.configure({ decisions: service });
      const other = new StandInDecisions();
      AegisModule.configure({ decisions: other, agentId: 'a', replace: true });
      expect(AegisModule.current.decisions).to.equal(other);
      const call = guard(async () => 1, { toolName: 't', agentId: 'a', approval: 'wait', module: before });
      expect(await rejection(call())).to.be.instanceOf(ShutdownError);
      expect(await guard(async () => 1, { toolName: 't', approval: 'wait' })()).to.equal(1);
    });

    it('not at all where the replacement is wrong: the one before stays', async () => {
      AegisModule.configure({ decisions: service, agentId: 'a' });
      const { current } = AegisModule;
      expect(() => AegisModule.configure({ policies: { text: 'nonsense' }, replace: true })).to.throw(ConfigError);
      expect(() => AegisModule.configure({ replace: true })).to.throw(ConfigError);
      expect(AegisModule.current).to.equal(current);
      expect(await guard(async () => 1, { toolName: 't', approval: 'wait' })()).to.equal(1);
    });

    it('anew once it is closed; current is unset at once', async () => {
      const module = AegisModule.configure({ decisions: service });
      const closing = module.close();
      expect(() => AegisModule.current).to.throw(ConfigError, 'call AegisModule.configure() first');
      AegisModule.configure({ decisions: service });
      await closing;
      expect(AegisModule.current.decisions).to.equal(service);
    });

    it('for the time of a block', async () => {
      {
        // oxlint-disable-next-line typescript/await-thenable -- it does not know [Symbol.asyncDispose]
        await using module = AegisModule.configure({ decisions: service });
        expect(module.decisions).to.equal(service);
      }
      expect(() => AegisModule.current).to.throw(ConfigError);
    });

    it('with an object of options', () => {
      for (const options of ['CANARY', 5, null, [], () => 1]) {
        for (const make of [AegisModule.configure, AegisModule.create] as ((o: unknown) => unknown)[]) {
          const error = thrown(() => make(options));
          expect(error).to.be.instanceOf(ConfigError);
          expect(error.message)
            .to.match(/^options: must be an object of options \(got [^)]+\)\.$/)
            .and.not.include('CANARY');
        }
      }
    });

    it('only by configure(): create() replaces nothing', () => {
      expect(() => AegisModule.create({ decisions: service, replace: true } as AegisOptions)).to.throw(ConfigError, 'replace');
    });

    it('without being current by create()', () => {
      moduleAsking(service);
      expect(() => AegisModule.current).to.throw(ConfigError);
    });
  });

  describe('names everything that is wrong, and no value:', () => {
    it('options', () => {
      const wrong = { apiKey: 'CANARY-key', retries: 11, debug: 'CANARY', logLevel: 'CANARY', limits: { maxDepth: 'CANARY' }, CANARYx: 1 };
      const error = thrown(() => AegisModule.configure(wrong as never)) as ConfigError;
      expect(error).to.be.instanceOf(ConfigError);
      expect(error.problems.map((p) => p.where)).to.have.members(['retries', 'debug', 'logLevel', 'limits.maxDepth', 'CANARYx']);
      for (const shown of [inspect(error, { depth: 9 }), JSON.stringify(error), String(error.stack)])
        expect(shown.replaceAll('CANARYx', '')).to.not.include('CANARY');
    });

    it('the environment and options together', () => {
      Object.assign(process.env, { AEGIS_TIMEOUT_S: '0.01', AEGIS_RETRIES: 'CANARY', AEGIS_LOG_LEVEL: 'CANARY' });
      const error = thrown(() => AegisModule.configure({ apiKey: 'k', debug: 'CANARY' as never })) as ConfigError;
      expect(error.problems.map((p) => p.where)).to.deep.equal([
        'AEGIS_RETRIES',
        'AEGIS_TIMEOUT_S (as timeoutMs)',
        'AEGIS_LOG_LEVEL (as logLevel)',
        'debug',
      ]);
      expect(error.message).to.not.include('CANARY');
    });

    it('a Data Plane that cannot be reached safely', () => {
      const error = thrown(() => AegisModule.configure({ apiKey: 'CANARY\n', baseUrl: 'http://u:CANARY@a.example' }));
      expect(error).to.be.instanceOf(ConfigError);
      expect(error.message).to.not.include('CANARY');
    });

    it('a Data Plane of the environment, beside what the program says of it', () => {
      process.env['AEGIS_BASE_URL'] = 'http://a.example';
      expect(problemsOf({ apiKey: 'CANARY\n' })).to.have.members(['apiKey', 'AEGIS_BASE_URL (as baseUrl)']);
    });
  });

  describe('reads the environment', () => {
    it('in configure()', () => {
      process.env['AEGIS_POLICIES'] = 'samples/policies';
      expect(AegisModule.configure().policies).to.be.instanceOf(ReloadablePolicies);
    });
    it('not with env: false', () => {
      process.env['AEGIS_POLICIES'] = 'samples/policies';
      process.env['AEGIS_RETRIES'] = 'nonsense';
      expect(problemsOf({ env: false })).to.deep.equal(['policies']);
    });
    it('not in create()', () => {
      process.env['AEGIS_POLICIES'] = 'samples/policies';
      expect(() => AegisModule.create({})).to.throw(ConfigError);
      process.env['AEGIS_RETRIES'] = 'nonsense';
      expect(() => moduleAsking(service)).to.not.throw();
    });
    it('and says which variable is out of range', () => {
      for (const [name, text, option] of [
        ['AEGIS_TIMEOUT_S', '31', 'timeoutMs'],
        ['AEGIS_TIMEOUT_S', '-1', 'timeoutMs'],
        ['AEGIS_TIMEOUT_S', `1${'0'.repeat(400)}`, 'timeoutMs'],
        ['AEGIS_RETRIES', '11', 'retries'],
        ['AEGIS_RETRIES', '1.5', 'retries'],
        ['AEGIS_APPROVAL_POLLING_INITIAL_DELAY_S', '0.4', 'approvalPolling.initialDelayMs'],
        ['AEGIS_APPROVAL_POLLING_MAX_DELAY_S', '301', 'approvalPolling.maxDelayMs'],
        ['AEGIS_APPROVAL_POLLING_MAX_ATTEMPTS', '0', 'approvalPolling.maxAttempts'],
        ['AEGIS_APPROVAL_POLLING_JITTER_RATIO', '0.6', 'approvalPolling.jitterRatio'],
      ] as const) {
        process.env[name] = text;
        expect(problemsOf({ apiKey: 'k' }), name).to.deep.equal([`${name} (as ${option})`]);
        delete process.env[name];
      }
    });
    it('and refuses two sources named there', () => {
      Object.assign(process.env, { AEGIS_POLICIES: 'samples/policies', AEGIS_API_KEY: 'CANARY' });
      expect(problemsOf({})).to.deep.equal(['AEGIS_POLICIES']);
    });
  });

  describe('as AegisModule.current', () => {
    it('has all but the judge', () => {
      const module = AegisModule.configure({ policies: { text: ALL } });
      const { current } = AegisModule;
      expect(current).to.be.frozen;
      expect(Object.keys(current).sort()).to.deep.equal([
        'decide',
        'decisionStatus',
        'decisions',
        'ready',
        'register',
        'scheduler',
        'tasks',
        'withSession',
      ]);
      expect(current.tasks).to.equal(module.tasks);
      expect(Object.getPrototypeOf(current)).to.equal(Object.prototype);
    });
    it('waits for what opens, and sets sessions, as the module does', async () => {
      AegisModule.configure({ policies: { text: ALL }, sessions: 'async-local' });
      const { current } = AegisModule;
      expect(await current.ready()).to.equal(undefined);
      expect(() => current.register(class Plain {})).to.throw(ConfigError, 'must get a class that has guarded methods');
      expect(current.withSession({ user_id: 'ann' }, () => 'ran')).to.equal('ran');
      expect(() => current.withSession('ann' as unknown as object, () => 'ran')).to.throw('The session must be a plain object');
    });
    it('is found by getters alone: nothing on it leads to the desk', () => {
      const module = AegisModule.configure({ policies: { text: ALL } });
      const desk = module.approvals;
      const seen = new Set<unknown>();
      const look = (value: unknown): void => {
        if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) return;
        seen.add(value);
        for (const key of Reflect.ownKeys(value)) look(Object.getOwnPropertyDescriptor(value, key)?.value);
      };
      look(AegisModule.current);
      expect(seen.has(desk)).to.equal(false);
    });
  });

  it('shows no secret, however it is looked at', () => {
    const module = AegisModule.configure({ apiKey: 'CANARY', baseUrl: 'https://aegis.example' });
    for (const what of [module, AegisModule.current, module.decisions, module.scheduler]) {
      expect(inspect(what, { depth: 12, showHidden: true })).to.not.include('CANARY');
      expect(JSON.stringify(what) ?? '').to.not.include('CANARY');
    }
  });

  describe('takes parts of the program:', () => {
    it('a store, opened before the first call and closed at the end', async () => {
      const events: string[] = [];
      const store = Object.assign(new MemoryTaskStore(), {
        open: async () => void events.push('open'),
        close: async () => void events.push('close'),
      });
      const module = moduleAsking(service, { store });
      const call = guard(async () => events.push('ran'), { toolName: 't', approval: 'wait', module });
      await call();
      await module.ready();
      await module.close();
      expect(events).to.deep.equal(['open', 'ran', 'close']);
    });

    it('an approval store, opened and closed too', async () => {
      const events: string[] = [];
      const approvalStore = Object.assign(new MemoryApprovalStore(), {
        open: async () => void events.push('open'),
        close: async () => void events.push('close'),
      });
      const module = AegisModule.create({ policies: { text: ALL }, approvalStore });
      await module.ready();
      await module.close();
      expect(events).to.deep.equal(['open', 'close']);
    });

    it('a store that cannot be opened refuses every call', async () => {
      const store = Object.assign(new MemoryTaskStore(), { open: () => Promise.reject(new Error('no disk')) });
      const module = moduleAsking(service, { store });
      for (let i = 0; i < 2; i++) {
        const error = await rejection(guard(async () => 1, { toolName: 't', approval: 'wait', module })());
        expect(error).to.have.property('name', 'DecisionUnavailableError');
      }
      expect(await rejection(module.ready())).to.have.property('message', 'no disk');
      expect(service.requests).to.be.empty;
    });

    it('a store that cannot be opened ends no process before it is used', async () => {
      const { code, stderr } = await runInChild(`
        const { AegisModule } = await import('${new URL('../../../lib/index.js', import.meta.url).href}');
        const { MemoryTaskStore } = await import('${new URL('../../../lib/store/memory/MemoryTaskStore.js', import.meta.url).href}');
        const store = Object.assign(new MemoryTaskStore(), { open: () => Promise.reject(new Error('no disk')) });
        AegisModule.create({ decisions: { decide() {}, status() {} }, store });
        await new Promise(setImmediate);`);
      expect(code, stderr).to.equal(0);
    });

    it('a scheduler, made of the parts of the module', async () => {
      class Own extends ApprovalScheduler {}
      const make = sinon.spy((options: ConstructorParameters<typeof ApprovalScheduler>[0]) => new Own(options));
      const module = moduleAsking(service, { scheduler: make, approvalPolling: { maxAttempts: 3 }, keepAlive: false });
      expect(module.scheduler).to.be.instanceOf(Own);
      const [options] = make.firstCall.args;
      expect(options).to.include({ decisions: service, registry: module.tasks, keepAlive: false });
      expect(options.polling).to.deep.equal({
        enabled: true,
        initialDelayMs: 2_000,
        maxDelayMs: 60_000,
        maxAttempts: 3,
        jitterRatio: 0.1,
      });
    });

    describe('a scheduler of its own, which', () => {
      const POLICY =
        '@id("ask") @effect("approval_needed") forbid (principal, action, resource); @id("all") permit (principal, action, resource);';
      const seen: string[] = [];
      class Own extends ApprovalScheduler {
        override start(): void {
          seen.push('start');
          super.start();
        }
        override submit<T>(pending: PendingApproval<T>): PendingApproval<T> {
          seen.push(`submit ${pending.toolName}`);
          return super.submit(pending);
        }
        override shutdown(options?: { readonly graceMs?: number }): Promise<void> {
          seen.push('shutdown');
          return super.shutdown(options);
        }
      }
      const options: AegisOptions = { policies: { text: POLICY }, agentId: 'a' };
      beforeEach(() => seen.splice(0));

      const approveAll = async (module: AegisModule): Promise<void> => {
        for (const { decisionId, digest } of await module.approvals.list())
          await module.approvals.approve(decisionId, { by: 'ann', digest });
      };

      it('starts once, gets every call that is to run, and is shut down', async () => {
        const module = AegisModule.create({ ...options, scheduler: (parts) => new Own(parts) });
        const drop = guard(async () => 'dropped', { module, toolName: 'drop', approval: 'defer' });
        const wipe = guard(async () => 'wiped', { module, toolName: 'wipe', approval: 'wait' });
        const dropped = (await drop()) as PendingApproval<string>;
        const wiped = wipe();
        while ((await module.approvals.list()).length < 2) await new Promise(setImmediate);
        await approveAll(module);
        expect([await dropped.completed, await wiped]).to.deep.equal(['dropped', 'wiped']);
        await module.close();
        expect(seen).to.deep.equal(['submit drop', 'start', 'submit wipe', 'shutdown']);
      });

      it('runs nothing that it does not submit', async () => {
        class Idle extends ApprovalScheduler {
          override submit<T>(pending: PendingApproval<T>): PendingApproval<T> {
            return pending;
          }
        }
        let runs = 0;
        const module = AegisModule.create({ ...options, scheduler: (parts) => new Idle(parts) });
        const drop = guard(async () => (runs += 1), { module, toolName: 'drop', approval: 'defer' });
        const pending = (await drop()) as PendingApproval<number>;
        await approveAll(module);
        await new Promise(setImmediate);
        expect([runs, pending.status]).to.deep.equal([0, 'pending']);
        await module.close();
      });

      for (const [mode, error] of [
        ['defer', new Error('full')],
        ['wait', new Error('full')],
        ['defer', new ShutdownError('full')],
      ] as const)
        it(`ends the call in a typed error where it throws (${mode}, ${error.name})`, async () => {
          class Full extends ApprovalScheduler {
            override submit(): never {
              throw error;
            }
          }
          let runs = 0;
          const module = AegisModule.create({ ...options, scheduler: (parts) => new Full(parts) });
          const drop = guard(async () => (runs += 1), { module, toolName: 'drop', approval: mode as 'defer' });
          const refused = await rejection(drop());
          if (error instanceof ShutdownError) expect(refused).to.equal(error);
          else expect(refused).to.include({ name: 'DecisionUnavailableError', reason: 'service_threw', cause: error });
          await new Promise(setImmediate);
          expect(await module.approvals.list()).to.deep.equal([]);
          expect((await module.tasks.getStats()).cancelled).to.equal(1);
          expect(runs).to.equal(0);
          await module.close();
        });
    });

    it('limits of its own', async () => {
      const call = (options: AegisOptions, value: unknown): Promise<unknown> =>
        (guard as any)(async () => 1, { toolName: 't', params: ['v'], module: moduleAsking(service, options) })(value);
      await call({ limits: { maxDepth: 2 } }, [1]);
      expect(await rejection(call({ limits: { maxDepth: 2 } }, [[1]]))).to.match(/deeper than 2/);
      expect(await rejection(call({ limits: { maxKeys: 2 } }, [1, 2]))).to.match(/more than 2 keys/);
      expect(await rejection(call({ limits: { maxBytes: 9 } }, 'x'.repeat(20)))).to.match(/larger than 9 bytes/);
      await call({ limits: { maxBytes: undefined } as never }, 'x'.repeat(20));
    });

    it('an approver, attached at the start and detached at the end', async () => {
      const detach = sinon.spy();
      const attach = sinon.spy((_desk: unknown) => detach);
      const module = AegisModule.create({ policies: { text: ALL }, approver: { attach } });
      expect(attach.firstCall.args[0]).to.equal(module.approvals);
      await module.close();
      expect(detach.callCount).to.equal(1);
    });
  });

  describe('closes', () => {
    it('every part, whatever another one says to it, and tells the first failure', async () => {
      const closed: string[] = [];
      const store = Object.assign(new MemoryTaskStore(), { close: () => void closed.push('store') });
      const decisions = Object.assign(new StandInDecisions(), {
        close: () => {
          closed.push('decisions');
          throw new Error('stuck');
        },
      });
      const module = moduleAsking(decisions, { store });
      expect(await rejection(module.close())).to.have.property('message', 'stuck');
      expect(closed).to.deep.equal(['decisions', 'store']);
    });

    it('once, however often it is asked', async () => {
      const close = sinon.spy();
      const module = moduleAsking(Object.assign(new StandInDecisions(), { close }));
      expect(module.close()).to.equal(module.close());
      await module.close();
      expect(close.callCount).to.equal(1);
    });

    it('with what is pending: a ShutdownError for whoever waits', async () => {
      service.always({ effect: 'approval_needed' });
      const module = moduleAsking(service);
      const pending = (await guard(async () => 1, { toolName: 't', module })()) as PendingApproval;
      const waiting = rejection(guard(async () => 1, { toolName: 'w', approval: 'wait', module })());
      await new Promise(setImmediate);
      await module.close();
      expect(await rejection(pending.completed)).to.be.instanceOf(ShutdownError);
      expect(await waiting).to.be.instanceOf(ShutdownError);
    });

    it('without a module to close', async () => expect(await AegisModule.close()).to.equal(undefined));
  });

  it('writes what it decides to standard error with debug, one line of JSON each', async () => {
    const write = sinon.stub(process.stderr, 'write').returns(true);
    const module = moduleAsking(service, { debug: true, logLevel: 'info' });
    await guard(async () => 1, { toolName: 't', approval: 'wait', module })();
    write.restore();
    const lines = write.args.map(([line]) => String(line));
    expect(lines).to.have.length(1);
    expect(JSON.parse((lines[0] as string).replace('[AEGIS] ', ''))).to.include({ level: 'info', msg: 'decided', toolName: 't' });
  });

  it('writes nothing without', async () => {
    const write = sinon.stub(process.stderr, 'write').returns(true);
    const module = moduleAsking(service, { logLevel: 'debug' });
    await guard(async () => 1, { toolName: 't', approval: 'wait', module })();
    write.restore();
    expect(write.args).to.deep.equal([]);
  });

  it('writes with debug no more than its logLevel', async () => {
    const write = sinon.stub(process.stderr, 'write').returns(true);
    const module = moduleAsking(service, { debug: true, logLevel: 'warning' });
    await guard(async () => 1, { toolName: 't', approval: 'wait', module })();
    write.restore();
    expect(write.args).to.deep.equal([]);
  });
});
