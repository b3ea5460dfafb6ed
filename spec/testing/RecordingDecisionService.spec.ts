import { expect } from 'chai';
import { AegisModule, ConfigError, guard, isPending } from '../../lib/index.js';
import type { DecisionService, PendingApproval } from '../../lib/index.js';
import { RecordingDecisionService, simulateApprover } from '../../lib/testing/index.js';
import { ScriptedDecisionService } from '../../lib/testing/ScriptedDecisionService.js';
import { rejection } from '../support/rejection.js';
import { remoteRequest } from '../support/remoteRequest.js';

describe('RecordingDecisionService', () => {
  const modules: AegisModule[] = [];
  afterEach(async () => {
    for (const module of modules.splice(0)) await module.close();
  });

  function toolOf(decisions: DecisionService) {
    const aegis = AegisModule.create({ decisions, agentId: 'bot' });
    modules.push(aegis);
    return guard(async (amount: number) => `paid ${amount}`, { toolName: 'pay', params: ['amount'], module: aegis });
  }

  it('answers as scripted, in order, and keeps every request with its answer', async () => {
    const decisions = new RecordingDecisionService([
      'allow',
      { effect: 'deny', reason: 'not today' },
      { effect: 'sanitize', params: { amount: 1 } },
    ]);
    const pay = toolOf(decisions);
    expect(await pay(7)).to.equal('paid 7');
    expect(await rejection(pay(8)))
      .to.have.property('message')
      .that.includes('not today');
    expect(await pay(9)).to.equal('paid 1');
    expect(decisions.calls.map(({ request, decision }) => [request.params['amount'], request.agentId, decision?.effect])).to.deep.equal([
      [7, 'bot', 'allow'],
      [8, 'bot', 'deny'],
      [9, 'bot', 'sanitize'],
    ]);
    expect(new Set(decisions.calls.map(({ decision }) => decision?.decisionId)).size).to.equal(3);
  });

  it('keeps what aegis.decide() asks, where the service has a dry run and where it has none', async () => {
    const dry: DecisionService = {
      decide: () => ({ effect: 'deny', decisionId: 'd' }),
      dryRun: () => ({ effect: 'allow', decisionId: 'dry' }),
      status: (decisionId) => ({ decisionId, state: 'invalid' }),
    };
    for (const [decisions, effect] of [
      [new RecordingDecisionService(dry), 'allow'],
      [new RecordingDecisionService(['approval_needed']), 'approval_needed'],
    ] as const) {
      const aegis = AegisModule.create({ decisions, agentId: 'bot' });
      modules.push(aegis);
      expect(await aegis.decide({ toolName: 'pay', params: { amount: 7 } })).to.include({ effect });
      expect(decisions.calls.map(({ request, decision }) => [request.toolName, decision?.effect])).to.deep.equal([['pay', effect]]);
    }
  });

  it('denies what its script does not answer', async () => {
    for (const decisions of [new RecordingDecisionService(), new RecordingDecisionService([])])
      expect(await rejection(toolOf(decisions)(1)))
        .to.have.property('message')
        .that.includes('no answer for this call');
  });

  it('answers by a function of the request and of how many were before it, and keeps an id that it gives', async () => {
    const decisions = new RecordingDecisionService(async ({ params }, n) =>
      params['amount'] === 1 ? { effect: 'allow', decisionId: `dec-${n}` } : ('deny' as const),
    );
    const pay = toolOf(decisions);
    expect(await rejection(pay(2))).to.have.property('name', 'ForbiddenError');
    expect(await pay(1)).to.equal('paid 1');
    expect(decisions.calls[1]?.decision).to.deep.equal({ effect: 'allow', decisionId: 'dec-1' });
  });

  it('has a call without an answer while there is none', async () => {
    let answer: (said: 'allow') => void = () => {};
    const decisions = new RecordingDecisionService(() => new Promise((resolve) => (answer = resolve)));
    const paid = toolOf(decisions)(1);
    expect(decisions.calls).to.have.length(1);
    expect(decisions.calls[0]).to.not.have.property('decision');
    answer('allow');
    await paid;
    expect(decisions.calls[0]?.decision?.effect).to.equal('allow');
  });

  it('keeps what a script threw, and the call does not run', async () => {
    for (const script of [
      () => {
        throw new RangeError('broken');
      },
      () => Promise.reject(new RangeError('broken')),
    ]) {
      const decisions = new RecordingDecisionService(script);
      await rejection(toolOf(decisions)(1));
      expect(decisions.calls[0]?.error).to.be.instanceOf(RangeError);
      expect(decisions.calls[0]).to.not.have.property('decision');
    }
  });

  it('has people approve and refuse what the script asks them for', async () => {
    const decisions = new RecordingDecisionService(['approval_needed', 'approval_needed']);
    const pay = toolOf(decisions);
    const first = pending(await pay(1));
    decisions.approve(first.decisionId, 'ann');
    expect(await first.completed).to.equal('paid 1');
    const second = pending(await pay(2));
    decisions.deny(second.decisionId, 'never');
    expect(await rejection(second.completed))
      .to.have.property('message')
      .that.includes('never');
    expect((await modules[0]?.tasks.getTask(first.taskId))?.status).to.equal('completed');
  });

  it('lets nobody decide twice, what was not asked, or what another service decides', () => {
    const decisions = new RecordingDecisionService([{ effect: 'approval_needed', decisionId: 'dec-1' }]);
    void decisions.decide(remoteRequest(), {});
    decisions.deny('dec-1');
    expect(() => decisions.approve('dec-1')).to.throw(ConfigError, 'a pending approval');
    expect(() => decisions.approve('dec-2')).to.throw(ConfigError);
    expect(() => decisions.approve('dec-1', 'ann\u200b')).to.throw(ConfigError, 'must be the id of a person');
    expect(decisions.status('dec-2', {})).to.have.property('state', 'invalid');
    expect(decisions.status('dec-1', {})).to.have.property('state', 'denied');
    const other = new RecordingDecisionService(new RecordingDecisionService());
    expect(() => other.deny('dec-1')).to.throw(ConfigError);
  });

  it('records what another service answers, and has what that one has', async () => {
    const text = '@id("a") permit (principal, action, resource); @id("b") @effect("approval_needed") forbid (principal, action, resource);';
    const embedded = AegisModule.create({ policies: { text } });
    modules.push(embedded);
    using approver = simulateApprover(embedded);
    const decisions = new RecordingDecisionService(embedded.decisions);
    expect(decisions.reevaluate).to.be.a('function');
    expect(decisions).to.not.have.property('statuses');
    const paid = pending(await toolOf(decisions)(3));
    expect(await paid.completed).to.equal('paid 3');
    expect(approver.requests).to.have.length(1);
    expect(decisions.calls.map(({ decisionId, decision }) => [decisionId, decision?.effect])).to.deep.equal([
      [undefined, 'approval_needed'],
      [paid.decisionId, 'allow'],
    ]);
  });

  it('has nothing optional but a push where a script answers', () => {
    const decisions = new RecordingDecisionService();
    for (const name of ['statuses', 'verify', 'consume', 'begin', 'withdraw', 'expire', 'ready', 'close', 'reevaluate'])
      expect(decisions).to.not.have.property(name);
    expect(decisions.watch).to.be.a('function');
  });
});

describe('A scripted decision service', () => {
  it('pushes what was settled before it was read, and what comes after, until it is told to stop', async () => {
    const service = new ScriptedDecisionService(() => ({ effect: 'approval_needed', decisionId: `dec-${asked++}` }));
    let asked = 0;
    for (let i = 0; i < 3; i++) await service.decide(remoteRequest());
    const stop = new AbortController();
    const pushed = service.watch(stop.signal)[Symbol.asyncIterator]();
    service.settle({ decisionId: 'dec-0', state: 'approved' });
    service.settle({ decisionId: 'dec-1', state: 'denied' });
    expect((await pushed.next()).value).to.deep.equal({ decisionId: 'dec-0', state: 'approved' });
    expect((await pushed.next()).value).to.deep.equal({ decisionId: 'dec-1', state: 'denied' });
    const next = pushed.next();
    service.settle({ decisionId: 'dec-2', state: 'expired' });
    expect((await next).value).to.deep.equal({ decisionId: 'dec-2', state: 'expired' });
    const last = pushed.next();
    stop.abort();
    expect(await last).to.deep.equal({ done: true, value: undefined });
  });

  it('hears of what is settled while it hands something over', async () => {
    const service = new ScriptedDecisionService(['approval_needed', 'approval_needed']);
    const ids = [await service.decide(remoteRequest()), await service.decide(remoteRequest())].map(({ decisionId }) => decisionId);
    const seen: string[] = [];
    const stop = new AbortController();
    service.settle({ decisionId: ids[0] as string, state: 'approved' });
    for await (const { decisionId } of (setTimeout(() => stop.abort(), 50), service.watch(stop.signal))) seen.push(decisionId);
    expect(seen).to.deep.equal([]); // it was settled before anybody listened
    const heard = service.watch(new AbortController().signal);
    service.settle({ decisionId: ids[1] as string, state: 'denied' });
    for await (const { decisionId } of heard) {
      seen.push(decisionId);
      break;
    }
    expect(seen).to.deep.equal([ids[1]]);
  });
});

function pending<T>(value: T | PendingApproval<T>): PendingApproval<T> {
  if (!isPending(value)) throw new Error('it needed nobody');
  return value as PendingApproval<T>;
}
