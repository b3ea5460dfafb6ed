import { inspect } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import sinon from 'sinon';
import { AegisModule, ConfigError, ForbiddenError, guard, guardCall, guardSync } from '../../lib/index.js';
import type { AegisOptions } from '../../lib/guard/module/AegisOptions.js';
import type { CounterStore } from '../../lib/store/counter/CounterStore.js';
import { MemoryApprovalStore } from '../../lib/store/memory/MemoryApprovalStore.js';
import { MemoryStateStore } from '../../lib/store/memory/MemoryStateStore.js';
import { rejection } from '../support/rejection.js';
import { thrown } from '../support/standInDecisions.js';
import { until } from '../support/until.js';

const HOUR = 3_600_000;
const NOON = Date.UTC(2027, 0, 1, 12);
const PERMIT = '@id("all") permit (principal, action, resource);\n';
const limit = (text: string, annotations = '', condition = 'true', id = 'cap'): string =>
  `@id("${id}") @effect("limit") @limit("${text}") ${annotations} forbid (principal, action, resource) when { ${condition} };\n`;
const ASK =
  '@id("ask") @effect("approval_needed") @reason("a person") forbid (principal, action, resource) when { context.input has big };\n';
const OVER = '@over("approval_needed") @reason("over budget")';

describe('Limits', () => {
  let clock: sinon.SinonFakeTimers;
  const modules: AegisModule[] = [];
  beforeEach(() => (clock = sinon.useFakeTimers({ now: NOON + 60_000, toFake: ['Date'] })));
  afterEach(async () => {
    clock.restore();
    for (const module of modules.splice(0)) await module.close();
  });

  const make = (text: string, more: Partial<AegisOptions> = {}): AegisModule => {
    const module = AegisModule.create({ policies: { text: PERMIT + text }, agentId: 'bot', ...more });
    modules.push(module);
    return module;
  };
  const caller =
    (module: AegisModule, more: object = {}) =>
    async (params: Record<string, unknown> = {}, options: object = {}): Promise<unknown> => {
      const call = { agentId: 'bot', toolName: 'refund', params, ...more, ...options };
      const outcome = await guardCall(module, call, () => 'ran');
      if (outcome.kind === 'ran') return outcome.value;
      if (outcome.kind === 'denied') return (outcome.error as ForbiddenError).code;
      return outcome;
    };
  const used = async (module: AegisModule): Promise<number | undefined> => (await module.limits.list())[0]?.used;

  for (const [reason, said] of [
    ['two an hour', 'two an hour. Try again after 2027-'],
    ['Enough!', 'Enough! Try again after 2027-'],
  ] as const)
    it(`say "${reason}" as a sentence of its own`, async () => {
      const module = make(limit('0/1h', `@reason("${reason}")`));
      const outcome = await guardCall(module, { agentId: 'bot', toolName: 'refund', params: {} }, () => 'ran');
      expect((outcome as unknown as { error: ForbiddenError }).error.message).to.contain(said);
    });

  it('let run what fits in a window, and deny the rest, with words and a time and no numbers', async () => {
    const module = make(limit('2/1h', '@reason("Two refunds an hour.")'));
    const call = caller(module);
    expect([await call(), await call(), await call()]).to.deep.equal(['ran', 'ran', 'limit_reached']);
    const outcome = await guardCall(module, { agentId: 'bot', toolName: 'refund', params: {} }, () => 'ran');
    const error = (outcome as unknown as { error: ForbiddenError }).error;
    expect(error).to.be.instanceOf(ForbiddenError);
    expect(error.message).to.contain('Two refunds an hour. Try again after 2027-01-01T13:00:00.000Z.');
    expect(error.decision).to.include({ effect: 'deny', retryAtMs: NOON + HOUR });
    expect(error.decision?.violations).to.deep.equal([{ type: 'limit', message: 'Two refunds an hour.' }]);
    clock.setSystemTime(NOON + HOUR);
    expect(await call()).to.equal('ran');
    const [first, ...others] = await module.limits.list();
    expect(others).to.deep.equal([]);
    expect(first?.key).to.match(/^[0-9a-f]{64}$/);
    expect(first).to.deep.equal({
      key: first?.key,
      policyId: 'cap',
      by: { tenant: 'default', agent: 'bot', tool: 'refund' },
      kind: 'fixed',
      windowMs: HOUR,
      used: 1,
      limit: 2,
      endsAtMs: NOON + 2 * HOUR,
      level: 'free',
    });
  });

  it('keep what ran counted, whoever asks to give it back', async () => {
    const module = make(limit('9/1h'));
    const outcome = await guardCall(module, { agentId: 'bot', toolName: 'refund', params: {} }, () => 'ran');
    if (outcome.kind !== 'ran') throw new Error('the call did not run');
    await module.decisions.release?.(outcome.decision.decisionId);
    expect(await used(module)).to.equal(1);
  });

  it('count apart by agent, tool, session and its fields, or all together', async () => {
    const apart = caller(make(limit('1/1h by agent,session/user/id')));
    const of = (id: unknown, agentId = 'bot'): object => ({ agentId, session: { user: { id } } });
    expect(await apart({}, of('ann'))).to.equal('ran');
    expect(await apart({}, of('ann'))).to.equal('limit_reached');
    expect(await apart({}, of('bob'))).to.equal('ran');
    expect(await apart({}, of('ann', 'other'))).to.equal('ran');
    expect(await apart({}, of(1)), 'a number').to.equal('ran');
    expect(await apart({}, of('1')), 'the same as text').to.equal('ran');
    expect(await apart({}, of(true))).to.equal('ran');

    const together = caller(make(limit('2/1h by tenant')));
    expect(await together({}, { agentId: 'a', toolName: 'x' })).to.equal('ran');
    expect(await together({}, { agentId: 'b', toolName: 'y' })).to.equal('ran');
    expect(await together({}, { agentId: 'c', toolName: 'z' })).to.equal('limit_reached');

    const sessions = caller(make(limit('1/1h by session')));
    expect(await sessions({}, { session: { a: 1, b: 2 } })).to.equal('ran');
    expect(await sessions({}, { session: { b: 2, a: 1 } })).to.equal('limit_reached');
    expect(await sessions({}, { session: { a: 1 } })).to.equal('ran');
  });

  it('deny where what they count apart is missing', async () => {
    const call = caller(make(limit('9/1h by session/user')));
    for (const session of [null, {}, { user: {} }, { user: ['a'] }, { other: 'x' }])
      expect(await call({}, { session }), JSON.stringify(session)).to.equal('limit_unavailable');
    expect(await call({}, { session: { user: 'ann' } })).to.equal('ran');
  });

  it('count what a param says, as integer, decimal or BigInt', async () => {
    const module = make(limit('10.5/1h', '@cost("/order/amount")'));
    const call = caller(module);
    expect(await call({ order: { amount: 4 } })).to.equal('ran');
    expect(await call({ order: { amount: 6.5001 } })).to.equal('limit_reached');
    expect(await call({ order: { amount: 5.5 } })).to.equal('ran');
    expect(await call({ order: { amount: 1n } })).to.equal('ran');
    expect(await used(module)).to.equal(10.5);
    expect(await call({ order: { amount: 0 } })).to.equal('ran');
    for (const amount of [-1, 0.00001, 1e300, '1', true, [1], -1n, 2n ** 64n, 900_719_925_475, undefined, {}])
      expect(await call({ order: { amount } }), inspect(amount)).to.equal('limit_cost');
    for (const params of [{}, { order: 5 }, { order: [] }, { amount: 1 }]) expect(await call(params)).to.equal('limit_cost');
    expect(await used(module)).to.equal(10.5);
  });

  it('count the params that run, not those that came', async () => {
    const mask =
      '@id("cut") @effect("sanitize") @sanitize("set /n 1") forbid (principal, action, resource) when { context.input has n && context.input.n > 1 };\n';
    const module = make(mask + limit('5/1h', '@cost("/n")'));
    const call = caller(module);
    expect(await call({ n: 100 })).to.equal('ran');
    expect(await used(module)).to.equal(1);
  });

  it('do not count what policies deny, what is only tried, and what no limit matches', async () => {
    const module = make(
      `@id("no") forbid (principal, action, resource) when { context.input has no };\n${limit('5/1h', '', 'context.input has n')}`,
    );
    const call = caller(module);
    expect(await call({ no: 1, n: 1 })).to.equal('policy_violation');
    expect(await call({ other: 1 })).to.equal('ran');
    expect((await module.decide({ agentId: 'bot', toolName: 'refund', params: { n: 1 } })).effect).to.equal('allow');
    expect(await used(module)).to.equal(undefined);
  });

  it('are told by a dry run where they count the asker alone, and not where others count too', async () => {
    for (const [by, effect] of [
      ['agent', 'deny'],
      ['agent,tool', 'deny'],
      ['session/user_id', 'deny'],
      ['tenant', 'allow'],
      ['tenant,tool', 'allow'],
      ['tool', 'allow'],
    ] as const) {
      // prettier-ignore
      const module = make(limit(`1/1h by ${by}`));
      const session = { user_id: 'ann' };
      expect(await caller(module)({}, { session })).to.equal('ran');
      expect((await module.decide({ agentId: 'bot', toolName: 'refund', params: {}, session })).effect, by).to.equal(effect);
    }
  });

  it('give back what did not run', async () => {
    const module = make(limit('1/1h'));
    const call = caller(module);
    const abort = new AbortController();
    const journal = { note: () => {}, before: () => Promise.reject(new Error('no disk')) };
    const journaled = make(limit('1/1h'), { journal });
    expect(await caller(journaled)()).to.equal('decision_unavailable_journal_failed');
    expect(await used(journaled)).to.equal(0);

    // the schema does not take what the policies made of the call
    const set =
      '@id("cut") @effect("sanitize") @sanitize("set /n -1") forbid (principal, action, resource) when { context.input has n && context.input.n > 1 };\n';
    const strict = make(set + limit('1/1h'));
    const schema = { '~standard': { version: 1 as const, vendor: 'spec', validate: (value: unknown) => ((value as { n: number }).n < 0 ? { issues: [{ message: 'negative' }] } : { value }) } }; // prettier-ignore
    expect(await caller(strict)({ n: 5 }, { schema })).not.to.equal('ran');
    expect(await used(strict)).to.equal(0);

    abort.abort();
    expect(await call({}, { signal: abort.signal })).to.equal('call_aborted');
    expect(await call()).to.equal('ran');
    expect(await call()).to.equal('limit_reached');
  });

  it('keep what a method has cost that threw', async () => {
    const module = make(limit('1/1h'));
    const throws = guard(() => Promise.reject(new Error('mine')), { toolName: 'refund', module });
    expect((await rejection(throws())).message).to.equal('mine');
    expect(await caller(module)()).to.equal('limit_reached');
  });

  it('hold for synchronous guards too', async () => {
    const module = make(limit('1/1h'));
    await module.ready();
    const add = guardSync((a: number) => a, { params: ['a'], toolName: 'add', module });
    expect(add(1)).to.equal(1);
    expect(thrown(() => add(1))).to.be.instanceOf(ForbiddenError);
  });

  it('deny where the counters fail, and say why to the operator alone', async () => {
    const approvalStore = new MemoryApprovalStore();
    const lines: object[] = [];
    const logger = { debug: () => {}, info: () => {}, warn: (line: object) => lines.push(line), error: () => {} };
    const module = make(limit('5/1h'), { approvalStore, logger });
    const call = caller(module);
    expect(await call()).to.equal('ran');
    for (const fails of [
      () => Promise.reject(new Error('disk of /secret')),
      () => {
        throw new Error('disk of /secret');
      },
    ]) {
      // prettier-ignore
      sinon.stub(approvalStore.counters, 'take').callsFake(fails as never);
      const outcome = await guardCall(module, { agentId: 'bot', toolName: 'refund', params: {} }, () => 'ran');
      expect((outcome as unknown as { error: ForbiddenError }).error.message)
        .to.contain('cannot be counted now')
        .and.not.contain('secret');
      sinon.restore();
      clock = sinon.useFakeTimers({ now: NOON + 60_000, toFake: ['Date'] });
    }
    expect(lines).to.deep.include({ toolName: 'refund', code: 'limit_unavailable', policies: ['cap'] });
  });

  it('count in this process where the store of the approvals does not, with a warning', async () => {
    clock.restore();
    const inner = new MemoryApprovalStore();
    const approvalStore = new Proxy(inner, {
      get: (target, key) => {
        if (key === 'counters') return undefined;
        const found: unknown = Reflect.get(target, key);
        return typeof found === 'function' ? (found as () => void).bind(target) : found;
      },
    });
    const lines: string[] = [];
    const logger = { debug: () => {}, info: () => {}, warn: (_: object, text: string) => lines.push(text), error: () => {} };
    const module = make(ASK + limit('1/366d'), { approvalStore, logger });
    const call = caller(module);
    const pending = await asked(module);
    await approve(module, pending.decisionId);
    await until(async () => (await used(module)) === 1);
    expect(await call()).to.equal('limit_reached');
    expect(lines.filter((line) => line.includes('memory of each process'))).to.have.length(1);
  });

  it('are near at a percentage of the limit: told once', async () => {
    const lines: object[] = [];
    const logger = { debug: () => {}, info: () => {}, warn: (line: object) => lines.push(line), error: () => {} };
    const call = caller(make(limit('10/1h', '@warn_at("80") @cost("/n")'), { logger }));
    const told = async (n: number): Promise<number> => {
      lines.length = 0;
      await call({ n });
      return lines.length;
    };
    expect([await told(7), await told(0.5), await told(0.5), await told(1)]).to.deep.equal([0, 0, 1, 0]);
  });

  it('that are only watched stop nothing where the counters fail; beside one that is enforced they do not count', async () => {
    const watched = `@observe("true") @observe_until("${new Date(NOON + 10 * HOUR).toISOString()}")`;
    for (const [text, effect] of [
      [limit('1/1h', watched), 'ran'],
      [limit('1/1h', watched) + limit('9/1h', '', 'true', 'enforced'), 'limit_unavailable'],
    ] as const) {
      const approvalStore = new MemoryApprovalStore();
      const module = make(text, { approvalStore });
      for (const method of ['take', 'peek'] as const) sinon.stub(approvalStore.counters, method).throws(new Error('disk'));
      expect(await caller(module)()).to.equal(effect);
      expect((await module.decide({ agentId: 'bot', toolName: 'refund', params: {} })).effect).to.equal(
        effect === 'ran' ? 'allow' : 'deny',
      );
    }
  });

  it('take little memory for what they count apart, however long its values are', async () => {
    // they are compared by their digests, and only short ones are kept beside those
    const module = make(limit('1/1h by session/user_id'));
    const call = caller(module);
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const heap = (): number => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const user = (i: number): object => ({ session: { user_id: `${i} é`.padEnd(100_000, 'x') } });
    await call({}, user(0));
    const before = heap();
    for (let i = 1; i <= 200; i++) expect(await call({}, user(i))).to.equal('ran');
    // the values are 40 MB
    expect(heap() - before).to.be.below(10_000_000);
    expect(await call({}, user(100))).to.equal('limit_reached');
  });

  it('that are only watched stop nothing until their end, and are named where they would have', async () => {
    const watched = `@observe("true") @observe_until("${new Date(NOON + 10 * HOUR).toISOString()}")`;
    const module = make(limit('1/20h', `${watched} @cost("/n")`));
    const decide = async (n: unknown): Promise<unknown> => {
      const outcome = await guardCall(module, { agentId: 'bot', toolName: 'refund', params: { n } }, () => 'ran');
      return outcome.kind === 'ran' ? (outcome.decision.observed ?? []).map(({ id }) => id) : outcome.kind;
    };
    expect([await decide(1), await decide(1), await decide('x')]).to.deep.equal([[], ['cap'], []]);
    expect(await used(module)).to.equal(2);
    clock.setSystemTime(NOON + 10 * HOUR);
    expect(await decide(1)).to.equal('denied');
  });

  const approve = async (module: AegisModule, decisionId: string): Promise<unknown> => {
    const record = await module.approvals.get(decisionId);
    return module.approvals.approve(decisionId, { by: 'rita', digest: record?.digest });
  };
  const asked = async (module: AegisModule, params: object = { big: 1 }): Promise<{ decisionId: string; completed: Promise<unknown> }> => {
    const outcome = await guardCall(module, { agentId: 'bot', toolName: 'refund', params, mode: 'defer' } as never, () => 'ran');
    if (outcome.kind !== 'pending') throw new Error(outcome.kind === 'denied' ? outcome.error.message : outcome.kind);
    outcome.schedule();
    return outcome.pending as never;
  };

  describe('on calls that a person approves', () => {
    // expiry of approvals is by the real clock
    beforeEach(() => clock.restore());

    it('count when the approval is used, not when it is opened', async () => {
      const module = make(ASK + limit('1/366d'));
      const first = await asked(module);
      expect(await used(module)).to.equal(undefined);
      await approve(module, first.decisionId);
      expect(await first.completed).to.equal('ran');
      expect(await used(module)).to.equal(1);
      expect(await caller(module)()).to.equal('limit_reached');
    });

    it('ask no one where it would not fit, and let no more run of those that were asked about before', async () => {
      const module = make(ASK + limit('1/366d'));
      const pending = [await asked(module, { big: 1 }), await asked(module, { big: 2 }), await asked(module, { big: 3 })];
      const ends = pending.map(({ completed }) => completed.then(String, (error: ForbiddenError) => error.code));
      await Promise.all(pending.map(({ decisionId }) => approve(module, decisionId)));
      const ended = await Promise.all(ends);
      expect(ended.filter((end) => end === 'ran')).to.have.length(1);
      expect(ended.filter((end) => end === 'denied_at_run' || end === 'approval_not_usable')).to.have.length(2);
      expect(await used(module)).to.equal(1);
      expect(await caller(module)({ big: 4 })).to.equal('limit_reached');
    });

    it('count by the policies in force when the approval is used, in the groups of the guard', async () => {
      const text = PERMIT + ASK;
      const grouped = '@id("cap") @effect("limit") @limit("5/366d") forbid (principal, action in Aegis::Action::"money", resource);\n';
      const module = AegisModule.create({ policies: { text: text + grouped }, agentId: 'bot' });
      modules.push(module);
      const outcome = await guardCall(
        module,
        { agentId: 'bot', toolName: 'refund', params: { big: 1 }, groups: ['money'], mode: 'defer' } as never,
        () => 'ran',
      );
      if (outcome.kind !== 'pending') throw new Error(outcome.kind);
      outcome.schedule();
      const { pending } = outcome;
      await approve(module, pending.decisionId);
      expect(await pending.completed).to.equal('ran');
      expect(await used(module)).to.equal(1);
    });

    it('are the same in a store of many tenants', async () => {
      const store = new MemoryStateStore();
      const module = make(ASK + limit('1/366d'), { store, stateKey: 'k'.repeat(32) });
      const first = await asked(module);
      await approve(module, first.decisionId);
      await first.completed;
      expect((await (store.forTenant('default').counters as CounterStore).list())[0]?.used).to.equal(10_000);
      expect(await store.forTenant('other').counters?.list()).to.deep.equal([]);
    });
  });

  describe('that ask when they are reached', () => {
    beforeEach(() => clock.restore());

    it('let people let more run, which counts too', async () => {
      const module = make(limit('1/366d', OVER));
      const call = caller(module);
      expect(await call()).to.equal('ran');
      const over = await asked(module, {});
      const record = await module.approvals.get(over.decisionId);
      expect(record).to.include({ reason: 'over budget' });
      expect(record?.policies.map(({ id }) => id)).to.deep.equal(['cap']);
      await approve(module, over.decisionId);
      expect(await over.completed).to.equal('ran');
      expect(await used(module)).to.equal(2);
    });

    it('deny where another limit is reached that does not ask', async () => {
      const module = make(limit('1/366d', OVER) + limit('1/365d', '', 'true', 'hard'));
      const call = caller(module);
      expect([await call(), await call()]).to.deep.equal(['ran', 'limit_reached']);
    });

    it('ask beside policies that ask anyway: each needs its yes', async () => {
      const module = make(ASK + limit('1/366d', OVER));
      expect(await caller(module)()).to.equal('ran');
      const over = await asked(module);
      const record = await module.approvals.get(over.decisionId);
      expect(record?.policies.map(({ id }) => id)).to.deep.equal(['ask', 'cap']);
      expect(record?.reason).to.equal('over budget; a person');
      await approve(module, over.decisionId);
      expect(await over.completed).to.equal('ran');
    });

    it('ask again where the limit was reached only after a person was asked', async () => {
      const module = make(ASK + limit('1/366d', OVER));
      const first = await asked(module);
      expect(await caller(module)()).to.equal('ran');
      await approve(module, first.decisionId);
      await until(async () => (await module.approvals.list()).length === 1);
      const [again] = await module.approvals.list();
      expect(again?.policies.map(({ id }) => id)).to.deep.equal(['ask', 'cap']);
      await approve(module, again?.decisionId ?? '');
      expect(await first.completed).to.equal('ran');
      expect(await used(module)).to.equal(2);
    });
  });

  it('are an option of policies in this process', async () => {
    expect(thrown(() => AegisModule.create({ apiKey: 'k', counters: { durable: true } }))).to.be.instanceOf(ConfigError);
    expect(thrown(() => make('', { counters: { durabel: true } as never })).message).to.contain('durable');
    const module = make(limit('1/366d'), { counters: { durable: true } });
    expect([await caller(module)(), await caller(module)()]).to.deep.equal(['ran', 'limit_reached']);
  });
});
