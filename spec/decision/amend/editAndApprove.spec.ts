import { expect } from 'chai';
import { AegisModule, guard, isPending } from '../../../lib/index.js';
import type { AegisOptions, PendingApproval } from '../../../lib/index.js';
import type { JournalEvent } from '../../../lib/model/Journal.js';
import { rejection } from '../../support/rejection.js';

/** Refunds above 100 ask; who edits one may approve it; more than 500 is denied; a refund to a test account asks somebody else. */
const POLICIES = `
@id("all") permit (principal, action, resource);
@id("ask") @effect("approval_needed") @reason("a person decides") @editable("/amount, /note") @editor_may_approve("true")
forbid (principal, action == Aegis::Action::"refund", resource) when { context.input.amount > 100 };
@id("cap") @reason("never more than 500") forbid (principal, action, resource) when { context.input.amount > 500 };
@id("vip") @effect("approval_needed") @reason("a director decides") @editable("/amount, /note")
forbid (principal, action, resource) when { context.input.amount > 300 };
@id("closed") @effect("approval_needed") @reason("no edits here") forbid (principal, action, resource) when { context.input has note && context.input.note like "*audit*" };
`;

describe('A call that a person edits', () => {
  let module: AegisModule;
  const events: JournalEvent[] = [];
  const start = (options: AegisOptions = {}): void => {
    events.length = 0;
    module = AegisModule.create({
      agentId: 'bot',
      policies: { text: POLICIES },
      journal: { note: (event) => void events.push(event) },
      ...options,
    });
  };
  beforeEach(() => start());
  afterEach(() => module.close());

  const ran: unknown[][] = [];
  beforeEach(() => void (ran.length = 0));
  const refund = async (amount: number, note: string = 'late'): Promise<PendingApproval<string>> => {
    const call = guard(
      async (asked: number, why: string) => {
        ran.push([asked, why]);
        return `refunded ${asked}`;
      },
      { toolName: 'refund', params: ['amount', 'note'], module, approval: 'defer' },
    );
    const pending = await call(amount, note);
    if (!isPending<string>(pending)) throw new Error('it did not wait');
    return pending;
  };
  const digestOf = async ({ decisionId }: PendingApproval): Promise<string> => (await module.approvals.get(decisionId))?.digest as string;

  it('runs as it was edited, and its caller is told what was changed', async () => {
    const pending = await refund(250);
    expect(pending.edited).to.equal(undefined);
    const approved = await module.approvals.approve(pending.decisionId, {
      by: 'ann',
      digest: await digestOf(pending),
      edit: { set: { '/amount': 200 } },
      reason: 'the shipping was used',
    });
    expect(approved.status).to.equal('approved');
    expect(await pending.completed).to.equal('refunded 200');
    expect(ran).to.deep.equal([[200, 'late']]);
    expect(pending.edited).to.deep.equal(['/amount']);
    expect(JSON.parse(JSON.stringify(pending)))
      .to.include({ status: 'completed' })
      .and.to.have.deep.property('edited', ['/amount']);
    const kinds = events.map(({ kind }) => kind);
    expect(
      kinds.filter((kind) => ['opened', 'amended', 'verdict', 'consumed', 'begun', 'entering', 'settled'].includes(kind)),
    ).to.deep.equal(['opened', 'amended', 'verdict', 'consumed', 'begun', 'entering', 'settled']);
  });

  it('keeps the original, who edited what, and why; and forgets the values once it was used', async () => {
    const pending = await refund(250);
    const { originalDigest, digest } = (await module.approvals.get(pending.decisionId)) ?? {};
    const amended = await module.approvals.amend(pending.decisionId, { by: 'ann', digest, set: { '/amount': 200 }, reason: 'too much' });
    expect(amended.status).to.equal('pending');
    expect(amended.originalDigest).to.equal(originalDigest);
    expect(amended.originalParams).to.deep.equal({ amount: 250, note: 'late' });
    expect(amended.params).to.deep.equal({ amount: 200, note: 'late' });
    expect(amended.requires).to.include('amend');
    const [amendment] = amended.amendments ?? [];
    expect(amendment).to.deep.include({
      by: 'ann',
      reason: 'too much',
      from: digest,
      to: amended.digest,
      params: { amount: 200, note: 'late' },
      changes: [{ pointer: '/amount', before: 250, after: 200 }],
      superseded: [],
    });
    await module.approvals.approve(pending.decisionId, { by: 'bob', digest: amended.digest });
    await pending.completed;
    const used = await module.approvals.get(pending.decisionId);
    expect(used?.amendments?.[0]).to.deep.include({ params: {}, changes: [{ pointer: '/amount' }], from: digest, to: amended.digest });
  });

  it('asks under every policy that asked before or asks about the edited call', async () => {
    const pending = await refund(250);
    const raised = await module.approvals.amend(pending.decisionId, {
      by: 'ann',
      digest: await digestOf(pending),
      set: { '/amount': 400 },
    });
    expect(raised.policies.map(({ id }) => id)).to.deep.equal(['ask', 'vip']);
    // an edit back sheds none
    const lowered = await module.approvals.amend(pending.decisionId, { by: 'bob', digest: raised.digest, set: { '/amount': 50 } });
    expect(lowered.policies.map(({ id }) => id)).to.deep.equal(['ask', 'vip']);
    // both are editors by now, and `vip` does not let editors approve
    const yes = await module.approvals.approve(pending.decisionId, { by: 'ann', digest: lowered.digest });
    expect(yes.status).to.equal('pending');
    expect(yes.verdicts[0]?.policies).to.deep.equal(['ask']);
    const refused = await rejection(module.approvals.approve(pending.decisionId, { by: 'bob', digest: lowered.digest }));
    expect([refused.status, refused.code]).to.deep.equal([403, 'editor_approval']);
    await module.approvals.approve(pending.decisionId, { by: 'dan', digest: lowered.digest });
    expect(await pending.completed).to.equal('refunded 50');
  });

  it('counts no verdict that was given before the edit', async () => {
    const pending = await refund(400);
    const before = await digestOf(pending);
    // one policy has its yes
    const first = await module.approvals.approve(pending.decisionId, { by: 'ann', digest: before });
    expect(first.status).to.equal('approved');
    expect(await pending.completed).to.equal('refunded 400');

    start({ mayApprove: (by, _request, { id }) => (id === 'vip') === (by === 'dan') });
    const again = await refund(400);
    const one = await module.approvals.approve(again.decisionId, { by: 'ann', digest: await digestOf(again) });
    expect(one).to.include({ status: 'pending' });
    const edited = await module.approvals.amend(again.decisionId, { by: 'bob', digest: one.digest, set: { '/amount': 350 } });
    expect(edited.verdicts).to.deep.equal([]);
    expect(edited.amendments?.[0]?.superseded).to.have.length(1);
    const other = await module.approvals.approve(again.decisionId, { by: 'dan', digest: edited.digest });
    expect(other.status).to.equal('pending');
    const stale = await rejection(module.approvals.approve(again.decisionId, { by: 'ann', digest: one.digest }));
    expect([stale.status, stale.code]).to.deep.equal([409, 'digest_mismatch']);
    const last = await module.approvals.approve(again.decisionId, { by: 'ann', digest: edited.digest });
    expect(last.status).to.equal('approved');
    expect(await again.completed).to.equal('refunded 350');
  });

  const refusals: readonly (readonly [what: string, edit: object, status: number, code: string])[] = [
    ['what policies forbid', { set: { '/amount': 501 } }, 422, 'edit_denied'],
    ['what makes a policy ask that lets no one edit it', { set: { '/note': 'for audit' } }, 403, 'not_editable'],
    ['another kind of value', { set: { '/amount': '200' } }, 400, 'invalid_edit'],
    ['a param that is not named', { set: { '/to': 'eve' } }, 403, 'not_editable'],
    ['nothing', {}, 400, 'invalid_edit'],
    ['what is as it was', { set: { '/amount': 250 } }, 400, 'invalid_edit'],
    ['a param away that the guard needs', { remove: ['/note'] }, 400, 'invalid_edit'],
  ];
  for (const [what, edit, status, code] of refusals)
    it(`does not become ${what}`, async () => {
      const pending = await refund(250);
      const before = await module.approvals.get(pending.decisionId);
      const error = await rejection(module.approvals.amend(pending.decisionId, { by: 'ann', digest: before?.digest, ...edit }));
      expect([error.status, error.code], error.message).to.deep.equal([status, code]);
      expect(await module.approvals.get(pending.decisionId)).to.deep.equal(before);
      await pending.cancel();
    });

  it('is previewed without being changed, and an edit of another preview is refused', async () => {
    const pending = await refund(250);
    const digest = await digestOf(pending);
    const preview = await module.approvals.previewEdit(pending.decisionId, { by: 'ann', digest, set: { '/amount': 400 } });
    expect(preview).to.deep.include({ changes: [{ pointer: '/amount', before: 250, after: 400 }], added: ['vip'] });
    expect(preview.standing).to.include({ may: true, isLastYes: false });
    expect(await digestOf(pending)).to.equal(digest);
    const edit = { set: { '/amount': 400 }, editedDigest: preview.digest, asking: preview.asking };
    for (const [other, code] of [
      [{ ...edit, editedDigest: digest }, 'edit_changed'],
      [{ ...edit, asking: digest }, 'policies_changed'],
    ] as const) {
      const error = await rejection(module.approvals.approve(pending.decisionId, { by: 'ann', digest, edit: other }));
      expect([error.status, error.code]).to.deep.equal([409, code]);
    }
    const yes = await module.approvals.approve(pending.decisionId, { by: 'ann', digest, edit });
    expect(yes.status).to.equal('pending');
    await pending.cancel();
  });

  it('is edited five times at most', async () => {
    const pending = await refund(250);
    for (let amount = 201; amount <= 205; amount++)
      await module.approvals.amend(pending.decisionId, { by: 'ann', digest: await digestOf(pending), set: { '/amount': amount } });
    const error = await rejection(
      module.approvals.amend(pending.decisionId, { by: 'ann', digest: await digestOf(pending), set: { '/amount': 206 } }),
    );
    expect([error.status, error.code]).to.deep.equal([409, 'edit_limit']);
    await pending.cancel();
  });

  it('does not run where the policies deny the original or the edited call by then', async () => {
    let blocked: number | undefined;
    start({
      policies: {
        text: `${POLICIES}\n@id("blocked") @reason("blocked now") forbid (principal, action, resource) when { context.facts.blocked };`,
      },
      facts: ({ params }) => ({ blocked: params['amount'] === blocked }),
    });
    for (const amount of [250, 200]) {
      blocked = undefined;
      const pending = await refund(250);
      const amended = await module.approvals.amend(pending.decisionId, {
        by: 'ann',
        digest: await digestOf(pending),
        set: { '/amount': 200 },
      });
      blocked = amount;
      await module.approvals.approve(pending.decisionId, { by: 'bob', digest: amended.digest });
      const error = await rejection(pending.completed);
      expect(error.message).to.contain('blocked now');
      expect(ran).to.deep.equal([]);
    }
  });
});
