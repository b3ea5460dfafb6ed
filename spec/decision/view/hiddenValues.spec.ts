import { expect } from 'chai';
import { deceptiveCues } from '../../../lib/decision/cue/deceptiveCues.js';
import { novelCues } from '../../../lib/decision/cue/novelCues.js';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import { describeApproval } from '../../../lib/decision/desk/describeApproval.js';
import { isUnderstood } from '../../../lib/decision/desk/use/semantics.js';
import { hidesFromApprover } from '../../../lib/decision/view/hidesFromApprover.js';
import { guard } from '../../../lib/guard/guard.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { approvalCard } from '../../../lib/store/approval/approvalCard.js';
import { MemoryApprovalStore } from '../../../lib/store/memory/MemoryApprovalStore.js';
import { approvalPage } from '../../../lib/server/page/approval/approvalPage.js';
import { openingOf, recordOf } from '../../support/approvalRecords.js';
import { elements } from '../../support/pageElements.js';
import { rejection } from '../../support/rejection.js';
import { approvalView, mayDecide } from '../../server/page/inboxExamples.js';

const CARD = '4242424242424242';
const SECRET = { approver: 'last4', log: 'hidden', model: 'hidden', audit: 'hidden' } as const;
const HIDDEN = { ...SECRET, approver: 'hidden' } as const;
const PERSONAL = { ...SECRET, approver: 'full' } as const;

const POLICIES = `@id("all") permit (principal, action, resource);
@id("refunds") @effect("approval_needed") @grantable("5 uses; 1h") forbid (principal, action == Aegis::Action::"refund", resource);
@id("pays") @effect("approval_needed") @show_approver("/card/number") forbid (principal, action == Aegis::Action::"pay", resource);
@id("sends") @effect("approval_needed") @show_approver("full") forbid (principal, action == Aegis::Action::"send", resource);`;

function world() {
  const aegis = AegisModule.create({ agentId: 'bot', policies: { text: POLICIES } });
  const ran: unknown[] = [];
  const run = async (params: Readonly<Record<string, unknown>>): Promise<string> => {
    ran.push(params);
    return 'done';
  };
  const asked = async (): Promise<ApprovalRecord> => (await aegis.approvals.list())[0] as ApprovalRecord;
  return { aegis, ran, run, asked };
}

describe('Hidden values', () => {
  it('are counted, and a yes that does not confirm their number is refused; the method gets the full values', async () => {
    const { aegis, ran, run, asked } = world();
    const refund = guard(run, {
      toolName: 'refund',
      module: aegis,
      approval: 'wait',
      sensitive: { '/card/number': 'secret', '/mail': 'personal' },
    });
    const result = refund({ card: { number: CARD }, mail: 'ann@example.com' });
    await new Promise((resolve) => setImmediate(resolve));
    const record = await asked();
    expect(record.requires).to.deep.equal(['binding', 'begin', 'view']);
    const { decisionId, digest } = record;
    const lines = describeApproval(record);
    expect(lines).to.include('  card = {"number":(hidden, but for the end: …4242)}').and.to.include('  mail = "ann@example.com"');
    expect(lines).to.include('Hidden    1 value is not shown in full: /card/number');
    expect(lines.join()).to.not.contain(CARD);
    for (const acknowledgeHidden of [undefined, 0, 2]) {
      const error = await rejection(aegis.approvals.approve(decisionId, { by: 'bob', digest, acknowledgeHidden }));
      expect(error).to.include({ name: 'VerdictError', status: 428, code: 'hidden_not_acknowledged' });
      expect(error.message).to.contain('acknowledgeHidden: 1');
    }
    for (const acknowledgeHidden of [-1, 1.5, '1'])
      expect(
        await rejection(aegis.approvals.approve(decisionId, { by: 'bob', digest, acknowledgeHidden: acknowledgeHidden as number })),
      ).to.include({
        code: 'invalid_verdict',
      });
    expect(ran).to.deep.equal([]);
    const approved = await aegis.approvals.approve(decisionId, { by: 'bob', digest, acknowledgeHidden: 1 });
    expect(approved.verdicts[0]).to.include({ approve: true, hidden: 1 });
    expect(await result).to.equal('done');
    expect(ran).to.deep.equal([{ card: { number: CARD }, mail: 'ann@example.com' }]);
    await aegis.close();
  });

  it('may be denied without a word about them', async () => {
    const { desk, open } = setup();
    const { decisionId } = await open({ params: { card: CARD }, sensitive: { '/card': SECRET } });
    const denied = await desk.deny(decisionId, { by: 'bob', acknowledgeHidden: 1 });
    expect(denied.verdicts[0]).to.not.have.property('hidden');
  });

  it('are counted as several, where they are, and named where they are shown', async () => {
    const { desk, open } = setup();
    const params = { card: CARD, pin: 1234 };
    const record = await open({ params, sensitive: { '/card': HIDDEN, '/pin': HIDDEN } });
    expect(describeApproval(record)).to.include('Hidden    2 values are not shown in full: /card, /pin');
    const { decisionId, digest } = record;
    const error = await rejection(desk.approve(decisionId, { by: 'bob', digest, acknowledgeHidden: 1 }));
    expect(error).to.include({ status: 428, code: 'hidden_not_acknowledged' });
    expect(error.message).to.contain('2 values of this approval are').and.contain('acknowledgeHidden: 2');
    expect((await desk.approve(decisionId, { by: 'bob', digest, acknowledgeHidden: 2 })).status).to.equal('approved');
  });

  it('ask for the code where a session would do, also of a person who was shown all that is shown', async () => {
    const { desk, open } = setup();
    const { decisionId, digest } = await open({ params: { card: CARD }, sensitive: { '/card': SECRET } });
    const verdict = { by: 'bob', digest, acknowledgeHidden: 1, sawAll: true };
    expect(await rejection(desk.approve(decisionId, { ...verdict, assurance: 'session' }))).to.include({ code: 'assurance_too_low' });
    expect((await desk.approve(decisionId, { ...verdict, assurance: 'code' })).status).to.equal('approved');
  });

  it('are of no use to code that knows no views', () => {
    expect(isUnderstood({ requires: ['binding', 'begin', 'view', 'show_approver'] })).to.equal(true);
    expect(isUnderstood({ requires: ['binding', 'views'] })).to.equal(false);
  });

  it('are in no text that is made for the person who decides: page, cards, cues', () => {
    const canary = 'canary-of-the-card-0017';
    const record = recordOf({
      params: { card: { number: canary, holder: 'Ann' }, amount: 7 },
      originalParams: { card: { number: `${canary}-before`, holder: 'Ann' }, amount: 7 },
      sensitive: { '/card': HIDDEN },
    });
    const page = elements(approvalPage(approvalView(record, { viewer: mayDecide() })));
    const text = [
      page.text('.params'),
      page.text('details'),
      JSON.stringify(approvalCard(record)),
      describeApproval(record).join('\n'),
    ].join('\n');
    expect(text).to.not.contain('canary').and.not.contain('holder');
    expect(page.text('.params')).to.contain('Hidden from you by the program').and.contain('changed by policy');
    expect(page.texts('h2')[0]).to.equal('What will run written by the agent; 1 value is hidden from you');
    expect(page.text('label.check')).to.equal('1 value is hidden from me, and I approve without having seen it');
    expect(approvalCard(record).summary).to.deep.equal([
      { name: 'card', text: '(hidden)' },
      { name: 'amount', text: '7' },
    ]);
    expect(describeApproval(record)).to.include('  card = (hidden)   (changed by policy; was (hidden))');
  });

  it('are deceptive cues, which name no more than the place of the value', () => {
    const hostile = 'x\u202e'.repeat(3);
    const record = recordOf({
      params: { card: { 'na\u200bme': hostile, long: 'y'.repeat(90_000) }, to: ['a@b.example'] },
      originalParams: { card: { 'na\u200bme': hostile, long: 'y'.repeat(90_000) }, to: ['a@b.example'] },
      sensitive: { '/card': HIDDEN, '/to': { ...HIDDEN, approver: 'domain' } },
    });
    const cues = deceptiveCues(record);
    expect(cues.map(({ code, path }) => [code, path])).to.deep.equal([
      ['reorders', ['card']],
      ['hidden', ['card']],
      ['concealed', ['card']],
      ['concealed', ['to', 0]],
    ]);
    expect(deceptiveCues(record, { sawAll: true })).to.deep.equal(cues);
  });

  it('are not compared with those before them', () => {
    const of = { '/amount': HIDDEN, '/to': HIDDEN };
    const record = recordOf({
      params: { amount: 9, to: 'new@b.example' },
      originalParams: { amount: 9, to: 'new@b.example' },
      sensitive: of,
    });
    const earlier = [recordOf({ params: { amount: 1, to: 'old@a.example' }, status: 'approved', sensitive: of })];
    expect(novelCues(record, { earlier }).map(({ code }) => code)).to.deep.equal([]);
    expect(
      novelCues({ ...record, sensitive: { '/to': HIDDEN } }, { earlier: [recordOf({ params: { amount: 1 }, status: 'approved' })] }).map(
        ({ code }) => code,
      ),
    ).to.deep.equal(['largest']);
  });
});

describe('@show_approver', () => {
  const call = (toolName: string, sensitive: Record<`/${string}`, 'secret' | 'personal'>) => {
    const { aegis, ran, run } = world();
    const tool = guard(run, { toolName, module: aegis, approval: 'throw', sensitive });
    return { aegis, ran, outcome: rejection(tool({ card: { number: CARD, year: 2030 }, note: 'x' })) };
  };

  it('denies a call whose guard hides what it names, and asks no one', async () => {
    const rows: readonly (readonly [string, Record<`/${string}`, 'secret' | 'personal'>, denied: boolean])[] = [
      ['pay', { '/card/number': 'secret' }, true],
      ['pay', { '/card': 'secret' }, true],
      ['pay', { '/card/number': 'personal' }, false],
      ['pay', { '/note': 'secret' }, false],
      ['pay', { '/card/year': 'secret' }, false],
      ['send', { '/note': 'secret' }, true],
      ['send', { '/none': 'secret' }, false],
      ['send', { '/note': 'personal' }, false],
    ];
    for (const [tool, sensitive, isDenied] of rows) {
      const { aegis, ran, outcome } = call(tool, sensitive);
      const error = await outcome;
      expect(error.name, `${tool} ${JSON.stringify(sensitive)}`).to.equal(isDenied ? 'ForbiddenError' : 'ApprovalPendingError');
      if (isDenied) expect(error.message).to.contain('sees what the guard of this call hides').and.not.contain(CARD);
      expect(await aegis.approvals.list()).to.have.length(isDenied ? 0 : 1);
      expect(ran).to.deep.equal([]);
      await aegis.close();
    }
  });

  it('counts what no decision sees as hidden where it is named', () => {
    const of = { params: { a: 1 }, originalParams: { a: 1 }, opaque: ['file'] };
    expect(hidesFromApprover(of, [{ showApprover: ['/file/name'] }])).to.equal(true);
    expect(hidesFromApprover(of, [{ showApprover: [''] }])).to.equal(false);
    expect(hidesFromApprover(of, [{ showApprover: ['/a'] }, {}])).to.equal(false);
    expect(hidesFromApprover(of, [{}])).to.equal(false);
    expect(hidesFromApprover({ ...of, sensitive: { '/a': PERSONAL } }, [{ showApprover: [''] }])).to.equal(false);
  });
});

function setup() {
  const desk = new ApprovalDesk(new MemoryApprovalStore());
  const open = async (more: Parameters<typeof openingOf>[0]): Promise<ApprovalRecord> => {
    const opened = await desk.open(openingOf(more));
    if (opened.kind !== 'opened') throw new Error(opened.kind);
    return opened.record;
  };
  return { desk, open };
}
