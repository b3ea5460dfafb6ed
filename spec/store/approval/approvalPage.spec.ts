import { expect } from 'chai';
import { approvalPage, fillPage } from '../../../lib/store/approval/approvalPage.js';
import type { PlacedCard } from '../../../lib/store/approval/approvalPage.js';
import { approvalCard, cardFromRow, storedCard } from '../../../lib/store/approval/approvalCard.js';
import { MemoryApprovalStore } from '../../../lib/store/memory/MemoryApprovalStore.js';
import { recordOf } from '../../support/approvalRecords.js';

describe('approvalPage', () => {
  it('makes pages of a store that has none', async () => {
    const store = new MemoryApprovalStore();
    const made = [3, 1, 2, 2].map((createdAtMs) => recordOf({ createdAtMs }));
    for (const record of made) store.insert(record);
    const times: number[] = [];
    for (let cursor: string | undefined; ;) {
      const page = await approvalPage(store, { limit: 1, cursor });
      times.push(...page.cards.map((card) => card.createdAtMs));
      cursor = page.cursor;
      if (cursor === undefined) break;
    }
    expect(times).to.deep.equal([3, 2, 2, 1]);
    expect((await approvalPage(store, {})).cards).to.have.length(4);
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
