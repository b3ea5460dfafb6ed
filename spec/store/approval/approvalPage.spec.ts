import { expect } from 'chai';
import { whoChanged } from '../../../lib/store/approval/whoChanged.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { approvalPage, fillPage } from '../../../lib/store/approval/approvalPage.js';
import type { PlacedCard } from '../../../lib/store/approval/approvalPage.js';
import { approvalCard, cardFromRow, storedCard } from '../../../lib/store/approval/approvalCard.js';
import { MemoryApprovalStore } from '../../../lib/store/memory/MemoryApprovalStore.js';
import { recordOf } from '../../support/approvalRecords.js';

describe('approvalPage', () => {
  it('makes pages of a store that has none', async () => {
    const store = new MemoryApprovalStore();
    const made = ['3c', '1a', '2b', '2d', '2a', '2c'].map((id) => recordOf({ createdAtMs: Number(id[0]), decisionId: id }));
    for (const record of made) store.insert(record);
    const ids: string[] = [];
    for (let cursor: string | undefined; ;) {
      const page = await approvalPage(store, { limit: 1, cursor });
      ids.push(...page.cards.map((card) => card.decisionId));
      cursor = page.cursor;
      if (cursor === undefined) break;
    }
    expect(ids).to.deep.equal(['3c', '2d', '2c', '2b', '2a', '1a']);
    expect((await approvalPage(store, {})).cards).to.have.length(6);
  });

  it('is empty behind the last card, and behind what no page gave', async () => {
    const store = new MemoryApprovalStore();
    store.insert(recordOf({ createdAtMs: 5, decisionId: 'a' }));
    for (const cursor of ['1:z', '5:a', 'nothing', '']) expect(await approvalPage(store, { cursor })).to.deep.equal({ cards: [] });
    expect((await approvalPage(store, { cursor: '9:z' })).cards).to.have.length(1);
  });

  it('is that of a store that has pages', async () => {
    const page = { cards: [] };
    const store = Object.assign(new MemoryApprovalStore(), { page: () => page });
    expect(await approvalPage(store, {})).to.equal(page);
  });

  it('looks through 5,000 cards for one page, and the next one goes on from there', async () => {
    const cards = Array.from({ length: 7_000 }, (_, i): PlacedCard => {
      const record = recordOf({ agentId: i === 6_990 ? 'rare' : 'bot' });
      return { card: approvalCard(record), place: String(i) };
    });
    let read = 0;
    const batch = (after: string | undefined, count: number): readonly PlacedCard[] => {
      const from = after === undefined ? 0 : Number(after) + 1;
      read += count;
      return cards.slice(from, from + count);
    };
    const first = await fillPage({ q: 'rare' }, batch);
    expect(first).to.deep.equal({ cards: [], cursor: '4999' });
    expect(read).to.equal(5_000);
    const second = await fillPage({ q: 'rare', cursor: first.cursor }, batch);
    expect(second.cards.map(({ agentId }) => agentId)).to.deep.equal(['rare']);
    expect(second).to.not.have.property('cursor');
    expect(await fillPage({ q: 'rare' }, () => [])).to.deep.equal({ cards: [] });
  });

  it('leaves out a card that cannot be read', async () => {
    const record = recordOf();
    const rows = [
      { card: 'no JSON', body: null },
      { card: storedCard(record), body: null },
      { card: null, body: 'no JSON' },
      { card: null, body: JSON.stringify(record) },
    ];
    const placed = rows.map((row, i) => ({ card: cardFromRow(row), place: String(i) }));
    expect((await fillPage({}, (after) => (after === undefined ? placed : []))).cards).to.deep.equal([
      approvalCard(record),
      approvalCard(record),
    ]);
  });
});

describe('approvalCard', () => {
  it('says what a policy changed, by name, and what may deceive the eye', () => {
    const changed = approvalCard(
      recordOf({
        params: { a: 1, b: 2 },
        originalParams: { a: 1, b: 3, c: 'gone' },
        digest: 'x',
        policies: [{ id: 'p', hash: 'h', selfApproval: true }],
      }),
    );
    expect(changed).to.deep.include({ changed: ['b', 'c'], policies: [{ id: 'p', selfApproval: true }] });
    expect(changed).to.not.have.any.keys('deceptive', 'unlisted', 'decided');
    const kinds = (params: Record<string, unknown>, more = {}) => approvalCard(recordOf({ params, ...more })).deceptive;
    expect(kinds({ a: 'x\u200b' })).to.deep.equal(['hidden']);
    expect(kinds({ a: 'p\u0430y' })).to.deep.equal(['lookalike']);
    expect(kinds({ 'p\u0430y\u202e': 1 })).to.deep.equal(['hidden', 'lookalike']);
    expect(kinds({ a: 'привет' })).to.equal(undefined);
    expect(kinds({ a: 'ü' })).to.equal(undefined);
    expect(kinds({ a: 1 }, { originalParams: { a: '\u202e' }, digest: 'x' })).to.deep.equal(['hidden']);
    expect(kinds({ a: 1 }, { requester: '\u202eeve' })).to.deep.equal(['hidden']);
  });

  it('says what a person edited apart from what a policy changed, by its name and by that of the person', () => {
    const edit = (changes: readonly { pointer: string }[], params = {}) =>
      [{ by: 'p1', name: 'Ann', params, changes }] as unknown as ApprovalRecord['amendments'];
    const [originalParams, params] = [
      { a: 1, ab: 1, c: { d: 1 } },
      { a: 2, ab: 2, c: { d: '[email]' } },
    ];
    const amendments = edit([{ pointer: '/a' }, { pointer: '/c/d' }], { a: 2, ab: 1, c: { d: 'x@y' } });
    const record = recordOf({ originalParams, params, digest: 'x', amendments });
    expect(approvalCard(record)).to.deep.include({ edited: ['a', 'c'], changed: ['ab', 'c'] });
    expect(approvalCard(recordOf({ originalParams, params: { ...originalParams, a: 2 }, digest: 'x', amendments }))).to.not.have.property(
      'changed',
    );
    expect(whoChanged(record, 'c')).to.deep.equal({ people: ['Ann'], policy: true });
    const left = recordOf({ originalParams, params: { a: 2 }, digest: 'x', amendments });
    expect(whoChanged(left, 'c'), 'a policy left out what a person edited').to.deep.equal({ people: ['Ann'], policy: true });
    // over HTTP it is not told what each edit made of the call
    expect(whoChanged({ params, amendments: [{ by: 'p1', changes: [{ pointer: '/a' }] }] }, 'a')).to.deep.equal({
      people: ['p1'],
      policy: false,
    });
  });

  it('lists the params that its policies name, in their order, and counts the others', () => {
    const params = { a: 1, b: 2, c: 3, d: 4, e: 5, order: 'A-1' };
    const policies = [
      { id: 'one', hash: 'h', summary: ['order', 'gone'] },
      { id: 'two', hash: 'h' },
      { id: 'three', hash: 'h', summary: ['b', 'order'] },
    ];
    const { summary, unlisted } = approvalCard(recordOf({ params, policies }));
    expect(summary).to.deep.equal([
      { name: 'order', text: '"A-1"' },
      { name: 'b', text: '2' },
    ]);
    expect(unlisted).to.equal(4);
  });

  it('lists at most eight that policies name, and the first four where the call has none of them', () => {
    const names = Array.from({ length: 12 }, (_, i) => `p${i}`);
    const params = Object.fromEntries(names.map((name) => [name, 1]));
    const named = (...lists: readonly (readonly string[])[]) =>
      approvalCard(recordOf({ params, policies: lists.map((summary, i) => ({ id: `${i}`, hash: 'h', summary })) }));
    const many = named(names.slice(0, 6).toReversed(), names.slice(6));
    expect(many.summary?.map(({ name }) => name)).to.deep.equal(['p5', 'p4', 'p3', 'p2', 'p1', 'p0', 'p6', 'p7']);
    expect(many.unlisted).to.equal(4);
    const none = named(['constructor', 'gone']);
    expect(none.summary?.map(({ name }) => name)).to.deep.equal(names.slice(0, 4));
    expect(none.unlisted).to.equal(8);
  });

  it('cuts long names, and lists no more than four that were changed', () => {
    const name = 'n'.repeat(100);
    const originalParams = { [name]: 1, b: 1, c: 1, d: 1, e: 1 };
    const { summary, changed } = approvalCard(recordOf({ params: { [name]: 2 }, originalParams, digest: 'x' }));
    expect(summary).to.deep.equal([{ name: `${'n'.repeat(60)}…`, text: '2' }]);
    expect(changed).to.deep.equal([`${'n'.repeat(60)}…`, 'b', 'c', 'd']);
  });
});
