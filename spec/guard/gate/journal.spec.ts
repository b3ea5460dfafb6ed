import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import type { PendingApproval } from '../../../lib/model/PendingApproval.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { guard } from '../../../lib/guard/guard.js';
import { guardCall } from '../../../lib/guard/guardCall.js';
import { enterMethod } from '../../../lib/guard/gate/enterMethod.js';
import { guardSync } from '../../../lib/guard/guardSync.js';
import type { Diagnostic } from '../../../lib/model/diagnostics.js';
import { CallAbortedError, ForbiddenError, ShutdownError } from '../../../lib/model/errors/RefusalErrors.js';
import { DecisionUnavailableError } from '../../../lib/model/errors/ServiceErrors.js';
import type { EnteringEvent, Journal, JournalEvent, OpenedEvent } from '../../../lib/model/Journal.js';
import { diagnosed } from '../../support/diagnosed.js';
import { approve, durableModule } from '../../support/durableModules.js';
import { SharedMemoryStore } from '../../support/SharedMemoryStore.js';
import { moduleAsking, rejection, StandInDecisions, thrown } from '../../support/standInDecisions.js';
import { until } from '../../support/until.js';

/** How a journal takes an event. */
type Manner = 'absent' | 'throws' | 'rejects' | 'slow';
const MANNERS: readonly Manner[] = ['absent', 'throws', 'rejects', 'slow'];

describe('A journal', () => {
  let time: SinonFakeTimers;
  let service: StandInDecisions;
  let events: JournalEvent[];
  let modules: AegisModule[];
  let entered: unknown[][];

  beforeEach(() => {
    time = useFakeTimers();
    service = new StandInDecisions();
    events = [];
    modules = [];
    entered = [];
  });
  afterEach(async () => {
    await Promise.all(modules.map((module) => module.close()));
    time.restore();
  });

  const open = (journal?: Journal | readonly Journal[]): AegisModule => {
    const module = moduleAsking(service, journal === undefined ? {} : { journal });
    modules.push(module);
    return module;
  };
  const listening: Journal = { note: (event) => void events.push(event) };
  const kinds = (): string[] => events.map((e) => (e.kind === 'settled' ? `settled ${e.outcome}` : e.kind));
  const act = (module: AegisModule, body: (...args: unknown[]) => unknown = () => 'done') =>
    guard(
      async (...args: unknown[]) => {
        entered.push(args);
        return body(...args);
      },
      { module, toolName: 'pay', params: ['amount', 'to', '...rest'], approval: 'wait' } as never,
    ) as (...args: unknown[]) => Promise<unknown>;

  /** What a journal does with one kind of event: `note` for all kinds, or `before`. */
  function mannered(site: string, manner: Manner): Journal | undefined {
    if (manner === 'absent') return undefined;
    const react = (): void => {
      if (manner === 'throws') throw new RangeError('the disk is full');
      if (manner === 'rejects') return Promise.reject(new RangeError('the disk is full')) as never;
      return new Promise((resolve) => setTimeout(resolve, 1_000)) as never;
    };
    const note = (event: JournalEvent): void => {
      events.push(event);
      return event.kind === site ? react() : undefined;
    };
    return site === 'before' ? { note, before: () => react() } : { note };
  }

  for (const site of ['decided', 'entering', 'settled', 'security'])
    for (const manner of MANNERS)
      it(`changes nothing where its note of '${site}' ${manner === 'absent' ? 'is absent' : manner === 'slow' ? 'is slow' : manner}`, async () => {
        const module = open(mannered(site, manner));
        let result: unknown;
        const seen = await diagnosed(async () => {
          result = await act(module)(1, 'ann');
          service.always({ effect: 'allow', agentId: 'another' });
          expect(await rejection(act(module)(1, 'ann'))).to.include({ reason: 'echo_mismatch' });
        });
        expect([result, entered]).to.deep.equal(['done', [[1, 'ann']]]);
        const failed = seen.filter((d) => d.kind === 'callback').map((d) => d.where);
        expect(failed).to.deep.equal(manner === 'throws' || manner === 'rejects' ? ['journal.note'] : []);
        if (manner !== 'absent') expect(kinds()).to.deep.equal(['decided', 'entering', 'settled completed', 'security']);
      });

  for (const manner of MANNERS)
    it(`lets a call in as its before() says, where that ${manner === 'absent' ? 'is absent' : manner === 'slow' ? 'is slow' : manner}`, async () => {
      const module = open(mannered('before', manner));
      const call = act(module)(1, 'ann');
      if (manner === 'throws' || manner === 'rejects') {
        const error = (await rejection(call)) as DecisionUnavailableError;
        expect(error).to.be.instanceOf(DecisionUnavailableError);
        expect(error).to.include({ reason: 'journal_failed', code: 'decision_unavailable_journal_failed' });
        expect(error.cause).to.be.instanceOf(RangeError);
        expect([entered, kinds()]).to.deep.equal([[], ['decided', 'entering', 'settled withheld']]);
        return;
      }
      if (manner === 'slow') {
        await time.tickAsync(999);
        expect([entered, kinds()]).to.deep.equal([[], ['decided', 'entering']]);
        await time.tickAsync(1);
      }
      expect(await call).to.equal('done');
      expect(entered).to.deep.equal([[1, 'ann']]);
    });

  it('gets frozen events that share nothing with the call', async () => {
    const seen: EnteringEvent[] = [];
    const module = open({
      note: (event) => {
        expect(Object.isFrozen(event)).to.equal(true);
        if (event.kind === 'decided') expect(Object.isFrozen(event.decision)).to.equal(true);
      },
      before: (event) => void seen.push(event),
    });
    const lines = [{ sku: 'a' }];
    const given: unknown[] = [];
    await act(module, (...args) => given.push(...args))(lines, { name: 'ann' });
    expect(seen[0]).to.deep.equal({
      kind: 'entering',
      agentId: 'agent',
      toolName: 'pay',
      decisionId: seen[0]?.decisionId,
      taskId: undefined,
      token: undefined,
      params: { amount: [{ sku: 'a' }], to: { name: 'ann' }, rest: [] },
      auditSalt: seen[0]?.auditSalt,
    });
    expect(seen[0]?.auditSalt).to.match(/^[\w-]{22}$/);
    const params = seen[0]?.params as { amount: object[]; to: object };
    for (const value of [params, params.amount, params.amount[0], params.to]) expect(Object.isFrozen(value)).to.equal(true);
    expect(given[0]).to.deep.equal(lines);
    expect(given[0]).to.not.equal(params.amount);
    expect(Object.isFrozen(given[0])).to.equal(false);
  });

  it('cannot change what runs: neither by the decision that it is told, nor by its params', async () => {
    service.always({ effect: 'sanitize', params: { amount: 1, to: 'ann', rest: [] } });
    const meddle: Journal = {
      note: (event) => {
        for (const change of [
          () => void ((event as any).decision.params.amount = 1_000),
          () => void ((event as any).decision.effect = 'allow'),
          () => void ((event as any).params.amount = 1_000),
        ])
          expect(change).to.throw();
      },
    };
    expect(await diagnosed(() => act(open(meddle))(5, 'ann'))).to.deep.equal([]);
    expect(entered).to.deep.equal([[1, 'ann']]);
    service.always({ effect: 'deny' });
    const seen = await diagnosed(async () => expect(await rejection(act(open(meddle))(5, 'ann'))).to.be.instanceOf(ForbiddenError));
    expect([seen, entered.length]).to.deep.equal([[], 1]);
  });

  it('is told what was decided, also where nothing runs, and where params cannot be copied', async () => {
    service.always({ effect: 'deny', reason: 'no' });
    await rejection(act(open(listening))(1));
    service.always({ effect: 'sanitize', params: { amount: () => 1 } });
    await rejection(act(open(listening))(1));
    expect(events.map((e) => e.kind === 'decided' && [e.decision.effect, e.request.toolName])).to.deep.equal([
      ['deny', 'pay'],
      ['sanitize', 'pay'],
    ]);
    expect(events[1]).to.have.nested.property('decision.params').that.deep.equals({});
  });

  it('is told of an approval with the params that it is for, and cannot change them', async () => {
    const decided = { amount: 1, to: 'ann', rest: [] };
    service.always({ effect: 'approval_needed', params: decided });
    const told: unknown[] = [];
    const module = open({
      note: (event) => {
        if (event.kind !== 'decided') return;
        told.push(event.decision);
        for (const change of [
          () => void ((event as any).decision.params.amount = 1_000),
          () => void (event as any).decision.params.rest.push(1_000),
        ])
          expect(change).to.throw(TypeError);
      },
    });
    const call = act(module)(5, 'ann');
    await time.tickAsync(10);
    service.state = 'approved';
    await time.tickAsync(10_000);
    expect(await call).to.equal('done');
    expect(told).to.have.length(1);
    expect(told[0]).to.deep.include({ effect: 'approval_needed', params: { amount: 1, to: 'ann', rest: [] } });
    expect((told[0] as { params: object }).params).to.not.equal(decided);
    expect(entered).to.deep.equal([[1, 'ann']]);
  });

  it('is told how a method ended: it threw at once, rejected, or gave a value', async () => {
    const module = open(listening);
    const options = { module, toolName: 'pay', approval: 'wait' } as never;
    await rejection(act(module, () => Promise.reject(new RangeError('of the method')))(1));
    await rejection(
      (
        guard(() => {
          throw new RangeError('of the method');
        }, options) as () => Promise<unknown>
      )(),
    );
    expect(guardSync(() => 5, { module, toolName: 'pay' })()).to.equal(5);
    expect(kinds().filter((k) => k.startsWith('settled'))).to.deep.equal(['settled failed', 'settled failed', 'settled completed']);
  });

  it('is told how a stream ended when its consumer has had all of it, has left it, or has got its error', async () => {
    const module = open(listening);
    const stream = guard(
      async function* (n: number) {
        for (let i = 0; i < n; i++) yield i;
        if (n === 3) throw new RangeError('of the method');
      },
      { module, toolName: 'pay', params: ['n'], approval: 'wait' },
    );
    const settled = (): string[] => kinds().filter((k) => k.startsWith('settled'));
    const items: number[] = [];
    for await (const item of stream(2)) {
      items.push(item);
      expect(settled()).to.deep.equal([]);
    }
    expect([items, settled()]).to.deep.equal([[0, 1], ['settled completed']]);
    for await (const item of stream(2)) if (item === 0) break;
    expect(settled()).to.deep.equal(['settled completed', 'settled completed']);
    await rejection(
      (async () => {
        for await (const item of stream(3)) items.push(item);
      })(),
    );
    expect(settled()).to.deep.equal(['settled completed', 'settled completed', 'settled failed']);
  });

  it('leaves an error that nobody handles unhandled', async () => {
    time.restore();
    const module = open(listening);
    const unhandled: unknown[] = [];
    const before = process.listeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection');
    process.on('unhandledRejection', (error) => unhandled.push(error));
    try {
      void act(module, () => Promise.reject(new RangeError('of the method')))(1);
      await until(() => unhandled.length > 0);
    } finally {
      process.removeAllListeners('unhandledRejection');
      for (const listener of before) process.on('unhandledRejection', listener);
    }
    expect(unhandled.map(String)).to.deep.equal(['RangeError: of the method']);
  });

  it('may refuse a call in its own words', async () => {
    const refusal = new ForbiddenError('Not on a Sunday.', { code: 'sunday' });
    const module = open({
      note: (event) => listening.note(event),
      before: () => {
        throw refusal;
      },
    });
    expect(await rejection(act(module)(1))).to.equal(refusal);
    const outcome = await guardCall(module, { agentId: 'agent', toolName: 'pay', params: {} }, () => entered.push([]));
    expect(outcome).to.include({ kind: 'denied', error: refusal });
    expect(entered).to.deep.equal([]);
  });

  describe('whose before() answers later', () => {
    const slow: Journal = {
      note: (event) => void events.push(event),
      before: () => new Promise((resolve) => setTimeout(resolve, 1_000)),
    };

    it('is followed by a last look: a module that was closed meanwhile, or a call that was aborted, does not run', async () => {
      const closing = open(slow);
      const call = rejection(act(closing)(1));
      await time.tickAsync(500);
      await closing.close();
      await time.tickAsync(500);
      expect(await call).to.be.instanceOf(ShutdownError);

      const controller = new AbortController();
      const { signal } = controller;
      const aborted = guardCall(open(slow), { agentId: 'agent', toolName: 'pay', params: {}, signal }, () => entered.push([]));
      await time.tickAsync(500);
      controller.abort();
      await time.tickAsync(500);
      const outcome = await aborted;
      expect(outcome.kind === 'denied' && outcome.error).to.be.instanceOf(CallAbortedError);
      expect([entered, kinds().filter((k) => k.startsWith('settled'))]).to.deep.equal([[], ['settled withheld', 'settled withheld']]);
    });

    it('is followed by a last look at the approval: what expired meanwhile does not run', async () => {
      service.always({ effect: 'approval_needed' });
      const module = moduleAsking(service, { journal: slow, approvalTimeoutMs: 3_000, approvalPolling: { initialDelayMs: 2_500 } });
      modules.push(module);
      const call = rejection(act(module)(1));
      service.state = 'approved';
      await time.tickAsync(2_900);
      expect(kinds().at(-1)).to.equal('entering');
      await time.tickAsync(60_000);
      expect(await call).to.include({ name: 'ApprovalTimeoutError' });
      expect([entered, (await module.tasks.listTasks()).map(({ status }) => status)]).to.deep.equal([[], ['timeout']]);
    });

    it('is followed by a last look at the claim: a stale one is given back, and its call runs once under the next', async () => {
      service.always({ effect: 'approval_needed' });
      const takes = [20_000, 10];
      const before = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, takes.shift()));
      const module = open({ ...slow, before });
      const call = act(module)(1);
      service.state = 'approved';
      await time.tickAsync(120_000);
      expect(await call).to.equal('done');
      const claims = events.flatMap((event) => (event.kind === 'entering' ? [event.token] : []));
      expect([claims.length, new Set(claims).size, takes, entered]).to.deep.equal([2, 2, [], [[1]]]);
      expect(kinds().filter((kind) => kind.startsWith('settled'))).to.deep.equal(['settled withheld', 'settled completed']);
    });

    it('denies a synchronous guard, whose function is not entered later either', async () => {
      const pay = guardSync(() => entered.push([]), { module: open(slow), toolName: 'pay' });
      expect(thrown(() => pay()))
        .to.be.instanceOf(DecisionUnavailableError)
        .and.include({ reason: 'asynchronous' });
      await time.tickAsync(2_000);
      expect([entered, kinds()]).to.deep.equal([[], ['decided', 'entering', 'settled withheld']]);
    });
  });

  it('stops a call also where it aborts it, or closes the module, while it is told of the entry', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const aborting = open({ note: (event) => void (event.kind === 'entering' && controller.abort()) });
    const outcome = await guardCall(aborting, { agentId: 'agent', toolName: 'pay', params: {}, signal }, () => entered.push([]));
    expect(outcome.kind === 'denied' && outcome.error).to.be.instanceOf(CallAbortedError);
    const closing: AegisModule = open({ note: (event) => void (event.kind === 'entering' && closing.close()) });
    expect(await rejection(act(closing)(1))).to.be.instanceOf(ShutdownError);
    expect(entered).to.deep.equal([]);
  });

  it('is one of several: all are told, each that blocks must agree, and one that fails hides nothing from the others', async () => {
    const broken: Journal = {
      note: () => {
        throw new RangeError('broken');
      },
    };
    let agree = true;
    const blocking: Journal = {
      note: () => {},
      before: async () => {
        if (!agree) throw new RangeError('no');
      },
    };
    const module = open([broken, listening, blocking]);
    const seen: readonly Diagnostic[] = await diagnosed(() => act(module)(1));
    expect(seen.map((d) => d.kind)).to.deep.equal(['callback', 'callback', 'callback']);
    expect([kinds(), entered.length]).to.deep.equal([['decided', 'entering', 'settled completed'], 1]);
    agree = false;
    expect(await rejection(act(module)(1))).to.include({ reason: 'journal_failed' });
    expect(entered).to.have.length(1);
  });

  it('that rejects beside one that throws at once stops the call, and its rejection is handled', async () => {
    const unhandled: unknown[] = [];
    const listener = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', listener);
    time.restore();
    const rejects: Journal = { note: () => {}, before: async () => Promise.reject(new Error('one')) };
    const throws: Journal = {
      note: () => {},
      before: () => {
        throw new Error('two');
      },
    };
    const asked: string[] = [];
    const agrees: Journal = { note: () => {}, before: () => void asked.push('agrees') };
    try {
      for (const journals of [
        [rejects, throws, agrees],
        [throws, rejects, agrees],
        [agrees, rejects, rejects],
      ]) {
        const error = await rejection(act(open(journals))(1, 'ann'));
        expect(error).to.include({ reason: 'journal_failed' });
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    } finally {
      process.off('unhandledRejection', listener);
    }
    expect([entered, unhandled]).to.deep.equal([[], []]);
    // each that blocks has seen the entry, as each that listens has
    expect(asked).to.have.length(3);
  });

  // a Date is the one value that cannot be frozen
  for (const fresh of ['no fresh decision', 'allow', 'approval_needed'])
    for (const kind of ['decided', 'opened'] as const)
      it(`makes nothing run that was not decided on, by a Date of what it is told when a call is ${kind} (${fresh})`, async () => {
        service.answer = () => ({ effect: 'approval_needed' });
        if (fresh !== 'no fresh decision') Object.assign(service, { reevaluate: () => ({ effect: fresh, decisionId: `again ${kind}` }) });
        const meddle: Journal = {
          note: (event) => {
            if (event.kind !== kind) return;
            const { params } = event.kind === 'decided' ? event.request : (event as OpenedEvent).task;
            (params['amount'] as Date).setTime(86_400_000);
          },
        };
        const module = open(meddle);
        const call = rejection(act(module)(new Date(0), 'ann'));
        await time.tickAsync(1);
        service.state = 'approved';
        const seen = await diagnosed(() => time.tickAsync(60_000));
        expect(await call).to.include({ code: 'approved_params_changed' });
        expect([entered, seen.map((d) => (d as { code?: string }).code)]).to.deep.equal([[], ['approved_params_tampered']]);
      });

  it('is called in the tick of the call where everything answers at once', () => {
    const pay = guardSync(() => kinds().length, { module: open(listening), toolName: 'pay' });
    expect(pay()).to.equal(2);
    expect(kinds()).to.deep.equal(['decided', 'entering', 'settled completed']);
  });

  // the desk knows that it has begun: only a call that may run again is another process's
  for (const [idempotent, left, told] of [
    [false, 'unknown', ['settled unknown']],
    [true, 'approved', ['entering', 'settled withheld']],
  ] as const)
    it(`that answers an approved call while its module closes does not have it run, and leaves it ${left}${idempotent ? ' where it may run again' : ''}`, async () => {
      const store = new SharedMemoryStore();
      let leave: () => void = () => {};
      const approver = { attach: () => () => new Promise<void>((resolve) => (leave = resolve)) };
      let goOn: () => void = () => {};
      const journal: Journal = { ...listening, before: () => new Promise((resolve) => (goOn = resolve)) };
      const module = durableModule(store, { journal, approver: approver as never });
      modules.push(module);
      const pay = guard(async (amount: number) => void entered.push([amount]), {
        module,
        toolName: `pay.${left}`,
        params: ['amount'],
        idempotent,
      } as never);
      const { decisionId, taskId } = (await (pay as (amount: number) => Promise<unknown>)(1)) as PendingApproval;
      await approve(module, decisionId);
      await time.tickAsync(1_000);
      expect((await module.tasks.getTask(taskId))?.status).to.equal('executing');
      // its approver takes its time to leave
      const closed = module.close();
      await time.tickAsync(1);
      goOn();
      await time.tickAsync(1);
      leave();
      await time.tickAsync(20_000);
      await closed;
      expect([entered, (await store.tasks.get(taskId))?.status]).to.deep.equal([[], left]);
      const calls = kinds().filter((kind) => kind !== 'task');
      expect(calls.slice(-told.length)).to.deep.equal(told);
    });

  it('may be an empty list', async () => {
    expect(await act(open([]))(1)).to.equal('done');
  });

  it('is told of an approved call, with its task and claim, before its method is entered, and can stop it', async () => {
    const text = `@id("all") permit (principal, action, resource);
      @id("ask") @effect("approval_needed") forbid (principal, action, resource);`;
    let refuse = false;
    const journal: Journal = {
      note: (event) => void events.push(event),
      before: async () => {
        if (refuse) throw new RangeError('the disk is full');
      },
    };
    const module = AegisModule.create({ policies: { text }, agentId: 'agent', journal });
    modules.push(module);
    const approved = async (amount: number): Promise<unknown> => {
      const call = act(module)(amount);
      call.catch(() => {});
      await time.tickAsync(10);
      const [request] = await module.approvals.list();
      await module.approvals.approve(request?.decisionId as string, { by: 'bob', digest: request?.digest as string });
      await time.tickAsync(10);
      return call;
    };
    expect(await approved(1)).to.equal('done');
    const [task] = await module.tasks.listTasks({ status: 'completed' });
    const entering = events.find((event) => event.kind === 'entering');
    expect(entering).to.include({ decisionId: task?.decisionId, taskId: task?.taskId }).and.have.property('token').that.is.a('string');
    expect(entered).to.have.length(1);
    refuse = true;
    expect(await rejection(approved(2))).to.include({ reason: 'journal_failed' });
    expect([entered.length, (await module.tasks.listTasks({ status: 'failed' })).length]).to.deep.equal([1, 1]);
  });

  it('is told of every task that this process makes or changes, with the status before', async () => {
    service.answer = () => ({ effect: 'approval_needed' });
    const module = open(listening);
    const call = act(module)(1);
    call.catch(() => {});
    await time.tickAsync(1);
    service.state = 'approved';
    await time.tickAsync(60_000);
    expect(await call).to.equal('done');
    const told = events.flatMap((event) => (event.kind === 'task' ? [[event.from, event.task.status]] : []));
    expect(told).to.deep.equal([
      [undefined, 'pending'],
      ['pending', 'approved'],
      ['approved', 'executing'],
      ['executing', 'completed'],
    ]);
  });

  it('says how long an answer took', async () => {
    await act(open(listening))(1);
    const [decided] = events;
    expect(decided?.kind === 'decided' && decided.durationMs)
      .to.be.a('number')
      .and.at.least(0);
  });

  const TRACE = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
  for (const [what, given, kept] of [
    ['that traces', [() => TRACE], TRACE],
    ['where an earlier one has none', [() => undefined, () => TRACE], TRACE],
    ['where an earlier one throws', [() => failing(), () => TRACE], TRACE],
    ['where an earlier one gives something else', [() => `${TRACE}\r\nX: y`, () => 7, () => ({}), () => TRACE], TRACE],
    ['that gives no trace', [() => ''], undefined],
    ['that only throws', [() => failing()], undefined],
  ] as const)
    it(`keeps what called with the task, ${what}`, async () => {
      service.answer = () => ({ effect: 'approval_needed' });
      const journals = given.map((traceparent): Journal => ({ note: () => {}, traceparent: traceparent as never }));
      const module = open([listening, ...journals]);
      const call = act(module)(1);
      call.catch(() => {});
      await time.tickAsync(1);
      const [opened] = events.filter((event) => event.kind === 'opened');
      expect(opened?.task.traceparent).to.equal(kept);
      expect('traceparent' in (opened as OpenedEvent).task).to.equal(kept !== undefined);
    });
});

describe('The entry gate', () => {
  it('tells a journal of an entry under a decision that has no salt', async () => {
    const told: JournalEvent[] = [];
    const journal: Journal = { note: (event) => void told.push(event), before: () => Promise.reject(new Error('not today')) };
    const error = await enterMethod(
      { journal, steps: [], closed: false, halts: {} } as never,
      { agentId: 'a', toolName: 't' } as never,
      {} as never,
      { effect: 'allow', decisionId: 'd' },
      (_call, stopped) => stopped,
    );
    expect(error).to.include({ reason: 'journal_failed' });
    expect(told[0]).to.include({ kind: 'entering', decisionId: 'd', auditSalt: undefined });
  });
});

function failing(): never {
  throw new RangeError('no tracer');
}
