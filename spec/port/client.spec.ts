import { expect } from 'chai';
import { AegisAgent, AegisGuard, AegisModule, ForbiddenError, guard, guardSync, isPending, ShutdownError } from '../../lib/index.js';
import type { Guarded } from '../../lib/index.js';
import { rejection } from '../support/rejection.js';
import { counterpart, MASKED } from './worlds.js';

describe('The client of the Python SDK', () => {
  counterpart(
    'DecisionClient.decide',
    'answers with each effect',
    { wipe: 'deny', note: 'sanitize', drop: 'approval_needed' },
    async (world) => {
      const aegis = world.configure();
      const decide = (toolName: string) => aegis.decide({ agentId: 'agent', toolName, params: { text: 'x' }, session: { user_id: 'ann' } });
      expect(await decide('look')).to.include({ effect: 'allow' });
      expect(await decide('wipe')).to.include({ effect: 'deny', reason: 'not permitted' });
      expect(await decide('note')).to.deep.include({ effect: 'sanitize', params: { text: MASKED } });
      expect(await decide('drop')).to.include({ effect: 'approval_needed', reason: 'a person has to agree' });
      expect((await aegis.tasks.getStats()).total).to.equal(0);
      // the session may be left out
      expect(await AegisModule.current.decide({ agentId: 'agent', toolName: 'wipe', params: {} })).to.include({ effect: 'deny' });
    },
  );

  counterpart('DecisionClient.get_decision_status', 'reads where an approval stands', { drop: 'approval_needed' }, async (world) => {
    const aegis = world.configure();
    const drop = guard(async (table: string): Promise<Guarded<string>> => table, { agentId: 'agent', toolName: 'drop', params: ['table'] });
    const [yes, no] = [await drop('a'), await drop('b')];
    if (!isPending(yes) || !isPending(no)) throw new Error('it did not wait');
    expect(await aegis.decisionStatus(yes.decisionId)).to.include({ decisionId: yes.decisionId, state: 'pending' });
    await world.decide(yes.decisionId, true);
    await world.decide(no.decisionId, false);
    expect(await aegis.decisionStatus(yes.decisionId)).to.include({ state: 'approved' });
    expect(await AegisModule.current.decisionStatus(no.decisionId)).to.include({ state: 'denied' });
    await Promise.allSettled([yes.completed, no.completed]);
  });

  counterpart('DecisionClient.close', 'ends every request, and runs nothing afterwards', {}, async (world) => {
    const aegis = world.configure();
    let runs = 0;
    const look = guard(async () => (runs += 1), { agentId: 'agent', toolName: 'look', approval: 'wait', module: aegis });
    await look();
    await aegis.close();
    await aegis.close();
    for (const call of [look(), aegis.decide({ agentId: 'agent', toolName: 'look', params: {} }), aegis.decisionStatus('d')])
      expect(await rejection(call)).to.be.instanceOf(ShutdownError);
    expect(runs).to.equal(1);
  });
});

describe('The decorator of the Python SDK', () => {
  counterpart('aegis_guard.client', 'is the module, by default the configured one', { look: 'deny' }, async (world) => {
    world.configure({ agentId: 'agent' });
    await using lenient = AegisModule.create({ policies: { text: '@id("all") permit (principal, action, resource);' }, agentId: 'agent' });
    const look = async (): Promise<string> => 'seen';
    expect(await rejection(guard(look, { toolName: 'look', approval: 'wait' })())).to.be.instanceOf(ForbiddenError);
    expect(await guard(look, { toolName: 'look', approval: 'wait', module: lenient })()).to.equal('seen');
  });

  counterpart('aegis_guard.agent_id', 'is of the guard, else of its class, else of the module', {}, async (world) => {
    const agents: string[] = [];
    world.configure({ agentId: 'of-the-module', journal: { note: (event) => event.kind === 'entering' && agents.push(event.agentId) } });
    @AegisAgent('of-the-class')
    class Desk {
      @AegisGuard({ approval: 'wait' })
      async look(): Promise<void> {}
      @AegisGuard({ approval: 'wait', agentId: 'of-the-guard' })
      async see(): Promise<void> {}
    }
    const desk = new Desk();
    await desk.look();
    await desk.see();
    await guard(async () => undefined, { toolName: 'look', approval: 'wait' })();
    expect(agents).to.deep.equal(['of-the-class', 'of-the-guard', 'of-the-module']);
  });

  counterpart(
    'aegis_guard.tool_name',
    'is the name of the function unless it is given',
    { sendEmail: 'deny', 'mail.send': 'deny' },
    async (world) => {
      world.configure({ agentId: 'agent' });
      const sendEmail = async (to: string): Promise<string> => to;
      const options = { params: ['to'], approval: 'wait' } as const;
      const error = await rejection(guard(sendEmail, options)('ann'));
      expect(error).to.be.instanceOf(ForbiddenError).and.include({ toolName: 'sendEmail' });
      expect(await rejection(guard(sendEmail, { ...options, toolName: 'mail.send' })('ann'))).to.include({ toolName: 'mail.send' });
      expect(await guard(sendEmail, { ...options, toolName: 'mail.draft' })('ann')).to.equal('ann');
    },
  );

  counterpart('aegis_guard.approval_callback', 'is called once, at every end', { job: 'approval_needed' }, async (world) => {
    world.configure({ agentId: 'agent' });
    const settled: (readonly [unknown, string | undefined])[] = [];
    const job = guard(
      async (name: string): Promise<Guarded<string>> => {
        if (name === 'bad') throw new RangeError('out of range');
        return name;
      },
      {
        toolName: 'job',
        params: ['name'],
        onSettled: (result, error) => settled.push([result, (error as Error | undefined)?.name]),
      },
    );
    for (const [name, approve] of [
      ['good', true],
      ['bad', true],
      ['refused', false],
    ] as const) {
      const pending = await job(name);
      if (!isPending(pending)) throw new Error('it did not wait');
      await world.decide(pending.decisionId, approve);
      await pending.completed.catch(() => undefined);
    }
    expect(settled).to.deep.equal([
      ['good', undefined],
      [undefined, 'RangeError'],
      [undefined, 'ForbiddenError'],
    ]);
  });

  counterpart('aegis_guard.returns', 'returns a function that is called as the one that it guards', {}, async (world) => {
    const aegis = world.configure({ agentId: 'agent' });
    const add = guard(async (a: number, b?: number) => a + (b ?? 2), { toolName: 'add', params: ['a', 'b'], approval: 'wait' });
    expect([await add(1), await add(1, 5)]).to.deep.equal([3, 6]);
    class Sum {
      base = 10;
      @AegisGuard({ params: ['a'], approval: 'wait' })
      async add(a: number): Promise<number> {
        return this.base + a;
      }
    }
    expect(await new Sum().add(1)).to.equal(11);
    // a synchronous function stays synchronous where the decision is: with policies in this process
    const sync = guardSync((a: number) => a + 1, { toolName: 'next', params: ['a'] });
    if (world.plane === undefined) expect(sync(1)).to.equal(2);
    else expect(() => sync(1)).to.throw();
    await aegis.close();
  });
});
