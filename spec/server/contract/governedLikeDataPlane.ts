import { expect } from 'chai';
import { guard } from '../../../lib/guard/guard.js';
import type { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { ForbiddenError } from '../../../lib/model/errors/RefusalErrors.js';
import type { HaltScope } from '../../../lib/model/halt/Halt.js';
import type { PendingApproval } from '../../../lib/model/PendingApproval.js';
import type { GrantInput } from '../../../lib/model/terms/Grant.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import type { VerdictInput } from '../../../lib/decision/desk/verdict.js';
import { rejection } from '../../support/rejection.js';
import { until } from '../../support/until.js';
import type { ContractWorld, MakeWorld } from './contractWorlds.js';

const asks = (id: string, tools: readonly string[], more = ''): string =>
  `@id("${id}") @effect("approval_needed") @reason("look at it") ${more}
forbid (principal, action, resource) when { ${tools.map((tool) => `action == Aegis::Action::"${tool}"`).join(' || ')} };`;
const limits = (tool: string, limit: string, more = ''): string =>
  `@id("few-${tool}") @effect("limit") @limit("${limit}") @reason("Two an hour.") ${more} forbid (principal, action == Aegis::Action::"${tool}", resource);`;

/** How long it takes until managers may decide, in seconds. */
const ESCALATES_AFTER_S = 4;

const POLICIES = [
  '@id("all") permit (principal, action, resource);',
  asks('hold', ['frozen', 'ended', 'yes', 'later', 'thrown', 'fresh']),
  asks('two', ['two', 'same', 'no'], '@quorum("2") @approvers("payers")'),
  asks('pair-leads', ['pair'], '@approvers("leads")'),
  asks('pair-payers', ['pair'], '@approvers("payers") @distinct("true")'),
  asks('edit', ['edit', 'worse', 'typed'], '@editable("/a") @editor_may_approve("true")'),
  asks('other', ['other'], '@editable("/a")'),
  asks('fixed', ['fixed']),
  asks('slow', ['slow'], `@approvers("payers") @escalate("${ESCALATES_AFTER_S}: managers")`),
  asks('back', ['denied', 'withdrawn', 'expired', 'spent']),
  ...['denied', 'withdrawn', 'expired', 'spent', 'broken'].map((tool) => limits(tool, '1/1h by tool')),
  '@id("cap") @reason("never more than 500") forbid (principal, action == Aegis::Action::"worse", resource) when { context.input.a > 500 };',
  asks('grant', ['grant', 'revoke', 'again'], '@grantable("3 uses; 1h")'),
  limits('few', '2/1h by tool'),
  limits('full', '2/1h by tool', '@over("approval_needed")'),
  limits('cost', '9/1h by tool', '@cost("/a")'),
  limits('whose', '9/1h by session/user_id'),
].join('\n');

type AnyCall = (a?: unknown, b?: unknown) => Promise<unknown>;

/** What people govern many agents with, in one world: halts, several people, edits, grants and limits. */
export function governedLikeDataPlane(name: string, make: MakeWorld): void {
  describe(`${name}, governed`, function () {
    this.timeout(60_000);
    let world: ContractWorld;
    let aegis: AegisModule;
    before(async () => {
      world = await make({
        policies: { text: POLICIES },
        groups: { free: ['money'] },
        approverGroups: { payers: ['ann', 'bob', 'cid'], leads: ['ann', 'bob'], managers: ['mia'] },
      });
      aegis = world.program();
    });
    after(() => world.release());

    const guarded = (toolName: string, options: object = {}) => {
      const runs: unknown[][] = [];
      const method = async (...args: unknown[]): Promise<unknown> => {
        runs.push(args);
        return `${toolName} done`;
      };
      const more = { toolName, params: ['a', 'b'], approval: 'wait', module: aegis, ...options };
      return { call: guard(method, more as never) as unknown as AnyCall, runs };
    };
    const waiting = async (toolName: string): Promise<ApprovalRecord> => {
      let found: readonly ApprovalRecord[] = [];
      await until(async () => (found = (await world.desk.list()).filter((record) => record.toolName === toolName)).length > 0);
      expect(found).to.have.length(1);
      return found[0] as ApprovalRecord;
    };
    const asked = async (toolName: string): Promise<number> =>
      (await world.desk.list()).filter((record) => record.toolName === toolName).length;
    const approve = ({ decisionId, digest }: ApprovalRecord, more: Partial<VerdictInput> = {}): Promise<ApprovalRecord> =>
      world.desk.approve(decisionId, { by: 'bob', digest, ...more });
    const refusal = async (work: Promise<unknown>): Promise<readonly unknown[]> => {
      const error = (await rejection(work)) as Error & { readonly code?: unknown };
      return [error.name, error.code, error.message];
    };

    describe('what is halted', () => {
      const ORDER = { by: 'ann', reason: 'it runs wild' };
      const AGAIN = 'Do not call it again until the halt is lifted.';
      const scopes: readonly (readonly [string, HaltScope, string, boolean])[] = [
        ['a tool', { toolName: 'free' }, 'it is halted', false],
        ['a group of tools', { group: 'money' }, 'it is halted', false],
        ['an agent', { agentId: 'bot' }, "agent 'bot' is halted", true],
        ['a tool of an agent', { agentId: 'bot', toolName: 'free' }, "it is halted for agent 'bot'", false],
        ['all', { all: true }, 'everything is halted', true],
      ];
      for (const [what, scope, why, isWhole] of scopes)
        it(`does not run: ${what}; and runs once that is lifted`, async () => {
          const { call, runs } = guarded('free', { groups: ['money'] });
          const other = guarded('unlike');
          expect(await call(1)).to.equal('free done');
          const { id } = await world.halts.halt(scope, ORDER);
          const error = await rejection(call(2));
          expect(error).to.be.instanceOf(ForbiddenError);
          expect(error).to.include({ code: 'halted', message: `Tool 'free' is not allowed: ${why}. ${AGAIN}` });
          const next = await other.call(3).catch((refused: { readonly code: string }) => refused.code);
          expect(next).to.equal(isWhole ? 'halted' : 'unlike done');
          await world.halts.lift(id, { by: 'ann', reason: 'it is well' });
          expect(await call(4)).to.equal('free done');
          expect(runs.map(([a]) => a)).to.deep.equal([1, 4]);
          expect(await world.halts.list()).to.deep.equal([]);
        });

      it('is asked of no one', async () => {
        const { call } = guarded('fresh');
        const { id } = await world.halts.halt({ toolName: 'fresh' }, ORDER);
        expect((await refusal(call(1))).slice(0, 2)).to.deep.equal(['ForbiddenError', 'halted']);
        await world.halts.lift(id, ORDER);
        expect((await world.desk.page({ toolName: 'fresh' })).cards).to.deep.equal([]);
      });

      it('stays approved, and runs after the halt, once', async () => {
        const { call, runs } = guarded('frozen');
        const result = call(1, 'x');
        const record = await waiting('frozen');
        const { id } = await world.halts.halt({ toolName: 'frozen' }, ORDER);
        expect((await approve(record)).status).to.equal('approved');
        await new Promise((resolve) => setTimeout(resolve, 50));
        expect(runs).to.deep.equal([]);
        expect((await world.desk.get(record.decisionId))?.status).to.equal('approved');
        await world.halts.lift(id, ORDER);
        expect(await result).to.equal('frozen done');
        expect(runs).to.deep.equal([[1, 'x']]);
      });

      it('ends with the halt that cancels it', async () => {
        const { call, runs } = guarded('ended');
        const result = refusal(call(1));
        const { decisionId } = await waiting('ended');
        const { id } = await world.halts.halt({ toolName: 'ended' }, { ...ORDER, pending: 'cancel' });
        expect((await result).slice(0, 2)).to.deep.equal(['ForbiddenError', 'halted']);
        expect((await world.desk.get(decisionId))?.status).to.equal('withdrawn');
        await world.halts.lift(id, ORDER);
        expect(runs).to.deep.equal([]);
      });

      it('ends with the halt that cancels it, also where it was approved before', async () => {
        const { call, runs } = guarded('yes');
        const result = refusal(call(1));
        const record = await waiting('yes');
        const frozen = await world.halts.halt({ toolName: 'yes' }, ORDER);
        expect((await approve(record)).status).to.equal('approved');
        const { id } = await world.halts.halt({ agentId: 'bot', toolName: 'yes' }, { ...ORDER, pending: 'cancel' });
        expect((await result).slice(0, 2)).to.deep.equal(['ForbiddenError', 'halted']);
        expect((await world.desk.get(record.decisionId))?.status).to.equal('withdrawn');
        for (const one of [frozen.id, id]) await world.halts.lift(one, ORDER);
        expect(runs).to.deep.equal([]);
      });

      it('ends with the halt that cancels it, also where its caller does not wait', async () => {
        const later = guarded('later', { approval: 'defer' });
        const thrown = guarded('thrown', { approval: 'throw' });
        const pending = (await later.call(1)) as PendingApproval<unknown>;
        const ended = refusal(pending.completed);
        expect((await refusal(thrown.call(1)))[0]).to.equal('ApprovalPendingError');
        const records = [await waiting('later'), await waiting('thrown')];
        const { id } = await world.halts.halt({ agentId: 'bot' }, { ...ORDER, pending: 'cancel' });
        const message = `Tool 'later' is not allowed: agent 'bot' is halted. ${AGAIN}`;
        expect(await ended).to.deep.equal(['ForbiddenError', 'halted', message]);
        const statuses = async () => Promise.all(records.map(async ({ decisionId }) => (await world.desk.get(decisionId))?.status));
        await until(async () => (await statuses()).every((status) => status === 'withdrawn'));
        expect((await refusal(thrown.call(1))).slice(0, 2)).to.deep.equal(['ForbiddenError', 'halted']);
        await world.halts.lift(id, ORDER);
        // it is asked anew
        expect((await refusal(thrown.call(1)))[0]).to.equal('ApprovalPendingError');
        expect((await waiting('thrown')).decisionId).not.to.equal(records[1]?.decisionId);
        expect([...later.runs, ...thrown.runs]).to.deep.equal([]);
      });
    });

    describe('several people', () => {
      it('are needed where a policy says so', async () => {
        const { call, runs } = guarded('two');
        const result = call(1);
        const record = await waiting('two');
        expect((await approve(record, { by: 'ann' })).status).to.equal('pending');
        expect(runs).to.deep.equal([]);
        expect((await approve(record, { by: 'bob' })).status).to.equal('approved');
        expect(await result).to.equal('two done');
        expect(runs).to.have.length(1);
      });

      it('are not one person twice', async () => {
        const { call, runs } = guarded('same');
        const result = call(1);
        const record = await waiting('same');
        await approve(record, { by: 'ann' });
        expect(await rejection(approve(record, { by: 'ann' }))).to.include({ name: 'VerdictError' });
        expect(await rejection(approve(record, { by: 'Ann' }))).to.include({ name: 'VerdictError' });
        expect((await world.desk.get(record.decisionId))?.status).to.equal('pending');
        expect(runs).to.deep.equal([]);
        await approve(record, { by: 'cid' });
        expect(await result).to.equal('same done');
      });

      it('have to say yes, each of them: one no ends it', async () => {
        const { call, runs } = guarded('no');
        const result = refusal(call(1));
        const record = await waiting('no');
        await approve(record, { by: 'ann' });
        await world.desk.deny(record.decisionId, { by: 'bob' });
        expect((await result).slice(0, 2)).to.deep.equal(['ForbiddenError', 'approval_denied']);
        expect(runs).to.deep.equal([]);
      });

      it('are others for a policy with @distinct', async () => {
        const { call, runs } = guarded('pair');
        const result = call(1);
        const record = await waiting('pair');
        expect((await approve(record, { by: 'ann' })).status).to.equal('pending');
        expect(await rejection(approve(record, { by: 'ann' }))).to.include({ name: 'VerdictError' });
        expect(runs).to.deep.equal([]);
        expect((await approve(record, { by: 'cid' })).status).to.equal('approved');
        expect(await result).to.equal('pair done');
      });
    });

    describe('an escalation', () => {
      it('adds people by time: before it their yes is refused, after it it counts', async () => {
        const { call, runs } = guarded('slow');
        const result = call(1);
        const record = await waiting('slow');
        expect(await rejection(approve(record, { by: 'mia' }))).to.include({ name: 'VerdictError', status: 403, code: 'not_an_approver' });
        expect(await world.desk.mayDecide(record.decisionId, 'mia')).to.equal(false);
        expect(runs).to.deep.equal([]);
        await until(() => world.desk.mayDecide(record.decisionId, 'mia'));
        // clocks that never go back round by themselves
        expect(Date.now() - record.createdAtMs).to.be.at.least(ESCALATES_AFTER_S * 1_000 - 2);
        // it adds people, and takes none away
        expect(await world.desk.mayDecide(record.decisionId, 'ann')).to.equal(true);
        expect((await approve(record, { by: 'mia' })).status).to.equal('approved');
        expect(await result).to.equal('slow done');
        expect(runs.map(([a]) => a)).to.deep.equal([1]);
      });
    });

    describe('an edit', () => {
      const deferred = async (toolName: string, a: unknown, b?: unknown) => {
        const { call, runs } = guarded(toolName, { approval: 'defer' });
        const pending = (await call(a, b)) as PendingApproval<unknown>;
        pending.completed.catch(() => {});
        return { pending, runs, record: await waiting(toolName) };
      };

      it('with the yes runs as it was edited, and its caller is told', async () => {
        const { pending, runs, record } = await deferred('edit', 250, 'x');
        expect(pending.edited).to.equal(undefined);
        await approve(record, { edit: { set: { '/a': 200 } } });
        expect(await pending.completed).to.equal('edit done');
        expect(runs).to.deep.equal([[200, 'x']]);
        expect(pending.edited).to.deep.equal(['/a']);
      });

      it('keeps the types of what it leaves', async () => {
        const { pending, runs, record } = await deferred('typed', 250, { at: new Date(5), n: 7n });
        await approve(record, { edit: { set: { '/a': 200 } } });
        await pending.completed;
        expect(runs).to.deep.equal([[200, { at: new Date(5), n: 7n }]]);
      });

      it('that a policy denies is refused, and changes nothing', async () => {
        const { pending, runs, record } = await deferred('worse', 250, 'x');
        const edit = { set: { '/a': 501 } };
        expect(await rejection(approve(record, { edit }))).to.include({ name: 'VerdictError', code: 'edit_denied' });
        expect(await world.desk.get(record.decisionId)).to.include({ status: 'pending', digest: record.digest });
        expect(runs).to.deep.equal([]);
        await approve(record);
        await pending.completed;
        expect([runs, pending.edited]).to.deep.equal([[[250, 'x']], undefined]);
      });

      it('is of what each policy lets be edited', async () => {
        for (const [toolName, pointer] of [
          ['fixed', '/a'],
          ['edit', '/b'],
        ] as const) {
          const { pending, runs, record } = await deferred(toolName, 1, 2);
          const edit = { set: { [pointer]: 3 } };
          expect(await rejection(approve(record, { edit }))).to.include({ name: 'VerdictError', code: 'not_editable' });
          await world.desk.deny(record.decisionId, { by: 'bob' });
          await rejection(pending.completed);
          expect(runs).to.deep.equal([]);
        }
      });

      it('is approved by somebody else, unless its policy lets the editor', async () => {
        const { pending, runs, record } = await deferred('other', 250, 'x');
        const { decisionId, digest } = record;
        const edited = await world.desk.amend(decisionId, { by: 'bob', digest, set: { '/a': 20 } });
        expect(edited.status).to.equal('pending');
        expect(await rejection(approve(edited, { by: 'bob' }))).to.include({ name: 'VerdictError', status: 403 });
        expect(await rejection(approve(record, { by: 'ann' }))).to.include({ name: 'VerdictError', code: 'digest_mismatch' });
        expect(runs).to.deep.equal([]);
        await approve(edited, { by: 'ann' });
        await pending.completed;
        expect([runs, pending.edited]).to.deep.equal([[[20, 'x']], ['/a']]);
      });
    });

    describe('a grant', () => {
      const TERMS: GrantInput = { uses: 2, forMs: 600_000, loosen: { '/a': { '>=': 0, '<=': 100 } } };
      const granting = async (toolName: string) => {
        const { call, runs } = guarded(toolName);
        const result = call(10, 'x');
        const record = await waiting(toolName);
        await approve(record, { grant: TERMS });
        expect(await result).to.equal(`${toolName} done`);
        const grant = (await world.grants.list()).find(({ fromDecision }) => fromDecision === record.decisionId);
        return { call, runs, id: grant?.id as string };
      };
      let made: Readonly<Record<'grant' | 'again' | 'revoke', Awaited<ReturnType<typeof granting>>>>;
      before(async () => {
        made = { grant: await granting('grant'), again: await granting('again'), revoke: await granting('revoke') };
        await new Promise((resolve) => setTimeout(resolve, world.grantsKnownMs));
      });
      const denyNext = async (toolName: string, result: Promise<unknown>): Promise<void> => {
        // it may be told before the verdict is answered
        const refused = rejection(result);
        const { decisionId } = await waiting(toolName);
        await world.desk.deny(decisionId, { by: 'bob' });
        await refused;
      };

      it('lets calls like it run without asking, as often as it says, and then asks', async () => {
        const { call, runs } = made.grant;
        expect([await call(20, 'x'), await call(30, 'x')]).to.deep.equal(['grant done', 'grant done']);
        expect(await asked('grant')).to.equal(0);
        await denyNext('grant', call(40, 'x'));
        expect(runs.map(([a]) => a)).to.deep.equal([10, 20, 30]);
      });

      it('covers nothing else', async () => {
        const { call, runs } = made.again;
        expect(await call(20, 'x')).to.equal('again done');
        for (const args of [
          [101, 'x'],
          [20, 'y'],
          ['20', 'x'],
          [20n, 'x'],
        ])
          await denyNext('again', call(...args));
        expect(runs.map(([a]) => a)).to.deep.equal([10, 20]);
      });

      it('covers nothing once it is revoked', async () => {
        const { call, runs, id } = made.revoke;
        expect(await call(20, 'x')).to.equal('revoke done');
        await world.grants.revoke(id, { by: 'ann', reason: 'no more' });
        await denyNext('revoke', call(30, 'x'));
        expect(runs.map(([a]) => a)).to.deep.equal([10, 20]);
      });
    });

    describe('a limit', () => {
      it('denies what does not fit, and says when it does', async () => {
        const { call, runs } = guarded('few');
        await call(1);
        await call(2);
        const error = (await rejection(call(3))) as unknown as ForbiddenError;
        expect(error).to.be.instanceOf(ForbiddenError);
        const { retryAtMs = 0, violations } = error.decision ?? {};
        expect(error).to.include({
          code: 'limit_reached',
          message: `Tool 'few' is not allowed: Two an hour. Try again after ${new Date(retryAtMs).toISOString()}.`,
        });
        expect(violations?.map(({ type, message }) => ({ type, message }))).to.deep.equal([{ type: 'limit', message: 'Two an hour.' }]);
        expect(retryAtMs % 3_600_000).to.equal(0);
        expect(runs.map(([a]) => a)).to.deep.equal([1, 2]);
      });

      it('asks about what does not fit, where it says so', async () => {
        const { call, runs } = guarded('full');
        await call(1);
        await call(2);
        const result = call(3);
        await approve(await waiting('full'));
        expect(await result).to.equal('full done');
        expect(runs.map(([a]) => a)).to.deep.equal([1, 2, 3]);
      });

      const ends: readonly (readonly [how: string, end: (record: ApprovalRecord, pending: PendingApproval<unknown>) => unknown])[] = [
        ['denied', ({ decisionId }) => world.desk.deny(decisionId, { by: 'bob' })],
        ['withdrawn', (_, pending) => pending.cancel()],
        ['expired', ({ decisionId }) => world.desk.end(decisionId, 'expired')],
      ];
      for (const [how, end] of ends)
        it(`counts nothing for an approval that is ${how}: the next one may run, and the one after that may not`, async () => {
          const { call, runs } = guarded(how, { approval: 'defer' });
          const first = (await call(1)) as PendingApproval<unknown>;
          await end(await waiting(how), first);
          await rejection(first.completed);
          await until(async () => (await asked(how)) === 0);
          const second = (await call(2)) as PendingApproval<unknown>;
          await approve(await waiting(how));
          expect(await second.completed).to.equal(`${how} done`);
          expect((await refusal(call(3))).slice(0, 2)).to.deep.equal(['ForbiddenError', 'limit_reached']);
          expect(runs.map(([a]) => a)).to.deep.equal([2]);
        });

      it('counts a call whose method threw, with an approval and without one: it may have done something', async () => {
        for (const toolName of ['broken', 'spent']) {
          let runs = 0;
          const method = async (_a: number): Promise<never> => {
            runs += 1;
            throw new Error('it broke');
          };
          const call = guard(method, { toolName, params: ['a'], approval: 'wait', module: aegis });
          const result = rejection(call(1));
          if (toolName === 'spent') await approve(await waiting(toolName));
          expect(await result, toolName).to.have.property('message', 'it broke');
          expect((await refusal(call(2))).slice(0, 2), toolName).to.deep.equal(['ForbiddenError', 'limit_reached']);
          expect(runs, toolName).to.equal(1);
        }
      });

      it('denies what cannot be counted, and says why by a code', async () => {
        const cost = guarded('cost');
        for (const amount of ['1', -1, undefined, {}])
          expect((await refusal(cost.call(amount))).slice(0, 2)).to.deep.equal(['ForbiddenError', 'limit_cost']);
        const whose = guarded('whose');
        expect((await refusal(whose.call(1))).slice(0, 2)).to.deep.equal(['ForbiddenError', 'limit_unavailable']);
        expect([...cost.runs, ...whose.runs]).to.deep.equal([]);
      });
    });
  });
}
