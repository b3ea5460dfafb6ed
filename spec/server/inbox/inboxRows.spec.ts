import { expect } from 'chai';
import { agentTools } from '../../../lib/server/inbox/list/agentTools.js';
import { historyQuery } from '../../../lib/server/inbox/list/historyQuery.js';
import { inboxRows, kindOf } from '../../../lib/server/inbox/list/inboxRows.js';
import { isBy, isFor } from '../../../lib/server/decide/Reader.js';
import type { Reader } from '../../../lib/server/decide/Reader.js';
import { approvalCard } from '../../../lib/store/approval/approvalCard.js';
import type { ApprovalCard, ApprovalPolicy, ApprovalRecord, Verdict } from '../../../lib/store/ApprovalStore.js';
import { policyOf } from '../../support/approvalRecords.js';
import { askedOf, harmless, NOW_MS } from '../page/inboxExamples.js';

const ANN: Reader = { ids: ['p-ann', 'ann@acme.example'], groups: new Set(['leads']), isApprover: true, isOperator: false };
const card = (id: string, more: Partial<ApprovalRecord> = {}): ApprovalCard =>
  approvalCard(askedOf({ n: 1 }, { decisionId: id, requester: 'eve', policies: [policyOf('p')], ...more }));
const ids = (rows: ReturnType<typeof inboxRows>): readonly string[] =>
  rows.rows.map((row) => (row.kind === 'one' ? row.card.decisionId : `${row.cards.length}×${row.cards[0].decisionId}`));

const yes = (by: string, ...policies: readonly string[]): Verdict => ({ approve: true, by, atMs: 1, policies });
const leadsAfter = (afterMs: number): ApprovalPolicy['escalate'] => [{ afterMs, groups: ['leads'] }];

describe('Whether an approval waits for a person', () => {
  const cases: readonly (readonly [string, Partial<ApprovalRecord>, boolean, Partial<Reader>?])[] = [
    ['any approver may decide it', {}, true],
    ['one of their groups may', { policies: [policyOf('p', { approvers: ['risk', 'leads'] })] }, true],
    ['only others may', { policies: [policyOf('p', { approvers: ['risk'] })] }, false],
    [
      'only others may, but it is the operator of the host',
      { policies: [policyOf('p', { approvers: ['risk'] })] },
      true,
      { isOperator: true },
    ],
    ['they lack the role for it', {}, false, { isApprover: false }],
    ['they asked for it', { requester: 'ANN@acme.example' }, false],
    ['they asked for it in capitals of another language', { requester: 'STRASSE' }, false, { ids: ['straße'] }],
    ['they asked for it and may decide it themselves', { requester: 'p-ann', policies: [policyOf('p', { selfApproval: true })] }, true],
    ['they asked for it, and are the operator of the host', { requester: 'p-ann' }, false, { isOperator: true }],
    [
      'the policy that they may decide has its yes',
      {
        policies: [policyOf('p', { approvers: ['leads'] }), policyOf('q', { approvers: ['risk'] })],
        verdicts: [{ approve: true, by: 'bob', atMs: 1, policies: ['p'] }],
      },
      false,
    ],
    ['they have said yes already', { policies: [policyOf('p', { quorum: 2 })], verdicts: [yes('p-ann', 'p')] }, false],
    ['another one has said yes, and two are needed', { policies: [policyOf('p', { quorum: 2 })], verdicts: [yes('bob', 'p')] }, true],
    [
      'they have a seat of another policy, and people are kept apart',
      { policies: [policyOf('p', { approvers: ['leads'], distinct: true }), policyOf('q')], verdicts: [yes('p-ann', 'p', 'q')] },
      false,
    ],
    [
      'another one has a seat, and people are kept apart',
      { policies: [policyOf('p', { approvers: ['leads'], distinct: true }), policyOf('q')], verdicts: [yes('bob', 'q')] },
      true,
    ],
    ['their group was added by now', { policies: [policyOf('p', { approvers: ['risk'], escalate: leadsAfter(1) })] }, true],
    ['their group is to be added', { policies: [policyOf('p', { approvers: ['risk'], escalate: leadsAfter(1e14) })] }, false],
  ];
  for (const [what, more, expected, reader] of cases)
    it(`is ${expected} where ${what}`, () => expect(isFor(card('a', more), { ...ANN, ...reader })).to.equal(expected));

  it('knows who asked by any of their ids', () => {
    expect(isBy({ requester: 'Ann@ACME.example' }, ANN)).to.equal(true);
    expect(isBy({ requester: 'bob' }, ANN)).to.equal(false);
  });
});

describe('The rows of the inbox', () => {
  const of = (cards: readonly ApprovalCard[], after?: string, order: 'oldest' | 'ending' = 'oldest') =>
    inboxRows(cards, { tab: 'all', order }, ANN, after);

  it('are those of the tab, each tab with its count', () => {
    const cards = [
      card('a', { createdAtMs: 1 }),
      card('b', { createdAtMs: 2, policies: [policyOf('q', { approvers: ['risk'] })] }),
      card('c', { createdAtMs: 3, requester: 'p-ann' }),
    ];
    const tab = (which: 'me' | 'all' | 'mine') => inboxRows(cards, { tab: which, order: 'oldest' }, ANN);
    expect(ids(tab('me'))).to.deep.equal(['a']);
    expect(ids(tab('all'))).to.deep.equal(['a', 'b', 'c']);
    expect(ids(tab('mine'))).to.deep.equal(['c']);
    expect(tab('me').counts).to.deep.equal({ me: 1, all: 3, mine: 1 });
    expect(tab('me')).to.not.have.property('next');
  });

  it('are the oldest first, or those that end first, and then by id', () => {
    const cards = [
      card('b', { createdAtMs: 1, expiresAtMs: 9, toolName: 'x' }),
      card('a', { createdAtMs: 1, expiresAtMs: 10, toolName: 'y' }),
      card('c', { createdAtMs: 2, expiresAtMs: 5 }),
      card('c', { createdAtMs: 2, expiresAtMs: 5 }),
    ];
    expect(ids(of(cards))).to.deep.equal(['a', 'b', 'c', 'c']);
    expect(ids(of(cards, undefined, 'ending'))).to.deep.equal(['c', 'c', 'b', 'a']);
  });

  it('are one row where more than three are alike: the same agent, tool and policies', () => {
    const alike = (count: number, more: Partial<ApprovalRecord> = {}): ApprovalCard[] =>
      Array.from({ length: count }, (_, i) => card(`${more.toolName ?? 't'}${i}`, { createdAtMs: i + 1, expiresAtMs: 100 - i, ...more }));
    expect(ids(of(alike(3)))).to.deep.equal(['t0', 't1', 't2']);
    expect(ids(of(alike(4)))).to.deep.equal(['4×t0']);
    expect(ids(of([...alike(4), ...alike(2, { agentId: 'other' }), ...alike(2, { policies: [policyOf('q')] })]))).to.have.length(5);
    // its place is that of the one that ends first
    expect(ids(of([...alike(4), card('z', { createdAtMs: 9, expiresAtMs: 98, toolName: 'z' })], undefined, 'ending'))).to.deep.equal([
      '4×t0',
      'z',
    ]);
    expect(kindOf(card('a', { agentId: 'x","y' }))).to.not.equal(kindOf(card('a', { agentId: 'x' })));
  });

  it('come page by page, without one twice or left out, though some are settled in between', () => {
    const cards = Array.from({ length: 130 }, (_, i) =>
      card(`id-${String(i).padStart(3, '0')}`, { createdAtMs: 1 + Math.floor(i / 3), toolName: `tool-${i}` }),
    );
    const seen: string[] = [];
    let left = cards;
    for (let after: string | undefined, pages = 0; pages < 5; pages++) {
      const page = of(left, after);
      expect(page.before).to.equal(left.findIndex(({ decisionId }) => decisionId === ids(page)[0]));
      seen.push(...ids(page));
      after = page.next;
      if (after === undefined) break;
      // the first one of this page is settled while it is read
      left = left.filter(({ decisionId }) => decisionId !== ids(page)[0]);
    }
    expect(seen).to.deep.equal(cards.map(({ decisionId }) => decisionId));
  });

  it('begin anew after a place that no page gave, and are none behind the last one', () => {
    expect(ids(of([card('a')], 'nonsense'))).to.deep.equal(['a']);
    const behind = of([card('a')], '9999999999999:z');
    expect(behind).to.include({ before: 1, total: 1 });
    expect(behind.rows).to.deep.equal([]);
  });
});

describe('What agents asked of tools', () => {
  it('counts by agent and tool, with the time that half of the verdicts took', () => {
    const decided = (status: 'approved' | 'denied', tookMs: number): ApprovalCard => {
      const verdict = { approve: status === 'approved', by: 'bob', atMs: NOW_MS + tookMs, policies: ['merges'] };
      return harmless({ status, createdAtMs: NOW_MS, verdicts: [verdict] });
    };
    const cards = [
      harmless(),
      decided('approved', 10),
      decided('approved', 30),
      decided('denied', 20),
      harmless({ status: 'withdrawn' }),
      harmless({ agentId: 'another' }),
      harmless({ agentId: 'another', toolName: 'a' }),
    ];
    const tools = agentTools(cards);
    expect(tools.map(({ agentId, toolName }) => [agentId, toolName])).to.deep.equal([
      ['another', 'a'],
      ['another', 'github.merge_pull_request'],
      ['code-agent', 'github.merge_pull_request'],
    ]);
    expect(tools[2]).to.deep.include({ asked: 5, waiting: 1, approved: 2, denied: 1, medianMs: 20, lastMs: NOW_MS });
    expect(tools[0]).to.have.property('medianMs', undefined);
  });
});

describe('The form of the history', () => {
  const read = (query: string) => historyQuery(new URLSearchParams(query));

  it('selects by every field, and forgets what is empty', () => {
    const { typed, errors, query } = read('q=+x+&status=denied&agent=a&tool=t.u&by=p&since=2026-11-01&until=2026-11-02&cursor=c');
    expect(errors).to.deep.equal({});
    expect(typed).to.deep.equal({ q: 'x', status: 'denied', agent: 'a', tool: 't.u', by: 'p', since: '2026-11-01', until: '2026-11-02' });
    expect(query).to.deep.equal({
      q: 'x',
      status: 'denied',
      agentId: 'a',
      toolName: 't.u',
      decidedBy: 'p',
      sinceMs: Date.UTC(2026, 10, 1),
      untilMs: Date.UTC(2026, 10, 3),
      cursor: 'c',
    });
    expect(read('q=&status=').typed).to.deep.equal({});
  });

  it('says which field is wrong, keeps what was typed, and the others count', () => {
    for (const [name, bad] of [
      ['status', 'maybe'],
      ['tool', 'no tool'],
      ['q', 'x'.repeat(257)],
      ['since', 'soon'],
      ['since', '2026-02-30'],
      ['until', '2026-13-01'],
    ] as const) {
      const { typed, errors, query } = read(`${name}=${encodeURIComponent(bad)}&agent=a`);
      expect(Object.keys(errors), bad).to.deep.equal([name]);
      expect(typed[name]).to.equal(bad);
      expect(query).to.include({ agentId: 'a' });
      expect(Object.values(query).filter((value) => value !== undefined)).to.deep.equal(['a']);
    }
  });
});
