import { expect } from 'chai';
import type { Awaitable } from '../../../lib/common/awaitable.js';
import { HaltBook } from '../../../lib/decision/halt/HaltBook.js';
import { currentCall } from '../../../lib/guard/call/callContext.js';
import { guard } from '../../../lib/guard/guard.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import type { AegisOptions } from '../../../lib/guard/module/AegisOptions.js';
import type { HaltScope } from '../../../lib/model/halt/Halt.js';
import type { ServerStore } from '../../../lib/store/StateStore.js';
import type { TaskStore } from '../../../lib/store/TaskStore.js';
import { rejection } from '../../support/rejection.js';
import { until } from '../../support/until.js';

const POLICIES = `@id("all") permit (principal, action, resource);
  @id("ask") @effect("approval_needed") @reason("a person decides") forbid (principal, action == Aegis::Action::"refund", resource);`;
const ORDER = { by: 'ann', reason: 'it runs wild' };
const SCOPES: readonly HaltScope[] = [{ all: true }, { agentId: 'bot' }, { toolName: 'refund' }, { group: 'money' }];
const MODES = ['defer', 'wait', 'throw'] as const;
type Mode = (typeof MODES)[number];

/** Where a module is halted, and what is told of each run. */
interface World {
  readonly aegis: AegisModule;
  /** Halts from another handle on the store, which this module's process knows nothing of. */
  readonly elsewhere: HaltBook;
  readonly ran: number[];
  refund(amount: number): Promise<unknown>;
  approve(): Promise<void>;
}

/** Halts at every stage of a call, in each mode. `make` gives a store, open, and another handle on it. */
export function haltsEverywhere(name: string, make: () => Awaitable<readonly [ServerStore, ServerStore]>, count: () => void): void {
  describe(`A halt, with tasks in ${name}`, () => {
    const closing: (() => Awaitable<unknown>)[] = [];
    afterEach(async () => {
      for (const close of closing.splice(0)) await close();
    });
    let scope = 0;
    let guards = 0;
    const nextScope = (): HaltScope => SCOPES[scope++ % SCOPES.length] as HaltScope;

    const open = async (
      mode: Mode,
      more: (
        elsewhere: () => HaltBook,
      ) => Partial<AegisOptions> & { readonly method?: () => unknown; readonly onClaim?: () => Awaitable<unknown> },
    ): Promise<World> => {
      const [store, other] = await make();
      let book: HaltBook | undefined;
      const { method, onClaim, ...options } = more(() => book as HaltBook);
      const given = onClaim === undefined ? store : claiming(store, onClaim);
      const aegis = AegisModule.create({
        policies: { text: POLICIES },
        agentId: 'bot',
        store: given,
        recovery: { sweepMs: 200 },
        ...options,
      });
      await aegis.ready();
      book = new HaltBook({ records: other.forTenant('default').records, isShared: true, maxStaleMs: 5_000 });
      await book.start();
      closing.push(
        () => aegis.close(),
        () => book?.close(),
        () => other.close(),
      );
      const ran: number[] = [];
      const refund = guard(
        async (amount: number): Promise<unknown> => {
          ran.push(amount);
          return method === undefined ? `refunded ${amount}` : method();
        },
        {
          key: `refund in ${name} ${(guards += 1)}`,
          toolName: 'refund',
          params: ['amount'],
          groups: ['money'],
          approval: mode as 'wait',
          module: aegis,
        },
      );
      const call = async (amount: number): Promise<unknown> => {
        const outcome: unknown = await refund(amount);
        const { completed } = outcome as { readonly completed?: Promise<unknown> };
        return completed ?? outcome;
      };
      const approve = async (): Promise<void> => {
        await until(async () => (await aegis.approvals.list()).length > 0);
        const [record] = await aegis.approvals.list();
        await aegis.approvals.approve(record!.decisionId, { by: 'bob', digest: record?.digest });
      };
      return { aegis, elsewhere: book, ran, refund: call, approve };
    };

    /** The call goes on: by itself, or in mode `throw` when it is made again. */
    const finished = async (mode: Mode, first: Promise<unknown>, { refund }: World): Promise<unknown> => {
      if (mode !== 'throw') return first;
      let outcome: unknown;
      await until(async () => {
        outcome = await refund(1).catch((error: unknown) => error);
        return typeof outcome === 'string';
      });
      return outcome;
    };
    /** Begins a call; in mode `throw` it has ended by then, because a person has to decide. */
    const begun = async (mode: Mode, { refund }: World): Promise<Promise<unknown>> => {
      const first = refund(1);
      first.catch(() => {});
      if (mode === 'throw') expect(await rejection(first)).to.have.property('name', 'ApprovalPendingError');
      return Promise.resolve([first]) as unknown as Promise<Promise<unknown>>;
    };
    const settle = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 60));

    for (const mode of MODES) {
      it(`before it is made: it is refused, and no one is asked (${mode})`, async () => {
        count();
        const world = await open(mode, () => ({}));
        const { id } = await world.aegis.halts.halt(nextScope(), ORDER);
        expect(await rejection(world.refund(1))).to.include({ name: 'ForbiddenError', code: 'halted' });
        expect(await world.aegis.approvals.list()).to.deep.equal([]);
        await world.aegis.halts.lift(id, ORDER);
        const [first] = (await begun(mode, world)) as unknown as [Promise<unknown>];
        await world.approve();
        expect(await finished(mode, first, world)).to.equal('refunded 1');
        expect(world.ran).to.deep.equal([1]);
      });

      it(`while it is decided: it does not run (${mode})`, async () => {
        count();
        let world: World | undefined;
        const policies = { text: '@id("all") permit (principal, action, resource);' };
        world = await open(mode, () => ({
          policies,
          facts: async () => {
            await world?.aegis.halts.halt(nextScope(), ORDER);
            return {};
          },
        }));
        expect(await rejection(world.refund(1))).to.include({ name: 'ForbiddenError', code: 'halted' });
        expect(world.ran).to.deep.equal([]);
      });

      it(`while a person decides: it waits until it is lifted, and runs once (${mode})`, async () => {
        count();
        const world = await open(mode, () => ({}));
        const [first] = (await begun(mode, world)) as unknown as [Promise<unknown>];
        const { id } = await world.elsewhere.halt(nextScope(), ORDER);
        await until(async () => (await world.aegis.halts.list()).length > 0);
        await world.approve();
        await settle();
        if (mode === 'throw') await rejection(world.refund(1));
        expect(world.ran).to.deep.equal([]);
        await world.elsewhere.lift(id, ORDER);
        expect(await finished(mode, first, world)).to.equal('refunded 1');
        expect(world.ran).to.deep.equal([1]);
      });

      it(`that this process does not know of: the same call, made again and again, runs nothing until it is lifted, and then once (${mode})`, async () => {
        count();
        const world = await open(mode, () => ({}));
        const [first] = (await begun(mode, world)) as unknown as [Promise<unknown>];
        const { id } = await world.elsewhere.halt(nextScope(), ORDER);
        await world.approve();
        const joined = Array.from({ length: 4 }, async () => world.refund(1).catch((error: unknown) => error));
        await settle();
        expect(world.ran).to.deep.equal([]);
        await world.elsewhere.lift(id, ORDER);
        expect(await finished(mode, first, world)).to.equal('refunded 1');
        for (const outcome of await Promise.all(joined))
          if (typeof outcome === 'string') expect(outcome).to.equal('refunded 1');
          else expect(outcome).to.have.property('name').that.is.oneOf(['ApprovalPendingError', 'ForbiddenError']);
        expect(world.ran).to.deep.equal([1]);
      });

      it(`just before it is claimed: it waits until it is lifted, and runs once (${mode})`, async () => {
        count();
        let halted: string | undefined;
        const world = await open(mode, (elsewhere) => ({
          onClaim: async () => {
            halted ??= (await elsewhere().halt(nextScope(), ORDER)).id;
          },
        }));
        const [first] = (await begun(mode, world)) as unknown as [Promise<unknown>];
        await world.approve();
        if (mode === 'throw') await rejection(world.refund(1));
        await until(() => halted !== undefined);
        await settle();
        expect(world.ran).to.deep.equal([]);
        await world.elsewhere.lift(String(halted), ORDER);
        expect(await finished(mode, first, world)).to.equal('refunded 1');
        expect(world.ran).to.deep.equal([1]);
      });

      it(`at its entry: it waits until it is lifted, and runs once (${mode})`, async () => {
        count();
        let world: World | undefined;
        let halted: string | undefined;
        world = await open(mode, () => ({
          journal: {
            note: () => {},
            before: async () => {
              halted ??= (await world?.aegis.halts.halt(nextScope(), ORDER))?.id;
            },
          },
        }));
        const [first] = (await begun(mode, world)) as unknown as [Promise<unknown>];
        await world.approve();
        // what has begun at the desk of a durable store is held by its caller until it may go on
        const held = mode === 'throw' ? world.refund(1) : first;
        held.catch(() => {});
        await until(() => halted !== undefined);
        await settle();
        expect(world.ran).to.deep.equal([]);
        await world.aegis.halts.lift(String(halted), ORDER);
        // the result is that of the caller who was held, so that a call made again could be a new one
        expect(await held.catch(async () => finished(mode, first, world as World))).to.equal('refunded 1');
        expect(world.ran).to.deep.equal([1]);
      });

      it(`while it runs: its signal is aborted, and its result counts (${mode})`, async () => {
        count();
        let running = false;
        const world = await open(mode, () => ({
          method: async () => {
            const { signal } = currentCall()!;
            running = true;
            await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
            return `gave up: ${(signal.reason as { readonly code?: string }).code}`;
          },
        }));
        let [first] = (await begun(mode, world)) as unknown as [Promise<unknown>];
        await world.approve();
        if (mode === 'throw') first = world.refund(1);
        await until(() => running);
        const { executing } = await world.aegis.halts.halt(nextScope(), ORDER);
        expect(executing.map(({ toolName, status }) => [toolName, status])).to.deep.equal([['refund', 'executing']]);
        expect(await first).to.equal('gave up: halted');
        expect(world.ran).to.deep.equal([1]);
      });
    }

    it('that cancels ends what waits, here and elsewhere', async () => {
      for (const order of ['here', 'elsewhere'] as const) {
        const world = await open('wait', () => ({}));
        const first = world.refund(1);
        first.catch(() => {});
        await until(async () => (await world.aegis.approvals.list()).length > 0);
        const cancel = { ...ORDER, pending: 'cancel' } as const;
        await (order === 'here' ? world.aegis.halts.halt(nextScope(), cancel) : world.elsewhere.halt(nextScope(), cancel));
        expect(await rejection(first)).to.include({ code: 'halted' });
        await until(async () => (await world.aegis.approvals.list()).length === 0);
        expect(await world.aegis.approvals.list()).to.deep.equal([]);
        expect(world.ran).to.deep.equal([]);
      }
    });

    it('that cancels ends what is approved, when it is about to run', async () => {
      let halted: string | undefined;
      const world = await open('wait', (elsewhere) => ({
        onClaim: async () => {
          halted ??= (await elsewhere().halt(nextScope(), { ...ORDER, pending: 'cancel' })).id;
        },
      }));
      const first = world.refund(1);
      first.catch(() => {});
      await world.approve();
      expect(await rejection(first)).to.include({ code: 'halted' });
      expect(world.ran).to.deep.equal([]);
      const [task] = await world.aegis.tasks.listTasks({});
      expect(task?.status).to.equal('cancelled');
    });

    it('of other calls, ordered just before it is claimed, keeps it from nothing', async () => {
      let halted: string | undefined;
      const world = await open('wait', (elsewhere) => ({
        onClaim: async () => {
          halted ??= (await elsewhere().halt({ agentId: 'another' }, ORDER)).id;
        },
      }));
      const first = world.refund(1);
      await world.approve();
      expect(await first).to.equal('refunded 1');
      expect([halted === undefined, world.ran]).to.deep.equal([false, [1]]);
    });

    it('is told to listeners, once in each process', async () => {
      const world = await open('wait', () => ({}));
      const told: string[] = [];
      world.aegis.halts.on('halted', ({ id }) => told.push(`+ ${id}`)).on('lifted', ({ id, lifted }) => told.push(`- ${id} ${lifted?.by}`));
      const { id } = await world.elsewhere.halt({ all: true }, ORDER);
      await until(() => told.length > 0);
      await world.elsewhere.lift(id, { by: 'bob', reason: 'over' });
      await until(() => told.length > 1);
      expect(told).to.deep.equal([`+ ${id}`, `- ${id} bob`]);
    });
  });
}

/** A store whose every claim waits for something first. */
function claiming(store: ServerStore, onClaim: () => Awaitable<unknown>): ServerStore {
  const over = <T extends object>(target: T, own: Partial<T>): T =>
    new Proxy(target, {
      get: (_, key) => {
        if (Reflect.has(own, key)) return Reflect.get(own, key) as unknown;
        const found: unknown = Reflect.get(target, key);
        return typeof found === 'function' ? (found.bind(target) as unknown) : found;
      },
    });
  const tasks = over<TaskStore>(store.tasks, {
    claim: async (claim) => {
      await onClaim();
      return store.tasks.claim(claim);
    },
  });
  return over<ServerStore>(store, { tasks });
}
