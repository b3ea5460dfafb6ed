import { expect } from 'chai';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { guard } from '../../../lib/guard/guard.js';
import { isPending } from '../../../lib/index.js';
import type { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { ApprovalTimeoutError, CallAbortedError, ForbiddenError } from '../../../lib/model/errors/RefusalErrors.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import type { PendingApproval } from '../../../lib/model/PendingApproval.js';
import { rejection } from '../../support/rejection.js';
import { alsoBehavesLikeDataPlane } from './alsoBehavesLikeDataPlane.js';
import { governedLikeDataPlane } from './governedLikeDataPlane.js';
import { previewsLikeDataPlane } from './previewsLikeDataPlane.js';
import type { ContractPolicies, ContractWorld, MakeWorld } from './contractWorlds.js';

const POLICIES = `
@id("all") permit (principal, action, resource);
@id("drop") @reason("never drop") forbid (principal, action == Aegis::Action::"drop", resource);
@id("mask") @effect("sanitize") @sanitize("redact /body") @reason("no bodies")
forbid (principal, action == Aegis::Action::"mail", resource) when { context.input has body && context.input.body != "[redacted]" };
@id("refund") @effect("approval_needed") @reason("a person looks at refunds")
forbid (principal, action == Aegis::Action::"refund", resource);
@id("note") @effect("sanitize") @sanitize("redact /note") @reason("no notes")
forbid (principal, action == Aegis::Action::"refund", resource) when { context.input has note && context.input.note != "[redacted]" };
@id("seven") @reason("seven is refused") forbid (principal, action == Aegis::Action::"count", resource) when { context.input.n == 7 };
@id("grouped") @reason("no writing") forbid (principal, action in Aegis::Action::"write", resource);
@id("role") @reason("ops only") forbid (principal, action == Aegis::Action::"restart", resource) unless { principal in Aegis::Role::"ops" };
@id("closed") @reason("closed today") forbid (principal, action == Aegis::Action::"open", resource) when { context.facts.closed };
@id("vault") @effect("approval_needed") @approvers("keepers") @reason("keepers decide") forbid (principal, action == Aegis::Action::"vault", resource);
`;

type Params = Readonly<Record<string, unknown>>;

/** A guarded function that notes what it ran with. */
export function tool(module: AegisModule, toolName: string, more: object = {}) {
  const runs: unknown[][] = [];
  const call = guard(
    async (a: unknown, b: unknown) => {
      runs.push([a, b]);
      return `${toolName} done`;
    },
    { toolName, params: ['a', 'b'], approval: 'wait', module, ...more } as never,
  ) as unknown as (a?: unknown, b?: unknown) => Promise<unknown>;
  return { call, runs };
}

/**
 * The contract of whatever decides, from a guard's point of view: the same programs and policies behave the same with policies in the program and with
 * policies behind servers.
 */
export function behavesLikeDataPlane(name: string, make: MakeWorld, { remote }: { readonly remote: boolean }): void {
  describe(name, function () {
    this.timeout(60_000);
    let folder: string;
    let world: ContractWorld;
    let facts: Record<string, boolean>;
    const write = (policies: string): void => writeFileSync(join(folder, 'all.cedar'), policies);
    beforeEach(async function () {
      folder = mkdtempSync(join(tmpdir(), 'aegis-contract-'));
      write(POLICIES);
      facts = { closed: false };
      const options: ContractPolicies = {
        policies: folder,
        onLoosened: 'accept',
        agents: { bot: { roles: ['ops'] } },
        groups: { save: ['write'] },
        approverGroups: { keepers: ['kim'] },
        facts: () => ({ ...facts }),
      };
      world = await make(options);
    });
    afterEach(async () => {
      await world.release();
      rmSync(folder, { recursive: true, force: true });
    });

    /** The approvals that wait, once there are as many. */
    const waiting = async (n = 1): Promise<readonly ApprovalRecord[]> => {
      for (;;) {
        const records = await world.desk.list();
        if (records.length >= n) return records;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    const say = async (verdict: 'approve' | 'deny', { decisionId, digest }: ApprovalRecord, by = 'bob'): Promise<unknown> =>
      world.desk[verdict](decisionId, { by, digest });
    const next = async (verdict: 'approve' | 'deny', by?: string): Promise<ApprovalRecord> => {
      const [record] = (await waiting()) as [ApprovalRecord];
      await say(verdict, record, by);
      return record;
    };
    const reload = async (policies: string): Promise<void> => {
      write(policies);
      await world.reload();
    };

    describe('decides', () => {
      const allowed: readonly (readonly [string, Params, object?])[] = [
        ['read', { a: 1, b: 'x' }],
        ['count', { a: 8 }],
        ['restart', {}],
        ['open', {}],
        ['mail', { a: 'ann' }],
      ];
      for (const [toolName, { a, b }] of allowed)
        it(`allow: ${toolName} runs with what it was called with`, async () => {
          const { call, runs } = tool(world.program(), toolName, { params: toolName === 'count' ? ['n', 'b'] : ['a', 'b'] });
          expect(await call(a, b)).to.equal(`${toolName} done`);
          expect(runs).to.deep.equal([[a, b]]);
        });

      for (const [toolName, args, reason, params] of [
        ['drop', [], 'never drop', ['a', 'b']],
        ['count', [7], 'seven is refused', ['n', 'b']],
        ['count', [7n], 'seven is refused', ['n', 'b']],
        ['save', [], 'no writing', ['a', 'b']],
      ] as const)
        it(`deny: ${toolName}(${args.map(String).join()}) does not run, and its caller learns why`, async () => {
          const { call, runs } = tool(world.program(), toolName, { params, groups: toolName === 'save' ? ['write'] : [] });
          const error = await rejection(call(...args));
          expect(error).to.be.instanceOf(ForbiddenError);
          expect(error.message).to.include(reason);
          expect(runs).to.deep.equal([]);
        });

      it('allow: a BigInt that a policy does not refuse stays a BigInt', async () => {
        const { call, runs } = tool(world.program(), 'count', { params: ['n', 'b'] });
        await call(8n, [{ at: new Date(0), n: -1n }]);
        expect(runs).to.deep.equal([[8n, [{ at: new Date(0), n: -1n }]]]);
      });

      it('sanitize: runs with the changed params, and leaves the others as they are', async () => {
        const { call, runs } = tool(world.program(), 'mail', { params: ['body', 'b'] });
        await call('secret', { at: new Date(7), n: 2n, list: [1, 'x'] });
        expect(runs).to.deep.equal([['[redacted]', { at: new Date(7), n: 2n, list: [1, 'x'] }]]);
      });

      it('sanitize: a call that needs no change runs unchanged', async () => {
        const { call, runs } = tool(world.program(), 'mail', { params: ['body', 'b'] });
        await call('[redacted]', 1);
        expect(runs).to.deep.equal([['[redacted]', 1]]);
      });

      it('with facts', async () => {
        const { call, runs } = tool(world.program(), 'open');
        facts = { closed: true };
        expect(await rejection(call())).to.be.instanceOf(ForbiddenError);
        facts = { closed: false };
        await call();
        expect(runs).to.have.length(1);
      });

      it('without what its facts hook cannot say: a deny', async () => {
        facts = undefined as never;
        const { call, runs } = tool(world.program(), 'open');
        expect(await rejection(call())).to.be.instanceOf(ForbiddenError);
        expect(runs).to.deep.equal([]);
      });

      it('with the policies that are in force now', async () => {
        const { call, runs } = tool(world.program(), 'read');
        await reload(`${POLICIES}\n@id("new") @reason("not now") forbid (principal, action == Aegis::Action::"read", resource);`);
        expect(await rejection(call())).to.be.instanceOf(ForbiddenError);
        await reload(POLICIES);
        await call();
        expect(runs).to.have.length(1);
      });

      it('a hundred calls at once, each by itself', async () => {
        const { call, runs } = tool(world.program(), 'count', { params: ['n', 'b'] });
        const ends = await Promise.allSettled(Array.from({ length: 100 }, (_, i) => call(i % 10, i)));
        expect(ends.filter(({ status }) => status === 'rejected')).to.have.length(10);
        expect(runs.map(([n]) => n)).to.not.include(7);
      });

      for (const [toolName, effect] of [
        ['read', 'allow'],
        ['drop', 'deny'],
        ['mail', 'sanitize'],
        ['refund', 'approval_needed'],
      ] as const)
        it(`says ${effect} when it is only asked, opens nothing and runs nothing`, async () => {
          const decision = await world.program().decide({ toolName, params: { body: 'x', amount: 5n } });
          expect(decision.effect).to.equal(effect);
          expect(await world.desk.list()).to.deep.equal([]);
        });
    });

    describe('has people decide:', () => {
      it('a yes lets the call run once, used up and begun at the desk', async () => {
        const { call, runs } = tool(world.program(), 'refund');
        const result = call(1, 'x');
        const { decisionId } = await next('approve');
        expect(await result).to.equal('refund done');
        expect(runs).to.deep.equal([[1, 'x']]);
        const record = (await world.desk.get(decisionId)) as ApprovalRecord;
        expect(record.consumed).to.have.property('token');
        expect(record.begun).to.have.property('claimToken');
      });

      it('a no ends it', async () => {
        const { call, runs } = tool(world.program(), 'refund');
        const result = rejection(call(1, 'x'));
        await next('deny');
        expect(await result).to.be.instanceOf(ForbiddenError);
        expect(runs).to.deep.equal([]);
      });

      it('equal calls stay refused for a while after a no', async () => {
        const { call } = tool(world.program(), 'refund');
        const result = rejection(call(1, 'x'));
        await next('deny');
        await result;
        expect(await rejection(call(1, 'x'))).to.be.instanceOf(ForbiddenError);
        expect(await world.desk.list()).to.deep.equal([]);
      });

      it('a handle follows the call in the background', async () => {
        const aegis = world.program();
        const { call, runs } = tool(aegis, 'refund', { approval: 'defer' });
        const pending = (await call(1, 'x')) as PendingApproval<string>;
        expect(isPending(pending)).to.equal(true);
        expect(pending.status).to.equal('pending');
        await next('approve');
        expect(await pending.completed).to.equal('refund done');
        expect(pending.status).to.equal('completed');
        expect(runs).to.have.length(1);
      });

      it('in mode throw the same call again redeems the yes, once', async () => {
        const { call, runs } = tool(world.program(), 'refund', { approval: 'throw' });
        expect(await rejection(call(1, 'x'))).to.include({ name: 'ApprovalPendingError' });
        await next('approve');
        expect(await call(1, 'x')).to.equal('refund done');
        expect(await rejection(call(1, 'x'))).to.include({ name: 'ApprovalPendingError' });
        expect(runs).to.have.length(1);
      });

      it('what they see is what runs: changed params too', async () => {
        const { call, runs } = tool(world.program(), 'refund', { params: ['amount', 'note'] });
        const result = call(5, 'secret');
        const record = await next('approve');
        await result;
        expect(record.params).to.deep.equal({ amount: 5, note: '[redacted]' });
        expect(record.originalParams).to.deep.equal({ amount: 5, note: 'secret' });
        expect(runs).to.deep.equal([[5, '[redacted]']]);
      });

      for (const [what, value] of [
        ['a BigInt', 12_345_678_901_234_567_890n],
        ['a Date', new Date(1_700_000_000_000)],
        ['both, nested', { list: [{ at: new Date(5) }, 7n] }],
        ['text that looks like one', '2026-01-01T00:00:00.000Z'],
      ] as const)
        it(`on ${what}: the desk has the digest that the program has`, async () => {
          const aegis = world.program();
          const { call, runs } = tool(aegis, 'refund');
          const result = call(value, 'x');
          const record = await next('approve');
          await result;
          const [task] = await aegis.tasks.listTasks();
          expect(record.digest).to.equal(task?.digest);
          expect(record.params).to.deep.equal({ a: value, b: 'x' });
          expect(runs).to.deep.equal([[value, 'x']]);
        });

      it('on changed params with types in them', async () => {
        const { call, runs } = tool(world.program(), 'refund', { params: ['order', 'note'] });
        const result = call({ at: new Date(9), cents: 3n }, 'secret');
        await next('approve');
        await result;
        expect(runs).to.deep.equal([[{ at: new Date(9), cents: 3n }, '[redacted]']]);
      });

      it('only those of the group that a policy names', async () => {
        const { call, runs } = tool(world.program(), 'vault');
        const result = call();
        const [record] = (await waiting()) as [ApprovalRecord];
        expect(await rejection(say('approve', record, 'bob'))).to.include({ name: 'VerdictError' });
        await say('approve', record, 'kim');
        await result;
        expect(runs).to.have.length(1);
      });

      it('nobody for their own request', async () => {
        const { call } = tool(world.program(), 'refund', { session: { user_id: 'ann' } });
        const result = rejection(call(1));
        const [record] = (await waiting()) as [ApprovalRecord];
        expect(record).to.include({ requester: 'ann', requesterKnown: true });
        expect(await rejection(say('approve', record, 'ann'))).to.include({ name: 'VerdictError' });
        await say('deny', record, 'bob');
        await result;
      });

      it('two calls, each by its own verdict', async () => {
        const { call, runs } = tool(world.program(), 'refund');
        const ends = [1, 2].map((n) => call(n).then(String, (error: Error) => error.name));
        for (const record of await waiting(2)) await say(record.params['a'] === 1 ? 'approve' : 'deny', record);
        expect(await Promise.all(ends)).to.deep.equal(['refund done', 'ForbiddenError']);
        expect(runs).to.deep.equal([[1, undefined]]);
      });

      it('forty calls at once, none of them by a poll', async () => {
        const { call, runs } = tool(world.program(), 'refund');
        const ends = Array.from({ length: 40 }, (_, n) => call(n));
        for (const record of await waiting(40)) await say('approve', record);
        await Promise.all(ends);
        expect(new Set(runs.map(([n]) => n)).size).to.equal(40);
      });

      it('a duplicate call asks no second time', async () => {
        const { call, runs } = tool(world.program(), 'refund', { approval: 'defer' });
        const [one, two] = [(await call(1)) as PendingApproval<string>, (await call(1)) as PendingApproval<string>];
        expect(two.decisionId).to.equal(one.decisionId);
        await next('approve');
        await Promise.all([one.completed, two.completed]);
        expect(runs).to.have.length(1);
      });
    });

    describe('ends what is not wanted', () => {
      const endOf = async (decisionId: string): Promise<string | undefined> => {
        for (let i = 0; ; i++) {
          const { status } = (await world.desk.get(decisionId)) as ApprovalRecord;
          if (status !== 'pending' || i > 2_000) return status;
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      };

      it('when its caller cancels: the desk is told', async () => {
        const { call } = tool(world.program(), 'refund', { approval: 'defer' });
        const pending = (await call(1)) as PendingApproval<string>;
        expect(await pending.cancel()).to.equal(true);
        expect(await endOf(pending.decisionId)).to.equal('withdrawn');
        expect(await rejection(pending.completed)).to.be.instanceOf(Error);
      });

      it('when its caller’s signal is aborted', async () => {
        const controller = new AbortController();
        const aegis = world.program();
        const { call } = tool(aegis, 'refund', { signal: () => controller.signal });
        const result = rejection(call(1));
        const [{ decisionId }] = (await waiting()) as [ApprovalRecord];
        // the program has the answer when it has a task
        while ((await aegis.tasks.listTasks()).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
        controller.abort();
        expect(await result).to.be.instanceOf(CallAbortedError);
        expect(await endOf(decisionId)).to.equal('withdrawn');
      });

      it('when its time is over, which is no person’s no', async () => {
        const { call } = tool(world.program(), 'refund', { approvalTimeoutMs: 1_500 });
        const error = await rejection(call(1));
        expect(error).to.be.instanceOf(ApprovalTimeoutError);
      });

      it('when the desk ends it as expired: a timeout, pushed', async () => {
        const { call } = tool(world.program(), 'refund');
        const result = rejection(call(1));
        const [{ decisionId }] = (await waiting()) as [ApprovalRecord];
        await world.desk.end(decisionId, 'expired');
        expect(await result).to.be.instanceOf(ApprovalTimeoutError);
      });

      it('when somebody withdraws it at the desk', async () => {
        const { call, runs } = tool(world.program(), 'refund');
        const result = rejection(call(1));
        const [{ decisionId }] = (await waiting()) as [ApprovalRecord];
        await world.desk.end(decisionId, 'withdrawn');
        expect(await result).to.be.instanceOf(ForbiddenError);
        expect(runs).to.deep.equal([]);
      });
    });

    describe('decides again before it runs:', () => {
      /** The policies change after the verdict's question, before the verdict. */
      const changed = async (policies: string, run: (call: Promise<unknown>, runs: unknown[][]) => Promise<void>): Promise<void> => {
        const { call, runs } = tool(world.program(), 'refund', { params: ['amount', 'note'] });
        const result = call(5, 'x');
        result.catch(() => {});
        const [record] = (await waiting()) as [ApprovalRecord];
        await reload(policies);
        await say('approve', record);
        await run(result, runs);
      };

      it('a policy that forbids it now wins over the yes', () =>
        changed(
          `${POLICIES}\n@id("stop") @reason("stopped") forbid (principal, action == Aegis::Action::"refund", resource);`,
          async (result, runs) => {
            expect(await rejection(result)).to.be.instanceOf(ForbiddenError);
            expect(runs).to.deep.equal([]);
          },
        ));

      it('a policy that has nothing to do with it changes nothing', () =>
        changed(`${POLICIES}\n@id("other") forbid (principal, action == Aegis::Action::"other", resource);`, async (result, runs) => {
          expect(await result).to.equal('refund done');
          expect(runs).to.deep.equal([[5, '[redacted]']]);
        }));

      it('params that would now run in another form were not approved', () =>
        changed(
          POLICIES.replace('redact /note', 'truncate /note 1').replace(
            'context.input.note != "[redacted]"',
            'context.input.note like "*y*"',
          ),
          async (result, runs) => {
            const ended = await Promise.race([rejection(result), waiting().then(() => 'asked again')]);
            expect(ended === 'asked again' || ended instanceof ForbiddenError).to.equal(true);
            expect(runs).to.deep.equal([]);
          },
        ));

      it('one more policy that asks has a person asked again, under a new approval', () =>
        changed(
          `${POLICIES}\n@id("more") @effect("approval_needed") @reason("look twice") forbid (principal, action == Aegis::Action::"refund", resource);`,
          async (result, runs) => {
            const record = await next('approve');
            expect(record.policies.map(({ id }) => id)).to.include('more');
            expect(await result).to.equal('refund done');
            expect(runs).to.have.length(1);
          },
        ));

      it('facts that changed have a person asked again', async () => {
        const { call, runs } = tool(world.program(), 'refund');
        const result = call(5, 'x');
        const [record] = (await waiting()) as [ApprovalRecord];
        facts = { closed: true };
        await say('approve', record);
        await next('approve');
        expect(await result).to.equal('refund done');
        expect(runs).to.have.length(1);
      });
    });

    if (remote) behindServer();

    function behindServer(): void {
      describe('with a server between', () => {
        it('text is what policies see where the guard says so', async () => {
          const { call, runs } = tool(world.program(), 'count', { params: ['n', 'b'], wireTypes: 'string' });
          await call(7n, 1);
          expect(runs).to.deep.equal([[7n, 1]]);
          const refund = tool(world.program(), 'refund', { wireTypes: 'string' });
          const result = refund.call(7n, new Date(3));
          const record = await next('approve');
          expect(record.params).to.deep.equal({ a: '7', b: '1970-01-01T00:00:00.003Z' });
          await result;
          expect(refund.runs).to.deep.equal([[7n, new Date(3)]]);
        });

        it('a program that demands nothing uses what is offered all the same', async () => {
          const { call, runs } = tool(world.program({ dataPlane: { require: [] } }), 'refund');
          const result = call(1, 'x');
          const { decisionId } = await next('approve');
          await result;
          expect(runs).to.have.length(1);
          expect((await world.desk.get(decisionId))?.consumed).to.have.property('token');
        });

        it('an approval that was used elsewhere does not let the call run', async () => {
          const { call, runs } = tool(world.program(), 'refund', { approval: 'throw' });
          expect(await rejection(call(1, 'x'))).to.include({ name: 'ApprovalPendingError' });
          const record = await next('approve');
          await world.desk.end(record.decisionId, 'withdrawn');
          expect(await rejection(call(1, 'x'))).to.be.instanceOf(Error);
          expect(runs).to.deep.equal([]);
        });

        it('what is pending when a program closes is withdrawn', async () => {
          const aegis = world.program();
          const { call } = tool(aegis, 'refund', { approval: 'defer' });
          const pending = (await call(1)) as PendingApproval<string>;
          pending.completed.catch(() => {});
          await aegis.close();
          for (let i = 0; (await world.desk.get(pending.decisionId))?.status === 'pending' && i < 2_000; i++)
            await new Promise((resolve) => setTimeout(resolve, 5));
          expect((await world.desk.get(pending.decisionId))?.status).to.equal('withdrawn');
        });
      });
    }
  });

  alsoBehavesLikeDataPlane(name, make, { remote });
  previewsLikeDataPlane(name, make);
  governedLikeDataPlane(name, make);
}
