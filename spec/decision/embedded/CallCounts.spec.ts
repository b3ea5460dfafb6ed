import { expect } from 'chai';
import { canonicalDigest } from '../../../lib/common/data/canonical.js';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import { EmbeddedDecisionService } from '../../../lib/decision/embedded/EmbeddedDecisionService.js';
import { forwardingService } from '../../../lib/decision/forwardingService.js';
import type { LimitEvent } from '../../../lib/decision/limit/LimitEvent.js';
import { noteEntered } from '../../../lib/decision/limit/noteEntered.js';
import type { DecisionRequest } from '../../../lib/model/Decision.js';
import { AMOUNT_PARTS } from '../../../lib/model/terms/LimitTerms.js';
import { CedarPolicyEngine } from '../../../lib/policy/engine/CedarPolicyEngine.js';
import type { ApprovalStore } from '../../../lib/store/ApprovalStore.js';
import { MemoryCounterStore } from '../../../lib/store/counter/MemoryCounterStore.js';
import { MemoryApprovalStore } from '../../../lib/store/memory/MemoryApprovalStore.js';
import { requestOf } from '../../support/callRequests.js';
import { rejection } from '../../support/rejection.js';

const PERMIT = '@id("all") permit (principal, action, resource);\n';
const EDITS = '@editable("/amount") @editor_may_approve("true")';
const ASK = `@id("ask") @effect("approval_needed") @reason("a person") ${EDITS} forbid (principal, action, resource) when { context.input.amount > 100 };\n`;
const limit = (text: string, annotations = '', condition = 'true'): string =>
  `@id("cap") @effect("limit") @limit("${text}") ${annotations} forbid (principal, action, resource) when { ${condition} };\n`;
const COST = '@cost("/amount")';
const OVER = '@over("approval_needed") @reason("over budget")';
/** A client that can do nothing with an approval but be told of it. */
const TOLD = { consumes: false, appliesChanges: true, sessionTrusted: true };

const engineOf = (text: string): CedarPolicyEngine => CedarPolicyEngine.load({ sources: [{ file: 'p.cedar', text: PERMIT + text }] });

/** A store with other methods in it. */
function storeWith(others: Partial<Record<keyof ApprovalStore, unknown>>): ApprovalStore {
  return new Proxy<ApprovalStore>(new MemoryApprovalStore(), {
    get: (target, key) => {
      if (key in others) return others[key as keyof ApprovalStore];
      const found: unknown = Reflect.get(target, key);
      return typeof found === 'function' ? (found as () => void).bind(target) : found;
    },
  });
}

function setup(text: string, store: ApprovalStore = new MemoryApprovalStore()) {
  const policies = { engine: engineOf(text) };
  const desk = new ApprovalDesk(store);
  const service = new EmbeddedDecisionService({ policies, desk });
  const told: LimitEvent[] = [];
  desk.counts.onLimit((event) => told.push(event));
  const call = (amount: number): DecisionRequest => requestOf({ params: { amount } });
  const used = async (): Promise<number> => ((await desk.counts.counters.list())[0]?.used ?? 0) / AMOUNT_PARTS;
  const asked = async (request: DecisionRequest): Promise<string> => {
    const { effect, decisionId, reason } = await service.decide(request);
    expect(effect, reason).to.equal('approval_needed');
    return decisionId;
  };
  const approve = async (decisionId: string, edit?: { set: object }): Promise<string> => {
    const digest = (await desk.get(decisionId))?.digest;
    return (await desk.approve(decisionId, { by: 'rita', digest, edit } as never)).digest;
  };
  const consume = async (decisionId: string, { bindingBase }: DecisionRequest, digest: string): Promise<boolean> =>
    service.consume({ decisionId, digest, bindingBase, token: `token of ${decisionId}` });
  return { policies, desk, service, told, call, used, asked, approve, consume };
}

describe('An approved call that limits count at its use', () => {
  it('counts as a person has edited it, and not as it was made', async () => {
    const { call, asked, approve, consume, used } = setup(ASK + limit('1000/366d', COST));
    const request = call(250);
    const id = await asked(request);
    const digest = await approve(id, { set: { '/amount': 200 } });
    expect(digest).to.equal(canonicalDigest({ amount: 200 }));
    expect(await consume(id, request, digest)).to.equal(true);
    expect(await used()).to.equal(200);
  });

  it('counts nothing where no limit in force matches it', async () => {
    const { call, asked, approve, consume, desk } = setup(ASK + limit('1/366d', '', 'context.input has other'));
    const request = call(250);
    const id = await asked(request);
    expect(await consume(id, request, await approve(id))).to.equal(true);
    expect(await desk.counts.counters.list()).to.deep.equal([]);
  });

  it('is not used, nor counted, where the policies in force by then deny it or change it otherwise', async () => {
    for (const by of [
      '@id("no") forbid (principal, action, resource);\n',
      '@id("cut") @effect("sanitize") @sanitize("set /amount 1") forbid (principal, action, resource) when { context.input.amount > 1 };\n',
    ]) {
      const { policies, call, asked, approve, consume, desk } = setup(ASK + limit('9/366d'));
      const request = call(250);
      const id = await asked(request);
      const digest = await approve(id);
      policies.engine = engineOf(ASK + limit('9/366d') + by);
      expect(await consume(id, request, digest), by).to.equal(false);
      expect((await desk.get(id))?.consumed).to.equal(undefined);
      expect(await desk.counts.counters.list()).to.deep.equal([]);
      // as they were again, it is
      policies.engine = engineOf(ASK + limit('9/366d'));
      expect(await consume(id, request, digest)).to.equal(true);
    }
  });

  for (const [where, store] of [
    ['beside the approvals', () => new MemoryApprovalStore()],
    ['in this process', () => storeWith({ counters: undefined })],
  ] as const)
    it(`is not used where others were first, who are counted ${where}; those who look after limits are told`, async () => {
      const { call, asked, approve, consume, used, told } = setup(ASK + limit('1/366d'), store());
      const [first, second] = [call(250), call(251)];
      const ids = [await asked(first), await asked(second)] as const;
      const digests = [await approve(ids[0]), await approve(ids[1])] as const;
      expect(await consume(ids[0], first, digests[0])).to.equal(true);
      expect(await consume(ids[1], second, digests[1])).to.equal(false);
      expect(await used()).to.equal(1);
      expect(told.map(({ how, approvalId, takes }) => [how, approvalId, takes.length])).to.deep.equal([['refused', ids[1], 1]]);
    });

  it('may still run once it was counted, though nothing more fits', async () => {
    const { service, call, asked, approve, consume, used } = setup(ASK + limit('1/366d'));
    const request = call(250);
    const id = await asked(request);
    expect(await consume(id, request, await approve(id))).to.equal(true);
    expect((await service.reevaluate(request, id)).effect).to.equal('allow');
    expect((await service.decide(call(250))).effect).to.equal('deny');
    expect(await used()).to.equal(1);
  });

  it('is not named beyond a limit that is only watched for what it was counted itself', async () => {
    const watched = `@observe("true") @observe_until("${new Date(Date.now() + 86_400_000).toISOString()}")`;
    const { service, call, asked, approve, consume, used } = setup(ASK + limit('1/366d', watched));
    const request = call(250);
    const id = await asked(request);
    expect(await consume(id, request, await approve(id))).to.equal(true);
    const again = await service.reevaluate(request, id);
    expect(again).to.include({ effect: 'allow' }).and.not.to.have.property('observed');
    const other = await service.decide(call(1));
    expect([other.effect, other.observed?.map((policy) => policy.id), await used()]).to.deep.equal(['allow', ['cap'], 2]);
  });

  it('stays counted where it is given back as one that was allowed at once; that one is given back', async () => {
    const { service, call, asked, approve, consume, used } = setup(ASK + limit('9/366d'));
    const request = call(250);
    const id = await asked(request);
    expect(await consume(id, request, await approve(id))).to.equal(true);
    const { effect, decisionId } = await service.decide(call(1));
    expect([effect, await used()]).to.deep.equal(['allow', 2]);
    await service.release(id);
    expect(await used()).to.equal(2);
    await service.release(decisionId);
    expect(await used()).to.equal(1);
  });
});

describe('A call that limits count when it is decided', () => {
  it('is given back where its method was not entered in this process; that of a server is not', async () => {
    const { service, used } = setup(limit('9/366d'));
    const remote = { consumes: true, appliesChanges: true, sessionTrusted: true };
    const own = await service.decide(requestOf());
    const other = await service.decide(requestOf({ remote }));
    expect([own.effect, other.effect, await used()]).to.deep.equal(['allow', 'allow', 2]);
    await service.release(other.decisionId);
    expect(await used()).to.equal(2);
    await service.release(own.decisionId);
    expect(await used()).to.equal(1);
  });

  it('is given back no more once its method was entered, nor is another then given back in its place', async () => {
    for (const store of [new MemoryApprovalStore(), storeWith({ counters: undefined })]) {
      const { service, used } = setup(limit('9/366d'), store);
      noteEntered(service, 'before anything is counted');
      const entered = await service.decide(requestOf());
      const stopped = await service.decide(requestOf());
      noteEntered(service, entered.decisionId);
      await service.release(entered.decisionId);
      expect(await used()).to.equal(2);
      await service.release(stopped.decisionId);
      await service.release(stopped.decisionId);
      expect(await used()).to.equal(1);
    }
  });

  it('stays counted also where a wrapper or a store of its own is not told that it was entered', async () => {
    const { service, used } = setup(limit('9/366d'));
    const { decisionId } = await service.decide(requestOf());
    noteEntered(forwardingService(service), decisionId);
    expect(await used()).to.equal(1);
    const counters = new MemoryCounterStore();
    const other = setup(limit('9/366d'), storeWith({ counters }));
    noteEntered(other.service, (await other.service.decide(requestOf())).decisionId);
    expect(await other.used()).to.equal(1);
  });
});

describe('An edited call, when it is decided afresh', () => {
  const edited = async (text: string, amount: number, before?: number) => {
    const world = setup(text);
    const request = world.call(250);
    if (before !== undefined) expect((await world.service.decide(world.call(before))).effect).to.equal('allow');
    const id = await world.asked(request);
    const digest = await world.approve(id, { set: { '/amount': amount } });
    return { ...world, request, id, digest, decision: await world.service.reevaluate(request, id) };
  };

  it('runs as it was edited where that fits, and names its limits', async () => {
    const { decision, used } = await edited(ASK + limit('1000/366d', COST), 200);
    expect(decision).to.deep.include({ effect: 'sanitize', params: { amount: 200 } });
    expect(decision.limits?.map(({ id }) => id)).to.deep.equal(['cap']);
    expect(await used(), 'it is counted at its use').to.equal(0);
  });

  it('runs where no limit matches it as it was edited', async () => {
    const { decision } = await edited(ASK + limit('1/366d', COST, 'context.input.amount > 10000'), 200);
    expect(decision)
      .to.deep.include({ effect: 'sanitize', params: { amount: 200 } })
      .and.not.to.have.property('limits');
  });

  it('is denied where it does not fit as it was edited, with a time, though it would have fitted as it was made', async () => {
    const { decision, consume, id, request, digest, used } = await edited(
      ASK + limit('1000/366d', `${COST} @reason("1,000 a year.")`),
      1_001,
    );
    expect(decision).to.include({ effect: 'deny', code: 'limit_reached' }).and.to.have.property('retryAtMs');
    expect(decision.reason).to.contain('1,000 a year. Try again after');
    expect(decision.violations).to.deep.equal([{ type: 'limit', message: '1,000 a year.' }]);
    expect(await consume(id, request, digest)).to.equal(false);
    expect(await used()).to.equal(0);
  });

  it('is denied where what it counts as it was edited is no amount', async () => {
    const { decision, consume, id, request, digest } = await edited(ASK + limit('1000/366d', COST), -1);
    expect(decision).to.include({
      effect: 'deny',
      code: 'limit_cost',
      reason: 'What this call counts for a limit is missing, or is not an amount.',
    });
    expect(await consume(id, request, digest)).to.equal(false);
  });

  it('is denied where a limit asks that no one was asked about', async () => {
    const { decision, consume, id, request, digest } = await edited(ASK + limit('1000/366d', `${COST} ${OVER}`), 1_001);
    expect(decision).to.include({ effect: 'deny', reason: 'A limit is reached.', code: 'limit_reached' });
    expect(decision.violations).to.deep.equal([{ type: 'limit', message: 'over budget' }]);
    expect(await consume(id, request, digest)).to.equal(false);
  });

  it('runs beyond a limit that people were asked about, which counts too', async () => {
    const over = `${COST} ${OVER} ${EDITS}`;
    const { decision, desk, consume, id, request, digest, used } = await edited(ASK + limit('100/366d', over), 200, 99);
    expect((await desk.get(id))?.policies.map((policy) => policy.id)).to.deep.equal(['ask', 'cap']);
    expect(decision).to.deep.include({ effect: 'sanitize', params: { amount: 200 } });
    expect(await consume(id, request, digest)).to.equal(true);
    expect(await used()).to.equal(299);
  });
});

describe('A call that limits count when its approval is opened', () => {
  const stores = [
    ['beside the approvals', () => new MemoryApprovalStore()],
    ['in this process', () => storeWith({ counters: undefined })],
  ] as const;
  for (const [where, store] of stores)
    it(`is given back where a person denies it, and counted once where one approves it: counted ${where}`, async () => {
      const { desk, asked, approve, used } = setup(ASK + limit('9/366d'), store());
      const told = (amount: number): DecisionRequest => requestOf({ params: { amount }, remote: TOLD });
      const [first, second] = [await asked(told(250)), await asked(told(251))];
      expect(await used()).to.equal(2);
      await desk.deny(first, { by: 'rita' });
      expect(await used()).to.equal(1);
      await approve(second);
      expect(await used()).to.equal(1);
    });

  it('opens one approval for two calls at a time that only one of fits; those who look after limits are told', async () => {
    // a store that takes its time: both look before either is counted
    const inner = new MemoryApprovalStore();
    const store = storeWith({
      counters: inner.counters,
      listDenied: () => Promise.resolve([]),
      insert: inner.insert.bind(inner),
      get: inner.get.bind(inner),
      list: inner.list.bind(inner),
    });
    const { service, desk, used, told } = setup(ASK + limit('1/366d'), store);
    const decide = async (amount: number) => service.decide(requestOf({ params: { amount }, remote: TOLD }));
    const decisions = await Promise.all([decide(250), decide(251)]);
    expect(decisions.map(({ effect }) => effect)).to.deep.equal(['approval_needed', 'deny']);
    expect(decisions[1]).to.include({ reason: 'A limit is reached.', code: 'limit_reached' });
    expect(await desk.list()).to.have.length(1);
    expect(await used()).to.equal(1);
    expect(told.map(({ how, toolName, takes }) => [how, toolName, takes.length])).to.deep.equal([['refused', 'refund', 1]]);
  });

  it('is not opened where the store of the approvals fails: its caller learns that, and no limit is to blame', async () => {
    const fails = (): never => {
      throw new Error('no disk');
    };
    const { service, told } = setup(ASK + limit('1/366d'), storeWith({ insert: fails }));
    const deciding = (async () => service.decide(requestOf({ params: { amount: 250 }, remote: TOLD })))();
    expect((await rejection(deciding)).message).to.equal('no disk');
    expect(told).to.deep.equal([]);
  });

  it('is denied where its caller makes it uncountable while limits are looked at', async () => {
    const inner = new MemoryApprovalStore();
    const params: Record<string, unknown> = { amount: 250 };
    const counters = {
      ...Object.fromEntries((['take', 'give', 'list', 'prune'] as const).map((name) => [name, inner.counters[name].bind(inner.counters)])),
      peek: async (...asked: Parameters<typeof inner.counters.peek>) => {
        const states = await inner.counters.peek(...asked);
        params['amount'] = -1;
        return states;
      },
    };
    const { service, desk } = setup(ASK + limit('1000/366d', COST), storeWith({ counters }));
    expect(await service.decide(requestOf({ params, remote: TOLD }))).to.include({
      effect: 'deny',
      code: 'limit_cost',
      reason: 'What this call counts for a limit is missing, or is not an amount.',
    });
    expect(await desk.list()).to.deep.equal([]);
  });
});
