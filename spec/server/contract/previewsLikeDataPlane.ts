import { expect } from 'chai';
import { guard } from '../../../lib/guard/guard.js';
import type { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { ForbiddenError } from '../../../lib/model/errors/RefusalErrors.js';
import { previewDigest } from '../../../lib/model/preview/previewDigest.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { rejection } from '../../support/rejection.js';
import { until } from '../../support/until.js';
import type { ContractWorld, MakeWorld } from './contractWorlds.js';

const POLICIES = `
@id("all") permit (principal, action, resource);
@id("never") forbid (principal, action == Aegis::Action::"never", resource);
@id("caps") @effect("sanitize") @sanitize("set /amount 100") forbid (principal, action == Aegis::Action::"cap", resource) when { context.input.amount > 100 };
@id("asks") @effect("approval_needed") @reason("look at it") @editable("/amount") @editor_may_approve("true")
forbid (principal, action in [Aegis::Action::"pay", Aegis::Action::"cap", Aegis::Action::"drop", Aegis::Action::"edit", Aegis::Action::"shift"], resource);
@id("needs") @effect("approval_needed") @reason("look closely") @needs_preview("true") forbid (principal, action == Aegis::Action::"drop", resource);
`;

type AnyCall = (amount: unknown, more?: unknown) => Promise<unknown>;

/** How previews come to people, and what they are good for, in one world. */
export function previewsLikeDataPlane(name: string, make: MakeWorld): void {
  describe(`${name}, with previews`, function () {
    this.timeout(60_000);
    let world: ContractWorld;
    let aegis: AegisModule;
    let onDuty = 'rita';
    before(async () => {
      world = await make({ policies: { text: POLICIES }, facts: () => ({ onDuty }) });
      aegis = world.program();
    });
    after(() => world.release());

    const guarded = (toolName: string, options: object = {}) => {
      const runs: unknown[] = [];
      const made: unknown[] = [];
      const method = async (amount: unknown): Promise<unknown> => {
        runs.push(amount);
        return `${toolName} done`;
      };
      const preview = (_self: unknown, [amount, due]: readonly unknown[]): object => {
        made.push(amount);
        return {
          summary: `Pays ${String(amount)} — “net” \u202e`,
          changes: [
            { what: 'balance', before: 10n, after: [1, { x: null }] },
            { what: 'due', after: due },
          ],
          reversible: 'external',
        };
      };
      const more = { toolName, params: ['amount', 'due'], approval: 'wait', module: aegis, preview, ...options };
      return { call: guard(method, more as never) as unknown as AnyCall, runs, made };
    };
    const waiting = async (toolName: string): Promise<ApprovalRecord> => {
      let found: readonly ApprovalRecord[] = [];
      await until(async () => (found = (await world.desk.list()).filter((record) => record.toolName === toolName)).length > 0);
      expect(found).to.have.length(1);
      return found[0] as ApprovalRecord;
    };
    const approve = ({ decisionId, digest }: ApprovalRecord, more: object = {}): Promise<ApprovalRecord> =>
      world.desk.approve(decisionId, { by: 'bob', digest, ...more });

    it('are made of what would run, typed values and all, once, and only where a person is asked', async () => {
      const free = guarded('free');
      expect(await free.call(1)).to.equal('free done');
      const never = guarded('never');
      await rejection(never.call(1));
      expect([...free.made, ...never.made]).to.deep.equal([]);
      const { call, runs, made } = guarded('pay', { params: ['amount', 'due'] });
      const result = call(7n, new Date(5));
      const record = await waiting('pay');
      const content = {
        summary: 'Pays 7 — “net” \u202e',
        changes: [
          { what: 'balance', before: '10', after: [1, { x: null }] },
          { what: 'due', after: '1970-01-01T00:00:00.005Z' },
        ],
        reversible: 'external',
      } as const;
      const digest = previewDigest(record.digest, { content });
      expect(record.preview).to.deep.equal({ of: record.digest, digest, content });
      expect(record.requires).to.include('preview');
      await approve(record);
      expect(await result).to.equal('pay done');
      expect({ runs, made }).to.deep.equal({ runs: [7n], made: [7n] });
      expect((await world.desk.get(record.decisionId))?.preview).to.deep.equal({ of: record.digest, digest });
    });

    it('are of the params as a policy changes them', async () => {
      const { call, runs, made } = guarded('cap');
      const result = call(250, 'x');
      const record = await waiting('cap');
      expect(record.preview).to.include({ of: record.digest }).and.have.nested.property('content.summary').that.contains('Pays 100');
      await approve(record);
      await result;
      expect({ runs, made }).to.deep.equal({ runs: [100], made: [100] });
    });

    it('that fail are said to, and where a policy demands one the call is denied', async () => {
      const failing = { preview: () => Promise.reject(new Error('the secret is 4242')) };
      const pay = guarded('pay', failing);
      const result = pay.call(1, 'x');
      const record = await waiting('pay');
      expect(record.preview).to.deep.equal({
        of: record.digest,
        digest: previewDigest(record.digest, { failure: 'threw' }),
        failure: 'threw',
      });
      await approve(record);
      await result;
      for (const [options, why] of [
        [failing, 'making it failed'],
        [{ preview: () => ({ summary: 'x'.repeat(20_000), reversible: 'external' }) }, 'it is larger than 16 kB'],
        [{ preview: undefined }, 'its guard makes none'],
      ] as const) {
        const drop = guarded('drop', options);
        const error = await rejection(drop.call(1, 'x'));
        expect(error).to.be.instanceOf(ForbiddenError);
        expect(error.message).to.contain(why).and.not.contain('4242');
        expect(drop.runs).to.deep.equal([]);
      }
      const drop = guarded('drop');
      const dropped = drop.call(2, 'x');
      await approve(await waiting('drop'));
      expect(await dropped).to.equal('drop done');
    });

    it('stay those of the call before an edit', async () => {
      const { call, runs, made } = guarded('edit');
      const result = call(250, 'x');
      const record = await waiting('edit');
      const edited = await approve(record, { edit: { set: { '/amount': 20 } } });
      expect(edited.preview).to.deep.equal(record.preview);
      await result;
      expect({ runs, made }).to.deep.equal({ runs: [20], made: [250] });
    });

    it('are made again where a call is asked about again', async () => {
      const { call, runs, made } = guarded('shift');
      const result = call(3, 'x');
      const record = await waiting('shift');
      onDuty = 'kim';
      await approve(record);
      const again = await waiting('shift');
      expect(again.decisionId).to.not.equal(record.decisionId);
      expect(again.preview?.digest).to.equal(record.preview?.digest);
      await approve(again);
      expect(await result).to.equal('shift done');
      expect({ runs, made }).to.deep.equal({ runs: [3], made: [3, 3] });
    });
  });
}
