import { expect } from 'chai';
import {
  ApprovalPendingError,
  DecisionUnavailableError,
  ForbiddenError,
  getGuard,
  GuardDefinitionError,
  guardSync,
} from '../../lib/index.js';
import type { AegisModule } from '../../lib/index.js';
import { runInChild } from '../support/runInChild.js';
import { moduleAsking, StandInDecisions, thrown } from '../support/standInDecisions.js';

const looseGuardSync = guardSync as unknown as (...args: unknown[]) => (...args: unknown[]) => unknown;

describe('guardSync()', () => {
  let service: StandInDecisions;
  let module: AegisModule;
  let ran: number;
  const add = (a: number, b: number): number => {
    ran += 1;
    return a + b;
  };
  beforeEach(() => {
    service = new StandInDecisions();
    module = moduleAsking(service);
    ran = 0;
  });
  afterEach(() => module.close());

  const guarded = (): ((a: number, b: number) => number) => guardSync(add, { params: ['a', 'b'], module });

  it('answers at once', () => {
    expect(guarded()(1, 2)).to.equal(3);
    expect(service.last).to.deep.include({ toolName: 'add', params: { a: 1, b: 2 } });
    expect(getGuard(guarded())).to.include({ toolName: 'add', approval: 'throw' });
  });

  it('throws when it is denied, and does not run', () => {
    service.always({ effect: 'deny' });
    expect(thrown(() => guarded()(1, 2))).to.be.instanceOf(ForbiddenError);
    expect(ran).to.equal(0);
  });

  it('runs what a sanitize made of the call', () => {
    service.always({ effect: 'sanitize', params: { a: 1, b: 40 } });
    expect(guarded()(1, 2)).to.equal(41);
  });

  it("throws the function's own error as it is", () => {
    const mine = new RangeError('mine');
    const throws = guardSync(
      (): number => {
        throw mine;
      },
      { toolName: 't', module },
    );
    expect(thrown(throws)).to.equal(mine);
  });

  it('throws ApprovalPendingError until what runs an approved call is loaded, and then runs it once', async () => {
    const { code, stdout, stderr } = await runInChild(`
      const { AegisModule, guardSync } = await import(${JSON.stringify(new URL('../../lib/index.js', import.meta.url).href)});
      const decisions = {
        decide: () => ({ effect: 'approval_needed', decisionId: 'd1', reason: 'r' }),
        status: (decisionId) => ({ decisionId, state: 'approved' }),
      };
      const module = AegisModule.create({ decisions, agentId: 'a' });
      let ran = 0;
      const call = guardSync((n) => (ran += n), { module, toolName: 't', params: ['n'] });
      const tried = () => {
        try {
          return call(1);
        } catch ({ name }) {
          return name;
        }
      };
      const early = [tried(), tried(), ran];
      const later = [];
      while (ran === 0) later.push(await new Promise((done) => setTimeout(() => done(tried()), 5)));
      console.log(JSON.stringify([early, later.at(-1), ran]));
      await module.close();`);
    expect([code, stderr]).to.deep.equal([0, '']);
    expect(JSON.parse(stdout)).to.deep.equal([['ApprovalPendingError', 'ApprovalPendingError', 0], 1, 1]);
  });

  it('runs an approved call in the tick in which a first approval of its process is given', async () => {
    const { code, stdout, stderr } = await runInChild(`
      const { AegisModule, guardSync } = await import(${JSON.stringify(new URL('../../lib/index.js', import.meta.url).href)});
      const text = '@id("ok") permit (principal, action, resource); @id("ask") @effect("approval_needed") forbid (principal, action, resource);';
      const module = AegisModule.create({ policies: { text }, agentId: 'a' });
      let ran = 0;
      const call = guardSync((n) => (ran += n), { module, toolName: 't', params: ['n'] });
      const tried = () => {
        try {
          return call(1);
        } catch (error) {
          return error;
        }
      };
      const { name, pending } = tried();
      const { digest } = await module.approvals.get(pending.decisionId);
      await module.approvals.approve(pending.decisionId, { by: 'ann', digest });
      console.log(JSON.stringify([name, tried(), ran, tried().name, ran]));
      await module.close();`);
    expect([code, stderr]).to.deep.equal([0, '']);
    expect(JSON.parse(stdout)).to.deep.equal(['ApprovalPendingError', 1, 1, 'ApprovalPendingError', 1]);
  });

  it('throws ApprovalPendingError until it is approved; then an equal call runs, once', () => {
    service.always({ effect: 'approval_needed' });
    const call = guarded();
    const first = thrown(() => call(1, 2)) as ApprovalPendingError;
    expect(first).to.be.instanceOf(ApprovalPendingError);
    expect((thrown(() => call(1, 2)) as ApprovalPendingError).pending).to.equal(first.pending);
    expect(service.requests).to.have.length(1);
    service.state = 'approved';
    expect(call(1, 2)).to.equal(3);
    expect(ran).to.equal(1);
    expect(thrown(() => call(1, 2))).to.be.instanceOf(ApprovalPendingError);
    expect(ran).to.equal(1);
  });

  it('throws the refusal of a person at the next equal call', () => {
    service.always({ effect: 'approval_needed' });
    const call = guarded();
    thrown(() => call(1, 2));
    service.state = 'denied';
    expect(thrown(() => call(1, 2)))
      .to.be.instanceOf(ForbiddenError)
      .and.have.property('code', 'approval_denied');
    expect(ran).to.equal(0);
  });

  it('does not run behind the back of its caller when the decision comes later', async () => {
    let release: (answer: unknown) => void = () => {};
    service.answer = () => new Promise((resolve) => (release = resolve));
    const error = thrown(() => guarded()(1, 2));
    expect(error).to.be.instanceOf(DecisionUnavailableError).and.have.property('reason', 'asynchronous');
    release({ effect: 'allow' });
    await new Promise(setImmediate);
    expect(ran).to.equal(0);
  });

  it('cancels an approval that came later', async () => {
    service.answer = async () => ({ effect: 'approval_needed', decisionId: 'late' });
    thrown(() => guarded()(1, 2));
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect(service.withdrawn).to.deep.equal(['late']);
    expect(module.scheduler.queueSize).to.equal(0);
  });

  it('is told that it did not run, and nothing is withdrawn, where a denial comes later', async () => {
    service.answer = async () => ({ effect: 'deny' });
    expect(thrown(() => guarded()(1, 2))).to.have.property('reason', 'asynchronous');
    await new Promise(setImmediate);
    expect([ran, service.withdrawn, module.scheduler.queueSize]).to.deep.equal([0, [], 0]);
  });

  it('does not run behind the back of its caller when where its approval stands comes later', async () => {
    service.always({ effect: 'approval_needed' });
    const status = service.status.bind(service);
    service.status = (async (decisionId: string) => status(decisionId)) as never;
    const call = guarded();
    for (const state of ['pending', 'pending', 'approved'] as const) {
      service.state = state;
      expect(thrown(() => call(1, 2))).to.be.instanceOf(ApprovalPendingError);
      await new Promise(setImmediate);
    }
    expect(ran).to.equal(0);
    // by now it is known to be approved: the approval was not used up by a call that could not wait for it
    expect([call(1, 2), ran]).to.deep.equal([3, 1]);
  });

  it('keeps its approval where what comes before the entry answers later: nothing ran under it', async () => {
    service.always({ effect: 'approval_needed' });
    let consumed: unknown = true;
    Object.assign(service, { consume: () => consumed });
    const call = guarded();
    const { pending } = thrown(() => call(1, 2)) as ApprovalPendingError;
    service.state = 'approved';
    consumed = Promise.resolve(true);
    expect(thrown(() => call(1, 2))).to.be.instanceOf(ApprovalPendingError);
    await new Promise(setImmediate);
    expect([ran, pending.status]).to.deep.equal([0, 'approved']);
    consumed = true;
    expect([call(1, 2), ran, pending.status]).to.deep.equal([3, 1, 'completed']);
  });

  it('leaves an approval to those who wait for it where it is found late', async () => {
    service.always({ effect: 'approval_needed' });
    let later = false;
    const validate = (value: unknown): unknown => (later ? Promise.resolve({ value }) : { value });
    const schema = { '~standard': { version: 1, vendor: 'spec', validate } };
    const call = looseGuardSync(add, { params: ['a', 'b'], schema, module });
    const { pending } = thrown(() => call(1, 2)) as ApprovalPendingError;
    later = true;
    expect(thrown(() => call(1, 2))).to.have.property('reason', 'asynchronous');
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect([pending.status, service.withdrawn]).to.deep.equal(['pending', []]);
  });

  describe('ends no process', () => {
    let unhandled: unknown[];
    const note = (reason: unknown): void => void unhandled.push(reason);
    let others: NodeJS.UnhandledRejectionListener[];
    beforeEach(() => {
      unhandled = [];
      others = process.listeners('unhandledRejection');
      process.removeAllListeners('unhandledRejection').on('unhandledRejection', note);
    });
    afterEach(() => {
      process.removeListener('unhandledRejection', note);
      for (const other of others) process.on('unhandledRejection', other);
    });
    const settled = async (): Promise<void> => {
      for (let i = 0; i < 5; i++) await new Promise(setImmediate);
    };

    it('by a denial that comes later', async () => {
      service.answer = async () => ({ effect: 'deny' });
      thrown(() => guarded()(1, 2));
      await settled();
      expect(unhandled).to.deep.equal([]);
    });

    it('by a refusal of a person that comes later', async () => {
      service.always({ effect: 'approval_needed' });
      const status = service.status.bind(service);
      service.status = (async (decisionId: string) => status(decisionId)) as never;
      const call = guarded();
      thrown(() => call(1, 2));
      service.state = 'denied';
      expect(thrown(() => call(1, 2))).to.be.instanceOf(ApprovalPendingError);
      await settled();
      expect(unhandled).to.deep.equal([]);
    });
  });

  it('takes the one mode that it has where that is named', () => {
    expect(looseGuardSync(add, { params: ['a', 'b'], approval: 'throw', module })(1, 2)).to.equal(3);
  });

  for (const [name, fn] of [
    ['an async function', async () => 1],
    [
      'an async generator',
      async function* items(): AsyncGenerator<number> {
        yield 1;
      },
    ],
  ] as const)
    it(`refuses ${name} at definition`, () => {
      expect(() => looseGuardSync(fn, { toolName: 't' })).to.throw(GuardDefinitionError, 'use guard()');
    });

  for (const approval of ['wait', 'defer'])
    it(`refuses mode ${approval} at definition`, () => {
      expect(() => looseGuardSync(add, { params: ['a', 'b'], approval })).to.throw(GuardDefinitionError, "'throw'");
    });
});
