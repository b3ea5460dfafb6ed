// A flood: thousands wait, a hundred more come each second, and the pages stay small, answer, and tell what is new. `npm run flood` has the full volume.
import { expect } from 'chai';
import type { Browser, CDPSession, Page } from 'playwright-core';
import { counted, volume } from '../support/assurance.js';
import { policyOf, recordOf } from '../support/approvalRecords.js';
import type { SpecPerson } from '../support/servedInbox.js';
import { until } from '../support/until.js';
import { hasBrowser, openBrowser } from './browser.js';
import { inboxWorld } from './inboxWorld.js';
import type { InboxWorld } from './inboxWorld.js';

const PENDING = volume(10_000);
const EVENTS = volume(5_000);
const EVERY_MS = 10;
/** As many as one person may have, of five people: 50 tabs of as many browsers. */
const STREAMS = { people: 5, each: 10 };
const MINUTE_MS = 60_000;

describe('A flood of requests', function () {
  this.timeout(20_000 + 60 * (PENDING + EVENTS));
  let browser: Browser;
  let world: InboxWorld;
  let ann: SpecPerson;

  before(async function () {
    if (!hasBrowser) this.skip();
    browser = await openBrowser();
    world = await inboxWorld(browser);
    ann = await world.person('Ann', { groups: ['finance-leads'] });
    const now = Date.now();
    for (let i = 0; i < PENDING; i++)
      await world.store.approvals.insert(
        recordOf({
          decisionId: `dec_${String(i).padStart(6, '0')}`,
          agentId: `agent-${i % 5_000}`,
          toolName: `tool-${i % 20}`,
          policies: [policyOf('reads', { severity: 'low' })],
          createdAtMs: now - 60 * MINUTE_MS + i,
          expiresAtMs: now + 60 * MINUTE_MS,
        }),
      );
  });
  after(async () => {
    await world?.close();
    await browser?.close();
  });

  /** Asks as many agents as there are, a hundred times a second. Resolves to when each was asked. */
  const flood = async (count: number, asked: Map<string, number>): Promise<void> => {
    const begun = performance.now();
    for (let i = 0; i < count; i++) {
      const wait = begun + i * EVERY_MS - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      const atMs = performance.timeOrigin + performance.now();
      let id: string | undefined;
      // a server that is told to slow its callers down does so
      while ((id = (await world.ask('read', { i }, { agent: `flood-${i}` })) as string | undefined) === undefined)
        await new Promise((resolve) => setTimeout(resolve, 5 * EVERY_MS));
      asked.set(id, atMs);
    }
  };

  interface Size {
    readonly nodes: number;
    readonly listeners: number;
    readonly heap: number;
  }
  const sizeOf = async (session: CDPSession): Promise<Size> => {
    await session.send('HeapProfiler.collectGarbage');
    const { metrics } = await session.send('Performance.getMetrics');
    const value = (wanted: string): number => metrics.find(({ name }) => name === wanted)?.value ?? Number.NaN;
    return { nodes: value('Nodes'), listeners: value('JSEventListeners'), heap: value('JSHeapUsedSize') };
  };
  const live = (page: Page): Promise<void> => page.locator('[data-live]', { hasText: /^Live$/ }).waitFor();
  const elements = (page: Page): Promise<number> => page.evaluate(() => document.querySelectorAll('*').length);
  const p99 = (values: readonly number[]): number => Math.round([...values].sort((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? 0);

  it('leaves the page as it is: its elements, its listeners and its memory; each key and click is answered', async () => {
    const { page, reports } = await world.open(ann);
    await page.goto('/inbox');
    await live(page);
    const session = await page.context().newCDPSession(page);
    await session.send('Performance.enable');
    await world.ask('read', { n: 0 }, { agent: 'first' });
    await page.getByText('1 newer request', { exact: true }).waitFor();
    const rows = await page.locator('ol [data-row]').count();
    const [before, count] = [await sizeOf(session), await elements(page)];
    const asked = new Map<string, number>();
    let isOver = false;
    const flooding = flood(EVENTS, asked).finally(() => (isOver = true));
    const answered: number[] = [];
    // whoever reads goes on: by keys, in a tab of their own
    const reader = await world.open(ann);
    do {
      const start = performance.now();
      await reader.page.goto('/inbox');
      await reader.page.keyboard.press('j');
      await reader.page.keyboard.press('Enter');
      await reader.page.waitForURL('**/a/*');
      await reader.page.locator('button.approve').waitFor();
      answered.push(performance.now() - start);
      await reader.page.waitForTimeout(800);
      const id = reader.page.url().split('/').at(-1) ?? '';
      await reader.page.locator('button.deny').click();
      await reader.page.getByText('Denied by Ann', { exact: true }).waitFor();
      expect((await world.store.approvals.get(id))?.verdicts).to.have.length(1);
    } while (!isOver);
    await flooding;
    await page.getByText(`${EVENTS + 1} newer requests`, { exact: true }).waitFor();
    const after = await sizeOf(session);
    const grown = {
      elements: (await elements(page)) - count,
      nodes: after.nodes - before.nodes,
      listeners: after.listeners - before.listeners,
      heapKb: Math.round((after.heap - before.heap) / 1_024),
    };
    const pressed = await page.evaluate(async () => {
      const start = performance.now();
      await new Promise(requestAnimationFrame);
      return performance.now() - start;
    });
    counted({
      what: 'requests while a page of the inbox is open, and it does not grow',
      cases: EVENTS,
      wrong: Number(grown.elements !== 0 || grown.nodes > 500 || grown.listeners > 20 || grown.heapKb > 2_048),
      beside: {
        pending: PENDING,
        'from /inbox to an open approval, p99, ms': p99(answered),
        'the next frame of the open page, ms': Math.round(pressed),
        ...Object.fromEntries(Object.entries(grown).map(([what, by]) => [`more ${what}`, by])),
      },
    });
    expect(grown.elements).to.equal(0);
    expect(await page.locator('ol [data-row]').count()).to.equal(rows);
    expect(grown.nodes).to.be.below(500);
    expect(grown.listeners).to.be.at.most(20);
    expect(grown.heapKb).to.be.below(2_048);
    await page.keyboard.press('j');
    expect(await page.evaluate(() => document.activeElement?.closest('[data-row]') !== null)).to.equal(true);
    expect([...reports, ...reader.reports]).to.deep.equal([]);
    for (const opened of [page, reader.page]) await opened.context().close();
  });

  it('is told to 50 tabs and to three browsers, each event to each of them', async () => {
    const closing = new AbortController();
    const heard: Map<string, number>[] = [];
    for (let i = 0; i < STREAMS.people; i++) {
      const { cookie } = await world.person(`Tab ${i}`);
      for (let j = 0; j < STREAMS.each; j++) {
        const times = new Map<string, number>();
        heard.push(times);
        const answer = await fetch(`${world.origin}/v1/inbox/events`, { headers: { cookie }, signal: closing.signal });
        expect(answer.status).to.equal(200);
        void listen(answer.body as ReadableStream<Uint8Array>, times);
      }
    }
    const pages = await Promise.all(
      Array.from({ length: 3 }, async (_, i) => {
        const opened = await world.open(await world.person(`Browser ${i}`));
        await opened.page.goto('/inbox');
        await live(opened.page);
        await opened.page.evaluate(() => {
          const changes: (readonly [number, number])[] = [];
          Object.assign(globalThis, { changes });
          new MutationObserver(() => {
            const newer = Number.parseInt(document.querySelector('[data-newer-text]')?.textContent ?? '0', 10);
            changes.push([newer, performance.timeOrigin + performance.now()]);
          }).observe(document.querySelector('[data-newer]') as Element, { childList: true, subtree: true, characterData: true });
        });
        return opened;
      }),
    );
    const asked = new Map<string, number>();
    const events = Math.min(EVENTS, 500);
    await flood(events, asked);
    await until(() => heard.every((times) => times.size >= events));
    for (const times of heard) expect([...asked.keys()].every((id) => times.has(id))).to.equal(true);
    const toStream = heard.flatMap((times) => [...asked].map(([id, atMs]) => (times.get(id) as number) - atMs));
    const toPage: number[] = [];
    const order = [...asked.values()];
    for (const { page, reports } of pages) {
      await page.getByText(`${events} newer requests`, { exact: true }).waitFor();
      const changes = (await page.evaluate('changes')) as readonly (readonly [number, number])[];
      // a change shows all that came since the one before
      order.forEach((atMs, i) => {
        const shown = changes.find(([newer]) => newer > i);
        toPage.push((shown?.[1] ?? Number.NaN) - atMs);
      });
      expect(reports).to.deep.equal([]);
    }
    expect(toPage.every(Number.isFinite)).to.equal(true);
    counted({
      what: 'events that reached 50 streams and three browsers',
      cases: toStream.length + toPage.length,
      wrong: 0,
      beside: { 'request to stream, p99, ms': p99(toStream), 'request to changed page, p99, ms': p99(toPage) },
    });
    closing.abort();
    for (const { page } of pages) await page.context().close();
  });
});

/** Notes when each request is told. */
async function listen(body: ReadableStream<Uint8Array>, times: Map<string, number>): Promise<void> {
  let text = '';
  try {
    for await (const chunk of body) {
      text += Buffer.from(chunk).toString();
      const atMs = performance.timeOrigin + performance.now();
      for (const [, id = ''] of text.matchAll(/^event: requested\ndata: \{"id":"([^"]+)"/gm)) if (!times.has(id)) times.set(id, atMs);
      text = text.slice(text.lastIndexOf('\n\n') + 2);
    }
  } catch {
    // it was closed
  }
}
