import { expect } from 'chai';
import { AegisModule, guard, isPending } from '../../../lib/index.js';
import type { AegisOptions, PendingApproval } from '../../../lib/index.js';
import type { JournalEvent } from '../../../lib/model/Journal.js';
import { MemoryTaskStore } from '../../../lib/store/memory/MemoryTaskStore.js';
import { rejection } from '../../support/rejection.js';
import { until } from '../../support/until.js';

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

/** Two groups ask about one call, so that one yes does not end it. */
const TWO = ['a', 'b']
  .map(
    (group) =>
      `@id("${group}") @effect("approval_needed") @approvers("${group}") @editable("/amount") @editor_may_approve("true") forbid (principal, action, resource);`,
  )
  .concat('@id("all") permit (principal, action, resource);')
  .join('\n');

function raise(): never {
  throw new Error('it cannot be written');
}

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

  for (const [when, step] of [
    ['just before it is claimed', 'claim'],
    ['once it has begun', 'before'],
  ] as const)
    it(`runs as it was edited once a halt is lifted that came ${when}`, async () => {
      await module.close();
      let halted: string | undefined;
      const halt = async (at: typeof step): Promise<void> => {
        if (at === step) halted ??= (await module.halts.halt({ all: true }, { by: 'ann', reason: 'wait' })).id;
      };
      const tasks = new MemoryTaskStore();
      const claim = tasks.claim.bind(tasks);
      tasks.claim = (async (given: Parameters<typeof claim>[0]) => {
        await halt('claim');
        return claim(given);
      }) as never;
      start({ store: tasks, journal: { note: () => {}, before: () => halt('before') } });
      const pending = await refund(250);
      await module.approvals.approve(pending.decisionId, {
        by: 'ann',
        digest: await digestOf(pending),
        edit: { set: { '/amount': 200 } },
      });
      await until(() => halted !== undefined);
      await new Promise((resolve) => void setTimeout(resolve, 20));
      expect(ran).to.deep.equal([]);
      const used = await module.approvals.get(pending.decisionId);
      expect(used).to.deep.include({ params: {}, originalParams: {} }).and.to.have.nested.property('consumed.token');
      await module.halts.lift(String(halted), { by: 'ann', reason: 'on' });
      expect(await pending.completed).to.equal('refunded 200');
      expect(ran).to.deep.equal([[200, 'late']]);
      // nothing of it stays once it has run
      await until(
        async () => Object.keys((await module.approvals.get(pending.decisionId))?.amendments?.[0]?.params ?? { it: 1 }).length === 0,
      );
    });

  it('is approved under a key whose verdict comes again as it comes over HTTP, also once it has run', async () => {
    await module.close();
    start({
      policies: {
        text: '@id("all") permit (principal, action, resource); @id("ask") @effect("approval_needed") @editable("/big, /due") @editor_may_approve("true") forbid (principal, action, resource);',
      },
    });
    const pay = guard(async (big: bigint, due: Date) => `${big} ${due.getTime()}`, {
      toolName: 'pay',
      params: ['big', 'due'],
      module,
      approval: 'defer',
    });
    const pending = await pay(5n, new Date(5));
    if (!isPending<string>(pending)) throw new Error('it did not wait');
    const given = { by: 'ann', key: 'k', digest: await digestOf(pending) };
    await module.approvals.approve(pending.decisionId, { ...given, edit: { set: { '/big': 7n, '/due': new Date(9) } } });
    expect(await pending.completed).to.equal('7 9');
    const texts = { set: { '/big': '7', '/due': new Date(9).toISOString() } };
    expect((await module.approvals.approve(pending.decisionId, { ...given, edit: texts })).status).to.equal('approved');
    const other = await rejection(module.approvals.approve(pending.decisionId, { ...given, edit: { set: { ...texts.set, '/big': '8' } } }));
    expect(other).to.include({ code: 'verdict_key_reused' });
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
    ['what an edit has no option for', { edits: 1, set: { '/amount': 200 } }, 400, 'invalid_verdict'],
    ['a list', { set: [] }, 400, 'invalid_edit'],
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

  it('is asked about again, as its agent made it, where another policy asks by the time it would run', async () => {
    let asksMore = false;
    await module.close();
    start({
      policies: {
        text: `${POLICIES}\n@id("more") @effect("approval_needed") @reason("asked anew") forbid (principal, action, resource) when { context.facts.more };`,
      },
      facts: () => ({ more: asksMore }),
    });
    const pending = await refund(250);
    const first = pending.decisionId;
    const amended = await module.approvals.amend(first, { by: 'ann', digest: await digestOf(pending), set: { '/amount': 200 } });
    asksMore = true;
    await module.approvals.approve(first, { by: 'bob', digest: amended.digest });
    await until(() => pending.decisionId !== first);
    expect(ran).to.deep.equal([]);
    const again = await module.approvals.get(pending.decisionId);
    expect(again).to.deep.include({ status: 'pending', params: { amount: 250, note: 'late' } });
    expect(again).not.to.have.property('amendments');
    expect(again?.policies.map(({ id }) => id)).to.include('more');
    await module.approvals.approve(pending.decisionId, { by: 'bob', digest: await digestOf(pending) });
    expect(await pending.completed).to.equal('refunded 250');
    expect([ran, pending.edited]).to.deep.equal([[[250, 'late']], undefined]);
  });

  it('is approved by no operator of the host where one edited it: they are one person', async () => {
    await module.close();
    start({ policies: { text: POLICIES.replaceAll(' @editor_may_approve("true")', '') } });
    const pending = await refund(250);
    const { decisionId } = pending;
    const given = { by: 'host:ann', assurance: 'host', digest: await digestOf(pending), set: { '/amount': 200 } } as const;
    const { digest } = await module.approvals.amend(decisionId, given);
    for (const by of ['host:ann', 'host:root'])
      expect(await rejection(module.approvals.approve(decisionId, { by, assurance: 'host', digest }))).to.include({
        status: 403,
        code: 'editor_approval',
      });
    expect(ran).to.deep.equal([]);
    await module.approvals.approve(decisionId, { by: 'bob', digest });
    expect(await pending.completed).to.equal('refunded 200');
  });

  it('is not denied with an edit, and takes no grant', async () => {
    const pending = await refund(250);
    const digest = await digestOf(pending);
    const edit = { set: { '/amount': 200 } };
    const { decisionId } = pending;
    const denial = await rejection(module.approvals.deny(decisionId, { by: 'ann', digest, edit }));
    expect([denial.status, denial.code]).to.deep.equal([400, 'invalid_edit']);
    for (const given of [undefined, null, 'x', []])
      for (const asked of [module.approvals.amend(decisionId, given as never), module.approvals.previewEdit(decisionId, given as never)])
        expect(await rejection(asked)).to.include({ status: 400, code: 'invalid_verdict' });
    const unknown = await rejection(module.approvals.previewEdit('dec-unknown', { by: 'ann', digest, ...edit }));
    expect([unknown.status, unknown.code]).to.deep.equal([404, 'approval_not_found']);
    await pending.cancel();
  });

  it('is not edited where no policy lets it be, or the facts of the edited call are not there', async () => {
    const bare = POLICIES.replaceAll(/ @editable\("[^"]*"\)| @editor_may_approve\("true"\)/g, '');
    await module.close();
    start({ policies: { text: bare } });
    const closed = await refund(250);
    const refused = await rejection(
      module.approvals.amend(closed.decisionId, { by: 'ann', digest: await digestOf(closed), set: { '/amount': 200 } }),
    );
    expect([refused.status, refused.code]).to.deep.equal([403, 'not_editable']);
    await closed.cancel();
    await module.close();
    start({
      facts: ({ params }) => {
        if (params['amount'] === 200) throw new Error('not there');
        return {};
      },
    });
    const pending = await refund(250);
    const denied = await rejection(
      module.approvals.amend(pending.decisionId, { by: 'ann', digest: await digestOf(pending), set: { '/amount': 200 } }),
    );
    expect([denied.status, denied.code]).to.deep.equal([422, 'edit_denied']);
    expect(denied.message).to.contain('The facts this decision needs are not available.');
    await pending.cancel();
  });

  it('is approved for that call alone, by a page that says what it showed, and under a key of its own', async () => {
    const pending = await refund(250);
    const { decisionId } = pending;
    const digest = await digestOf(pending);
    const edit = { set: { '/amount': 200 } };
    const unshown = await rejection(module.approvals.approve(decisionId, { by: 'ann', digest, edit, assurance: 'session' }));
    expect([unshown.status, unshown.code]).to.deep.equal([409, 'edit_changed']);
    await module.approvals.amend(decisionId, { by: 'ann', digest, ...edit });
    const grant = { uses: 2, forMs: 1_000 };
    const granted = await rejection(module.approvals.approve(decisionId, { by: 'ann', digest: await digestOf(pending), grant }));
    expect([granted.status, granted.code]).to.deep.equal([400, 'invalid_grant']);
    await pending.cancel();
    const plain = await refund(250);
    const yes = { by: 'ann', digest: await digestOf(plain), key: 'k' };
    await module.approvals.approve(plain.decisionId, yes);
    const other = await rejection(module.approvals.approve(plain.decisionId, { ...yes, edit }));
    expect([other.status, other.code]).to.deep.equal([409, 'verdict_key_reused']);
    expect(await plain.completed).to.equal('refunded 250');
    await module.close();
    start({ approverGroups: { a: ['ann'], b: ['bob'] }, policies: { text: TWO } });
    const twice = await refund(250);
    const first = { by: 'ann', key: 'k', digest: await digestOf(twice), edit };
    const edited = await module.approvals.approve(twice.decisionId, first);
    expect([edited.status, edited.verdicts.length]).to.deep.equal(['pending', 1]);
    expect(await module.approvals.approve(twice.decisionId, first)).to.deep.equal(edited);
    // another edit, or a grant, was never recorded: to be told that it was is wrong
    const others = [
      { ...first, edit: { set: { '/amount': 1 } } },
      { ...first, edit: { set: { '/amount': 1 }, remove: ['/note'] } },
      { ...first, edit: { set: { '/amount': () => 1 } } },
      { ...first, edit: { set: { '/amount': { toJSON: (): never => raise() } } } },
      { ...first, grant: { uses: 1, forMs: 1_000 } },
      { by: 'ann', key: 'k', digest: edited.digest },
    ];
    for (const [i, one] of others.entries()) {
      const refused = await rejection(module.approvals.approve(twice.decisionId, one));
      expect([refused.status, refused.code], `other ${i}`).to.deep.equal([409, 'verdict_key_reused']);
    }
    await twice.cancel();
  });
});
