import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import { isThenable } from '../../../lib/common/awaitable.js';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import type { ApprovalDeskOptions } from '../../../lib/decision/desk/ApprovalDeskOptions.js';
import { coversCall } from '../../../lib/decision/embedded/approvalRequestFor.js';
import { EmbeddedDecisionService } from '../../../lib/decision/embedded/EmbeddedDecisionService.js';
import type { EmbeddedDecisionServiceOptions } from '../../../lib/decision/embedded/EmbeddedDecisionServiceOptions.js';
import type { AskedCall } from '../../../lib/decision/grant/GrantedScope.js';
import type { Grants } from '../../../lib/decision/grant/Grants.js';
import type { Decision, DecisionRequest } from '../../../lib/model/Decision.js';
import { CedarPolicyEngine } from '../../../lib/policy/engine/CedarPolicyEngine.js';
import type { PolicyOutcome } from '../../../lib/policy/PolicyEngine.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { MemoryApprovalStore } from '../../../lib/store/memory/MemoryApprovalStore.js';
import { requestOf } from '../../support/callRequests.js';
import { rejection } from '../../support/rejection.js';
import { ALLOW, approvalPolicy, askOutcome, denyOutcome, ScriptedPolicies } from '../../support/scriptedPolicies.js';
import { behavesLikeDecisionService } from '../behavesLikeDecisionService.js';

behavesLikeDecisionService(
  'EmbeddedDecisionService',
  ['watch', 'reevaluate', 'verify', 'consume', 'begin', 'withdraw', 'expire', 'close'],
  () => {
    const desk = new ApprovalDesk(new MemoryApprovalStore());
    const policies = new ScriptedPolicies({
      allowed: () => ALLOW,
      denied: () => denyOutcome('not here'),
      sanitized: () => ({ effect: 'sanitize', params: { text: 'clean' }, message: 'cleaned', policies: [] }),
      asked: () => askOutcome(),
      'asked.sanitized': () => askOutcome({ params: { text: 'clean' }, message: 'cleaned' }),
    });
    return {
      service: new EmbeddedDecisionService({ policies, desk }),
      async say(decisionId, verdict) {
        await desk[verdict](decisionId, { by: 'bob', digest: (await desk.get(decisionId))?.digest });
      },
    };
  },
);

describe('EmbeddedDecisionService', () => {
  it('answers at once: the guard adds no tick', () => {
    const { service } = setup();
    for (const toolName of ['allowed', 'denied', 'refund'])
      expect(isThenable(service.decide(requestOf({ toolName }))), toolName).to.equal(false);
  });

  it('shows the policies the call as it is, with the facts, and the time of now', async () => {
    const { service, policies } = setup({ facts: () => ({ verb: 'SELECT' }) });
    const time = useFakeTimers({ now: 1_234 });
    try {
      await service.decide(requestOf({ toolName: 'allowed', groups: ['read'], removable: ['note'], session: { user_id: 'ann' } }));
    } finally {
      time.restore();
    }
    expect(policies.calls).to.deep.equal([
      {
        agentId: 'bot',
        toolName: 'allowed',
        groups: ['read'],
        params: { amount: 1 },
        session: { user_id: 'ann' },
        facts: { verb: 'SELECT' },
        nowMs: 1_234,
        removable: ['note'],
      },
    ]);
  });

  it('believes the session of an approved call for a limit that came later only where it was trusted', async () => {
    for (const sessionTrusted of [true, false]) {
      const engineOf = (limit: string): CedarPolicyEngine =>
        CedarPolicyEngine.load({
          sources: [
            {
              file: 'p.cedar',
              text: `@id("all") permit (principal, action, resource);
              @id("ask") @effect("approval_needed") @reason("a person") forbid (principal, action, resource);
              @id("cap") @effect("limit") @limit("${limit}") forbid (principal, action, resource);`,
            },
          ],
        });
      const policies = { engine: engineOf('9/1d') };
      const desk = new ApprovalDesk(new MemoryApprovalStore());
      const service = new EmbeddedDecisionService({ policies, desk });
      const request = requestOf({ session: { team: 'blue' }, remote: { consumes: true, appliesChanges: true, sessionTrusted } });
      const { decisionId } = await service.decide(request);
      await desk.approve(decisionId, { by: 'rita', digest: request.paramsDigest });
      policies.engine = engineOf('9/1d by session/team');
      const { paramsDigest: digest, bindingBase } = request;
      expect(await service.consume({ decisionId, digest, bindingBase, token: 't' })).to.equal(sessionTrusted);
    }
  });

  it('answers by a grant only where its caller runs the call as policies changed it', async () => {
    const approvals = [approvalPolicy('limit', { grantable: { uses: 5, forMs: 3_600_000 } })];
    let changed = false;
    const policies = new ScriptedPolicies({ refund: () => askOutcome({ approvals, ...(changed && { params: { amount: 0 } }) }) });
    const desk = new ApprovalDesk(new MemoryApprovalStore());
    const redeemed: unknown[] = [];
    const grants = { redeem: ({ params }: AskedCall) => (redeemed.push(params), { id: 'grant_1' }) } as unknown as Grants;
    const service = new EmbeddedDecisionService({ policies, desk, grants });
    const remote = { consumes: true, sessionTrusted: true, appliesChanges: false };
    expect(await service.decide(requestOf({ remote }))).to.include({ effect: 'allow', grantId: 'grant_1' });
    changed = true;
    expect(await service.decide(requestOf({ remote })))
      .to.include({ effect: 'deny' })
      .and.not.to.have.property('grantId');
    expect(redeemed).to.deep.equal([undefined]);
    const applying = { ...remote, appliesChanges: true };
    expect(await service.decide(requestOf({ remote: applying }))).to.deep.include({
      effect: 'sanitize',
      grantId: 'grant_1',
      params: { amount: 0 },
    });
    expect(await desk.list()).to.deep.equal([]);
  });

  it('denies without facts, and asks no policy', async () => {
    for (const facts of [
      () => {
        throw new Error('no');
      },
      async () => Promise.reject(new Error('no')),
      () => ({ a: Promise.resolve(1) }),
      () => null as never,
    ]) {
      const { service, policies } = setup({ facts });
      const decision = await service.decide(requestOf({ toolName: 'allowed' }));
      expect(decision).to.include({ effect: 'deny', reason: 'The facts this decision needs are not available.' });
      expect(policies.calls).to.deep.equal([]);
    }
  });

  it('waits for the facts a second, or as long as it is told', async () => {
    const time = useFakeTimers();
    try {
      for (const [factsTimeoutMs, ms] of [
        [undefined, 1_000],
        [50, 50],
      ] as const) {
        const { service } = setup({ facts: async () => new Promise<object>(() => {}), factsTimeoutMs });
        let decision: Decision | undefined;
        void Promise.resolve(service.decide(requestOf())).then((d) => (decision = d));
        await time.tickAsync(ms - 1);
        expect(decision).to.equal(undefined);
        await time.tickAsync(1);
        expect(decision).to.include({ effect: 'deny' });
      }
    } finally {
      time.restore();
    }
  });

  it('logs why it denied, which the caller is not told', async () => {
    const logged: unknown[] = [];
    const logger = { debug() {}, info() {}, error() {}, warn: (fields: object) => logged.push(fields) };
    const { service, policies } = setup({ logger });
    policies.tools['refund'] = () => ({ ...denyOutcome('no'), detail: 'policy p1: attribute a' }) as PolicyOutcome;
    expect(JSON.stringify(await service.decide(requestOf()))).to.not.contain('attribute a');
    policies.tools['refund'] = () => denyOutcome('no');
    await service.decide(requestOf());
    await setup({ logger, facts: () => null as never }).service.decide(requestOf());
    expect(logged).to.deep.equal([
      { toolName: 'refund', code: 'forbidden', detail: 'policy p1: attribute a' },
      { toolName: 'refund', detail: 'the facts hook must return an object' },
    ]);
  });

  it('tells reasons their author wrote, and policy ids only when the module says so', async () => {
    const outcome: PolicyOutcome = {
      ...denyOutcome('no'),
      policies: [
        { id: 'secret-policy', hash: 'h', effect: 'deny', reason: 'too much' },
        { id: 'p2', hash: 'h', effect: 'deny' },
        { id: 'p3', hash: 'h', effect: 'permit' },
      ],
    } as PolicyOutcome;
    for (const exposePolicies of [undefined, true] as const) {
      const { service, policies } = setup({ exposePolicies });
      policies.tools['refund'] = () => outcome;
      const { violations } = (await service.decide(requestOf())) as Decision;
      expect(violations?.map((v) => [v.message, v.condition])).to.deep.equal([
        ['too much', exposePolicies && 'secret-policy'],
        ['a policy forbids it', exposePolicies && 'p2'],
      ]);
    }
  });

  describe('an approval', () => {
    it('is recorded with everything it is bound to and a person has to see', async () => {
      const { service, desk, policies } = setup({ facts: () => ({ count: 3 }) });
      const approvals = [
        approvalPolicy('limit', { approvers: ['leads'], selfApproval: true, reason: 'big', severity: 'high', summary: ['amount'] }),
      ];
      policies.tools['refund'] = () => askOutcome({ approvals, params: { amount: 100 }, message: 'capped' });
      const request = requestOf({ params: { amount: 5_000 }, session: { user_id: 'ann' }, opaque: ['file'] });
      const decision = await service.decide(request);
      const [record] = await desk.list();
      expect(record).to.deep.include({
        decisionId: decision.decisionId,
        agentId: 'bot',
        toolName: 'refund',
        guardKey: 'refund',
        originalParams: { amount: 5_000 },
        params: { amount: 100 },
        originalDigest: request.paramsDigest,
        session: { user_id: 'ann' },
        sessionDigest: request.sessionDigest,
        facts: { count: 3 },
        requester: 'ann',
        requesterKnown: true,
        reason: 'a person decides',
        message: 'capped',
        opaque: ['file'],
        policySetHash: 'set-1',
      });
      expect(record?.digest).to.not.equal(request.paramsDigest);
      expect(record?.policies).to.deep.equal([
        {
          id: 'limit',
          hash: 'hash of limit',
          approvers: ['leads'],
          selfApproval: true,
          reason: 'big',
          severity: 'high',
          summary: ['amount'],
        },
      ]);
      expect(decision).to.include({ effect: 'approval_needed', expiresAtMs: record?.expiresAtMs });
    });

    it('is the agent’s own where the session names no user', async () => {
      for (const session of [null, {}, { user_id: '' }, { user_id: ' ' }, { user_id: true }, { user_id: null }]) {
        const { service, desk } = setup();
        await service.decide(requestOf({ session }));
        expect((await desk.list())[0]).to.include({ requester: 'bot', requesterKnown: false });
      }
    });

    it('is of the user whom the session names by a number', async () => {
      const { service, desk } = setup();
      await service.decide(requestOf({ session: { user_id: 7 } }));
      expect((await desk.list())[0]).to.include({ requester: '7', requesterKnown: true });
    });

    it('ends with the shortest of the guard’s time and its policies’', async () => {
      for (const [guard, policyTimes, expected] of [
        [60_000, [undefined], 60_000],
        [60_000, [90_000, undefined], 60_000],
        [60_000, [30_000, 20_000], 20_000],
      ] as const) {
        const { service, desk, policies } = setup();
        const approvals = policyTimes.map((approvalTimeoutMs, i) => approvalPolicy(`p${i}`, { approvalTimeoutMs }));
        policies.tools['refund'] = () => askOutcome({ approvals });
        await service.decide(requestOf({ approvalTimeoutMs: guard }));
        const record = (await desk.list())[0] as ApprovalRecord;
        expect(record.expiresAtMs - record.createdAtMs).to.equal(expected);
      }
    });

    it('waits unattended by default, and is denied there where the module says so', async () => {
      expect((await setup().service.decide(requestOf())).effect).to.equal('approval_needed');
      const { service, desk } = setup({ unattended: 'deny' });
      expect(await service.decide(requestOf())).to.deep.include({
        effect: 'deny',
        reason: 'Approval is needed, but no approver is attached: a person decides',
      });
      expect(await desk.list()).to.deep.equal([]);
      desk.on('requested', () => {});
      expect((await service.decide(requestOf())).effect).to.equal('approval_needed');
      desk.removeAllListeners();
      const leave = desk.attend();
      expect((await service.decide(requestOf())).effect).to.equal('approval_needed');
      leave();
      expect((await service.decide(requestOf())).effect).to.equal('deny');
    });

    it('is denied again while a person’s refusal of the same call stands', async () => {
      const { service, desk, say } = setup();
      const { decisionId } = await service.decide(requestOf());
      await say(decisionId, 'deny');
      const again = await service.decide(requestOf());
      expect(again).to.include({ effect: 'deny', reason: 'A person recently denied this call: a person refused this call' });
      expect(again.decisionId).to.not.equal(decisionId);
      expect(await desk.list()).to.deep.equal([]);
    });

    it('beyond the cap of its agent and tool ends the call in a CapacityError', async () => {
      const { service } = setup({}, { maxPendingPerTool: 1 });
      await service.decide(requestOf());
      expect(await rejection((async () => service.decide(requestOf()))())).to.include({ name: 'CapacityError', limit: 1 });
      await service.decide(requestOf({ agentId: 'other' }));
    });
  });

  describe('deciding an approved call afresh', () => {
    it('denies what policy forbids by now', async () => {
      const { service, policies, approved } = setup();
      const request = requestOf();
      const decisionId = await approved(request);
      policies.tools['refund'] = () => denyOutcome('frozen');
      expect(await service.reevaluate(request, decisionId)).to.include({ effect: 'deny', reason: 'frozen' });
    });

    it('allows what policy lets run without a person by now', async () => {
      const { service, policies, approved } = setup();
      const request = requestOf();
      const decisionId = await approved(request);
      policies.tools['refund'] = () => ALLOW;
      expect((await service.reevaluate(request, decisionId)).effect).to.equal('allow');
    });

    const changes: Record<string, PolicyOutcome> = {
      'another policy asks too': askOutcome({ approvals: [approvalPolicy('limit'), approvalPolicy('new')] }),
      'another policy asks instead': askOutcome({ approvals: [approvalPolicy('new')] }),
      'the text of the policy is another': askOutcome({ approvals: [approvalPolicy('limit', { hash: 'edited' })] }),
      'the params that would run are others': askOutcome({ params: { amount: 2 } }),
    };
    for (const [what, outcome] of Object.entries(changes)) {
      it(`asks again, under a new id, when ${what}`, async () => {
        const { service, policies, desk, approved } = setup();
        const request = requestOf();
        const decisionId = await approved(request);
        policies.tools['refund'] = () => outcome;
        const again = await service.reevaluate(request, decisionId);
        expect(again.effect).to.equal('approval_needed');
        expect(again.decisionId).to.not.equal(decisionId);
        expect((await desk.list()).map((r) => r.decisionId)).to.deep.equal([again.decisionId]);
      });
    }

    it('asks again when fewer people have said yes than the policy takes, whatever its record says', async () => {
      const { service, policies, desk, approved } = setup();
      policies.tools['refund'] = () => askOutcome({ approvals: [approvalPolicy('limit', { quorum: 2 })] });
      const request = requestOf();
      const decisionId = await approved(request);
      expect((await desk.get(decisionId))?.status).to.equal('pending');
      const record = (await desk.get(decisionId)) as ApprovalRecord;
      const other = { bindingDigestOf: desk.bindingDigestOf.bind(desk) };
      const covers = (more: Partial<ApprovalRecord>) =>
        coversCall({ ...record, status: 'approved', ...more }, request, policies.tools['refund']?.({} as never) as never, {}, other);
      expect(await covers({})).to.equal(false);
      await desk.approve(decisionId, { by: 'cat', digest: record.digest });
      expect(await covers({ verdicts: (await desk.get(decisionId))?.verdicts ?? [] })).to.equal(true);
      expect((await service.reevaluate(request, decisionId)).effect).to.equal('allow');
    });

    it('asks again when the facts are others than were shown', async () => {
      let count = 1;
      const { service, approved } = setup({ facts: () => ({ count }) });
      const request = requestOf();
      const decisionId = await approved(request);
      expect((await service.reevaluate(request, decisionId)).effect).to.equal('allow');
      count = 2;
      expect((await service.reevaluate(request, decisionId)).effect).to.equal('approval_needed');
    });

    it('counts no yes that was withdrawn or is over', async () => {
      const time = useFakeTimers();
      try {
        const { service, approved } = setup();
        const request = requestOf();
        const decisionId = await approved(request);
        await service.withdraw(decisionId);
        expect((await service.reevaluate(request, decisionId)).effect).to.equal('approval_needed');
        const later = await approved(request);
        time.tick(60_000);
        expect((await service.reevaluate(request, later)).effect).to.equal('approval_needed');
      } finally {
        time.restore();
      }
    });

    it('needs every policy’s own yes', async () => {
      const { service, policies, desk } = setup({}, { approverGroups: { a: ['bob'], b: ['cyd'] } });
      policies.tools['refund'] = () =>
        askOutcome({ approvals: [approvalPolicy('a', { approvers: ['a'] }), approvalPolicy('b', { approvers: ['b'] })] });
      const request = requestOf();
      const { decisionId } = await service.decide(request);
      await desk.approve(decisionId, { by: 'bob', digest: request.paramsDigest });
      expect((await service.reevaluate(request, decisionId)).effect).to.equal('approval_needed');
      await desk.approve(decisionId, { by: 'cyd', digest: request.paramsDigest });
      expect((await service.reevaluate(request, decisionId)).effect).to.equal('allow');
    });
  });

  it('reads the engine once per decision, so that a reload never falls into one', async () => {
    const { service, policies } = setup({
      facts: async () => {
        policies.hash = 'set-2';
        return {};
      },
    });
    expect((await service.decide(requestOf({ toolName: 'allowed' }))).policySetHash).to.equal('set-1');
  });

  it('closes its policies', () => {
    const { service, policies } = setup();
    service.close();
    expect(policies.closed).to.equal(1);
  });

  function setup(options: Partial<EmbeddedDecisionServiceOptions> = {}, deskOptions: ApprovalDeskOptions = {}) {
    const policies = new ScriptedPolicies({ allowed: () => ALLOW, refund: () => askOutcome() });
    const desk = new ApprovalDesk(new MemoryApprovalStore(), deskOptions);
    const service = new EmbeddedDecisionService({ policies, desk, ...options });
    const say = async (decisionId: string, verdict: 'approve' | 'deny'): Promise<unknown> =>
      desk[verdict](decisionId, { by: 'bob', digest: (await desk.get(decisionId))?.digest });
    const approved = async (request: DecisionRequest): Promise<string> => {
      const { decisionId } = await service.decide(request);
      await say(decisionId, 'approve');
      return decisionId;
    };
    return { policies, desk, service, say, approved };
  }
});
