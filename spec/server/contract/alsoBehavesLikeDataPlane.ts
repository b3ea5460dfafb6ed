import { expect } from 'chai';
import * as v from 'valibot';
import { guard } from '../../../lib/guard/guard.js';
import type { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { CallAbortedError, ForbiddenError } from '../../../lib/model/errors/RefusalErrors.js';
import type { PendingApproval } from '../../../lib/model/PendingApproval.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { rejection } from '../../support/rejection.js';
import { until } from '../../support/until.js';
import type { ContractWorld, MakeWorld } from './contractWorlds.js';

const ASKED = ['fix', 'mend', 'boom', 'picky', 'mine', 'pair', 'page', 'late', 'slow', 'opaque', 'who', 'keyed', 'twice'];

const POLICIES = `
@id("all") permit (principal, action, resource);
${ASKED.map((name) => `@id("${name}") @effect("approval_needed") @reason("look at ${name}") forbid (principal, action == Aegis::Action::"${name}", resource);`).join('\n')}
@id("pair2") @effect("approval_needed") @reason("keepers look too") forbid (principal, action == Aegis::Action::"pair", resource);
@id("team") @reason("other teams") forbid (principal, action == Aegis::Action::"deploy", resource) unless { principal has team && principal.team == "core" };
@id("shift") @effect("approval_needed") @reason("somebody is on duty") forbid (principal, action == Aegis::Action::"page", resource) when { context.facts.onDuty == "rita" };
@id("long") @effect("sanitize") @sanitize("truncate /a/text 3") @reason("short") forbid (principal, action == Aegis::Action::"post", resource) when { context.input.a.text like "????*" || context.input.a.text like "long*" };
@id("ssn") @effect("sanitize") @sanitize("remove /ssn") @reason("no numbers") forbid (principal, action == Aegis::Action::"lookup", resource) when { context.input has ssn };
@id("owner") @reason("has an owner") forbid (principal, action == Aegis::Action::"find", resource) when { context.input has owner && context.input.owner == "root" };
`;

type AnyCall = (...args: unknown[]) => Promise<unknown>;

/** More of the contract, in one world: every case has a tool or params of its own. */
export function alsoBehavesLikeDataPlane(name: string, make: MakeWorld, { remote }: { readonly remote: boolean }): void {
  describe(`${name}, all in one`, function () {
    this.timeout(60_000);
    let world: ContractWorld;
    let aegis: AegisModule;
    let onDuty: () => unknown = () => 'rita';
    before(async () => {
      world = await make({
        policies: { text: POLICIES },
        agents: { bot: { attributes: { team: 'core' } } },
        facts: async () => ({ onDuty: await onDuty() }),
        mayApprove: (by, _record, { id }) => by === 'kim' || !['picky', 'pair2'].includes(id),
        nullable: { find: ['/owner'], list: ['/items/*/note'] },
      });
      aegis = world.program();
    });
    after(() => world.release());

    /** A guarded function, and what it ran with. */
    const guarded = (toolName: string, options: object = {}, run: (...args: unknown[]) => unknown = () => `${toolName} done`) => {
      const runs: unknown[][] = [];
      const method = async (...args: unknown[]): Promise<unknown> => {
        runs.push(args);
        return run(...args);
      };
      const more = { toolName, params: ['a'], approval: 'wait', module: aegis, ...options };
      return { call: guard(method, more as never) as unknown as AnyCall, runs };
    };
    const waiting = async (toolName: string, count = 1): Promise<readonly ApprovalRecord[]> => {
      for (;;) {
        const records = (await world.desk.list()).filter((record) => record.toolName === toolName);
        if (records.length >= count) return records;
        await new Promise((resolve) => setTimeout(resolve, 3));
      }
    };
    const approve = async (toolName: string, by = 'bob'): Promise<ApprovalRecord> => {
      const [record] = (await waiting(toolName)) as [ApprovalRecord];
      return world.desk.approve(record.decisionId, { by, digest: record.digest });
    };
    const read = async (decisionId: string): Promise<ApprovalRecord> => (await world.desk.get(decisionId)) as ApprovalRecord;
    const outcomeOf = async (decisionId: string): Promise<ApprovalRecord['outcome']> => {
      await until(async () => (await read(decisionId)).outcome !== undefined);
      return (await read(decisionId)).outcome;
    };

    describe('keeps how runs end:', () => {
      it('completed, for the record and its card', async () => {
        const { call } = guarded('mend');
        const result = call(1);
        const { decisionId } = await approve('mend');
        await result;
        expect(await outcomeOf(decisionId)).to.include({ status: 'completed' });
        const { cards } = await world.desk.page({ toolName: 'mend' });
        expect(cards[0]).to.include({ decisionId, consumed: true, outcome: 'completed' });
      });

      it('failed, with the code of the error and nothing else of it; and the approval is used up', async () => {
        const { call, runs } = guarded('boom', {}, () => {
          throw Object.assign(new Error('secret of the method'), { code: 'E_DISK' });
        });
        const result = rejection(call(1));
        const { decisionId } = await approve('boom');
        expect((await result).message).to.equal('secret of the method');
        expect(await outcomeOf(decisionId)).to.include({ status: 'failed', errorCode: 'E_DISK' });
        expect(JSON.stringify(await read(decisionId))).to.not.contain('secret of the method');
        expect(runs).to.have.length(1);
      });
    });

    describe('leaves no one to decide what no one waits for:', () => {
      it('a call that is aborted while it is decided', async () => {
        let go: (() => void) | undefined;
        onDuty = () => new Promise((resolve) => (go = () => resolve('rita')));
        try {
          const controller = new AbortController();
          const { call, runs } = guarded('slow', { signal: () => controller.signal });
          const result = rejection(call(1));
          await until(() => go !== undefined);
          controller.abort();
          expect(await result).to.be.instanceOf(CallAbortedError);
          go?.();
          const left = async (): Promise<readonly string[]> =>
            (await world.desk.page({ toolName: 'slow' })).cards.map((card) => card.status);
          await until(async () => (await left()).length === 1 && (await left())[0] === 'withdrawn');
          expect(runs).to.deep.equal([]);
        } finally {
          onDuty = () => 'rita';
        }
      });

      it('a call that is withdrawn twice; a verdict then says that it was', async () => {
        const { call } = guarded('twice', { approval: 'defer' });
        const pending = (await call(1)) as PendingApproval<unknown>;
        pending.completed.catch(() => {});
        const { decisionId } = pending;
        const { digest } = await read(decisionId);
        for (let i = 0; i < 2; i++) await world.desk.end(decisionId, 'withdrawn');
        const late = await rejection(world.desk.approve(decisionId, { by: 'bob', digest }));
        expect(late).to.deep.include({ name: 'VerdictError', code: 'already_withdrawn', status: 409, stands: { status: 'withdrawn' } });
      });
    });

    describe('has the right people decide what is there:', () => {
      it('those that the program’s own rule lets decide', async () => {
        const { call } = guarded('picky');
        const result = call(1);
        const [{ decisionId, digest }] = (await waiting('picky')) as [ApprovalRecord];
        expect(await rejection(world.desk.approve(decisionId, { by: 'bob', digest }))).to.include({ name: 'VerdictError', status: 403 });
        expect(await world.desk.mayDecide(decisionId, 'bob')).to.equal(false);
        expect(await world.desk.mayDecide(decisionId, 'kim')).to.equal(true);
        await approve('picky', 'kim');
        expect(await result).to.equal('picky done');
      });

      it('a yes for each policy that asks', async () => {
        const { call, runs } = guarded('pair');
        const result = call(1);
        expect(await approve('pair', 'bob')).to.include({ status: 'pending' });
        expect(runs).to.deep.equal([]);
        expect(await approve('pair', 'kim')).to.include({ status: 'approved' });
        await result;
        expect(runs).to.have.length(1);
      });

      it('no one on other params than were shown', async () => {
        const { call } = guarded('mine', { approval: 'defer' });
        const pending = (await call(1)) as PendingApproval<unknown>;
        pending.completed.catch(() => {});
        const wrong = await rejection(world.desk.approve(pending.decisionId, { by: 'bob', digest: 'a'.repeat(64) }));
        expect(wrong).to.deep.include({ code: 'digest_mismatch', stands: { status: 'pending' } });
        await world.desk.deny(pending.decisionId, { by: 'bob', reason: 'not today' });
        const second = await rejection(world.desk.deny(pending.decisionId, { by: 'kim' }));
        expect(second).to.include({ code: 'already_denied' });
        expect((second as { stands?: object }).stands).to.include({ status: 'denied', by: 'bob', reason: 'not today' });
      });

      it('who see session, facts, guard and policies, and not what is opaque', async () => {
        const stream = new ReadableStream();
        const { call, runs } = guarded('opaque', {
          params: ['a', 'file'],
          opaque: ['file'],
          key: 'opaque-guard',
          session: { user_id: 'ann', since: new Date(5) },
        });
        const result = call({ n: 7n }, stream);
        const record = await approve('opaque');
        await result;
        expect(record).to.deep.include({ guardKey: 'opaque-guard', requester: 'ann', requesterKnown: true, opaque: ['file'] });
        expect(record.session).to.deep.equal({ user_id: 'ann', since: new Date(5) });
        expect(record.facts).to.deep.equal({ onDuty: 'rita' });
        expect(record.params).to.deep.equal({ a: { n: 7n } });
        expect(record.policies.map(({ id }) => id)).to.deep.equal(['opaque']);
        expect(runs).to.deep.equal([[{ n: 7n }, stream]]);
      });

      it('an approval of one agent is of no use to another', async () => {
        const one = guarded('who', { approval: 'throw' });
        await rejection(one.call(1));
        await approve('who');
        const other = guarded('who', { approval: 'throw', agentId: 'guest' });
        expect(await rejection(other.call(1))).to.include({ name: 'ApprovalPendingError' });
        expect(await one.call(1)).to.equal('who done');
        expect(other.runs).to.deep.equal([]);
      });

      it('an approval of one guard is of no use to another', async () => {
        const one = guarded('keyed', { approval: 'throw', key: 'keyed-1' });
        await rejection(one.call(1));
        await approve('keyed');
        const other = guarded('keyed', { approval: 'throw', key: 'keyed-2' });
        expect(await rejection(other.call(1))).to.include({ name: 'ApprovalPendingError' });
        expect(await one.call(1)).to.equal('keyed done');
        expect(other.runs).to.deep.equal([]);
      });

      it('page by page, newest first, while more come in', async () => {
        const { call } = guarded('page', { approval: 'defer' });
        const pendings: PendingApproval<unknown>[] = [];
        for (let i = 0; i < 9; i++) pendings.push((await call(i)) as PendingApproval<unknown>);
        for (const { completed } of pendings) completed.catch(() => {});
        const ids = pendings.map(({ decisionId }) => decisionId);
        const seen: string[] = [];
        for (let cursor: string | undefined; ;) {
          const page = await world.desk.page({ toolName: 'page', status: 'pending', limit: 4, cursor });
          seen.push(...page.cards.map(({ decisionId }) => decisionId));
          cursor = page.cursor;
          if (cursor === undefined) break;
          const more = (await call(`later ${seen.length}`)) as PendingApproval<unknown>;
          more.completed.catch(() => {});
        }
        expect(seen).to.have.members(ids);
        expect(seen).to.have.length(9);
        expect((await world.desk.page({ toolName: 'page', q: 'SOMEBODY IS ON', limit: 2 })).cards).to.have.length(2);
        expect(
          (await world.desk.page({ agents: ['guest'], status: 'pending' })).cards.every(({ agentId }) => agentId === 'guest'),
        ).to.equal(true);
      });

      it('and each caller learns where its own stands', async () => {
        const { call } = guarded('page', { approval: 'defer' });
        const pendings = (await Promise.all([20, 21, 22].map((n) => call(n)))) as PendingApproval<unknown>[];
        for (const { completed } of pendings) completed.catch(() => {});
        const [yes, no, open] = await Promise.all(pendings.map(({ decisionId }) => read(decisionId)));
        await world.desk.deny(no?.decisionId as string, { by: 'bob' });
        await world.desk.approve(yes?.decisionId as string, { by: 'bob', digest: yes?.digest });
        const states = await Promise.all(
          [yes, no, open].map(async (record) => (await aegis.decisions.status(record?.decisionId as string, {})).state),
        );
        expect(states).to.deep.equal(['approved', 'denied', 'pending']);
      });
    });

    describe('decides', () => {
      it('by the attributes of the agent, which only the configuration gives', async () => {
        const { call } = guarded('deploy');
        expect(await call(1)).to.equal('deploy done');
        const guest = guarded('deploy', { agentId: 'guest' });
        expect(await rejection(guest.call(1))).to.be.instanceOf(ForbiddenError);
        expect(guest.runs).to.deep.equal([]);
      });

      it('on what the schema makes of the params, and on nothing that it refuses', async () => {
        const schema = v.object({ a: v.pipe(v.string(), v.trim(), v.minLength(2)) });
        const { call, runs } = guarded('read', { schema });
        await call('  xy ');
        expect(runs).to.deep.equal([['xy']]);
        expect(await rejection(call('x'))).to.include({ name: 'ParamsError' });
        expect(runs).to.have.length(1);
      });

      it('sanitize deep within, beside values with types', async () => {
        const { call, runs } = guarded('post');
        await call({ text: 'long text', at: new Date(9), n: 12_345_678_901_234_567_890n, list: [new Date(1), 2n] });
        expect(runs).to.deep.equal([[{ text: 'lon', at: new Date(9), n: 12_345_678_901_234_567_890n, list: [new Date(1), 2n] }]]);
      });

      it('sanitize by a removal, only where the guard can do without', async () => {
        const { call, runs } = guarded('lookup', {
          params: ['a', 'ssn'],
          schema: v.object({ a: v.string(), ssn: v.optional(v.string()) }),
        });
        await call('ann', '123');
        expect(runs).to.deep.equal([['ann', undefined]]);
        const needed = guarded('lookup', { params: ['a', 'ssn'], key: 'lookup-2' });
        expect(await rejection(needed.call('ann', '123'))).to.be.instanceOf(ForbiddenError);
        expect(needed.runs).to.deep.equal([]);
      });

      it('no call with a null that its schema does not allow', async () => {
        const { call, runs } = guarded('read', { key: 'read-2' });
        for (const value of [null, [null], { deep: [{ x: null }] }])
          expect(await rejection(call(value))).to.include({ name: 'UnsupportedParamError' });
        expect(runs).to.deep.equal([]);
      });

      it('a call with a null that may be there, also in each item of a list', async () => {
        const owner = guarded('find', { params: ['owner'], schema: v.object({ owner: v.nullable(v.string()) }) });
        await owner.call('ann');
        const items = v.object({ items: v.array(v.object({ note: v.nullable(v.string()) })) });
        const list = guarded('list', { params: ['items'], schema: items });
        await list.call([{ note: null }, { note: 'x' }, { note: null }]);
        expect(list.runs).to.deep.equal([[[{ note: null }, { note: 'x' }, { note: null }]]]);
      });
    });

    if (!remote) return;
    it('keeps that it is unknown how a run ended, where its program closed meanwhile', async () => {
      const other = world.program();
      let finish: (() => void) | undefined;
      const { call, runs } = guarded('late', { module: other }, () => new Promise<void>((resolve) => (finish = resolve)));
      const result = rejection(call(1));
      const { decisionId } = await approve('late');
      await until(() => runs.length === 1);
      await other.close({ graceMs: 0 });
      expect(await result).to.include({ name: 'OutcomeUnknownError' });
      expect(await outcomeOf(decisionId)).to.include({ status: 'unknown' });
      finish?.();
    });

    it('a request that is sent twice opens one approval', async () => {
      const seen: { request?: Parameters<AegisModule['decisions']['decide']>[0] } = {};
      const { decisions } = aegis;
      const { decide } = decisions;
      decisions.decide = async (request, options) => {
        seen.request = request;
        return decide.call(decisions, request, options);
      };
      const { call } = guarded('fix', { approval: 'defer' });
      const pending = (await call('again')) as PendingApproval<unknown>;
      decisions.decide = decide;
      pending.completed.catch(() => {});
      // the program takes an id that it has seen for a replay, the server does not open another
      const again = await rejection(Promise.resolve(decide.call(decisions, seen.request as never, {})));
      expect(again).to.include({ name: 'DecisionUnavailableError', reason: 'replayed_decision' });
      expect(await waiting('fix')).to.have.length(1);
    });
  });
}
