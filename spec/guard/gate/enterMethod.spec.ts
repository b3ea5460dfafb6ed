import { expect } from 'chai';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import { AegisGuard } from '../../../lib/guard/AegisGuard.js';
import type { CallIdentity } from '../../../lib/guard/call/GuardRuntime.js';
import { runtimeOf } from '../../../lib/guard/call/GuardRuntime.js';
import { guard } from '../../../lib/guard/guard.js';
import { guardCall } from '../../../lib/guard/guardCall.js';
import { guardSync } from '../../../lib/guard/guardSync.js';
import type { GuardInfo } from '../../../lib/guard/method/guardMetadata.js';
import { getGuard } from '../../../lib/guard/method/guardMetadata.js';
import type { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import type { AegisOptions } from '../../../lib/guard/module/AegisOptions.js';
import { ForbiddenError } from '../../../lib/model/errors/RefusalErrors.js';
import { DecisionUnavailableError } from '../../../lib/model/errors/ServiceErrors.js';
import type { PendingApproval } from '../../../lib/model/PendingApproval.js';
import { approve, callElsewhere, durableModule, LEASE_MS, SWEEP_MS } from '../../support/durableModules.js';
import { loadUnderLegacyEmit } from '../../support/legacyEmit.js';
import { SharedMemoryStore } from '../../support/SharedMemoryStore.js';
import { readSource } from '../../support/sourceText.js';
import type * as LegacyDeskModule from '../fixtures/LegacyDesk.js';

type Mode = 'defer' | 'wait' | 'throw';
const MODES: readonly Mode[] = ['defer', 'wait', 'throw'];

/** Allows tools whose name begins with `free`, changes the amount of those with `changed`, and asks a person for all others. */
const POLICIES = `@id("all") permit (principal, action, resource);
  @id("change") @effect("sanitize") @sanitize("set /amount 1") forbid (principal, action, resource)
    when { context.input has amount && context.input.amount == 99 };
  @id("ask") @effect("approval_needed") forbid (principal, action, resource)
    unless { context.input has free && context.input.free };`;

interface Stage {
  readonly module: AegisModule;
  readonly time: SinonFakeTimers;
  /** What every body calls when it is entered. */
  body(): string;
  /** Says yes to everything that is pending, and lets time go on. */
  approveAll(): Promise<void>;
  /** Ends the process and begins another one on the same store. */
  restart(): AegisModule;
  /** Lets time go on until a call is settled; its error is swallowed. */
  soon(call: unknown): Promise<unknown>;
  key(): string;
}

/** A way to a method's body. Each enters one body once, unless it is stopped. */
interface Path {
  readonly name: string;
  /** What has no store of its own runs on policies in memory too. */
  walk(stage: Stage): Promise<unknown>;
}

let keys = 0;
const free = { free: true };

const direct: readonly Path[] = [
  ...MODES.map((approval): Path => ({
    name: `guard(), mode ${approval}, allowed`,
    walk: ({ module, body, soon, key }) =>
      soon(guard(async (_p: object) => body(), { module, toolName: 't', key: key(), approval } as never)(free)),
  })),
  ...MODES.map((approval): Path => ({
    name: `@AegisGuard, mode ${approval}, allowed`,
    walk: ({ module, body, soon, key }) => {
      class Till {
        @AegisGuard({ module, toolName: 't', key: key(), approval } as never)
        async act(_params: object): Promise<unknown> {
          return body();
        }
      }
      return soon(new Till().act(free));
    },
  })),
  {
    name: '@AegisGuard on a static method',
    walk: ({ module, body, soon, key }) => {
      class Till {
        @AegisGuard({ module, toolName: 't', key: key() } as never)
        static async act(_params: object): Promise<unknown> {
          return body();
        }
      }
      return soon(Till.act(free));
    },
  },
  {
    name: '@AegisGuard on a #private method',
    walk: ({ module, body, soon, key }) => {
      class Till {
        @AegisGuard({ module, toolName: 't', key: key() } as never)
        async #act(_params: object): Promise<unknown> {
          return body();
        }
        act = (): Promise<unknown> => this.#act(free);
      }
      return soon(new Till().act());
    },
  },
  {
    name: 'guard(), sanitized',
    walk: ({ module, body, soon, key }) =>
      soon(guard(async (_p: object) => body(), { module, toolName: 't', key: key(), approval: 'wait' })({ free: true, amount: 99 })),
  },
  {
    name: 'guardSync(), allowed',
    walk: ({ module, body, soon, key }) =>
      soon(Promise.resolve().then(() => guardSync((_p: object) => body(), { module, toolName: 't', key: key() })(free))),
  },
  {
    name: 'guardCall(), allowed',
    walk: ({ module, body, soon }) => soon(guardCall(module, { agentId: 'bot', toolName: 't', params: free }, () => body())),
  },
  ...(['wait', 'throw'] as const).map((approval): Path => ({
    name: `a stream, mode ${approval}, allowed`,
    walk: async ({ module, body, soon, key }) => {
      const stream = guard(
        async function* (_p: object) {
          yield body();
        },
        { module, toolName: 't', key: key(), approval },
      );
      return soon(drain(stream(free)));
    },
  })),
];

const approved: readonly Path[] = [
  {
    name: 'guard(), mode defer, approved',
    walk: async ({ module, body, soon, approveAll, key }) => {
      const pending = (await soon(guard(async (_p: object) => body(), { module, toolName: 't', key: key() })({ x: 1 }))) as PendingApproval;
      await approveAll();
      return soon(pending.completed);
    },
  },
  {
    name: 'guard(), mode wait, approved',
    walk: async ({ module, body, soon, approveAll, key }) => {
      const call = guard(async (_p: object) => body(), { module, toolName: 't', key: key(), approval: 'wait' })({ x: 1 });
      call.catch(() => {});
      await approveAll();
      return soon(call);
    },
  },
  {
    name: 'guard(), mode throw, approved and called again',
    walk: async ({ module, body, soon, approveAll, key }) => {
      const act = guard(async (_p: object) => body(), { module, toolName: 't', key: key(), approval: 'throw' });
      await soon(act({ x: 1 }));
      await approveAll();
      return soon(act({ x: 1 }));
    },
  },
  {
    name: 'guardSync(), approved and called again',
    walk: async ({ module, body, soon, approveAll, key }) => {
      const act = guardSync((_p: object) => body(), { module, toolName: 't', key: key() });
      await soon(Promise.resolve().then(() => act({ x: 1 })));
      await approveAll();
      return soon(Promise.resolve().then(() => act({ x: 1 })));
    },
  },
  ...(['wait', 'throw'] as const).map((approval): Path => ({
    name: `a stream, mode ${approval}, approved`,
    walk: async ({ module, body, soon, approveAll, key }) => {
      const stream = guard(
        async function* (_p: object) {
          yield body();
        },
        { module, toolName: 't', key: key(), approval },
      );
      const first = drain(stream({ x: 1 })).catch(() => undefined);
      await approveAll();
      await soon(first);
      return approval === 'wait' ? undefined : soon(drain(stream({ x: 1 })));
    },
  })),
  ...(['schedule', 'wait', 'resume'] as const).map((way): Path => ({
    name: `guardCall(), ${way}(), approved`,
    walk: async ({ module, body, soon, approveAll }) => {
      const outcome = await guardCall(module, { agentId: 'bot', toolName: 't', params: { x: 1 }, mode: 'throw' }, () => body());
      if (outcome.kind !== 'pending') throw new Error(outcome.kind);
      const end = way === 'schedule' ? outcome.schedule().completed : way === 'wait' ? outcome.wait() : undefined;
      end?.catch(() => {});
      await approveAll();
      return soon(end ?? Promise.resolve().then(() => outcome.resume()));
    },
  })),
  {
    name: 'a duplicate call, mode wait, approved',
    walk: async ({ module, body, soon, approveAll, key }) => {
      const act = guard(async (_p: object) => body(), { module, toolName: 't', key: key(), approval: 'wait' });
      const calls = [act({ x: 1 }), act({ x: 1 })];
      for (const call of calls) call.catch(() => {});
      await approveAll();
      return soon(Promise.all(calls));
    },
  },
];

const stored: readonly Path[] = [
  {
    name: 'a stored call, mode defer, approved after a restart',
    walk: async ({ module, body, restart, time, approveAll, key }) => {
      let current = module;
      class Till {
        @AegisGuard({ module: () => current, toolName: 't', key: key() } as never)
        async act(_params: object): Promise<unknown> {
          return body();
        }
      }
      (await callElsewhere(current, getGuard(Till, 'act') as GuardInfo, { x: 1 }, { argumentCount: 1 })).schedule();
      current = restart();
      new Till();
      await time.tickAsync(LEASE_MS + 2 * SWEEP_MS);
      return approveAll();
    },
  },
  {
    name: 'a stored call, mode throw, redeemed after a restart',
    walk: async ({ module, body, restart, time, approveAll, soon, key }) => {
      let current = module;
      class Till {
        @AegisGuard({ module: () => current, toolName: 't', key: key(), approval: 'throw' } as never)
        async act(_params: object): Promise<unknown> {
          return body();
        }
      }
      await callElsewhere(current, getGuard(Till, 'act') as GuardInfo, { x: 1 }, { argumentCount: 1 });
      current = restart();
      await time.tickAsync(LEASE_MS + 2 * SWEEP_MS);
      await approveAll();
      return soon(new Till().act({ x: 1 }));
    },
  },
];

for (const kind of ['in memory', 'on a durable store'] as const)
  describe(`The entry gate, with tasks ${kind}`, () => {
    let time: SinonFakeTimers;
    let stage: Stage;
    let entered: number;
    let passed: CallIdentity[];
    let stop: ForbiddenError | undefined;
    const modules: AegisModule[] = [];

    beforeEach(async () => {
      time = useFakeTimers({ now: Date.UTC(2026, 0, 1) });
      entered = 0;
      passed = [];
      stop = undefined;
      let store = new SharedMemoryStore();
      const make = (): AegisModule => {
        const options: AegisOptions = { decisions: undefined, policies: { text: POLICIES } } as never;
        const module = durableModule(
          store,
          kind === 'in memory' ? ({ ...options, store: undefined, recovery: undefined } as never) : options,
        );
        runtimeOf(module).steps.push({
          name: 'of the spec',
          stop: (call) => {
            passed.push(call);
            return stop;
          },
        });
        modules.push(module);
        return module;
      };
      let module = make();
      const soon = async (call: unknown): Promise<unknown> => {
        const settled = Promise.resolve(call).catch((error: unknown) => error);
        await time.tickAsync(100);
        return settled;
      };
      stage = {
        module,
        time,
        body: () => `entered ${(entered += 1)}`,
        approveAll: async () => {
          await time.tickAsync(100);
          for (const { decisionId } of await module.approvals.list()) await approve(module, decisionId);
          await time.tickAsync(100);
        },
        restart: () => {
          store.die();
          store = store.another();
          module = make();
          return module;
        },
        soon,
        key: () => `gate-${(keys += 1)}`,
      };
      await soon(module.ready());
    });
    afterEach(async () => {
      const closing = Promise.all(modules.splice(0).map((module) => module.close()));
      await time.tickAsync(20_000);
      await closing.catch(() => {});
      time.restore();
    });

    const paths = [...direct, ...approved, ...(kind === 'in memory' ? [] : stored)];
    for (const { name, walk } of paths) {
      it(`is passed once by ${name}`, async () => {
        await walk(stage);
        expect([entered, passed.length]).to.deep.equal([1, 1]);
        expect(passed[0]).to.include({ agentId: 'bot', toolName: 't' });
      });

      it(`stops ${name}`, async () => {
        stop = new ForbiddenError('Stopped at the gate.', { code: 'stopped' });
        await walk(stage);
        expect(entered).to.equal(0);
        expect(passed).to.not.be.empty;
      });
    }

    it('is passed by both calls where one runs under the decision of the other, and stops either', async () => {
      const { module, body, soon, key } = stage;
      class Till {
        @AegisGuard({ module, toolName: 't', key: key() } as never)
        async act(_params: object): Promise<unknown> {
          return body();
        }
      }
      const till = new Till();
      const cover = (): Promise<unknown> =>
        soon(guardCall(module, { agentId: 'bot', toolName: 't', params: free, covers: true }, (params) => till.act(params)));
      await cover();
      expect([entered, passed.length, new Set(passed.map((call) => call.decisionId)).size]).to.deep.equal([1, 2, 1]);
      const steps = runtimeOf(module).steps;
      let count = 0;
      steps.push({ name: 'stops the inner call', stop: () => ((count += 1) === 2 ? new ForbiddenError('Inner.') : undefined) });
      await cover();
      expect([entered, count]).to.deep.equal([1, 2]);
      stop = new ForbiddenError('Outer.');
      await cover();
      expect([entered, count]).to.deep.equal([1, 2]);
    });

    it('gives an approved call its task and decision', async () => {
      const { module, body, approveAll, key } = stage;
      const act = guard(async (_p: object) => body(), { module, toolName: 't', key: key(), approval: 'wait' });
      const call = act({ x: 1 });
      await approveAll();
      expect(await call).to.equal('entered 1');
      const [task] = await module.tasks.listTasks({ status: 'completed' });
      expect(passed).to.deep.equal([{ agentId: 'bot', toolName: 't', decisionId: task?.decisionId, taskId: task?.taskId }]);
    });

    it('stops a call on a step that throws, and on the error of a step that is not an AegisError', async () => {
      const { module, body, soon, key } = stage;
      const act = guard(async (_p: object) => body(), { module, toolName: 't', key: key(), approval: 'wait' });
      const steps = runtimeOf(module).steps;
      for (const step of [
        () => {
          throw new RangeError('broken');
        },
        () => {
          // oxlint-disable-next-line typescript/only-throw-error -- what a careless step does
          throw 'a string';
        },
        () => new RangeError('broken'),
      ]) {
        steps.splice(0, 9, { name: 'broken', stop: step });
        expect(await soon(act(free)))
          .to.be.instanceOf(DecisionUnavailableError)
          .and.have.property('message')
          .that.includes("The step 'broken' before tool 't' failed");
      }
      expect(entered).to.equal(0);
    });

    it('lets a step replace a result, at once or later, and never the entry', async () => {
      const { module, body, soon, key } = stage;
      const steps = runtimeOf(module).steps;
      steps.splice(0, 9, { name: 'first', replace: (call, result) => `${call.toolName}: ${String(result)}` });
      steps.push({ name: 'second', replace: (_call, result) => `<${String(result)}>` });
      expect(await soon(guard(async (_p: object) => body(), { module, toolName: 't', key: key(), approval: 'wait' })(free))).to.equal(
        '<t: entered 1>',
      );
      expect(guardSync((_p: object) => body(), { module, toolName: 't', key: key() })(free)).to.equal('<t: entered 2>');
      const failing = guard(
        async (_p: object) => {
          body();
          throw new RangeError('of the method');
        },
        { module, toolName: 't', key: key(), approval: 'wait' },
      );
      expect(await soon(failing(free))).to.be.instanceOf(RangeError);
    });
  });

describe('The entry gate, under legacy decorators', () => {
  it('is passed by a direct and by an approved call, and stops both', async () => {
    const { module: loaded, remove } = await loadUnderLegacyEmit('guard/fixtures/LegacyDesk.ts');
    try {
      const { here, runs, LegacyDesk } = loaded as typeof LegacyDeskModule;
      for (const text of [`@id("all") permit (principal, action, resource);`, POLICIES]) {
        const module = durableModule(new SharedMemoryStore(), { policies: { text } });
        here.module = module;
        const passed: string[] = [];
        let stop: ForbiddenError | undefined = new ForbiddenError('Stopped at the gate.');
        runtimeOf(module).steps.push({ name: 'of the spec', stop: (call) => (passed.push(call.toolName), stop) });
        const till = new LegacyDesk();
        const run = async (amount: number): Promise<void> => {
          const calls = [till.refund(amount), LegacyDesk.shut(String(amount))];
          const handles = (await Promise.allSettled(calls)).map((call) => (call.status === 'fulfilled' ? call.value : undefined));
          for (const { decisionId } of await module.approvals.list({ status: 'pending' })) await approve(module, decisionId);
          await Promise.allSettled(handles.map((handle) => (handle as PendingApproval | undefined)?.completed));
        };
        runs.length = 0;
        await run(1);
        expect([runs.length, passed]).to.deep.equal([0, ['refund', 'shut']]);
        stop = undefined;
        await run(2);
        expect([runs.length, passed]).to.deep.equal([2, ['refund', 'shut', 'refund', 'shut']]);
        await module.close();
      }
    } finally {
      remove();
    }
  });
});

describe('The sources of lib', () => {
  const sources = readdirSync('lib', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => ({ file: file.replaceAll('\\', '/'), code: readSource(readFileSync(join('lib', file), 'utf8')).code }));
  const using = (pattern: RegExp): readonly string[] => sources.filter(({ code }) => pattern.test(code)).map(({ file }) => file);

  it('invoke a method in one place, which only the gate calls', () => {
    expect(using(/[.?]\s*invokeMethod\b/)).to.deep.equal(['guard/call/callContext.ts']);
    expect(using(/\binvokeInContext\b/)).to.have.members(['guard/call/callContext.ts', 'guard/gate/enterMethod.ts']);
  });

  it('have two doors to the gate: a call that is allowed at once, and one that was approved', () => {
    expect(using(/\benterMethod\b/)).to.have.members([
      'guard/gate/enterMethod.ts',
      'guard/decideCall.ts',
      'guard/pending/PendingCallState.ts',
    ]);
  });

  it('apply a function of the program only where a call invokes its method, or makes the stream that it then returns', () => {
    const applied = using(/\bReflect\.apply\b|\.apply\(|\bfn\(\s*\.\.\.|\boriginal\(/).filter((file) => file.startsWith('guard/'));
    expect(applied).to.have.members(['guard/method/MethodCall.ts', 'guard/wrapFunction.ts']);
  });
});

async function drain(stream: AsyncIterable<unknown>): Promise<unknown[]> {
  const items: unknown[] = [];
  for await (const item of stream) items.push(item);
  return items;
}
