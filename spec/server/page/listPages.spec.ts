import { expect } from 'chai';
import { agentsPage } from '../../../lib/server/page/list/agentsPage.js';
import type { AgentTool } from '../../../lib/server/page/list/agentsPage.js';
import { groupPage } from '../../../lib/server/page/list/groupPage.js';
import type { GroupView } from '../../../lib/server/page/list/groupPage.js';
import { KEYS } from '../../../lib/server/page/keyList.js';
import { helpPage } from '../../../lib/server/page/list/helpPage.js';
import { historyPage } from '../../../lib/server/page/list/historyPage.js';
import type { HistoryView } from '../../../lib/server/page/list/historyPage.js';
import { inboxPage } from '../../../lib/server/page/list/inboxPage.js';
import type { InboxView } from '../../../lib/server/page/list/inboxPage.js';
import { logPlaces } from '../../../lib/server/page/logPlaces.js';
import type { ShownPlace } from '../../../lib/server/page/logPlaces.js';
import { policiesPage } from '../../../lib/server/page/list/policiesPage.js';
import type { PoliciesView } from '../../../lib/server/page/list/policiesPage.js';
import { unknownPage } from '../../../lib/server/page/list/unknownPage.js';
import type { UnknownView } from '../../../lib/server/page/list/unknownPage.js';
import { Paths } from '../../../lib/server/page/Paths.js';
import { severityOf, severityTag } from '../../../lib/server/page/severityTag.js';
import { agoText, lengthText, timeElement, timeLeft, timeText } from '../../../lib/server/page/timeText.js';
import { approvalCard } from '../../../lib/store/approval/approvalCard.js';
import { policyOf } from '../../support/approvalRecords.js';
import { elements, pageTextOf } from '../../support/pageElements.js';
import { alike, askedOf, harmless, inboxView, mail, NOW_MS, refund } from './inboxExamples.js';

const EVIL = '<img src=x onerror=alert(1)>"\'&\u202e';
const inbox = (more: Partial<InboxView> = {}) => elements(inboxPage(inboxView(more)));

describe('The inbox', () => {
  it('lists what waits, oldest first, and decides nothing', () => {
    const page = inbox();
    expect(page.text('h1')).to.equal('Waiting for a decision');
    expect(page.text('p')).to.equal('19 wait, 17 of them for you. Oldest first.');
    expect(page.texts('ol .tool')).to.deep.equal([
      'db.execute_sql',
      'payments.refund',
      'mail.send',
      'mail.send',
      'github.merge_pull_request',
    ]);
    expect(page.all('button')).to.have.length(0);
    expect(page.all('form').map((form) => form.attr('method'))).to.deep.equal(['get']);
    expect(page.texts('ol .sev')).to.deep.equal([
      'Severity ▲ Critical',
      'Severity △ High',
      'Severity △ High',
      'Severity Medium',
      'Severity Low',
    ]);
    expect(page.texts('ol .quo')[1]).to.equal('Yes so far 1 of 2asked 26 min ago');
    expect(page.texts('ol .left')[0]).to.equal('Time left 19 min left');
    expect(page.one('ol .soon').text).to.equal('19 min left');
    expect(page.texts('.pager span')[1]).to.equal('1–5 of 5');
  });

  it('shows the first params, cut, with what would deceive as chips, and what else calls for a look', () => {
    const text = pageTextOf(inboxPage(inboxView()));
    expect(text).to.contain('amount = 4200').and.contain('changed by policy: note');
    expect(text).to.contain('hidden characters').and.contain('look-alike letters').and.contain('refused 2 times in the last hour');
    expect(text)
      .to.contain('RLO U+202E')
      .and.match(/\+\d+ characters/);
    const many = approvalCard(askedOf({ a: 1, b: 2, c: 3, d: 4, e: 5, f: 6 }, { refusals: 1 }));
    const page = inbox({ rows: [{ kind: 'one', card: many }] });
    expect(page.text('.args')).to.contain('+2 more').and.not.contain('e = 5');
    expect(page.text('.tags')).to.equal('refused 1 time in the last hour');
    const { summary: _, ...older } = many;
    expect(inbox({ rows: [{ kind: 'one', card: older }] }).text('.args')).to.equal('+2 more');
  });

  it('shows those that are alike as one row, which has no verdict either', () => {
    const page = inbox();
    expect(page.hrefs()).to.include('/inbox/group?agent=outreach-agent&tool=mail.send&policies=external-mail');
    expect(page.text('ol')).to.contain('14 alike').and.contain('14 calls; each is opened and decided by itself');
    const mixed = alike(3).concat(alike(1, { requester: 'eve', requesterKnown: true }));
    expect(inbox({ rows: [{ kind: 'group', cards: mixed as never }] }).text('ol .from')).to.contain('several people');
  });

  it('keeps tab, text and order in its links and its form', () => {
    const page = inbox({ query: { tab: 'all', q: 'a&b', order: 'ending' }, next: '5:x' });
    expect(page.hrefs()).to.include.members([
      '/inbox?q=a%26b&order=ending',
      '/inbox?tab=mine&q=a%26b&order=ending',
      '/inbox?tab=all&q=a%26b',
      '/inbox?tab=all&q=a%26b&order=ending&after=5%3Ax',
    ]);
    expect(page.fields()).to.deep.equal({ tab: 'all', order: 'ending', q: 'a&b' });
    expect(page.all('[aria-current]').map(({ text }) => text)).to.deep.equal(['All 19']);
  });

  it('says where it stands in all pages, and that it is cut', () => {
    const page = inbox({ before: 50, total: 700, isCut: true, counts: { me: 17, all: 1_000, mine: 0 } });
    expect(page.texts('.pager span')[1]).to.equal('51–55 of 700 First page');
    expect(page.text('.pager')).to.contain('Showing the oldest 1,000.');
    expect(page.text('p')).to.contain('1,000 and more wait');
    expect(inbox({ counts: { me: 1, all: 1, mine: 0 } }).text('p')).to.contain('1 waits, 1 of them for you');
  });

  it('says which policies no one can decide', () => {
    const page = inbox({ emptyGroups: [{ policy: 'large-refunds', group: 'finance-leads' }] });
    expect(page.text('.notice.danger')).to.contain('No one can decide policy large-refunds: group finance-leads is empty.');
  });

  it('says that nothing waits, what was decided last, and how to begin', () => {
    const none = { rows: [], counts: { me: 0, all: 2, mine: 0 } } as const;
    const denied = approvalCard({
      ...refund,
      status: 'denied',
      verdicts: [{ approve: false, by: 'p-kim', name: 'Kim', atMs: NOW_MS - 120_000, policies: [] }],
    });
    const withdrawn = harmless({ status: 'withdrawn' });
    const page = inbox({ ...none, last: [denied, withdrawn] });
    expect(page.text('.empty')).to.contain('Nothing waits for you. 2 for others').and.contain('payments.refund denied by Kim, 2 min ago');
    expect(page.text('.empty')).to.not.contain('npx aegis');
    expect(inbox({ ...none, hasAgents: false }).text('.empty')).to.contain('npx aegis keys create');
    expect(inbox({ ...none, query: { tab: 'mine', order: 'oldest' } }).text('.empty')).to.contain('You have asked for nothing that waits.');
    expect(inbox({ ...none, counts: { me: 0, all: 0, mine: 0 }, query: { tab: 'all', order: 'oldest' } }).text('.empty')).to.equal(
      'Nothing waits.',
    );
    const found = inbox({ ...none, query: { tab: 'me', q: 'zzz', order: 'oldest' } });
    expect(found.text('.card')).to.contain('Nothing that waits has this text.');
  });

  it('shows nothing that anyone wrote as markup', () => {
    const card = approvalCard(
      askedOf(
        { [EVIL]: EVIL },
        {
          originalParams: {},
          digest: 'x',
          agentId: EVIL,
          requester: `${EVIL}!`,
          requesterKnown: false,
          reason: EVIL,
          policies: [policyOf('p', { approvers: [EVIL] })],
        },
      ),
    );
    const rows: InboxView['rows'] = [
      { kind: 'one', card },
      { kind: 'group', cards: [card, card, card, card] },
    ];
    const page = inbox({ rows, query: { tab: 'me', q: EVIL, order: 'oldest' }, emptyGroups: [{ policy: 'p', group: EVIL }], last: [card] });
    expect(page.all('img')).to.have.length(0);
    expect(inbox({ rows: [], last: [{ ...card, decided: { by: EVIL, atMs: 0 } }] }).all('img')).to.have.length(0);
    expect(pageTextOf(inboxPage(inboxView({ rows })))).to.contain('as the agent says');
  });
});

describe('The page of calls that are alike', () => {
  const view = (more: Partial<GroupView> = {}): GroupView => ({
    paths: new Paths(),
    nowMs: NOW_MS,
    agentId: 'outreach-agent',
    toolName: 'mail.send',
    policies: ['external-mail'],
    cards: alike(14),
    deny: { formToken: 'form-token' },
    ...more,
  });

  it('lists what differs, and what is the same once', () => {
    const page = elements(groupPage(view()));
    expect(page.texts('.alike-row')).to.have.length(14);
    expect(page.texts('.alike-row')[3]).to.contain('["person3@partner.example"]').and.not.contain('Spring offers');
    expect(page.text('.card .args')).to.contain('Spring offers');
    expect(page.hrefs()).to.include('/a/dec_alike-003');
  });

  it('denies all together with one reason, and approves none', () => {
    const page = elements(groupPage(view()));
    expect(page.fields()).to.deep.equal({
      csrf: 'form-token',
      agent: 'outreach-agent',
      tool: 'mail.send',
      policies: 'external-mail',
      ids: alike(14)
        .map(({ decisionId }) => decisionId)
        .join(','),
      reason: '',
    });
    expect(page.text('button.deny')).to.equal('Deny all 14');
    expect(page.all('button.approve')).to.have.length(0);
    expect(elements(groupPage(view({ deny: undefined }))).text('.decide')).to.contain('Not yours to decide');
  });

  it('never takes for the same what was cut, or what a card does not list', () => {
    const long = 'x'.repeat(500);
    const cards = alike(4).map((card) => ({
      ...card,
      requester: 'eve',
      requesterKnown: true,
      summary: [{ name: 'to', text: long.slice(0, 80), cut: 400 }],
    }));
    const page = elements(groupPage(view({ cards })));
    expect(page.texts('.alike-row')[0]).to.contain('+400 characters').and.contain('for eve');
    expect(page.texts('h2')).to.not.include('The same in all written by the agent');
    const [first, second] = alike(2, { params: { a: 1, b: 2, c: 3, d: 4, e: 5 } });
    const { summary: _, ...older } = second as NonNullable<typeof second>;
    const mixed = elements(groupPage(view({ cards: [first as NonNullable<typeof first>, older] })));
    expect(mixed.texts('.alike-row')[0]).to.contain('a = 1').and.contain('+1 more');
    expect(elements(groupPage(view({ cards: [older, first as NonNullable<typeof first>] }))).texts('.alike-row')).to.have.length(2);
  });

  it('says where none is left', () => {
    const page = elements(groupPage(view({ cards: [] })));
    expect(page.text('.byline')).to.contain('No call of this agent, tool and policy waits now.');
    expect(page.hrefs()).to.include('/history?agent=outreach-agent&tool=mail.send');
  });
});

describe('The history', () => {
  const used = {
    ...refund,
    status: 'approved',
    verdicts: [...refund.verdicts, { approve: true, by: 'p-ann', atMs: NOW_MS - 60_000, policies: ['large-refunds'] }],
    consumed: { token: 't', atMs: NOW_MS - 50_000 },
  } as const;
  const view = (more: Partial<HistoryView> = {}): HistoryView => ({
    paths: new Paths(),
    nowMs: NOW_MS,
    query: {},
    errors: {},
    rows: [
      approvalCard(mail),
      { ...approvalCard(used), outcome: 'completed' },
      { ...approvalCard(used), outcome: 'unknown' },
      approvalCard(used),
    ],
    places: new Map(),
    isFirst: true,
    mayExport: false,
    ...more,
  });

  it('shows the verdict beside how the run ended', () => {
    const page = elements(historyPage(view()));
    expect(page.texts('ol .quo')).to.deep.equal([
      'Verdict Waitsasked 22 min ago',
      'Verdict Approvedby p-ann, 14:27:00 UTC',
      'Verdict Approvedby p-ann, 14:27:00 UTC',
      'Verdict Approvedby p-ann, 14:27:00 UTC',
    ]);
    expect(page.texts('ol .left')).to.deep.equal(['Run waits for a decision', 'Run done', 'Run may have run', 'Run running']);
  });

  it('says where its records are in the audit logs, and leads to where each is named', () => {
    const rows = [approvalCard(mail), { ...approvalCard(used), outcome: 'completed' as const }];
    const place = (writer: string, seq: number, kind: string): ShownPlace => ({ writer, seq, kind });
    const places = new Map([[used.decisionId, [place('w0', 128, 'verdict'), place(EVIL, 7, EVIL), place('w0', 131, 'consumed')]]]);
    const page = elements(historyPage(view({ rows, places })));
    expect(page.texts('ol .quo a')).to.deep.equal([`log w0 #128 #131, log ${EVIL} #7`]);
    expect(page.hrefs()).to.include(`/a/${used.decisionId}#record`);
    expect(page.all('img')).to.deep.equal([]);
    expect(logPlaces(places.get(used.decisionId) ?? [], true)).to.equal(`log w0 #128 verdict, #131 consumed, log ${EVIL} #7 ${EVIL}`);
  });

  it('keeps what was typed, with the error beside its field', () => {
    const query = { q: '"x', status: 'denied', agent: 'a', tool: 'b', by: 'p', since: 'soon', until: '2026-01-01' };
    const page = elements(historyPage(view({ query, errors: { since: 'Give a day.' }, rows: [] })));
    const { status: _, ...typed } = query;
    expect(page.fields()).to.deep.equal(typed);
    expect(
      page
        .all('option')
        .filter((one) => one.attr('selected') !== undefined)
        .map((one) => one.attr('value')),
    ).to.deep.equal(['denied']);
    expect(page.text('#since-error')).to.equal('Give a day.');
    expect(page.text('.card')).to.equal('No approval is like this.');
    expect(elements(historyPage(view({ rows: [] }))).text('.card')).to.equal('No agent has asked yet.');
  });

  it('goes on page by page, also where a page found nothing', () => {
    const exported = elements(historyPage(view({ query: { q: 'x&y' }, mayExport: true })));
    expect(exported.hrefs().filter((href) => href.includes('export'))).to.deep.equal([
      '/history/export?q=x%26y&format=csv',
      '/history/export?q=x%26y&format=jsonl',
    ]);
    // a field that selects nothing must not select all
    for (const more of [{ mayExport: false }, { mayExport: true, errors: { since: 'Give a day.' } }])
      expect(
        elements(historyPage(view(more)))
          .hrefs()
          .join(),
      ).to.not.contain('export');
    const page = elements(historyPage(view({ query: { q: 'x' }, next: 'c&1', isFirst: false })));
    expect(page.hrefs()).to.include.members(['/history?q=x', '/history?q=x&cursor=c%261']);
    const none = elements(historyPage(view({ query: { q: 'x' }, rows: [], next: 'c' })));
    expect(none.hrefs()).to.include('/history?q=x&cursor=c');
    expect(none.text('.card')).to.contain('looked through many');
  });

  it('shows nothing that anyone wrote as markup', () => {
    const card = { ...approvalCard(askedOf({ [EVIL]: EVIL }, { agentId: EVIL, reason: EVIL })), decided: { by: EVIL, atMs: 1 } };
    expect(elements(historyPage(view({ rows: [card], query: { q: EVIL, agent: EVIL } }))).all('img')).to.have.length(0);
  });
});

describe('The page of unknown outcomes', () => {
  const run = { toolName: 'payments.refund', agentId: 'support-agent', sinceMs: NOW_MS - 300_000, decisionId: 'dec_1' };
  const view = (more: Partial<UnknownView> = {}): UnknownView => ({
    paths: new Paths(),
    nowMs: NOW_MS,
    runs: [{ ...run, taskId: 'task_1' }, run],
    formToken: 'form-token',
    ...more,
  });

  it('has a person say what became of a call of this store, and says where others are settled', () => {
    const page = elements(unknownPage(view()));
    expect(page.all('form')).to.have.length(1);
    expect(page.fields()).to.deep.equal({ csrf: 'form-token', reason: '', outcome: ['done', 'retry', 'abandon'] });
    expect(page.texts('.runs li')[1]).to.contain('It is settled where the call was made');
    expect(page.hrefs()).to.include('/a/dec_1');
    expect(page.one('form').attr('action')).to.equal('/unknown/task_1');
  });

  it('has no form for who may not', () => {
    const page = elements(unknownPage(view({ formToken: undefined })));
    expect(page.all('form')).to.have.length(0);
    expect(page.text('.runs')).to.contain('An approver says what became of it.');
  });

  it('keeps what was typed, with the error beside it', () => {
    const page = elements(unknownPage(view({ refused: { id: 'task_1', reason: '<b>', error: 'Say how you know.' } })));
    expect(page.text('.error')).to.equal('Say how you know.');
    expect(page.text('textarea')).to.equal('<b>');
    expect(elements(unknownPage(view({ refused: { id: 'task_2', reason: '', error: 'x' } }))).all('.error')).to.have.length(0);
  });

  it('says that there is none, and goes on page by page', () => {
    expect(elements(unknownPage(view({ runs: [] }))).text('.card')).to.equal('The outcome of every call is known.');
    expect(elements(unknownPage(view({ next: 'c' }))).hrefs()).to.include('/unknown?cursor=c');
  });
});

describe('The page of agents and tools', () => {
  const tool: AgentTool = {
    agentId: 'bot',
    toolName: 'refund',
    asked: 4,
    waiting: 1,
    approved: 2,
    denied: 1,
    medianMs: 90_000,
    lastMs: NOW_MS - 3_600_000,
  };

  it('says what each asked, and what people said', () => {
    const page = elements(
      agentsPage({
        paths: new Paths(),
        nowMs: NOW_MS,
        tools: [tool, { ...tool, waiting: 0, approved: 0, denied: 0, medianMs: undefined }],
        looked: 5,
        isCut: false,
      }),
    );
    expect(page.texts('tr').slice(1)).to.deep.equal(['botrefund 4121 67 %2 min1 h ago', 'botrefund 4000 1 h ago']);
    expect(page.text('p')).to.contain('Of 5 approvals.');
    expect(page.hrefs()).to.include('/history?agent=bot&tool=refund');
  });

  it('says how many it looked at', () => {
    const none = { paths: new Paths(), nowMs: NOW_MS, tools: [] };
    expect(pageTextOf(agentsPage({ ...none, looked: 1_000, isCut: true })))
      .to.contain('Of the newest 1,000 approvals.')
      .and.contain('No agent has asked yet.');
    expect(pageTextOf(agentsPage({ ...none, looked: 1, isCut: false }))).to.contain('Of 1 approval.');
  });
});

describe('The help page', () => {
  it('lists every key, and says that none decides', () => {
    const page = elements(helpPage());
    expect(page.texts('.keys dt')).to.have.length(KEYS.length);
    expect(page.text('#keys')).to.contain('No key decides.');
  });
});

describe('Times on a page', () => {
  it('says lengths in words, never as more than they are by a minute', () => {
    const lengths = [
      0, 1, 59_000, 60_000, 60_001, 119_000, 1_140_000, 3_540_001, 3_600_000, 12_840_000, 172_740_000, 172_800_001, 864_000_000,
    ];
    expect(lengths.map(lengthText)).to.deep.equal([
      '0 s',
      '1 s',
      '59 s',
      '60 s',
      '2 min',
      '2 min',
      '19 min',
      '1 h 0 min',
      '1 h 0 min',
      '3 h 34 min',
      '47 h 59 min',
      '2 days',
      '10 days',
    ]);
  });

  it('says how long ago, and never that something will have been', () => {
    const ago = [-5, 0, 59_999, 60_000, 3_600_000, 172_800_000].map((ms) => agoText(NOW_MS - ms, NOW_MS));
    expect(ago).to.deep.equal(['just now', 'just now', 'just now', '1 min ago', '1 h ago', '2 days ago']);
  });

  it('names the day where it is not today, and beyond what a date can show', () => {
    expect(timeText(NOW_MS - 86_400_000, NOW_MS)).to.equal('2026-11-27 14:28:00 UTC');
    expect(timeText(9e15, NOW_MS)).to.equal('at a time beyond what a date can show');
    expect(timeElement(9e15, NOW_MS).toString()).to.equal('<time datetime="">at a time beyond what a date can show</time>');
    expect(timeText(NOW_MS, 9e15)).to.equal('2026-11-28 14:28:00 UTC');
  });

  it('says what is left, in red where it is little, and when it is over', () => {
    expect(timeLeft(NOW_MS + 1_200_000, NOW_MS).toString()).to.not.contain('soon');
    expect(timeLeft(NOW_MS + 1_199_999, NOW_MS, true).toString())
      .to.contain('soon')
      .and.contain('data-announce');
    expect(pageTextOf(timeLeft(NOW_MS, NOW_MS))).to.equal('time is over');
  });
});

describe('The severity on a page', () => {
  it('is the highest one, and one that this code does not know is not taken for less', () => {
    expect(severityOf([{}])).to.equal('medium');
    expect(severityOf([{ severity: 'low' }, { severity: 'high' }])).to.equal('high');
    expect(severityOf([{ severity: 'low' }, { severity: 'grave' }])).to.equal('critical');
    expect(severityOf([])).to.equal('critical');
    expect((['low', 'medium', 'high', 'critical'] as const).map((one) => pageTextOf(severityTag(one)))).to.deep.equal([
      'Low',
      'Medium',
      '△ High',
      '▲ Critical',
    ]);
  });
});

describe('The page of policies, drawn', () => {
  const row = {
    kind: 'stricter',
    toolName: 'pay',
    from: 'allow',
    to: 'deny',
    before: [],
    after: ['no'],
    calls: 2,
    firstAtMs: 0,
    lastAtMs: NOW_MS,
  } as const;
  const staged = {
    hash: 'b'.repeat(64),
    against: 'a'.repeat(64),
    stagedAtMs: NOW_MS,
    sinceMs: NOW_MS,
    sample: 1,
    skipped: 0,
    compared: 2,
    differences: { newlyAllowed: 0, asksFewer: 0, milder: 0, changed: 0, stricter: 2 },
    rows: [row],
    otherCalls: 0,
  };
  const view = (more: Partial<PoliciesView> = {}): PoliciesView => ({
    paths: new Paths('/aegis'),
    nowMs: NOW_MS,
    inForce: { hash: 'a'.repeat(64), sinceMs: NOW_MS, count: 3 },
    watched: [],
    acts: [],
    ...more,
  });

  it('shows text of anyone as text, wherever it comes from', () => {
    const page = elements(
      policiesPage(
        view({
          inForce: { hash: 'a'.repeat(64), sinceMs: NOW_MS, count: 1, path: EVIL, by: EVIL },
          held: { hash: EVIL, loosened: [{ id: EVIL, file: EVIL, how: 'removed', message: EVIL }] },
          staged: { ...staged, hash: EVIL, against: EVIL, rows: [{ ...row, toolName: EVIL, before: [EVIL], after: [EVIL, EVIL] }] },
          watched: [
            {
              id: EVIL,
              untilMs: NOW_MS + 1,
              counts: [{ policyId: EVIL, toolName: EVIL, calls: 1, firstAtMs: 0, lastAtMs: 0, untilMs: 0 }],
            },
          ],
          acts: [{ act: 'drop', hash: EVIL, by: EVIL, atMs: NOW_MS }],
          formToken: EVIL,
          typed: { minDecisions: EVIL, maxNewlyAllowed: EVIL },
          fault: { message: EVIL, field: 'minDecisions' },
        }),
      ),
    );
    expect(page.all('img')).to.deep.equal([]);
    expect(page.all('script')).to.deep.equal([]);
    expect(page.all('form').map((form) => form.attr('action'))).to.deep.equal(['/aegis/policies/promote', '/aegis/policies/drop']);
    for (const input of page.all('input')) expect(input.attr('value')).to.equal(EVIL);
    expect(elements(policiesPage(view({ fault: { message: EVIL } }))).all('img')).to.deep.equal([]);
  });

  it('says how many calls are in rows that are not shown, and what a sample leaves out', () => {
    const rows = Array.from({ length: 205 }, (_, i) => ({ ...row, toolName: `t${i}` }));
    const text = pageTextOf(policiesPage(view({ staged: { ...staged, rows, otherCalls: 7, sample: 0.015, skipped: 1 } })));
    expect(text).to.contain('17 calls more in rows that are not shown').and.contain('1.5 % of the calls, 1 call skipped');
    expect(text).to.contain('t199').and.not.contain('t200');
    expect(pageTextOf(policiesPage(view({ staged: { ...staged, rows: [] } })))).to.contain('as those in force do');
    expect(pageTextOf(policiesPage(view({ staged: { ...staged, rows: [], compared: 0 } })))).to.contain('No call was compared yet.');
  });

  it('says of a watched policy whose end has come that it asks', () => {
    const watched = [{ id: 'big', untilMs: NOW_MS, counts: [] }];
    expect(pageTextOf(policiesPage(view({ watched })))).to.contain('asks since');
  });
});
