import { expect } from 'chai';
import { approvalPage } from '../../../lib/server/page/approval/approvalPage.js';
import type { ApprovalView } from '../../../lib/server/page/approval/approvalPage.js';
import { cardState, mayHaveRun, runState } from '../../../lib/server/page/approval/runState.js';
import type { RunState } from '../../../lib/server/page/approval/runState.js';
import { Paths } from '../../../lib/server/page/Paths.js';
import { approvalCard } from '../../../lib/store/approval/approvalCard.js';
import type { ApprovalRecord, Verdict } from '../../../lib/store/ApprovalStore.js';
import { policyOf } from '../../support/approvalRecords.js';
import { elements, pageTextOf } from '../../support/pageElements.js';
import { approvalView, askedOf, mail, mayDecide, NOW_MS, refund, sql } from './inboxExamples.js';

const YES: Verdict = { approve: true, by: 'p-kim', name: 'Kim', atMs: NOW_MS - 60_000, policies: ['external-mail'] };
const show = (record: ApprovalRecord, more: Partial<ApprovalView> = {}) => elements(approvalPage(approvalView(record, more)));

describe('The page of an approval', () => {
  it('shows what will run, why, facts and record, and where to decide after all that', () => {
    const page = show(refund);
    expect(page.texts('h2')).to.deep.equal([
      'What will run written by the agent; every character is shown',
      'Why a person is asked from your policies',
      'Facts from your systems at the time of asking, not from the agent',
      'Record',
      'Activity UTC',
    ]);
    expect(page.text('h1')).to.equal('payments.refund');
    expect(page.text('.byline')).to.equal(
      'Agent support-agent, for eve@acme.example (as its program vouches). Asked 26 min ago, 14:02:00 UTC. Nothing runs until this is decided.',
    );
    expect(page.text('.params')).to.contain('d***@partner.example').and.contain('dana.miller@partner.example');
    expect(page.texts('.why-list li')).to.have.length(3);
    expect(page.text('.why-list'))
      .to.contain('✓ Bob, 14:19:00 UTC')
      .and.contain('one of finance-leads')
      .and.contain('policy large-refunds');
    expect(page.text('.clock')).to.contain('3 h 34 min left').and.contain('ends 18:02:00 UTC, then it does not run');
    expect(page.text('.log')).to.contain('Bob approved, typed the code: “matches the carrier’s loss report”');
    expect(page.hrefs()).to.include.members(['/a/dec_before', '/a/dec_after', '/inbox', '/a/dec_b7k2-118?now=1#now', '#decide']);
  });

  it('says who was reminded and which groups were added, in the order of time', () => {
    const call = { agentId: 'a', toolName: 't', decisionId: 'd' };
    const hostile = `on\u202ecall`;
    const stages = [
      { atMs: refund.createdAtMs + 1_000, event: { kind: 'escalated', ...call, groups: ['managers', hostile], afterMs: 1_000 } },
      { atMs: NOW_MS - 1, event: { kind: 'reminded', ...call, groups: ['finance-leads'], percent: 50 } },
    ] as const;
    const lines = show(refund, { stages }).texts('.log li');
    expect(lines[0]).to.contain('finance-leads reminded, after 50 % of the time.');
    expect(lines.at(-2)).to.contain('managers, on').and.contain('RLO').and.contain('may decide as well.');
    expect(lines.at(-1)).to.contain('Asked.');
    expect(show(refund).texts('.log li')).to.have.length(lines.length - 2);
  });

  it('says that params are no longer kept, and never that there were none', () => {
    const ended = { params: {}, originalParams: {}, status: 'approved', consumed: { token: 't', atMs: NOW_MS } } as const;
    const page = show({ ...refund, ...ended }, { state: 'completed' });
    expect(page.text('h2')).to.equal('What was approved to run written by the agent; no longer kept');
    expect(page.text('section.card')).to.contain('Its params are not kept once it has ended.').and.not.contain('It has no params');
    expect(page.hrefs()).to.include('/history?q=dec_b7k2-118');
    expect(page.text('#record')).to.not.contain('Exact JSON');
    const none = show(askedOf({}, ended), { state: 'completed' });
    expect(none.text('section.card')).to.contain('It has no params.').and.not.contain('not kept');
    expect(none.text('#record')).to.contain('Exact JSON');
  });

  it('says what a verdict made, and what its person had not seen', () => {
    const line = (more: Partial<Verdict>): string => show({ ...refund, verdicts: [{ ...YES, ...more }] }).text('.log');
    const grant = { id: 'grt_1', digest: 'd' };
    expect(line({ hidden: 2, grant, reason: 'known' })).to.contain(
      'Kim approved, without having seen 2 hidden values, and made a grant: “known”',
    );
    expect(line({ hidden: 0 }))
      .to.contain('Kim approved')
      .and.not.contain('having seen');
    expect(show({ ...refund, verdicts: [{ ...YES, grant }] }).hrefs()).to.include('/grants?all=1#grt_1');
  });

  it('has the text of each policy in a fold, and says where it is not the one that asked', () => {
    const page = show(refund);
    expect(page.texts('.why-list details')).to.deep.equal([
      'What the policy says@id("large-refunds")↵ forbid (principal, action, resource);',
      'What the policy says@id("refund-audit")↵ forbid (principal, action, resource);',
    ]);
    expect(page.all('.why-list details[open]')).to.have.length(0);
    expect(show(refund, { all: true }).all('.why-list details[open]')).to.have.length(2);
    const changed = show(refund, { policyTextOf: (id) => (id === 'refund-audit' ? undefined : { hash: 'other', text: 'permit all' }) });
    expect(changed.all('.why-list details')).to.have.length(0);
    expect(changed.texts('.why-list .aid')).to.deep.equal([
      'This policy has been changed since. Its text at the time of asking has the SHA-256 hash of larg.',
      'This policy is gone by now. Its text at the time of asking has the SHA-256 hash of refu.',
    ]);
    const text = `// \u202e${'x'.repeat(5_000)}`;
    const long = { policyTextOf: (id: string) => ({ hash: `hash of ${id}`, text }) };
    expect(show(refund, long).text('.why-list details')).to.contain('RLO U+202E').and.contain('are not shown here');
    expect(show(refund, { ...long, all: true }).text('.why-list details')).to.contain('x'.repeat(5_000));
  });

  it('has a form for a verdict on exactly what is shown', () => {
    const page = show(refund);
    const form = page.one('form');
    expect(form.attr('action')).to.equal('/v1/approvals/dec_b7k2-118/verdict');
    expect(form.attr('method')).to.equal('post');
    expect(page.fields()).to.deep.equal({
      csrf: 'form-token',
      digest: refund.digest,
      version: '1',
      idempotency_key: 'key-1',
      reason: '',
      code: '',
      verdict: ['deny', 'approve'],
    });
    // Enter in a field presses the first button, and that one does nothing
    expect(page.all('form button').map((button) => [button.attr('value'), button.attr('disabled') !== undefined])).to.deep.equal([
      [undefined, true],
      ['deny', false],
      ['approve', false],
    ]);
    expect(page.text('form'))
      .to.contain(`Type ${refund.digest.slice(0, 4)} to approve`)
      .and.contain('needed to approve');
  });

  it('asks for what the severity demands, and no more', () => {
    const low = show(refund, { viewer: mayDecide({ needs: { assurance: 'session', reason: 'optional', code: false } }) });
    expect(low.fields()).to.not.have.property('code');
    expect(low.text('form')).to.contain('optional');
    const critical = show(sql, { viewer: mayDecide({ needs: { assurance: 'passkey', reason: 'needed', code: false } }) });
    expect(critical.text('button.approve')).to.equal('Approve with passkey');
    expect(critical.one('button.approve').attr('class')).to.equal('approve critical');
    expect(critical.text('.notice.danger')).to.contain('destructive-sql');
    expect(critical.text('noscript')).to.contain('Signing takes script');
    const stepUp = show(sql, { viewer: mayDecide({ needs: { assurance: 'step-up', reason: 'needed', code: false } }) });
    expect(stepUp.text('a.approve')).to.equal('Sign in again to approve');
    expect(stepUp.one('a.approve').attr('href')).to.equal(`/signin/again?approval=${sql.decisionId}&digest=${sql.digest}&version=1`);
    expect(stepUp.all('button.approve')).to.have.length(0);
    const again = show(sql, {
      viewer: mayDecide({ needs: { assurance: 'step-up', reason: 'needed', code: false }, signedInAgainUntilMs: NOW_MS + 60_000 }),
    });
    expect(again.text('button.approve')).to.equal('Approve');
  });

  it('says what follows from a yes', () => {
    const of = (stillNeeded: readonly (readonly string[] | undefined)[], as: readonly string[] = ['dba']): string =>
      pageTextOf(approvalPage(approvalView(sql, { viewer: mayDecide({ stillNeeded, as }) })));
    expect(of([])).to.contain('You decide as dba. Yours is the last yes: the call runs at once.');
    expect(of([['platform-leads']])).to.contain('After yours, one of platform-leads is still needed.');
    expect(of([['a', 'b'], undefined], [])).to.contain('You may decide this. After yours, one of a, b and any approver are still needed.');
  });

  it('says how many people a policy takes, who they are so far, who is still needed, and which groups come later', () => {
    const yes = (by: string, ...policies: string[]) => ({ approve: true, by, name: `Name of ${by}`, atMs: NOW_MS, policies });
    const record = {
      ...sql,
      createdAtMs: NOW_MS - 600_000,
      policies: [
        policyOf('two', {
          approvers: ['dba'],
          quorum: 3,
          escalate: [
            { afterMs: 300_000, groups: ['managers'] },
            { afterMs: 900_000, groups: ['on-call', 'directors'] },
          ],
        }),
        policyOf('apart', { approvers: ['finance'], distinct: true }),
      ],
      verdicts: [yes('lea', 'two'), yes('fin', 'apart')],
    };
    const dba = ['dba', 'managers'];
    const viewer = mayDecide({ stillNeeded: [dba, dba, ['finance']] });
    const page = show(record, { viewer });
    expect(page.texts('.why-list .quorum')[0])
      .to.contain('1 of 3 people')
      .and.contain('Name of lea')
      .and.contain('2 more, each one of dba, managers');
    expect(page.texts('.why-list .quorum')[0]).to.contain('also on-call, directors').and.not.contain('also managers');
    expect(page.texts('.why-list .quorum')[1])
      .to.contain('Name of fin')
      .and.contain('by people who count for no other policy of this call');
    expect(page.text('.decide')).to.contain('After yours, 2 people (each one of dba, managers) and one of finance are still needed.');
    // as the desk counts them now: one of them has left
    const seats = [
      { id: 'two', needed: 3, filledBy: [] },
      { id: 'apart', needed: 1, filledBy: ['fin'] },
    ];
    const now = show(record, { viewer: mayDecide({ seats }) });
    expect(now.texts('.why-list .quorum')[0]).to.contain('0 of 3 people').and.contain('3 more').and.not.contain('Name of lea');
  });

  it('lets who has said yes still say no, and nothing else', () => {
    const denies = { formToken: 'form-token', key: 'key-1' };
    const page = show(sql, { viewer: { may: false, why: 'Your yes already counts here.', denies } });
    expect(page.text('.decide')).to.contain('You said yes').and.contain('Your yes already counts here.');
    expect(page.texts('form button')).to.deep.equal(['Deny after all']);
    expect(page.one('form button').attr('value')).to.equal('deny');
    const refused = { reason: 'misread', errors: { form: 'Changed since you opened this. Read again.' } };
    const again = show(sql, { viewer: { may: false, why: 'w', denies }, refused });
    expect(again.text('.error')).to.equal('Changed since you opened this. Read again.');
    expect(again.text('textarea')).to.equal('misread');
  });

  it('offers no yes where some of it is not shown, but the way to all of it', () => {
    const page = show(refund, { viewer: mayDecide({ mustShowAll: true }) });
    expect(page.all('button.approve')).to.have.length(0);
    expect(page.hrefs()).to.include('/a/dec_b7k2-118?all=1#decide');
    const all = show(refund, { all: true });
    expect(all.text('h2')).to.contain('all of it, and every character is shown');
    expect(all.hrefs()).to.include('/a/dec_b7k2-118?now=1&all=1#now');
  });

  it('shows an error beside its field and above the form, and keeps what was typed', () => {
    const errors = { form: 'Changed since you opened this. Read again.', reason: 'Say why.', code: 'Type the first four characters.' };
    const page = show(refund, { refused: { reason: ' <b>because</b>\n', errors } });
    expect(page.texts('.error')).to.deep.equal(Object.values(errors));
    expect(page.text('textarea')).to.equal(' <b>because</b>\n');
    expect(page.one('textarea').attr('aria-describedby')).to.equal('reason-error');
    expect(page.one('#code').attr('aria-describedby')).to.equal('code-help code-error');
    expect(page.all('[aria-invalid]')).to.have.length(2);
  });

  it('has no form for who may not decide, but says why, and who may', () => {
    const page = show(refund, { viewer: { may: false, why: 'You asked for this call yourself.' } });
    expect(page.all('form')).to.have.length(0);
    expect(page.text('.decide')).to.contain('Not yours to decide').and.contain('You asked for this call yourself.');
    expect(page.text('.decide')).to.contain('Who may: one of finance-leads (policy large-refunds)').and.not.contain('risk');
  });

  it('says what calls for a closer look, in our words', () => {
    const cues = [{ at: 'to[0]', text: 'mixes Latin and Cyrillic letters' }, { text: 'Refused 2 times' }];
    expect(show(mail, { cues }).text('.cols .notice')).to.equal(
      'Look closely: 2 thingsto[0] mixes Latin and Cyrillic lettersRefused 2 times',
    );
    expect(show(mail, { cues: cues.slice(1) }).text('.cols .notice h2')).to.equal('Look closely: 1 thing');
    expect(show(mail).all('.cols .notice')).to.have.length(0);
  });

  it('says who asked: an authenticated user, one that the agent names, or none', () => {
    expect(show(mail).text('.byline')).to.contain('no signed-in user');
    expect(show({ ...mail, requester: 'eve' }).text('.byline')).to.contain('for eve (as the agent says)');
  });

  it('shows nothing that anyone wrote as markup', () => {
    const evil = '<img src=x onerror=alert(1)>"\'&\u202e';
    const record = askedOf(
      { [evil]: evil },
      {
        originalParams: { [evil]: `${evil}!` },
        agentId: evil,
        guardKey: evil,
        requester: evil,
        reason: evil,
        message: evil,
        opaque: [evil],
        facts: { [evil]: { [evil]: evil.repeat(20) } },
        session: { user_id: evil, [evil]: evil },
        policies: [policyOf('p', { reason: evil, approvers: [evil] }), policyOf('q', { approvers: [evil] })],
        verdicts: [{ approve: true, by: evil, name: evil, reason: evil, atMs: NOW_MS, policies: ['p'] }],
      },
    );
    for (const more of [
      {},
      { viewer: mayDecide({ as: [evil], stillNeeded: [[evil]] }), refused: { reason: evil, errors: {} } },
      { viewer: { may: false, why: evil } },
      { state: 'denied', refused: { reason: evil, errors: {} } },
      { state: 'failed', report: { status: 'failed', errorCode: evil, atMs: NOW_MS } },
    ] satisfies readonly Partial<ApprovalView>[]) {
      const page = show(record, { cues: [{ at: evil, text: evil }], redecided: evil, ...more });
      expect(page.all('img')).to.have.length(0);
      expect(page.all('script')).to.have.length(0);
    }
  });

  describe('once it is settled', () => {
    const settled = (state: RunState, more: Partial<ApprovalView> = {}, record: Partial<ApprovalRecord> = {}) =>
      show({ ...mail, verdicts: [{ ...YES, approve: state !== 'denied', reason: 'seen' }], ...record }, { state, ...more });
    const cards: readonly (readonly [RunState, string, string])[] = [
      ['denied', 'Denied by Kim', 'Kim, 14:27:00 UTC. It did not run.'],
      ['expired', 'Time is over', 'No one decided in time. It did not run.'],
      ['late', 'Approved, but not run in time', 'It did not run.'],
      ['withdrawn', 'Withdrawn', 'Its caller no longer wants it. It did not run.'],
      ['approved', 'Approved by Kim', 'It waits to run.'],
      ['running', 'Running', 'It has begun.'],
      ['unreported', 'Its end was not reported', 'has not said how the run ended'],
      ['completed', 'Done', 'It ran. Its caller said so at 14:27:30 UTC.'],
      ['failed', 'Failed', 'at 14:27:30 UTC. Code: E_LIMIT'],
      ['unknown', 'It may have run', 'Someone has to find out: Unknown outcomes'],
    ];
    for (const [state, title, text] of cards)
      it(`says ${title}`, () => {
        const report = { status: 'failed', errorCode: 'E_LIMIT', atMs: NOW_MS - 30_000 } as const;
        const page = settled(state, { report, next: 'dec_after' });
        expect(page.all('form')).to.have.length(0);
        expect(page.all('.stick')).to.have.length(0);
        expect(page.text('.decide .card h2')).to.equal(title);
        expect(page.text('.decide .card')).to.contain(text).and.contain('Next approval');
        expect(page.text('.byline').includes('It did not run.')).to.equal(!mayHaveRun(state) && state !== 'approved');
      });

    it('says that a verdict came too late', () => {
      expect(settled('denied', { refused: { reason: '', errors: {} } }).text('.decide')).to.contain(
        'It stands; your verdict was not recorded.',
      );
      expect(settled('denied').text('.decide')).to.not.contain('not recorded');
    });

    it('says what little there is to say without a name, a code or a time', () => {
      expect(settled('denied', {}, { verdicts: [] }).text('.decide .card h2')).to.equal('Denied');
      expect(settled('approved', {}, { verdicts: [] }).text('.decide .card')).to.contain('It was approved.');
      expect(settled('failed').text('.decide .card')).to.not.contain('Code');
      const anonymous = settled('denied', {}, { verdicts: [{ approve: false, by: 'p-kim', atMs: NOW_MS, policies: [] }] });
      expect(anonymous.text('.log')).to.contain('p-kim denied');
      expect(anonymous.text('.decide .card h2')).to.equal('Denied by p-kim');
    });
  });

  it('tells how the run went among what happened', () => {
    const used = {
      ...mail,
      verdicts: [YES],
      consumed: { token: 't', atMs: NOW_MS - 50_000 },
      begun: { claimToken: 'c', atMs: NOW_MS - 49_000 },
    };
    for (const [status, words] of [
      ['completed', 'Done, says its caller.'],
      ['failed', 'Failed, says its caller.'],
      ['unknown', 'It may have run, says its caller.'],
    ] as const) {
      const page = show(used, { state: status, report: { status, atMs: NOW_MS } });
      expect(page.texts('.log li').map((line) => line.replace(/^[\d:]+/, ''))).to.deep.equal([
        words,
        'The call began.',
        'The approval was used.',
        'Kim approved',
        'Asked.',
      ]);
    }
  });

  it('says what the policies of now would say, where that was asked for, and that they have changed', () => {
    const page = show(refund, { redecided: 'they would deny it.', policySetHash: 'ffff00001111' });
    expect(page.text('#now')).to.equal('The policies of now: they would deny it.');
    expect(page.text('.facts')).to.be.a('string');
    expect(pageTextOf(approvalPage(approvalView(refund, { policySetHash: 'ffff00001111' })))).to.contain(
      'the policies have changed since: ffff00001111',
    );
  });

  it('shows long facts in boxes, and leaves facts and session out where there are none', () => {
    expect(show({ ...refund, facts: { note: 'x'.repeat(200) } }).all('.card dl.params')).to.have.length(2);
    expect(show({ ...refund, facts: {}, session: null }).text('h2')).to.not.contain('Facts');
    expect(show({ ...refund, facts: {} }).texts('h2')).to.have.length(4);
  });

  it('leaves out neighbours that are not there', () => {
    expect(show(refund, { place: undefined }).hrefs()).to.not.include('/a/dec_before');
    expect(show(refund, { place: { at: 1, of: 1 } }).text('.crumb'))
      .to.contain('1 of 1')
      .and.not.contain('Next');
  });

  it('makes links below the base path only, whatever the id is', () => {
    const page = show({ ...refund, decisionId: '../"><x>' }, { paths: new Paths('/ops') });
    for (const href of page.hrefs()) expect(href).to.match(/^(?:\/ops\/(?:a|inbox|history)|#|\?all$)/);
    expect(page.one('form').attr('action')).to.equal('/ops/v1/approvals/..%2F%22%3E%3Cx%3E/verdict');
  });
});

describe('The state of a run', () => {
  const used = { consumed: { token: 't', atMs: NOW_MS - 10 } };
  const begun = { ...used, begun: { claimToken: 'c', atMs: NOW_MS - 3_700_000 } };
  const states: readonly (readonly [string, Partial<ApprovalRecord>, RunState, RunState?])[] = [
    ['waits', {}, 'pending'],
    ['was denied', { status: 'denied' }, 'denied'],
    ['was withdrawn', { status: 'withdrawn' }, 'withdrawn'],
    ['was not decided in time', { status: 'expired' }, 'expired'],
    ['was approved and not used in time', { status: 'expired', verdicts: [YES] }, 'late'],
    ['was approved', { status: 'approved', verdicts: [YES] }, 'approved'],
    ['was used', { status: 'approved', verdicts: [YES], ...used }, 'running'],
    ['began long ago', { status: 'approved', verdicts: [YES], ...begun }, 'unreported', 'running'],
    ['was used without a verdict that is known', { status: 'approved', ...used }, 'running'],
  ];
  for (const [what, more, state, ofCard = state] of states)
    it(`is ${state} where it ${what}`, () => {
      const record = { ...mail, ...more };
      expect(runState(record, NOW_MS)).to.equal(state);
      expect(cardState(approvalCard(record), NOW_MS)).to.equal(ofCard);
      if (record.consumed === undefined) return;
      expect(runState({ ...record, outcome: { status: 'failed', atMs: NOW_MS } }, NOW_MS)).to.equal('failed');
      expect(cardState({ ...approvalCard(record), outcome: 'unknown' }, NOW_MS)).to.equal('unknown');
    });
});
