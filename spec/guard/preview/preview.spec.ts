import { expect } from 'chai';
import { AegisGuard } from '../../../lib/guard/AegisGuard.js';
import { guard } from '../../../lib/guard/guard.js';
import { guardCall } from '../../../lib/guard/guardCall.js';
import { guardSync } from '../../../lib/guard/guardSync.js';
import { describeApproval } from '../../../lib/decision/desk/describeApproval.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { CallAbortedError } from '../../../lib/model/errors/RefusalErrors.js';
import { GuardDefinitionError } from '../../../lib/model/errors/SetupErrors.js';
import type { PendingApproval } from '../../../lib/model/PendingApproval.js';
import type { CallPreview } from '../../../lib/model/preview/CallPreview.js';
import { previewDigest } from '../../../lib/model/preview/previewDigest.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { rejection } from '../../support/rejection.js';
import { until } from '../../support/until.js';

const POLICIES = `@id("all") permit (principal, action, resource);
@id("never") forbid (principal, action == Aegis::Action::"never", resource);
@id("caps") @effect("sanitize") @sanitize("set /amount 100") forbid (principal, action == Aegis::Action::"pay", resource) when { context.input.amount > 100 };
@id("asks") @effect("approval_needed") @reason("a person decides") @editable("/amount") @editor_may_approve("true")
forbid (principal, action in [Aegis::Action::"delete", Aegis::Action::"pay", Aegis::Action::"drop"], resource);
@id("needs") @effect("approval_needed") @needs_preview("true") @editable("/amount") @editor_may_approve("true") forbid (principal, action == Aegis::Action::"drop", resource);`;

const preview = (summary: string): CallPreview => ({ summary, reversible: 'reversible' });

describe('A preview', () => {
  let aegis: AegisModule;
  let ran: unknown[];
  let made: unknown[];
  beforeEach(() => {
    ran = [];
    made = [];
    aegis = AegisModule.create({ agentId: 'bot', policies: { text: POLICIES } });
  });
  afterEach(() => aegis.close());

  const asked = async (): Promise<ApprovalRecord> => {
    await until(async () => (await aegis.approvals.list()).length > 0);
    return (await aegis.approvals.list())[0] as ApprovalRecord;
  };
  const tool = (toolName: string, more: object = {}): ((input: { amount: number }) => Promise<unknown>) =>
    guard(
      async (input: { amount: number }) => {
        ran.push(input.amount);
        return 'done';
      },
      {
        toolName,
        module: aegis,
        approval: 'wait',
        preview: (_self: unknown, args: readonly [{ amount: number }]) => {
          made.push(args[0].amount);
          return preview(`Pays ${args[0].amount}`);
        },
        ...more,
      } as never,
    ) as never;

  it('is made once a person is about to be asked, and for no other call', async () => {
    expect(await tool('read')({ amount: 1 })).to.equal('done');
    await rejection(tool('never')({ amount: 2 }));
    expect(await aegis.decide({ toolName: 'delete', params: { amount: 3 } })).to.include({ effect: 'approval_needed' });
    expect(made).to.deep.equal([]);
    const result = tool('delete')({ amount: 4 });
    const record = await asked();
    expect(made).to.deep.equal([4]);
    expect(ran).to.deep.equal([1]);
    expect(record.preview).to.deep.equal({
      of: record.digest,
      digest: previewDigest(record.digest, { content: preview('Pays 4') }),
      content: preview('Pays 4'),
    });
    expect(record.requires).to.deep.equal(['binding', 'begin', 'preview']);
    expect(describeApproval(record)).to.include('Preview   Pays 4').and.include('          by the tool itself: can be undone');
    await aegis.approvals.approve(record.decisionId, { by: 'ann', digest: record.digest });
    expect(await result).to.equal('done');
    expect(made).to.deep.equal([4]);
    const used = await aegis.approvals.get(record.decisionId);
    expect(used?.preview).to.deep.equal({ of: record.digest, digest: record.preview?.digest });
    expect(describeApproval(used as ApprovalRecord)).to.include('Preview   no longer kept');
  });

  it('is of the params that would run, where a policy changes them', async () => {
    const result = tool('pay')({ amount: 250 });
    const record = await asked();
    expect(record.preview?.content?.summary).to.equal('Pays 100');
    expect(record.preview?.of).to.equal(record.digest).and.not.equal(record.originalDigest);
    await aegis.approvals.approve(record.decisionId, { by: 'ann', digest: record.digest });
    await result;
    expect(ran).to.deep.equal([100]);
  });

  it('of a method gets its object and arguments; what it does to them reaches neither the call nor what is shown', async () => {
    const returned = { summary: 'Pays 7', changes: [{ what: 'balance', before: 9n, after: new Date(0) }], reversible: 'external' as const };
    class Till {
      readonly name = 'till';
      @AegisGuard({
        toolName: 'delete',
        approval: 'wait',
        params: ['input'],
        module: () => aegis,
        preview: (self: Till, [input], signal) => {
          made.push(self.name, signal.aborted);
          input.amount = 9_999;
          return returned;
        },
      })
      async pay(input: { amount: number }): Promise<string> {
        ran.push(input.amount);
        return 'paid';
      }
    }
    const result = new Till().pay({ amount: 7 });
    const record = await asked();
    returned.summary = 'Pays nothing';
    returned.changes.length = 0;
    expect(made).to.deep.equal(['till', false]);
    expect(record.params).to.deep.equal({ input: { amount: 7 } });
    expect(record.preview?.content).to.deep.equal({
      summary: 'Pays 7',
      changes: [{ what: 'balance', before: '9', after: '1970-01-01T00:00:00.000Z' }],
      reversible: 'external',
    });
    expect(Object.isFrozen(record.preview?.content?.changes?.[0])).to.equal(true);
    await aegis.approvals.approve(record.decisionId, { by: 'ann', digest: record.digest });
    expect(await result).to.equal('paid');
    expect(ran).to.deep.equal([7]);
  });

  it('of guardCall() gets the params by name', async () => {
    const outcome = await guardCall(
      aegis,
      {
        agentId: 'bot',
        toolName: 'delete',
        params: { amount: 5 },
        mode: 'defer',
        preview: (params) => preview(`Pays ${String(params['amount'])}`),
      },
      () => 'ran',
    );
    expect(outcome.kind).to.equal('pending');
    expect((await asked()).preview?.content?.summary).to.equal('Pays 5');
  });

  it('is not made by guardSync(), and takes no time that is none', async () => {
    const make = (options: object): unknown => guard(async () => 1, { toolName: 'x', params: [], approval: 'wait', ...options } as never);
    for (const previewTimeoutMs of [0, -1, 30_001, NaN, '5'])
      expect(() => make({ previewTimeoutMs }), String(previewTimeoutMs)).to.throw(GuardDefinitionError, /`previewTimeoutMs` must be/);
    expect(() => make({ preview: 'text' })).to.throw(GuardDefinitionError, /`preview`/);
    expect(() => guardSync(() => 1, { toolName: 'x', params: [], preview: () => preview('x') } as never)).to.throw(
      GuardDefinitionError,
      /`preview`/,
    );
    const outcome = await guardCall(aegis, { agentId: 'a', toolName: 't', params: {}, previewTimeoutMs: 0 }, () => 1);
    expect(outcome).to.have.nested.property('error.code', 'invalid_call');
  });

  it('that calls a guarded method is guarded as any other call, and that one has no preview of its own', async () => {
    const results: Promise<unknown>[] = [];
    const inner = tool('delete');
    const outer = tool('delete', {
      toolName: 'drop',
      preview: async () => {
        results.push(
          inner({ amount: 1 }),
          outer({ amount: 2 }).catch((error: Error) => error.message),
        );
        return preview('Drops it');
      },
    });
    const result = outer({ amount: 3 });
    await until(async () => (await aegis.approvals.list()).length === 2);
    await until(() => results.length === 2);
    expect(await results[1]).to.contain('the call was made by code that makes a preview');
    const records = await aegis.approvals.list();
    const by = (tool: string): ApprovalRecord => records.find(({ toolName }) => toolName === tool) as ApprovalRecord;
    expect(by('delete').preview).to.include({ failure: 'nested' });
    expect(by('drop').preview?.content?.summary).to.equal('Drops it');
    expect(ran).to.deep.equal([]);
    expect(made).to.deep.equal([]);
    for (const { decisionId, digest } of records) await aegis.approvals.approve(decisionId, { by: 'ann', digest });
    expect(await Promise.all([result, results[0]])).to.deep.equal(['done', 'done']);
    expect([...ran].sort((a, b) => Number(a) - Number(b))).to.deep.equal([1, 3]);
  });

  it('is aborted with its call, for which then no one is asked', async () => {
    const controller = new AbortController();
    let seen: AbortSignal | undefined;
    const hook = (_self: unknown, _args: unknown, signal: AbortSignal) => {
      seen = signal;
      return new Promise(() => {});
    };
    const call = tool('delete', { preview: hook, signal: () => controller.signal });
    const failed = rejection(call({ amount: 1 }));
    await until(() => seen !== undefined);
    controller.abort(new Error('gone'));
    expect(await failed).to.be.instanceOf(CallAbortedError);
    expect(seen?.reason).to.have.property('message', 'gone');
    expect(await aegis.approvals.list()).to.deep.equal([]);
    controller.abort();
    expect(await rejection(call({ amount: 1 }))).to.be.instanceOf(CallAbortedError);
    expect(ran).to.deep.equal([]);
  });

  it('is not begun for a call whose caller has gone while it was decided', async () => {
    const controller = new AbortController();
    const slow = AegisModule.create({
      agentId: 'bot',
      policies: { text: POLICIES },
      facts: async () => {
        await Promise.resolve();
        controller.abort(new Error('gone'));
        return {};
      },
    });
    const call = tool('delete', { module: slow, signal: () => controller.signal });
    expect(await rejection(call({ amount: 1 }))).to.be.instanceOf(CallAbortedError);
    await new Promise((resolve) => setImmediate(resolve));
    expect(made).to.deep.equal([]);
    expect(await slow.approvals.list()).to.deep.equal([]);
    await slow.close();
  });

  it('is demanded of an edited call too, where only what asks about that one demands it', async () => {
    const later = AegisModule.create({
      agentId: 'bot',
      policies: {
        text: `@id("all") permit (principal, action, resource);
          @id("asks") @effect("approval_needed") @editable("/amount") forbid (principal, action, resource);
          @id("large") @effect("approval_needed") @editable("/amount") @needs_preview("true") forbid (principal, action, resource) when { context.input.amount > 100 };`,
      },
    });
    for (const [more, code] of [
      [{ preview: undefined }, 'edit_denied'],
      [{}, undefined],
    ] as const) {
      void tool('delete', { module: later, toolName: code ?? 'edited', ...more })({ amount: 1 }).catch(() => {});
      let record: ApprovalRecord | undefined;
      await until(
        async () => (record = (await later.approvals.list()).find(({ toolName }) => toolName === (code ?? 'edited'))) !== undefined,
      );
      const { decisionId, digest } = record as unknown as ApprovalRecord;
      const edit = later.approvals.amend(decisionId, { by: 'ann', digest, set: { '/amount': 200 } });
      if (code === undefined) expect((await edit).policies.map(({ id }) => id)).to.deep.equal(['asks', 'large']);
      else {
        const error = await rejection(edit);
        expect(error).to.include({ status: 422, code });
        expect(error.message).to.contain('demands a preview');
        expect((await later.approvals.get(decisionId))?.digest).to.equal(digest);
      }
    }
    await later.close();
  });

  it('of duplicate calls leads to one question', async () => {
    const call = tool('delete', { approval: 'defer' });
    const [one, other] = (await Promise.all([call({ amount: 1 }), call({ amount: 1 })])) as [PendingApproval, PendingApproval];
    expect(one.decisionId).to.equal(other.decisionId);
    await until(async () => (await aegis.approvals.list()).length === 1);
    const record = await asked();
    await aegis.approvals.approve(record.decisionId, { by: 'ann', digest: record.digest });
    expect(await Promise.all([one.completed, other.completed])).to.deep.equal(['done', 'done']);
    expect(ran).to.deep.equal([1]);
  });

  it('stays that of the call before an edit, and says so', async () => {
    const result = tool('drop')({ amount: 250 });
    const record = await asked();
    const { decisionId, digest } = record;
    const edited = await aegis.approvals.approve(decisionId, { by: 'ann', digest, edit: { set: { '/amount': 20 } } });
    expect(edited.preview).to.deep.equal(record.preview);
    expect(edited.preview?.of).to.equal(digest).and.not.equal(edited.digest);
    expect(describeApproval(edited)).to.include('          of the call before the edit: nothing says what the edited call would do');
    expect(await result).to.equal('done');
    expect(ran).to.deep.equal([20]);
  });

  it('is told to be in its own words where the guard hides something', async () => {
    void tool('delete', { sensitive: { '/input/amount': 'secret' }, params: ['input'] })({ amount: 42_424_242 }).catch(() => {});
    const lines = describeApproval(await asked());
    expect(lines).to.include("          in the tool's own words: it may show what is hidden elsewhere");
  });
});
