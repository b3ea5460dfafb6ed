import { expect } from 'chai';
import { setImmediate as turn } from 'node:timers/promises';
import {
  AegisError,
  AegisModule,
  CallAbortedError,
  ConfigError,
  DecisionUnavailableError,
  guard,
  guardCall,
  NotFoundError,
  ParamsError,
  SanitizeError,
  ShutdownError,
  TransportError,
} from '../../lib/index.js';
import type { Decision, PendingApproval, ProposedCall } from '../../lib/index.js';
import type { DecisionService, DecisionStatus } from '../../lib/decision/index.js';
import { forwardingService } from '../../lib/decision/forwardingService.js';
import type { JournalEvent } from '../../lib/model/Journal.js';
import { canonicalDigest } from '../../lib/common/data/canonical.js';
import { remoteRequest } from '../support/remoteRequest.js';
import { counted } from '../support/assurance.js';
import { answerDecision, dataPlaneStandIn, idOf, sendJson } from '../support/dataPlaneStandIn.js';
import { diagnosed } from '../support/diagnosed.js';
import { moduleAsking, rejection, StandInDecisions } from '../support/standInDecisions.js';

const POLICIES = `
@id("base") permit (principal, action, resource);
@id("no-wipe") @reason("never") forbid (principal, action == Aegis::Action::"wipe", resource);
@id("mask") @effect("sanitize") @sanitize("mask_email /text")
forbid (principal, action == Aegis::Action::"mail", resource) when { context.input has text && context.input.text like "*ann@*" };
@id("ask") @effect("approval_needed") @reason("a person must agree")
forbid (principal, action == Aegis::Action::"drop", resource);
@id("reads") @reason("no reading") forbid (principal, action in Aegis::Action::"read", resource);
@id("staff") @reason("staff only") forbid (principal, action == Aegis::Action::"staff", resource) unless { context.session has role };
`;

const call = (toolName: string, more: object = {}): ProposedCall => ({ agentId: 'a', toolName, params: { text: 'x' }, ...more });

describe('aegis.decide()', () => {
  describe('with policies', () => {
    let aegis: AegisModule;
    let events: JournalEvent[];
    beforeEach(() => {
      events = [];
      aegis = AegisModule.create({ policies: { text: POLICIES }, journal: { note: (event) => events.push(event) } });
    });
    afterEach(() => aegis.close());

    it('answers with each of the four effects', async () => {
      expect(await aegis.decide(call('look'))).to.include({ effect: 'allow' });
      expect(await aegis.decide(call('wipe'))).to.include({ effect: 'deny', reason: 'never' });
      const sanitized = await aegis.decide(call('mail', { params: { text: 'to ann@example.com' } }));
      expect(sanitized).to.include({ effect: 'sanitize' });
      expect(JSON.stringify(sanitized)).to.not.include('ann@example.com');
      expect(await aegis.decide(call('drop'))).to.include({ effect: 'approval_needed', reason: 'a person must agree' });
    });

    it('opens no approval, makes no task and runs nothing', async () => {
      const decision = await aegis.decide(call('drop'));
      expect(await aegis.approvals.list()).to.deep.equal([]);
      expect(await aegis.tasks.listTasks()).to.deep.equal([]);
      expect(aegis.scheduler.queueSize).to.equal(0);
      expect(decision).to.include({ approvalId: undefined, expiresAtMs: undefined });
      const error = await rejection(aegis.approvals.approve(decision.decisionId, { by: 'ann', digest: 'd' }));
      expect(error).to.include({ code: 'approval_not_found' });
    });

    it('returns what lets no call in', async () => {
      const decision = await aegis.decide(call('drop'));
      const outcome = await guardCall(aegis, { agentId: 'a', toolName: 'drop', params: { text: 'x' } }, () => 'ran');
      expect(outcome.kind).to.equal('pending');
      if (outcome.kind !== 'pending') return;
      expect(outcome.pending.decisionId).to.not.equal(decision.decisionId);
      await outcome.cancel();
    });

    it('returns a frozen copy', async () => {
      const decision = await aegis.decide(call('mail', { params: { text: 'ann@example.com' } }));
      expect(Object.isFrozen(decision)).to.equal(true);
      expect('params' in decision && Object.isFrozen(decision.params)).to.equal(true);
      expect(Object.isFrozen(await aegis.decide(call('look')))).to.equal(true);
    });

    it('sees groups and session as a guard does', async () => {
      expect(await aegis.decide(call('list', { groups: ['read'] }))).to.include({ effect: 'deny', reason: 'no reading' });
      expect(await aegis.decide(call('list'))).to.include({ effect: 'allow' });
      expect(await aegis.decide(call('staff', { session: { role: 'admin' } }))).to.include({ effect: 'allow' });
      for (const session of [undefined, null]) expect(await aegis.decide(call('staff', { session }))).to.include({ effect: 'deny' });
    });

    it('says what a guard would say after a person has refused the same call', async () => {
      const drop = guard(async (text: string) => text, {
        module: aegis,
        agentId: 'a',
        toolName: 'drop',
        params: ['text'],
        approval: 'defer',
      });
      await drop('x');
      const [pending] = await aegis.approvals.list();
      if (pending === undefined) throw new Error('nothing is pending');
      await aegis.approvals.deny(pending.decisionId, { by: 'ann', reason: 'not today', digest: pending.digest });
      expect((await aegis.decide(call('drop'))).reason).to.equal('A person recently denied this call: not today');
      expect(await aegis.decide(call('drop', { params: { text: 'other' } }))).to.include({ effect: 'approval_needed' });
    });

    it('says that no one could be asked', async () => {
      await using lonely = AegisModule.create({ policies: { text: POLICIES }, unattended: 'deny' });
      expect((await lonely.decide(call('drop'))).reason).to.match(/no approver is attached/);
    });

    it('copies the params before it returns its promise', async () => {
      const params: Record<string, unknown> = { text: 'ann@example.com' };
      const decided = aegis.decide(call('mail', { params }));
      delete params['text'];
      expect(await decided).to.include({ effect: 'sanitize' });
    });

    it('is journaled as a dry run', async () => {
      await aegis.decide(call('mail', { params: { text: 'ann@example.com' } }));
      const decided = events.filter(({ kind }) => kind !== 'policies');
      expect(decided).to.have.length(1);
      expect(decided[0]).to.include({ kind: 'decided', dryRun: true });
    });

    it('uses the agent of the module, and the session of the scope', async () => {
      await using own = AegisModule.create({ policies: { text: POLICIES }, agentId: 'own', sessions: 'async-local' });
      const staff: ProposedCall = { toolName: 'staff', params: {} };
      expect(await own.withSession({ role: 'admin' }, () => own.decide(staff))).to.include({ effect: 'allow' });
      expect(await own.withSession({ role: 'admin' }, () => own.decide({ ...staff, session: null }))).to.include({ effect: 'deny' });
      expect(await own.decide(staff)).to.include({ effect: 'deny' });
    });

    it('lets a schema check the params', async () => {
      const schema = {
        '~standard': {
          version: 1 as const,
          vendor: 'spec',
          validate: (value: unknown) =>
            (value as { text?: unknown }).text === 7 ? { issues: [{ message: 'no', path: ['text'] }] } : { value },
        },
      };
      expect(await aegis.decide(call('look', { schema }))).to.include({ effect: 'allow' });
      expect(await rejection(aegis.decide(call('look', { schema, params: { text: 7 } })))).to.include({ code: 'schema_mismatch' });
    });
  });

  describe('refuses what a guard refuses:', () => {
    const WRONG: readonly (readonly [what: string, given: unknown, says: RegExp])[] = [
      ['no object', 'read', /plain object/],
      ['null', null, /plain object/],
      ['a list', [], /plain object/],
      ['no tool', { agentId: 'a', params: {} }, /toolName/],
      ['an empty agent', { agentId: '', toolName: 't', params: {} }, /agentId/],
      ['an agent of 257 characters', { agentId: 'a'.repeat(257), toolName: 't', params: {} }, /256/],
      ['an agent that is no text', { agentId: 7, toolName: 't', params: {} }, /agentId/],
      ['a tool with a space', { agentId: 'a', toolName: 'a b', params: {} }, /tool name/],
      ['no params', { agentId: 'a', toolName: 't' }, /params/],
      ['positional params', { agentId: 'a', toolName: 't', params: ['x'] }, /params/],
      ['a function among the params', { agentId: 'a', toolName: 't', params: { f: () => 1 } }, /\/f/],
      ['null among the params', { agentId: 'a', toolName: 't', params: { a: { b: null } } }, /\/a\/b/],
      ['a forbidden key', { agentId: 'a', toolName: 't', params: JSON.parse('{"__proto__": 1}') }, /__proto__/],
      ['a session that is no object', { agentId: 'a', toolName: 't', params: {}, session: 'ann' }, /session/],
      ['groups that are no list', { agentId: 'a', toolName: 't', params: {}, groups: 'read' }, /groups/],
      ['groups that are no texts', { agentId: 'a', toolName: 't', params: {}, groups: [1] }, /groups/],
      ['agent_id', { agent_id: 'a', toolName: 't', params: {} }, /did you mean 'agentId'/],
      ['tool_name', { agentId: 'a', tool_name: 't', params: {} }, /did you mean 'toolName'/],
      ['parms', { agentId: 'a', toolName: 't', parms: {} }, /did you mean 'params'/],
      ['sesion', { agentId: 'a', toolName: 't', params: {}, sesion: {} }, /did you mean 'session'/],
      ['shema', { agentId: 'a', toolName: 't', params: {}, shema: {} }, /did you mean 'schema'/],
      ['signall', { agentId: 'a', toolName: 't', params: {}, signall: undefined }, /did you mean 'signal'/],
      ['approve: true', { agentId: 'a', toolName: 't', params: {}, approve: true }, /`approve` is not a field/],
    ];

    it('calls that are not well-formed, before the service is asked', async () => {
      const noted: string[] = [];
      await using aegis = AegisModule.create({ policies: { text: POLICIES }, journal: { note: ({ kind }) => noted.push(kind) } });
      let wrong = 0;
      for (const [what, given, says] of WRONG) {
        const error = await rejection(aegis.decide(given as ProposedCall));
        if (!(error instanceof ParamsError) || !says.test(error.message)) wrong += 1;
        expect(error, what).to.be.instanceOf(ParamsError);
        expect(error.message, what).to.match(says);
      }
      counted({ what: 'C1 aegis.decide() with a call that is not well-formed', cases: WRONG.length, wrong });
      expect(noted).to.not.include('decided');
    });

    it('a call without an agent', async () => {
      await using aegis = AegisModule.create({ decisions: new StandInDecisions() });
      const error = await rejection(aegis.decide({ toolName: 't', params: {} }));
      expect(error).to.be.instanceOf(ConfigError);
      expect(error.message).to.match(/agentId/);
    });

    it('a sanitize that no guard would run', async () => {
      await using aegis = moduleAsking(new StandInDecisions().always({ effect: 'sanitize', params: { text: 'x', admin: true } }));
      expect(await rejection(aegis.decide(call('t')))).to.be.instanceOf(SanitizeError);
    });

    it('any call once the module is closed', async () => {
      const aegis = moduleAsking(new StandInDecisions());
      await aegis.close();
      expect(await rejection(aegis.decide(call('t')))).to.be.instanceOf(ShutdownError);
      expect(await rejection(aegis.decisionStatus('d'))).to.be.instanceOf(ShutdownError);
    });
  });

  describe('with a service of your own', () => {
    const approval = { effect: 'approval_needed', reason: 'ask', params: { text: 'y' } } as const;

    it('withdraws the approval that the service opened', async () => {
      const service = new StandInDecisions().always(approval);
      await using aegis = moduleAsking(service);
      const decision = await aegis.decide(call('t'));
      expect(decision).to.deep.include({ effect: 'approval_needed', params: { text: 'y' } });
      await turn();
      expect(service.withdrawn).to.deep.equal([decision.decisionId]);
    });

    it('leaves the approval of another call that still waits for it', async () => {
      const service = new StandInDecisions().always({ ...approval, params: undefined, decisionId: 'shared' });
      await using aegis = moduleAsking(service);
      const outcome = await guardCall(aegis, { agentId: 'a', toolName: 't', params: {} }, () => 'ran');
      expect(outcome.kind).to.equal('pending');
      await aegis.decide(call('t', { params: {} }));
      await turn();
      expect(service.withdrawn).to.deep.equal([]);
    });

    it('withdraws the approval of an answer that its caller did not wait for', async () => {
      const service = new StandInDecisions();
      let answer: (decision: unknown) => void = () => {};
      service.answer = () => new Promise((resolve) => (answer = resolve));
      await using aegis = moduleAsking(service);
      const abort = new AbortController();
      const decided = rejection(aegis.decide(call('t', { signal: abort.signal })));
      await turn();
      abort.abort(new Error('enough'));
      expect(await decided).to.be.instanceOf(CallAbortedError);
      answer({ effect: 'approval_needed', decisionId: 'late' });
      await turn();
      expect(service.withdrawn).to.deep.equal(['late']);
    });

    it('reports that an approval could not be withdrawn', async () => {
      const service = new StandInDecisions().always(approval);
      service.withdraw = () => {
        throw new Error('no');
      };
      await using aegis = moduleAsking(service);
      const reports = await diagnosed(async () => {
        expect(await aegis.decide(call('t'))).to.include({ effect: 'approval_needed' });
        await turn();
      });
      expect(reports).to.have.length(1);
    });

    it('asks a service that cannot withdraw', async () => {
      const service: DecisionService = {
        decide: () => ({ effect: 'approval_needed', decisionId: 'd' }),
        status: (decisionId) => ({ decisionId, state: 'pending' }),
      };
      await using aegis = moduleAsking(service);
      expect(await aegis.decide(call('t'))).to.include({ effect: 'approval_needed', decisionId: 'd' });
      expect(await aegis.decisionStatus('d')).to.include({ state: 'pending' });
    });

    it('asks for a dry run where the service has one, and believes it no more than a decision', async () => {
      const asked: string[] = [];
      const service: DecisionService = {
        decide: () => {
          throw new Error('asked for a decision');
        },
        dryRun: ({ toolName }) => {
          asked.push(toolName);
          return toolName === 'odd' ? ({ effect: 'allow' } as Decision) : { effect: 'allow', decisionId: 'dry' };
        },
        status: (decisionId) => ({ decisionId, state: 'invalid' }),
      };
      await using aegis = moduleAsking(service);
      expect(await aegis.decide(call('t'))).to.include({ effect: 'allow', decisionId: 'dry' });
      expect(await rejection(aegis.decide(call('odd')))).to.include({ reason: 'malformed' });
      expect(asked).to.deep.equal(['t', 'odd']);
    });

    it('gives back what a service without a dry run has counted, and reports where it cannot', async () => {
      const given: string[] = [];
      const limits = [{ id: 'cap', hash: 'h' }];
      const counting = (more: Partial<DecisionService>): DecisionService => ({
        decide: ({ toolName }) => ({ effect: 'allow', decisionId: toolName, ...(toolName !== 'free' && { limits }) }),
        status: (decisionId) => ({ decisionId, state: 'invalid' }),
        ...more,
      });
      const release = async (decisionId: string): Promise<void> => {
        await turn();
        given.push(decisionId);
      };
      await using aegis = moduleAsking(counting({ release }));
      for (const name of ['counted', 'free']) expect(await aegis.decide(call(name))).to.include({ effect: 'allow' });
      expect(given).to.deep.equal(['counted']);
      await using keeping = moduleAsking(counting({}));
      expect(await keeping.decide(call('counted'))).to.include({ effect: 'allow' });
      await using failing = moduleAsking(counting({ release: () => Promise.reject(new Error('away')) }));
      const reports = await diagnosed(async () => {
        expect(await failing.decide(call('counted'))).to.include({ effect: 'allow' });
      });
      expect(reports).to.have.length(1);
    });

    it('asks the wrapper of a service, not the dry run of the service in it', async () => {
      const inner: DecisionService = {
        decide: () => ({ effect: 'allow', decisionId: 'd' }),
        dryRun: () => ({ effect: 'allow', decisionId: 'dry' }),
        status: (decisionId) => ({ decisionId, state: 'invalid' }),
      };
      const decide = (): Decision => ({ effect: 'deny', decisionId: 'mine', reason: 'not with me' });
      await using aegis = moduleAsking(forwardingService(inner, { decide }));
      expect(await aegis.decide(call('t'))).to.include({ effect: 'deny', reason: 'not with me' });
      await using plain = moduleAsking(forwardingService(inner));
      expect(await plain.decide(call('t'))).to.include({ decisionId: 'dry' });
    });

    it('turns an effect that it does not know into a deny', async () => {
      await using aegis = moduleAsking(new StandInDecisions().always({ effect: 'maybe' }));
      expect(await aegis.decide(call('t'))).to.include({ effect: 'deny' });
    });

    it('rejects with the cause where the service throws', async () => {
      const cause = new Error('no disk');
      const service = new StandInDecisions();
      service.answer = () => {
        throw cause;
      };
      service.status = () => {
        throw cause;
      };
      await using aegis = moduleAsking(service);
      for (const error of [await rejection(aegis.decide(call('t'))), await rejection(aegis.decisionStatus('d'))])
        expect(error).to.be.instanceOf(DecisionUnavailableError).and.include({ reason: 'service_threw', cause });
    });
  });

  describe('with a Data Plane', () => {
    it('sends what a guard sends, and returns what it would act on', async () => {
      await using plane = await dataPlaneStandIn(
        answerDecision({ effect: 'sanitize', sanitize: { message: 'masked', params: { text: '***' } } }),
      );
      await using aegis = AegisModule.create({ apiKey: 'k', baseUrl: plane.url, dataPlane: { require: [] } });
      const decision = await aegis.decide(call('mail', { params: { text: 'x', to: 'ann' }, session: { user_id: 'u' } }));
      expect(decision).to.deep.include({ effect: 'sanitize', params: { text: '***', to: 'ann' } });
      expect(JSON.parse(plane.requests[0]?.body ?? '')).to.deep.equal({
        agent_id: 'a',
        tool: { name: 'mail', params: { text: 'x', to: 'ann' } },
        session: { user_id: 'u' },
      });
    });

    it('tells of an approval, and follows nothing', async () => {
      await using plane = await dataPlaneStandIn((request, reply) => {
        if (request.method === 'POST') return answerDecision({ effect: 'approval_needed', reason: 'ask' })(request, reply);
        return sendJson(reply, { decision_id: idOf(request), status: 'OK', effect: 'allow', request_id: 'r' });
      });
      await using aegis = AegisModule.create({ apiKey: 'k', baseUrl: plane.url, dataPlane: { require: [] } });
      const { effect, decisionId } = await aegis.decide(call('drop'));
      expect(effect).to.equal('approval_needed');
      expect(aegis.scheduler.queueSize).to.equal(0);
      expect(await aegis.tasks.listTasks()).to.deep.equal([]);
      expect(await aegis.decisionStatus(decisionId)).to.include({ decisionId, state: 'approved' });
    });

    it('rejects with the error class of the answer', async () => {
      await using plane = await dataPlaneStandIn((_request, reply) => sendJson(reply, { message: 'no' }, 404));
      await using aegis = AegisModule.create({ apiKey: 'k', baseUrl: plane.url, dataPlane: { require: [] }, retries: 0 });
      expect(await rejection(aegis.decide(call('t')))).to.be.instanceOf(NotFoundError);
      expect(await rejection(aegis.decisionStatus('d'))).to.be.instanceOf(NotFoundError);
      await plane.close();
      expect(await rejection(aegis.decide(call('t')))).to.be.instanceOf(TransportError);
    });
  });

  describe('returns what lets no call in, whatever is done with it:', () => {
    /** What a program may try with a decision, so that the method of `drop` runs. */
    const WAYS: Readonly<Record<string, (aegis: AegisModule, decision: Decision, run: () => unknown) => unknown>> = {
      'approved at the desk': (aegis, { decisionId }) => aegis.approvals.approve(decisionId, { by: 'ann', digest: 'd'.repeat(64) }),
      'used up at the service': (aegis, { decisionId }) =>
        aegis.decisions.consume?.({ decisionId, digest: canonicalDigest({ text: 'x' }), token: 'token', bindingBase: 'b'.repeat(64) }),
      'decided again as if it had been approved': async (aegis, { decisionId }, run) => {
        const again = await aegis.decisions.reevaluate?.(remoteRequest({ toolName: 'drop', agentId: 'a' }), decisionId, {});
        if (again?.effect === 'allow') run();
      },
      'given to guardCall': (aegis, decision, run) =>
        guardCall(
          aegis,
          { ...call('drop'), agentId: 'a', covers: true, decision, ...decision, toolName: 'drop', params: { text: 'x' } } as never,
          run,
        ),
      'given to guardCall as metadata': (aegis, decision, run) =>
        guardCall(aegis, { agentId: 'a', toolName: 'drop', params: { text: 'x' }, metadata: { ...decision } }, run),
      'submitted as a pending approval': (aegis, { decisionId }, run) =>
        aegis.scheduler.submit({ decisionId, taskId: 'task', run, status: 'approved' } as unknown as PendingApproval),
      'made a task that is completed': async (aegis, { decisionId }) => {
        const { taskId } = await aegis.tasks.createTask({ agentId: 'a', toolName: 'drop', decisionId });
        await aegis.tasks.updateStatus(taskId, 'completed');
      },
      'made a task that is approved': async (aegis, { decisionId }) => {
        const { taskId } = await aegis.tasks.createTask({ agentId: 'a', toolName: 'drop', decisionId });
        await aegis.tasks.updateStatus(taskId, 'approved');
      },
      'changed into an allow': (_aegis, decision, run) => {
        (decision as { effect: string }).effect = 'allow';
        run();
      },
    };

    it('no run', async () => {
      let wrong = 0;
      for (const [way, attempt] of Object.entries(WAYS)) {
        await using aegis = AegisModule.create({ policies: { text: POLICIES } });
        let runs = 0;
        const decision = await aegis.decide(call('drop'));
        try {
          await attempt(aegis, decision, () => (runs += 1));
        } catch {
          // refused, each in its own way
        }
        await turn();
        if (runs > 0) wrong += 1;
        expect(runs, way).to.equal(0);
      }
      counted({ what: 'C1 ways to enter a method with what aegis.decide() returned', cases: Object.keys(WAYS).length, wrong });
    });
  });

  it('is on AegisModule.current too', async () => {
    await using module = AegisModule.configure({ env: false, policies: { text: POLICIES }, agentId: 'a' });
    expect(await AegisModule.current.decide({ toolName: 'wipe', params: {} })).to.include({ effect: 'deny' });
    expect(await AegisModule.current.decisionStatus('dec-1')).to.include({ state: 'invalid' });
    expect(module).to.be.instanceOf(AegisModule);
  });
});

describe('aegis.decisionStatus()', () => {
  it('follows an approval at the desk', async () => {
    await using aegis = AegisModule.create({ policies: { text: POLICIES }, agentId: 'a' });
    const outcome = await guardCall(aegis, { agentId: 'a', toolName: 'drop', params: {} }, () => 'ran');
    if (outcome.kind !== 'pending') throw new Error('it did not wait');
    const { decisionId } = outcome.pending;
    expect(await aegis.decisionStatus(decisionId)).to.include({ decisionId, state: 'pending' });
    const [record] = await aegis.approvals.list();
    await aegis.approvals.approve(decisionId, { by: 'ann', digest: record?.digest ?? '' });
    const status = await aegis.decisionStatus(decisionId);
    expect(status).to.include({ state: 'approved', by: 'ann' });
    expect(Object.isFrozen(status)).to.equal(true);
  });

  it('knows nothing of a decision that opened no approval', async () => {
    await using aegis = AegisModule.create({ policies: { text: POLICIES }, agentId: 'a' });
    const { decisionId } = await aegis.decide(call('drop'));
    expect(await aegis.decisionStatus(decisionId)).to.include({ state: 'invalid' });
  });

  it('refuses what is no id', async () => {
    await using aegis = moduleAsking(new StandInDecisions());
    for (const id of [undefined, null, '', 7, {}, 'd'.repeat(513)])
      expect(await rejection(aegis.decisionStatus(id as string))).to.be.instanceOf(ParamsError);
  });

  it('refuses an answer that is no status, or another one’s', async () => {
    const service = new StandInDecisions();
    await using aegis = moduleAsking(service);
    service.status = () => ({ decisionId: 'other', state: 'approved' });
    expect(await rejection(aegis.decisionStatus('d'))).to.include({ reason: 'echo_mismatch' });
    for (const answer of [null, 'OK', {}]) {
      service.status = () => answer as DecisionStatus;
      const error = await rejection(aegis.decisionStatus('d'));
      expect(error).to.include({ reason: 'malformed' });
      expect(AegisError.is(error)).to.equal(true);
    }
  });
});
