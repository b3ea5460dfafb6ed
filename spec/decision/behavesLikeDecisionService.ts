import { expect } from 'chai';
import type { Awaitable } from '../../lib/common/awaitable.js';
import { canonicalDigest } from '../../lib/common/data/canonical.js';
import type { DecisionService } from '../../lib/decision/DecisionService.js';
import { checkDecision } from '../../lib/model/checkDecision.js';
import type { ApprovalNeededDecision, Decision, DecisionRequest, DecisionStatus } from '../../lib/model/Decision.js';
import { requestOf } from '../support/callRequests.js';

/** The methods of a decision service that it may leave out. */
export type OptionalMethod = 'statuses' | 'watch' | 'reevaluate' | 'verify' | 'consume' | 'begin' | 'withdraw' | 'expire' | 'close';

/**
 * A service that answers calls of the tool `allowed` with allow, `denied` with deny ("not here"), `sanitized` with the params `{ text: 'clean' }`,
 * `asked` with an approval ("a person decides") and `asked.sanitized` with one for the params `{ text: 'clean' }`.
 */
export interface ServiceUnderTest {
  readonly service: DecisionService;
  /** Says a person's word where the service keeps approvals. */
  say(decisionId: string, verdict: 'approve' | 'deny'): Awaitable<unknown>;
  /** Ends what was opened for the service, not the service itself. */
  release?(): Awaitable<void>;
}

/** The contract of decision services. `offers` names the optional methods that this one has. */
export function behavesLikeDecisionService(name: string, offers: readonly OptionalMethod[], make: () => Awaitable<ServiceUnderTest>): void {
  describe(`${name}, as a DecisionService`, () => {
    let under: ServiceUnderTest;
    let service: Required<DecisionService>;
    beforeEach(async () => {
      under = await make();
      // the methods it lacks are not called below
      service = under.service as Required<DecisionService>;
      await under.service.ready?.();
    });
    afterEach(async () => {
      await under.service.close?.();
      await under.release?.();
    });

    const ask = async (request: DecisionRequest): Promise<Decision> => service.decide(request, {});
    const open = async (request = call('asked')): Promise<ApprovalNeededDecision> => {
      const decision = await ask(request);
      expect(decision.effect).to.equal('approval_needed');
      return decision as ApprovalNeededDecision;
    };
    const approved = async (request = call('asked')): Promise<ApprovalNeededDecision> => {
      const decision = await open(request);
      await under.say(decision.decisionId, 'approve');
      return decision;
    };
    const state = async (decisionId: string): Promise<DecisionStatus['state']> => (await service.status(decisionId, {})).state;
    /** What becomes of a verdict that comes too late is for the service: it may refuse it or take no notice. */
    const sayLate = async (decisionId: string, verdict: 'approve' | 'deny'): Promise<void> => {
      await Promise.resolve(under.say(decisionId, verdict)).catch(() => {});
    };
    const ifOffered = (method: OptionalMethod, suite: () => void): void => {
      if (offers.includes(method)) describe(method, suite);
    };

    it(`offers ${offers.length === 0 ? 'no optional method' : offers.join(', ')}, and no other optional method`, () => {
      const all: OptionalMethod[] = ['statuses', 'watch', 'reevaluate', 'verify', 'consume', 'begin', 'withdraw', 'expire', 'close'];
      expect(all.filter((method) => under.service[method] !== undefined)).to.have.members([...offers]);
    });

    describe('decide', () => {
      it('allows, with no params of its own', async () => {
        const decision = await ask(call('allowed'));
        expect(decision.effect).to.equal('allow');
        expect(decision).to.not.have.nested.property('params.text');
      });

      it('denies, and says why', async () => {
        expect(await ask(call('denied'))).to.include({ effect: 'deny', reason: 'not here' });
      });

      it('sanitizes, with the complete params that would run', async () => {
        const decision = await ask(call('sanitized'));
        expect(decision.effect).to.equal('sanitize');
        expect((decision as { params?: unknown }).params).to.deep.equal({ text: 'clean' });
      });

      it('asks for approval, of the params that would run', async () => {
        const plain = await open();
        expect(plain.reason).to.equal('a person decides');
        expect(plain.params).to.equal(undefined);
        expect((await open(call('asked.sanitized'))).params).to.deep.equal({ text: 'clean' });
      });

      it('gives answers that a guard believes, each with an id of its own', async () => {
        const tools = ['allowed', 'denied', 'sanitized', 'asked', 'asked.sanitized'];
        const decisions = await Promise.all(
          Array.from({ length: 60 }, async (_, i) => {
            const request = call(tools[i % 5]!, { text: `raw ${i}` });
            const decision = await ask(request);
            expect(checkDecision(decision, request)).to.deep.include({ effect: decision.effect, decisionId: decision.decisionId });
            return decision;
          }),
        );
        expect(new Set(decisions.map((d) => d.decisionId)).size).to.equal(60);
      });

      it('leaves the request as it was', async () => {
        const request = call('sanitized');
        const before = structuredClone(request);
        await ask(request);
        expect(request).to.deep.equal(before);
      });
    });

    describe('status', () => {
      it('is pending until a person decides, and then what the person said', async () => {
        for (const [verdict, said] of [
          ['approve', 'approved'],
          ['deny', 'denied'],
        ] as const) {
          const { decisionId } = await open(call('asked', { text: verdict }));
          expect(await state(decisionId)).to.equal('pending');
          await under.say(decisionId, verdict);
          expect(await service.status(decisionId, {})).to.include({ decisionId, state: said });
        }
      });

      it('stands once it is final, whatever is said later', async () => {
        for (const [first, second, stands] of [
          ['approve', 'deny', 'approved'],
          ['deny', 'approve', 'denied'],
        ] as const) {
          const { decisionId } = await open(call('asked', { text: first }));
          await under.say(decisionId, first);
          await sayLate(decisionId, second);
          expect(await state(decisionId)).to.equal(stands);
        }
      });

      it('is each approval’s own', async () => {
        const ids = await Promise.all(Array.from({ length: 9 }, async (_, i) => (await open(call('asked', { text: `${i}` }))).decisionId));
        for (const [i, id] of ids.entries()) if (i % 3 > 0) await under.say(id, i % 3 === 1 ? 'approve' : 'deny');
        const statuses = await Promise.all(ids.map((id) => service.status(id, {})));
        expect(statuses.map((s) => s.decisionId)).to.deep.equal(ids);
        expect(statuses.map((s) => s.state)).to.deep.equal(ids.map((_, i) => ['pending', 'approved', 'denied'][i % 3]));
      });

      it('of what nobody knows is no approval', async () => {
        const { decisionId } = await approved();
        for (const id of ['dec-none', '', decisionId.slice(1), `${decisionId}0`, '__proto__']) {
          const answer = await Promise.resolve(service.status(id, {})).catch(() => undefined);
          expect([undefined, 'invalid'], id).to.include(answer?.state);
        }
      });
    });

    ifOffered('statuses', () => {
      it('answers many at once, in the order asked', async () => {
        const [a, b] = [await open(call('asked', { text: 'a' })), await approved(call('asked', { text: 'b' }))];
        const ids = [b.decisionId, a.decisionId, b.decisionId];
        const statuses = await service.statuses(ids, {});
        expect(statuses.map((s) => [s.decisionId, s.state])).to.deep.equal([
          [ids[0], 'approved'],
          [ids[1], 'pending'],
          [ids[2], 'approved'],
        ]);
      });
    });

    ifOffered('watch', () => {
      it('pushes every verdict from the call on, as status tells it, and ends with its signal', async () => {
        const controller = new AbortController();
        const statuses = service.watch(controller.signal);
        const [yes, no] = [await approved(), await open(call('asked', { text: 'no' }))];
        await under.say(no.decisionId, 'deny');
        const seen = new Map<string, DecisionStatus>();
        for await (const status of statuses) {
          // what came before it is to be asked about
          const told = status === 'resync' ? await Promise.all([yes, no].map((d) => service.status(d.decisionId, {}))) : [status];
          for (const one of told) seen.set(one.decisionId, one);
          if (seen.has(yes.decisionId) && seen.has(no.decisionId)) controller.abort();
        }
        for (const { decisionId } of [yes, no]) expect(seen.get(decisionId)).to.deep.equal(await service.status(decisionId, {}));
      });
    });

    ifOffered('reevaluate', () => {
      it('lets an approved call run, with the params that were approved', async () => {
        for (const tool of ['asked', 'asked.sanitized']) {
          const request = call(tool);
          const { decisionId, params } = await approved(request);
          const again = await service.reevaluate(request, decisionId, {});
          expect(checkDecision(again, request).effect).to.equal(again.effect);
          expect(again.effect).to.equal(params === undefined ? 'allow' : 'sanitize');
          expect((again as { params?: unknown }).params).to.deep.equal(params);
        }
      });

      it('lets nothing run that was not approved', async () => {
        const pending = call('asked', { text: 'pending' });
        expect(['deny', 'approval_needed']).to.include((await service.reevaluate(pending, (await open(pending)).decisionId, {})).effect);
        const denied = call('asked', { text: 'denied' });
        const { decisionId } = await open(denied);
        await under.say(decisionId, 'deny');
        expect(['deny', 'approval_needed']).to.include((await service.reevaluate(denied, decisionId, {})).effect);
        expect(['deny', 'approval_needed']).to.include((await service.reevaluate(denied, 'dec-none', {})).effect);
      });

      it('counts an approval for its own call only: params, agent, tool, guard and session', async () => {
        const request = call('asked');
        const { decisionId } = await approved(request);
        const others = [
          call('asked', { text: 'other' }),
          call('asked.sanitized'),
          { ...request, agentId: 'other' },
          { ...request, guardKey: 'other' },
          { ...request, session: { user_id: 'eve' }, sessionDigest: canonicalDigest({ user_id: 'eve' }) },
        ];
        for (const other of others) {
          const again = await service.reevaluate(other, decisionId, {});
          expect(['deny', 'approval_needed'], JSON.stringify(other)).to.include(again.effect);
          expect(again.decisionId).to.not.equal(decisionId);
        }
        expect((await service.reevaluate(request, decisionId, {})).effect).to.equal('allow');
      });
    });

    ifOffered('consume', () => {
      it('uses an approval once, ever: one of 64 at once', async () => {
        const request = call('asked');
        const { decisionId } = await approved(request);
        const use = (i: number): Awaitable<boolean> =>
          service.consume({ decisionId, digest: request.paramsDigest, token: `t${i}`, bindingBase: request.bindingBase });
        const used = await Promise.all(Array.from({ length: 64 }, (_, i) => use(i)));
        expect(used.filter((u) => u === true)).to.have.length(1);
        expect(await use(64)).to.equal(false);
      });

      it('is bound to the params that would run', async () => {
        const request = call('asked.sanitized');
        const { decisionId } = await approved(request);
        for (const digest of [request.paramsDigest, '', canonicalDigest({ text: 'clean ' })])
          expect(await service.consume({ decisionId, digest, token: 't', bindingBase: request.bindingBase })).to.equal(false);
        expect(
          await service.consume({ decisionId, digest: canonicalDigest({ text: 'clean' }), token: 't', bindingBase: request.bindingBase }),
        ).to.equal(true);
      });

      it('is bound to everything that the guard knew of the call', async () => {
        const request = call('asked');
        const { decisionId } = await approved(request);
        const use = { decisionId, digest: request.paramsDigest, token: 't' };
        for (const bindingBase of ['', 'other', request.paramsDigest])
          expect(await service.consume({ ...use, bindingBase })).to.equal(false);
        expect(await service.consume({ ...use, bindingBase: request.bindingBase })).to.equal(true);
        // also for the very use that it was: what is stored may be changed after it
        expect(await service.consume({ ...use, bindingBase: 'other' })).to.equal(false);
      });

      it('refuses what is pending, denied or unknown', async () => {
        const request = call('asked');
        const { decisionId } = await open(request);
        const use = (id: string): Awaitable<boolean> =>
          service.consume({ decisionId: id, digest: request.paramsDigest, token: 't', bindingBase: request.bindingBase });
        expect(await use(decisionId)).to.equal(false);
        await under.say(decisionId, 'deny');
        expect(await use(decisionId)).to.equal(false);
        expect(await use('dec-none')).to.equal(false);
      });
    });

    ifOffered('verify', () => {
      it('says whether an approval was given for exactly this call, and nothing of one that it does not know', async () => {
        const request = call('asked');
        const { bindingBase, paramsDigest: digest } = request;
        const { decisionId } = await approved(request);
        expect(await service.verify({ decisionId, digest, bindingBase })).to.equal(true);
        expect(await service.verify({ decisionId, digest, bindingBase: 'other' })).to.equal(false);
        expect(await service.verify({ decisionId, digest: 'other', bindingBase })).to.equal(false);
        expect(await service.verify({ decisionId: 'dec-none', digest, bindingBase })).to.equal(true);
      });

      it('says no where nobody said yes', async () => {
        const request = call('asked');
        const { bindingBase, paramsDigest: digest } = request;
        const { decisionId } = await open(request);
        expect(await service.verify({ decisionId, digest, bindingBase })).to.equal(false);
        await under.say(decisionId, 'deny');
        expect(await service.verify({ decisionId, digest, bindingBase })).to.equal(false);
      });
    });

    ifOffered('begin', () => {
      it('lets one claim begin, however often that one asks, and no other one', async () => {
        const request = call('asked');
        const { bindingBase, paramsDigest: digest } = request;
        const { decisionId } = await approved(request);
        const start = { decisionId, token: 't' };
        expect(await service.begin({ ...start, claimToken: 'c' })).to.equal(false);
        expect(await service.consume?.({ decisionId, digest, token: 't', bindingBase })).to.equal(true);
        const claims = Array.from({ length: 64 }, (_, i) => `c${i}`);
        const begun = await Promise.all(claims.map((claimToken) => service.begin({ ...start, claimToken })));
        expect(begun.filter((b) => b === true)).to.have.length(1);
        for (let i = 0; i < 2; i++)
          expect(await Promise.all(claims.map((claimToken) => service.begin({ ...start, claimToken })))).to.deep.equal(begun);
        for (const other of [
          { ...start, token: 'u' },
          { ...start, decisionId: 'dec-none' },
        ])
          expect(await service.begin({ ...other, claimToken: claims[begun.indexOf(true)] as string })).to.equal(false);
      });
    });

    for (const method of ['withdraw', 'expire'] as const) {
      ifOffered(method, () => {
        it('ends what is pending: no later yes makes it run', async () => {
          const request = call('asked');
          const { decisionId } = await open(request);
          await service[method](decisionId);
          await sayLate(decisionId, 'approve');
          const status = await service.status(decisionId, {});
          expect(['pending', 'approved']).to.not.include(status.state);
          // nobody said no
          expect(status.by).to.equal(undefined);
          if (method === 'expire') expect(status.state).to.equal('expired');
          if (offers.includes('consume'))
            expect(
              await service.consume({ decisionId, digest: request.paramsDigest, token: 't', bindingBase: request.bindingBase }),
            ).to.equal(false);
        });

        it('ends a yes that was not used, and takes no notice of a no, of what is unknown, or of being told twice', async () => {
          const request = call('asked');
          const { decisionId } = await approved(request);
          for (let i = 0; i < 2; i++) await service[method](decisionId);
          expect(await state(decisionId)).to.not.equal('approved');
          const denied = await open(call('asked', { text: 'denied' }));
          await under.say(denied.decisionId, 'deny');
          await service[method](denied.decisionId);
          expect(await state(denied.decisionId)).to.equal('denied');
          await service[method]('dec-none');
        });
      });
    }

    ifOffered('close', () => {
      it('can be said twice, and while something is watched', async () => {
        const controller = new AbortController();
        const reader = offers.includes('watch') ? service.watch(controller.signal)[Symbol.asyncIterator]() : undefined;
        const next = reader?.next();
        await service.close();
        await service.close();
        controller.abort();
        await next;
      });
    });
  });
}

/** A call with `{ text: 'raw' }`, by `bot` for `ann`. */
function call(toolName: string, params: Readonly<Record<string, unknown>> = { text: 'raw' }): DecisionRequest {
  return requestOf({ toolName, params, session: { user_id: 'ann' } });
}
