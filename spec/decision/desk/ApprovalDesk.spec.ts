import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import { bindingDigest } from '../../../lib/decision/desk/use/bindingDigest.js';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import type { ApprovalDeskOptions } from '../../../lib/decision/desk/ApprovalDeskOptions.js';
import type { ApprovalRequest } from '../../../lib/decision/desk/ApprovalRequest.js';
import type { JournalEvent } from '../../../lib/model/Journal.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { MemoryApprovalStore } from '../../../lib/store/memory/MemoryApprovalStore.js';
import { SecretString } from '../../../lib/common/SecretString.js';
import { describeApproval } from '../../../lib/decision/desk/describeApproval.js';
import { SignedApprovalStore } from '../../../lib/store/SignedApprovalStore.js';
import { changeAll } from '../../support/changes.js';
import { BINDING_BASE, openingOf, policyOf } from '../../support/approvalRecords.js';
import { diagnosed, securityCodes } from '../../support/diagnosed.js';
import { rejection } from '../../support/rejection.js';

const HOUR = 3_600_000;
const TEN_YEARS = 10 * 365.25 * 24 * HOUR;

describe('ApprovalDesk', () => {
  let time: SinonFakeTimers;
  beforeEach(() => (time = useFakeTimers({ now: Date.UTC(2026, 0, 1) })));
  afterEach(() => time.restore());

  describe('a verdict', () => {
    it('approves, and keeps who, why, when and for which policies', async () => {
      const { desk, open } = setup();
      const { decisionId, digest } = await open();
      time.tick(5);
      const record = await desk.approve(decisionId, { by: 'bob', reason: 'fine', digest });
      expect(record.status).to.equal('approved');
      expect(record.verdicts).to.deep.equal([{ approve: true, by: 'bob', reason: 'fine', atMs: Date.now(), policies: ['limit'] }]);
      expect(record.version).to.equal(2);
      expect(await desk.get(decisionId)).to.deep.equal(record);
    });

    it('of no is enough, and needs no digest', async () => {
      const { desk, open } = setup();
      const { decisionId } = await open({ policies: [policyOf('one'), policyOf('two')] });
      expect((await desk.deny(decisionId, { by: 'bob', reason: 'too much' })).status).to.equal('denied');
      expect((await desk.get(decisionId))?.verdicts[0]).to.include({ approve: false, by: 'bob', reason: 'too much' });
    });

    it('names the digest that was displayed; another one, or none, is a 409 and counts for nothing', async () => {
      const { desk, open } = setup();
      const { decisionId, digest } = await open();
      const others = [
        undefined,
        '',
        `${digest} `,
        digest.toUpperCase(),
        digest.slice(0, 63),
        `${digest.slice(0, 63)}0`,
        `${digest.slice(0, 63)}1`,
      ];
      for (const other of others.filter((d) => d !== digest)) {
        expect(await rejection(desk.approve(decisionId, { by: 'bob', digest: other }))).to.include({
          status: 409,
          code: 'digest_mismatch',
        });
        if (other === undefined) continue;
        expect(await rejection(desk.deny(decisionId, { by: 'bob', digest: other }))).to.include({ status: 409, code: 'digest_mismatch' });
      }
      expect(await desk.get(decisionId)).to.include({ status: 'pending', version: 1 });
    });

    for (const first of ['approve', 'deny'] as const) {
      for (const second of ['approve', 'deny'] as const) {
        it(`of ${second} after ${first} gets the outcome that stands`, async () => {
          const { desk, open } = setup();
          const { decisionId, digest } = await open();
          const stands = await desk[first](decisionId, { by: 'bob', digest });
          const error = await rejection(desk[second](decisionId, { by: 'eve', digest }));
          expect(error).to.include({ name: 'VerdictError', status: 409, statusCode: 409, code: `already_${stands.status}`, decisionId });
          expect(error.message).to.contain(`${stands.status} by bob`);
          expect(await desk.get(decisionId)).to.deep.equal(stands);
        });
      }
    }

    it('is one of 64 that come at once: the first committed wins, the others see it', async () => {
      const { desk, open, settled } = setup();
      for (let round = 0; round < 10; round++) {
        const { decisionId, digest } = await open({ params: { round } });
        const said = await Promise.allSettled(
          Array.from({ length: 64 }, (_, i) =>
            (i % 2 === round % 2 ? desk.approve : desk.deny).call(desk, decisionId, { by: `p${i}`, digest }),
          ),
        );
        const won = said.flatMap((s) => (s.status === 'fulfilled' ? [s.value] : []));
        expect(won).to.have.length(1);
        const stands = await desk.get(decisionId);
        expect(stands).to.deep.equal(won[0]);
        for (const s of said) if (s.status === 'rejected') expect(s.reason).to.include({ status: 409, code: `already_${won[0]!.status}` });
        expect(settled.filter((r) => r.decisionId === decisionId)).to.have.length(1);
      }
    });

    it('is foretold: whether one of this person would count now', async () => {
      const { desk, open } = setup({ approverGroups: { leads: ['bob'] } });
      const { decisionId, digest, requester } = await open({
        policies: [policyOf('one', { approvers: ['leads'] }), policyOf('two', { selfApproval: true })],
      });
      const may = (...people: readonly string[]): Promise<readonly boolean[]> =>
        Promise.all(people.map((by) => desk.mayDecide(decisionId, by)));
      expect(await may('bob', requester, 'eve')).to.deep.equal([true, true, true]);
      await desk.approve(decisionId, { by: requester, digest });
      expect(await may('bob', requester, 'eve')).to.deep.equal([true, false, false]);
      await desk.approve(decisionId, { by: 'bob', digest });
      expect(await may('bob', requester, 'eve')).to.deep.equal([false, false, false]);
      expect(await desk.mayDecide('dec-none', 'bob')).to.equal(false);
    });

    it('on nothing, or by nobody, is a 404 or a 400', async () => {
      const { desk, open } = setup();
      const { decisionId, digest } = await open();
      expect(await rejection(desk.approve('dec-none', { by: 'bob', digest }))).to.include({ status: 404, code: 'approval_not_found' });
      expect(await rejection(desk.approve(undefined as never, { by: 'bob', digest }))).to.include({ status: 404 });
      const bad = [undefined, null, {}, { by: '' }, { by: ' \t' }, { by: 7 }, { by: ['bob'] }, { by: 'x'.repeat(257) }];
      for (const verdict of [...bad, { by: 'bob', reason: 7 }, { by: 'bob', reason: 'x'.repeat(10_001) }]) {
        for (const say of [desk.approve, desk.deny]) {
          const error = await rejection(say.call(desk, decisionId, (verdict && { digest, ...verdict }) as never));
          expect(error, JSON.stringify(verdict)).to.include({ name: 'VerdictError', status: 400, code: 'invalid_verdict' });
        }
      }
      const misspelt = await rejection(desk.approve(decisionId, { by: 'bob', digset: digest } as never));
      expect(misspelt).to.include({ name: 'VerdictError', status: 400, code: 'invalid_verdict' });
      expect(misspelt?.message).to.include('`digset`').and.to.include("'digest'");
      for (const verdict of ['bob', 7, ['bob'], new Map([['by', 'bob']])])
        expect((await rejection(desk.deny(decisionId, verdict as never)))?.message).to.match(/^The verdict must be a plain object/);
      expect(await desk.get(decisionId)).to.include({ status: 'pending', version: 1 });
      await desk.approve(decisionId, { by: 'x'.repeat(256), reason: 'x'.repeat(10_000), digest });
    });
  });

  describe('who may decide', () => {
    it('is not the requester, unless the policy says so', async () => {
      const { desk, open } = setup();
      const { decisionId, digest } = await open();
      for (const say of ['approve', 'deny'] as const)
        expect(await rejection(desk[say](decisionId, { by: 'ann', digest }))).to.include({ status: 403, code: 'self_approval' });
      const own = await open({ policies: [policyOf('limit', { selfApproval: true })] });
      expect((await desk.approve(own.decisionId, { by: 'ann', digest })).status).to.equal('approved');
    });

    it('is not the agent, where no user asked', async () => {
      const { desk, open } = setup();
      const { decisionId, digest } = await open({ session: null, requester: 'bot', requesterKnown: false });
      expect(await rejection(desk.approve(decisionId, { by: 'bot', digest }))).to.include({ status: 403, code: 'self_approval' });
      expect((await desk.approve(decisionId, { by: 'ann', digest })).status).to.equal('approved');
    });

    it('is nobody where an authenticated requester is demanded and missing', async () => {
      const { desk, open } = setup({ requireRequester: true });
      const unknown = await open({
        session: null,
        requester: 'bot',
        requesterKnown: false,
        policies: [policyOf('limit', { selfApproval: true })],
      });
      for (const by of ['bot', 'bob'])
        expect(await rejection(desk.approve(unknown.decisionId, { by, digest: unknown.digest }))).to.include({
          status: 403,
          code: 'requester_unknown',
        });
      const known = await open();
      expect((await desk.approve(known.decisionId, { by: 'bob', digest: known.digest })).status).to.equal('approved');
    });

    it('is the people of the policy’s @approvers; an unknown or empty group, and none at all, is nobody', async () => {
      const approverGroups = { leads: ['bob', 'cyd'], empty: [], text: 'bobby' as unknown as string[] };
      for (const [approvers, allowed] of [
        [['leads'], ['bob', 'cyd']],
        [
          ['empty', 'leads'],
          ['bob', 'cyd'],
        ],
        [['empty'], []],
        [['unknown'], []],
        [['text'], []],
        [['__proto__', 'constructor', 'toString', 'hasOwnProperty'], []],
        [[], []],
      ] as const) {
        const { desk, open } = setup({ approverGroups });
        for (const by of ['bob', 'cyd', 'dan', 'bobby', 'leads', 'empty', 'constructor']) {
          const { decisionId, digest } = await open({ policies: [policyOf('limit', { approvers })] });
          const said = await desk.approve(decisionId, { by, digest }).then(
            () => 'approved',
            (e: { code: string }) => e.code,
          );
          expect(said, `${approvers.join()} ${by}`).to.equal((allowed as readonly string[]).includes(by) ? 'approved' : 'not_an_approver');
        }
      }
      const { desk, open } = setup();
      const { decisionId, digest } = await open({ policies: [policyOf('limit', { approvers: ['leads'] })] });
      expect(await rejection(desk.approve(decisionId, { by: 'bob', digest }))).to.include({ status: 403, code: 'not_an_approver' });
    });

    it('is for mayApprove to say, where there is one; a throw, a rejection and anything but true is a no', async () => {
      const answers: Record<string, () => unknown> = {
        yes: () => true,
        later: async () => true,
        no: () => false,
        truthy: () => 'yes',
        one: () => 1,
        nothing: () => undefined,
        throws: () => {
          throw new Error('directory down');
        },
        rejects: async () => Promise.reject(new Error('directory down')),
      };
      const asked: unknown[] = [];
      const { desk, open } = setup({
        approverGroups: { leads: ['no', 'truthy'] },
        mayApprove: (by, request, policy) => {
          asked.push([by, request.decisionId, policy.id]);
          return answers[by]!() as boolean;
        },
      });
      for (const by of Object.keys(answers)) {
        const { decisionId, digest } = await open({ policies: [policyOf('limit', { approvers: ['leads'] })] });
        const said = await desk.approve(decisionId, { by, digest }).then(
          () => 'approved',
          (e: { code: string }) => e.code,
        );
        expect(said, by).to.equal(by === 'yes' || by === 'later' ? 'approved' : 'not_an_approver');
        expect(asked.at(-1)).to.deep.equal([by, decisionId, 'limit']);
      }
    });

    it('never asks mayApprove about the requester’s own call', async () => {
      const { desk, open } = setup({ mayApprove: () => true });
      const { decisionId, digest } = await open();
      expect(await rejection(desk.approve(decisionId, { by: 'ann', digest }))).to.include({ code: 'self_approval' });
    });
  });

  describe('several approval policies', () => {
    const policies = [policyOf('money', { approvers: ['finance'] }), policyOf('prod', { approvers: ['ops'] }), policyOf('any')];
    const approverGroups = { finance: ['fay', 'zoe'], ops: ['oli', 'zoe'] };

    it('need a verdict each, by people of each', async () => {
      const { desk, open, settled } = setup({ approverGroups });
      const { decisionId, digest } = await open({ policies });
      const first = await desk.approve(decisionId, { by: 'fay', digest });
      expect([first.status, first.verdicts[0]?.policies]).to.deep.equal(['pending', ['money', 'any']]);
      expect(await rejection(desk.approve(decisionId, { by: 'fay', digest }))).to.include({ status: 403, code: 'not_an_approver' });
      expect(await rejection(desk.approve(decisionId, { by: 'dan', digest }))).to.include({ status: 403, code: 'not_an_approver' });
      expect(settled).to.deep.equal([]);
      const second = await desk.approve(decisionId, { by: 'oli', digest });
      expect([second.status, second.verdicts[1]?.policies]).to.deep.equal(['approved', ['prod']]);
      expect(settled.map((r) => r.status)).to.deep.equal(['approved']);
    });

    it('are all covered by one person who may decide them all', async () => {
      const { desk, open } = setup({ approverGroups });
      const { decisionId, digest } = await open({ policies });
      expect((await desk.approve(decisionId, { by: 'zoe', digest })).status).to.equal('approved');
    });

    it('take verdicts that come at once: none is lost', async () => {
      const { desk, open } = setup({ approverGroups });
      const { decisionId, digest } = await open({ policies });
      await Promise.all([desk.approve(decisionId, { by: 'fay', digest }), desk.approve(decisionId, { by: 'oli', digest })]);
      const record = await desk.get(decisionId);
      expect(record?.status).to.equal('approved');
      expect(record?.verdicts.map((v) => v.by).sort()).to.deep.equal(['fay', 'oli']);
    });

    it('are refused by a no of anyone, after a yes of others too; nobody of them may say no is a 403', async () => {
      const { desk, open } = setup({ approverGroups });
      const some = await open({ policies: policies.slice(0, 2) });
      expect(await rejection(desk.deny(some.decisionId, { by: 'dan' }))).to.include({ status: 403 });
      await desk.approve(some.decisionId, { by: 'fay', digest: some.digest });
      expect((await desk.deny(some.decisionId, { by: 'oli' })).status).to.equal('denied');
      expect(await desk.consume({ decisionId: some.decisionId, digest: some.digest, token: 't', bindingBase: BINDING_BASE })).to.equal(
        false,
      );
    });

    it('none at all, and nobody can approve', async () => {
      const { desk, open } = setup();
      const { decisionId, digest } = await open({ policies: [] });
      expect(await rejection(desk.approve(decisionId, { by: 'bob', digest }))).to.include({ status: 403 });
    });
  });

  describe('the end of an approval', () => {
    it('comes at its time, is nobody’s no, and every later verdict hears of it', async () => {
      const { desk, open } = setup();
      const { decisionId, digest } = await open({ timeoutMs: 1_000 });
      time.tick(999);
      expect((await desk.get(decisionId))?.status).to.equal('pending');
      time.tick(1);
      expect(await desk.get(decisionId)).to.include({ status: 'expired' });
      for (const say of ['approve', 'deny'] as const)
        expect(await rejection(desk[say](decisionId, { by: 'bob', digest }))).to.include({ status: 409, code: 'already_expired' });
      expect((await desk.get(decisionId))?.verdicts).to.deep.equal([]);
      // nobody refused it: an equal call is asked about anew
      expect((await open()).refusals).to.equal(0);
    });

    it('falls before a verdict whose giver took too long to be known', async () => {
      const { desk, open, settled } = setup({
        mayApprove: async () => {
          time.tick(1_000);
          return true;
        },
      });
      const { decisionId, digest } = await open({ timeoutMs: 1_000 });
      expect(await rejection(desk.approve(decisionId, { by: 'bob', digest }))).to.include({ status: 409, code: 'already_expired' });
      expect(settled.map((r) => r.status)).to.not.include('approved');
    });

    it('voids a yes that was not used by then', async () => {
      const { desk, open } = setup();
      const { decisionId, digest } = await open({ timeoutMs: 1_000 });
      await desk.approve(decisionId, { by: 'bob', digest });
      time.tick(1_000);
      expect((await desk.get(decisionId))?.status).to.equal('expired');
      expect(await desk.consume({ decisionId, digest, token: 't', bindingBase: BINDING_BASE })).to.equal(false);
      expect(await desk.list({ status: 'approved' })).to.deep.equal([]);
    });

    for (const by of [-TEN_YEARS, -HOUR, HOUR, TEN_YEARS]) {
      it(`is never put off by moving the wall clock by ${by} ms`, async () => {
        const { desk, open } = setup();
        const { decisionId, digest } = await open({ timeoutMs: 10_000 });
        await desk.approve(decisionId, { by: 'bob', digest });
        time.setSystemTime(Date.now() + by);
        await desk.get(decisionId);
        time.setSystemTime(Date.now() - by);
        const late = await open({ timeoutMs: 10_000, params: { amount: 2 } });
        time.tick(10_000);
        for (const id of [decisionId, late.decisionId]) expect((await desk.get(id))?.status).to.equal('expired');
        expect(await desk.consume({ decisionId, digest, token: 't', bindingBase: BINDING_BASE })).to.equal(false);
      });
    }

    for (const how of ['withdrawn', 'expired'] as const) {
      it(`by being ${how} ends what is pending, and a yes that was not used; never a no, nor what was used`, async () => {
        const { desk, open, settled } = setup();
        const [pending, approved, denied, used] = [await open(), await open(), await open({ params: { amount: 2 } }), await open()];
        const { digest } = pending;
        await desk.approve(approved.decisionId, { by: 'bob', digest });
        await desk.deny(denied.decisionId, { by: 'bob' });
        await desk.approve(used.decisionId, { by: 'bob', digest });
        expect(await desk.consume({ decisionId: used.decisionId, digest, token: 't', bindingBase: BINDING_BASE })).to.equal(true);
        settled.length = 0;
        for (const { decisionId } of [pending, approved, denied, used]) await desk.end(decisionId, how);
        await desk.end('dec-none', how);
        expect(settled.map((r) => [r.decisionId, r.status])).to.deep.equal([pending, approved].map((r) => [r.decisionId, how]));
        expect(await rejection(desk.approve(pending.decisionId, { by: 'bob', digest }))).to.include({ code: `already_${how}` });
        expect(await desk.consume({ decisionId: approved.decisionId, digest, token: 't', bindingBase: BINDING_BASE })).to.equal(false);
        expect((await desk.get(denied.decisionId))?.status).to.equal('denied');
        expect((await desk.get(used.decisionId))?.status).to.equal('approved');
      });
    }

    it('says by nobody that it ended, also after a part of the verdicts', async () => {
      const { desk, open } = setup({ approverGroups: { ops: ['oli'] } });
      const { decisionId, digest } = await open({ policies: [policyOf('a'), policyOf('b', { approvers: ['ops'] })] });
      await desk.approve(decisionId, { by: 'bob', digest });
      time.tick(60_000);
      const error = await rejection(desk.approve(decisionId, { by: 'oli', digest }));
      expect(error).to.include({ code: 'already_expired', message: 'This approval was already expired; a verdict cannot be changed.' });
    });

    it('is not lost to a verdict on a part that is committed first', async () => {
      for (const how of ['withdrawn', 'expired'] as const) {
        const store = new MemoryApprovalStore();
        const { desk, open } = setup({}, store);
        const record = await open({ policies: [policyOf('a'), policyOf('b')] });
        const replace = store.replace.bind(store);
        store.replace = (next, version) => {
          store.replace = replace;
          replace({ ...record, verdicts: [{ approve: true, by: 'bob', atMs: 1, policies: ['a'] }], version: 2 }, 1);
          return replace(next, version);
        };
        await desk.end(record.decisionId, how);
        expect((await desk.get(record.decisionId))?.status).to.equal(how);
      }
    });

    it('reaches an approval that somebody was changing just then', async () => {
      for (const verdict of ['one of two', 'all'] as const) {
        const store = new SlowStore();
        const { desk, open } = setup({ approverGroups: { ops: ['oli'] } }, store);
        const { decisionId, digest } = await open({
          policies: [policyOf('a'), ...(verdict === 'all' ? [] : [policyOf('b', { approvers: ['ops'] })])],
        });
        await Promise.allSettled([desk.approve(decisionId, { by: 'bob', digest }), desk.end(decisionId, 'withdrawn')]);
        expect((await desk.get(decisionId))?.status).to.equal('withdrawn');
      }
    });
  });

  describe('the journal', () => {
    const journaled = (): { events: JournalEvent[] } & ReturnType<typeof setup> => {
      const events: JournalEvent[] = [];
      return { events, ...setup({ approverGroups: { ops: ['oli'] }, journal: { note: (event) => void events.push(event) } }) };
    };

    it('gets each verdict that was recorded, with the status that it led to', async () => {
      const { desk, open, events } = journaled();
      const { decisionId, digest, agentId, toolName } = await open({ policies: [policyOf('a'), policyOf('b', { approvers: ['ops'] })] });
      await desk.approve(decisionId, { by: 'bob', digest, reason: 'fine' });
      await desk.approve(decisionId, { by: 'oli', digest });
      const about = { kind: 'verdict', agentId, toolName, decisionId, approved: true, digest, statement: undefined };
      const [first, second] = events.map((event) => (event.kind === 'verdict' ? event.approval : undefined));
      expect(events).to.deep.equal([
        { ...about, by: 'bob', status: 'pending', reason: 'fine', approval: first },
        { ...about, by: 'oli', status: 'approved', reason: undefined, approval: second },
      ]);
      expect([first?.verdicts.length, second?.verdicts.length]).to.deep.equal([1, 2]);
      expect(first?.auditSalt)
        .to.match(/^[\w-]{22}$/)
        .and.equal(second?.auditSalt);
      expect(events.every((event) => Object.isFrozen(event))).to.equal(true);
    });

    it('gets a denial, and an end without a verdict, and no verdict that was refused', async () => {
      const { desk, open, events } = journaled();
      const denied = await open();
      await desk.deny(denied.decisionId, { by: 'bob', reason: 'no' });
      await rejection(desk.approve(denied.decisionId, { by: 'oli', digest: denied.digest }));
      const other = await open({ originalDigest: 'f'.repeat(64) });
      await rejection(desk.approve(other.decisionId, { by: 'bob', digest: 'another' }));
      await desk.end(other.decisionId, 'withdrawn');
      expect(
        events.map((event) => (event.kind === 'verdict' ? [event.decisionId, event.approved, event.status, event.reason] : event)),
      ).to.deep.equal([
        [denied.decisionId, false, 'denied', 'no'],
        { kind: 'ended', agentId: other.agentId, toolName: other.toolName, decisionId: other.decisionId, how: 'withdrawn' },
      ]);
    });

    it('gets the verdict before listeners can start what was approved', async () => {
      const order: string[] = [];
      const { desk, open } = setup({ journal: { note: (event) => void order.push(event.kind) } });
      desk.on('settled', () => void order.push('settled'));
      const { decisionId, digest } = await open();
      await desk.approve(decisionId, { by: 'bob', digest });
      expect(order).to.deep.equal(['verdict', 'settled']);
    });

    it('that throws changes nothing', async () => {
      const note = (): void => {
        throw new Error('the disk is full');
      };
      const { desk, open } = setup({ journal: { note } });
      const { decisionId, digest } = await open();
      const reported = await diagnosed(async () => {
        expect((await desk.approve(decisionId, { by: 'bob', digest })).status).to.equal('approved');
      });
      expect(reported.map((d) => d.kind === 'callback' && d.where)).to.deep.equal(['journal.note']);
    });
  });

  describe('onChange', () => {
    it('emits what another process did: a new approval, or how one was settled, and nothing of a part', async () => {
      const store = new MemoryApprovalStore();
      const { desk } = setup({}, store);
      const told: unknown[] = [];
      desk.on('requested', (r) => told.push(['requested', r.decisionId]));
      desk.on('settled', (r) => told.push([r.status, r.decisionId]));
      const elsewhere = setup({ approverGroups: { ops: ['oli'] } }, store);
      const record = await elsewhere.open({ policies: [policyOf('a'), policyOf('b', { approvers: ['ops'] })] });
      const { decisionId, digest } = record;
      await desk.onChange(decisionId);
      await elsewhere.desk.approve(decisionId, { by: 'bob', digest });
      await desk.onChange(decisionId);
      await elsewhere.desk.approve(decisionId, { by: 'oli', digest });
      await desk.onChange(decisionId);
      await desk.onChange('dec-none');
      expect(told).to.deep.equal([
        ['requested', decisionId],
        ['approved', decisionId],
      ]);
    });
  });

  describe('consume', () => {
    it('with the same token is the same use, as after a crash; with another one, or for other params, never', async () => {
      for (const store of [new MemoryApprovalStore(), new SlowStore()]) {
        const { desk, open } = setup({}, store);
        const { decisionId, digest } = await open();
        await desk.approve(decisionId, { by: 'bob', digest });
        const use = { decisionId, digest, token: 'task-1', bindingBase: BINDING_BASE };
        expect(await Promise.all(Array.from({ length: 8 }, () => desk.consume(use)))).to.deep.equal(Array.from({ length: 8 }, () => true));
        expect(await desk.consume(use)).to.equal(true);
        expect((await desk.get(decisionId))?.version).to.equal(3);
        const seen = await diagnosed(async () => {
          expect(await desk.consume({ ...use, token: 'task-2', bindingBase: BINDING_BASE })).to.equal(false);
          expect(await desk.consume({ ...use, digest: 'another' })).to.equal(false);
        });
        expect(securityCodes(seen)).to.deep.equal(['approval_already_consumed', 'approval_already_consumed']);
        time.tick(60_000);
        expect(await desk.consume(use)).to.equal(false);
      }
    });

    it('uses an approval once, ever: for one of 64 at once, and for no other after', async () => {
      for (const store of [new MemoryApprovalStore(), new SlowStore()]) {
        const { desk, open } = setup({}, store);
        const { decisionId, digest } = await open();
        await desk.approve(decisionId, { by: 'bob', digest });
        const used = await Promise.all(
          Array.from({ length: 64 }, (_, i) => desk.consume({ decisionId, digest, token: `t${i}`, bindingBase: BINDING_BASE })),
        );
        expect(used.filter(Boolean)).to.have.length(1);
        expect((await desk.get(decisionId))?.consumed?.token).to.equal(`t${used.indexOf(true)}`);
        const seen = await diagnosed(async () => {
          expect(await desk.consume({ decisionId, digest, token: 'another', bindingBase: BINDING_BASE })).to.equal(false);
        });
        expect(securityCodes(seen)).to.deep.equal(['approval_already_consumed']);
      }
    });

    it('gives up on a store that takes nothing though nobody was first', async () => {
      const store = new MemoryApprovalStore();
      const { desk, open } = setup({}, store);
      const { decisionId, digest } = await open();
      await desk.approve(decisionId, { by: 'bob', digest });
      store.replace = () => false;
      expect(await desk.consume({ decisionId, digest, token: 't', bindingBase: BINDING_BASE })).to.equal(false);
    });

    it('refuses what is not approved', async () => {
      const { desk, open } = setup();
      const { decisionId, digest } = await open({ policies: [policyOf('a'), policyOf('b', { approvers: ['x'] })] });
      const use = { decisionId, digest, token: 't', bindingBase: BINDING_BASE };
      expect(await desk.consume(use)).to.equal(false);
      await desk.approve(decisionId, { by: 'bob', digest });
      expect(await desk.consume(use)).to.equal(false);
      await desk.end(decisionId, 'withdrawn');
      expect(await desk.consume(use)).to.equal(false);
      expect(await desk.consume({ ...use, decisionId: 'dec-none' })).to.equal(false);
    });

    it('refuses another call, and what was never bound, and reports it', async () => {
      const store = new MemoryApprovalStore();
      const { desk, open } = setup({}, store);
      const [one, unbound] = [await open(), await open()];
      for (const { decisionId, digest } of [one, unbound]) await desk.approve(decisionId, { by: 'bob', digest });
      const { bindingDigest: _, ...older } = (await store.get(unbound.decisionId)) as ApprovalRecord;
      await store.replace({ ...older, version: older.version + 1 }, older.version);
      const use = { digest: one.digest, token: 't' };
      const seen = await diagnosed(async () => {
        expect(await desk.consume({ ...use, decisionId: one.decisionId, bindingBase: 'other' })).to.equal(false);
        expect(await desk.consume({ ...use, decisionId: unbound.decisionId, bindingBase: BINDING_BASE })).to.equal(false);
      });
      expect(securityCodes(seen)).to.deep.equal(['approval_binding_mismatch', 'approval_binding_mismatch']);
      expect(await desk.consume({ ...use, decisionId: one.decisionId, bindingBase: BINDING_BASE })).to.equal(true);
    });

    it('neither decides, uses nor begins what demands more than this version knows', async () => {
      const store = new MemoryApprovalStore();
      const { desk, open } = setup({}, store);
      const { decisionId, digest } = await open();
      const demand = async (change: Partial<ApprovalRecord>): Promise<void> => {
        const record = (await store.get(decisionId)) as ApprovalRecord;
        await store.replace({ ...record, ...change, version: record.version + 1 }, record.version);
      };
      await demand({ requires: ['binding', 'unheard-of'] });
      expect(await rejection(desk.approve(decisionId, { by: 'bob', digest }))).to.include({ code: 'approval_not_understood', status: 409 });
      await demand({ status: 'approved' });
      const use = { decisionId, digest, token: 't', bindingBase: BINDING_BASE };
      const seen = await diagnosed(async () => {
        expect(await desk.verify(use)).to.equal(false);
        expect(await desk.consume(use)).to.equal(false);
      });
      expect(securityCodes(seen)).to.deep.equal(['approval_not_understood', 'approval_not_understood']);
      await demand({ consumed: { token: 't', atMs: 1 } });
      expect(await desk.begin({ decisionId, token: 't', claimToken: 'c' })).to.equal(false);
    });

    it('gives up on a verdict, an end or a begin that the store does not take though no one was first', async () => {
      const store = new MemoryApprovalStore();
      const { desk, open } = setup({}, store);
      const [asked, used] = [await open(), await open()];
      await desk.approve(used.decisionId, { by: 'bob', digest: used.digest });
      await desk.consume({ decisionId: used.decisionId, digest: used.digest, token: 't', bindingBase: BINDING_BASE });
      store.replace = () => false;
      const seen = await diagnosed(async () => {
        const verdict = { by: 'bob', digest: asked.digest };
        expect(await rejection(desk.approve(asked.decisionId, verdict))).to.include({ code: 'verdict_not_recorded', status: 409 });
        await desk.end(asked.decisionId, 'withdrawn');
        expect(await desk.begin({ decisionId: used.decisionId, token: 't', claimToken: 'c' })).to.equal(false);
      });
      expect(securityCodes(seen)).to.deep.equal(Array.from({ length: 2 }, () => 'approval_not_replaced'));
    });

    it('refuses other params, reports it, and leaves the approval to its own', async () => {
      const { desk, open } = setup();
      const { decisionId, digest } = await open();
      await desk.approve(decisionId, { by: 'bob', digest });
      const seen = await diagnosed(async () => {
        expect(await desk.consume({ decisionId, digest: `${digest.slice(0, 63)}x`, token: 't', bindingBase: BINDING_BASE })).to.equal(
          false,
        );
      });
      expect(seen).to.have.length(1);
      expect(seen[0]).to.deep.include({
        kind: 'security',
        code: 'approval_digest_mismatch',
        subject: { decisionId, agentId: 'bot', toolName: 'refund' },
        // A16: not the agent whose approval it is
        actor: { kind: 'caller', taskId: 't' },
      });
      expect(await desk.consume({ decisionId, digest, token: 't', bindingBase: BINDING_BASE })).to.equal(true);
    });

    it('races the withdrawal of the approval, and one of the two wins', async () => {
      for (let i = 0; i < 20; i++) {
        const { desk, open } = setup({}, new SlowStore());
        const { decisionId, digest } = await open();
        await desk.approve(decisionId, { by: 'bob', digest });
        const use = (): unknown => desk.consume({ decisionId, digest, token: 't', bindingBase: BINDING_BASE });
        const [used] = await Promise.all(
          i % 2 === 0 ? [use(), desk.end(decisionId, 'withdrawn')] : [desk.end(decisionId, 'withdrawn'), use()].reverse(),
        );
        expect((await desk.get(decisionId))?.status).to.equal(used === true ? 'approved' : 'withdrawn');
      }
    });
  });

  describe('opening', () => {
    it('records all that a person has to see, and tells it', async () => {
      const { desk } = setup();
      const told: ApprovalRecord[] = [];
      desk.on('requested', (r) => told.push(r));
      const { timeoutMs, bindingBase, ...opening } = openingOf();
      const outcome = await desk.open({ ...opening, bindingBase, timeoutMs });
      const nowMs = Date.now();
      const record = outcome.kind === 'opened' ? outcome.record : undefined;
      expect(record).to.include({ bindingDigest: bindingDigest({ bindingBase, digest: opening.digest }) });
      expect(record).to.deep.include({
        ...opening,
        requires: ['binding', 'begin'],
        status: 'pending',
        refusals: 0,
        createdAtMs: nowMs,
        expiresAtMs: nowMs + timeoutMs,
      });
      expect(told).to.deep.equal([record]);
      expect(await desk.list()).to.deep.equal([record]);
    });

    it('refuses the same call again for a while after a person refused it, with the person’s reason', async () => {
      const { desk, open } = setup({ denialTtlMs: 10_000 });
      const { decisionId } = await open();
      await desk.deny(decisionId, { by: 'bob', reason: 'not today' });
      time.tick(9_999);
      expect(await desk.open(openingOf())).to.deep.equal({ kind: 'refused', reason: 'not today' });
      time.tick(1);
      expect((await desk.open(openingOf())).kind).to.equal('opened');
    });

    it('remembers a refusal of five minutes by default, also past the approval’s own end and 1,000 openings', async () => {
      const { desk, open } = setup();
      const { decisionId } = await open({ timeoutMs: 1_000 });
      await desk.deny(decisionId, { by: 'bob' });
      time.tick(299_999);
      for (let i = 0; i < 1_001; i++) await open({ params: { amount: 100 + i }, timeoutMs: 1_000 });
      expect(await desk.open(openingOf())).to.deep.equal({ kind: 'refused', reason: 'a person refused this call' });
      time.tick(1);
      expect((await desk.open(openingOf())).kind).to.equal('opened');
    });

    it('remembers a refusal for longer than an hour where it is told to', async () => {
      const { desk, open } = setup({ denialTtlMs: 3 * HOUR });
      await desk.deny((await open({ timeoutMs: 1_000 })).decisionId, { by: 'bob' });
      time.tick(3 * HOUR - 1);
      for (let i = 0; i < 1_001; i++) await open({ params: { amount: 100 + i } });
      expect((await desk.open(openingOf())).kind).to.equal('refused');
      // near repeats are those of the last hour all the same
      expect((await open({ params: { amount: 2 } })).refusals).to.equal(0);
      time.tick(1);
      expect((await desk.open(openingOf())).kind).to.equal('opened');
    });

    it('is not hurt, and it is reported, where what ended long ago cannot be forgotten', async () => {
      const store = new MemoryApprovalStore();
      store.prune = () => {
        throw new Error('disk full');
      };
      const { open } = setup({}, store);
      const seen = await diagnosed(async () => {
        for (let i = 0; i < 1_000; i++) await open({ params: { amount: i } });
      });
      expect(seen.map((d) => d.kind === 'callback' && d.where)).to.deep.equal(['pruning approvals']);
    });

    it('under an id that is taken opens nothing', async () => {
      const store = new MemoryApprovalStore();
      store.insert = () => false;
      const { desk } = setup({}, store);
      const told: unknown[] = [];
      desk.on('requested', (r) => told.push(r));
      expect(await rejection((async () => desk.open(openingOf()))())).to.include({ name: 'CapacityError' });
      expect(told).to.deep.equal([]);
    });

    it('refuses no other call: other params, session, guard, tool or agent', async () => {
      const { desk, open } = setup();
      await desk.deny((await open()).decisionId, { by: 'bob' });
      const others: Partial<ApprovalRequest>[] = [
        { params: { amount: 2 } },
        { sessionDigest: 'another' },
        { guardKey: 'another' },
        { toolName: 'another' },
        { agentId: 'another' },
      ];
      for (const other of others) expect((await desk.open(openingOf(other))).kind, JSON.stringify(other)).to.equal('opened');
    });

    it('says how often this agent was refused this tool within the last hour', async () => {
      const { desk, open } = setup();
      for (let i = 1; i <= 3; i++) {
        const near = await open({ params: { amount: i } });
        expect(near.refusals).to.equal(i - 1);
        await desk.deny(near.decisionId, { by: 'bob' });
        time.tick(1_000);
      }
      expect((await open({ params: { amount: 9 }, agentId: 'other' })).refusals).to.equal(0);
      expect((await open({ params: { amount: 9 }, toolName: 'other' })).refusals).to.equal(0);
      expect((await open({ params: { amount: 9 } })).refusals).to.equal(3);
      time.tick(HOUR - 1_500);
      expect((await open({ params: { amount: 8 } })).refusals).to.equal(1);
    });

    it('stops at the cap of one agent and tool, and leaves the others alone', async () => {
      const { desk, open } = setup({ maxPendingPerTool: 3 });
      const three = [await open(), await open(), await open()];
      const error = await rejection((async () => desk.open(openingOf()))());
      expect(error).to.include({ name: 'CapacityError', limit: 3 });
      expect(await desk.list()).to.have.length(3);
      await open({ toolName: 'other' });
      await open({ agentId: 'other' });
      await desk.deny(three[0]!.decisionId, { by: 'bob' });
      await open({ params: { amount: 2 } });
      await rejection((async () => desk.open(openingOf({ params: { amount: 3 } })))());
    });

    it('does not count approvals that nobody ended but whose time is over', async () => {
      for (const store of [new MemoryApprovalStore(), new SlowStore()]) {
        const { open, settled } = setup({ maxPendingPerTool: 3 }, store);
        for (let i = 0; i < 3; i++) await open({ timeoutMs: 1_000 });
        time.tick(1_000);
        await open();
        expect(settled.map((r) => r.status)).to.deep.equal(['expired', 'expired', 'expired']);
      }
    });

    it('forgets what ended long ago', async () => {
      const { desk, open } = setup();
      const old = await open({ timeoutMs: 1_000 });
      time.tick(1_000 + HOUR);
      for (let i = 0; i < 1_000; i++) await open();
      expect(await desk.get(old.decisionId)).to.equal(undefined);
    });
  });

  describe('list', () => {
    it('gives the pending ones, oldest first whatever the caller wrote', async () => {
      const { desk, open } = setup();
      const made: string[] = [];
      for (const reason of ['z', 'a', 'm', 'urgent!', '']) {
        made.push((await open({ reason, toolName: `t_${reason}` })).decisionId);
        time.tick(1);
      }
      await desk.deny(made[1]!, { by: 'bob' });
      expect((await desk.list()).map((r) => r.decisionId)).to.deep.equal([made[0], made[2], made[3], made[4]]);
      expect((await desk.list({ status: 'denied' })).map((r) => r.decisionId)).to.deep.equal([made[1]]);
      expect((await desk.list({ limit: 1 })).map((r) => r.decisionId)).to.deep.equal([made[0]]);
    });

    it('is not filled by approvals whose time is over, however many', async () => {
      const { desk, open } = setup();
      for (let i = 0; i < 2_500; i++) await open({ timeoutMs: 1_000 });
      const live = await open();
      time.tick(1_000);
      expect((await desk.list({ limit: 5 })).map((r) => r.decisionId)).to.deep.equal([live.decisionId]);
      expect(await desk.list({ status: 'expired', limit: 5_000 })).to.have.length(2_500);
    });
  });

  describe('attended', () => {
    it('is true while somebody listens for requests, or attends', () => {
      const { desk } = setup();
      desk.removeAllListeners();
      expect(desk.attended).to.equal(false);
      const listener = (): void => {};
      desk.on('settled', listener);
      expect(desk.attended).to.equal(false);
      desk.on('requested', listener);
      expect(desk.attended).to.equal(true);
      desk.off('requested', listener);
      expect(desk.attended).to.equal(false);
      const [leave, leaveToo] = [desk.attend(), desk.attend()];
      leave();
      leave();
      expect(desk.attended).to.equal(true);
      leaveToo();
      expect(desk.attended).to.equal(false);
    });
  });

  it('is not hurt by listeners that throw or reject', async () => {
    const { desk, open } = setup();
    for (const event of ['requested', 'settled'] as const) {
      desk.on(event, () => {
        throw new Error(event);
      });
      // oxlint-disable-next-line typescript/no-misused-promises -- that is what it is about
      desk.on(event, async () => Promise.reject(new Error(event)));
    }
    const seen = await diagnosed(async () => {
      const { decisionId, digest } = await open();
      expect((await desk.approve(decisionId, { by: 'bob', digest })).status).to.equal('approved');
      expect(await desk.consume({ decisionId, digest, token: 't', bindingBase: BINDING_BASE })).to.equal(true);
      await time.tickAsync(1);
    });
    expect(seen.map((d) => d.kind)).to.deep.equal(['callback', 'callback', 'callback', 'callback']);
  });

  interface Setup {
    desk: ApprovalDesk;
    open: (more?: Partial<ApprovalRequest>) => Promise<ApprovalRecord>;
    settled: ApprovalRecord[];
  }

  describe('what it hands out (A7)', () => {
    const params = { who: { iban: 'DE1' }, at: new Date(5) };

    it('can be changed by no listener: the requester still may not approve', async () => {
      const { desk, open } = setup();
      desk.on('requested', (record) => void changeAll(record));
      desk.on('settled', (record) => void changeAll(record));
      const { decisionId, digest, requester } = await open({ params });
      expect(await rejection(desk.approve(decisionId, { by: requester, digest }))).to.include({ status: 403, code: 'self_approval' });
      expect(await desk.get(decisionId)).to.deep.include({ params: { who: { iban: 'DE1' }, at: new Date(5) }, requester });
      expect((await desk.approve(decisionId, { by: 'bob', digest })).status).to.equal('approved');
      expect(await desk.get(decisionId)).to.deep.include({ status: 'approved', requester, digest });
    });

    it('can be changed by no hook that says who may decide, nor by code that reads it', async () => {
      const { desk, open } = setup({ mayApprove: (_by, record, policy) => changeAll([record, policy]) > 0 });
      const opened = await open({ params });
      const { decisionId, digest } = opened;
      changeAll(opened);
      changeAll(await desk.get(decisionId));
      changeAll(await desk.list());
      changeAll(describeApproval((await desk.get(decisionId))!));
      const decided = await desk.approve(decisionId, { by: 'bob', digest });
      expect(decided).to.deep.include({ status: 'approved', params: { who: { iban: 'DE1' }, at: new Date(5) }, digest, requester: 'ann' });
      changeAll(decided);
      expect(await desk.get(decisionId)).to.deep.include({ status: 'approved', digest, requester: 'ann' });
    });

    it('has nothing to do with what becomes of the groups that it was given', async () => {
      const approverGroups = { leads: ['bob'] };
      const options: { -readonly [K in keyof ApprovalDeskOptions]: ApprovalDeskOptions[K] } = { approverGroups, requireRequester: true };
      const { desk, open } = setup(options);
      const { decisionId, digest } = await open({ policies: [policyOf('limit', { approvers: ['leads'] })], requesterKnown: false });
      approverGroups.leads.push('eve');
      Object.assign(approverGroups, { others: ['eve'] });
      options.requireRequester = false;
      options.mayApprove = () => true;
      expect(await rejection(desk.approve(decisionId, { by: 'bob', digest }))).to.include({ code: 'requester_unknown' });
      const known = await open({ policies: [policyOf('limit', { approvers: ['leads'] })], params: { other: 1 } });
      expect(await rejection(desk.approve(known.decisionId, { by: 'eve', digest: known.digest }))).to.include({ code: 'not_an_approver' });
    });
  });

  describe('a signed approval in a process without the state key (A14)', () => {
    const key = new SecretString('k'.repeat(32));

    it('takes no verdict, and says what to do; the processes with the key decide it', async () => {
      const store = new MemoryApprovalStore();
      const keyed = new ApprovalDesk(new SignedApprovalStore(store, key));
      const opened = await keyed.open(openingOf());
      const { decisionId, digest } = (opened as Extract<typeof opened, { kind: 'opened' }>).record;
      const { desk, settled } = setup({}, store);
      for (const verdict of ['approve', 'deny'] as const) {
        const error = await rejection(desk[verdict](decisionId, { by: 'bob', digest }));
        expect(error).to.include({ name: 'VerdictError', status: 409, code: 'state_key_missing', decisionId });
        expect(error.message).to.include('AEGIS_STATE_KEY');
      }
      expect(settled).to.deep.equal([]);
      expect((await keyed.approve(decisionId, { by: 'bob', digest })).status).to.equal('approved');
      expect(await rejection(desk.deny(decisionId, { by: 'bob' }))).to.include({ code: 'already_approved' });
    });

    it('ends as withdrawn when its time is over, which the others accept without a signature', async () => {
      const store = new MemoryApprovalStore();
      const keyed = new ApprovalDesk(new SignedApprovalStore(store, key));
      await keyed.open(openingOf());
      const { desk } = setup({}, store);
      time.tick(60_000);
      const seen = await diagnosed(async () => {
        expect(await desk.list()).to.deep.equal([]);
        expect(await keyed.list({ status: 'withdrawn' })).to.have.length(1);
      });
      expect(securityCodes(seen)).to.deep.equal([]);
    });
  });

  function setup(options: ApprovalDeskOptions = {}, store = new MemoryApprovalStore()): Setup {
    const desk = new ApprovalDesk(store, options);
    const settled: ApprovalRecord[] = [];
    desk.on('settled', (record) => settled.push(record));
    const open = async (more?: Partial<ApprovalRequest>): Promise<ApprovalRecord> => {
      const outcome = await desk.open(openingOf(more));
      if (outcome.kind !== 'opened') throw new Error(`it was not opened: ${outcome.kind}`);
      return outcome.record;
    };
    return { desk, open, settled };
  }
});

/** Answers later, so that reads and writes of several callers interleave. */
class SlowStore extends MemoryApprovalStore {
  override get(decisionId: string): never {
    return Promise.resolve().then(() => super.get(decisionId)) as never;
  }

  override replace(record: ApprovalRecord, version: number): never {
    return Promise.resolve().then(() => super.replace(record, version)) as never;
  }
}
