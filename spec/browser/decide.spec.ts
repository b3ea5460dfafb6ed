// Deciding in a real browser: by the keyboard alone, without script, with a passkey, and while others decide.
import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import type { SpecPerson } from '../support/servedInbox.js';
import { hasBrowser, openBrowser } from './browser.js';
import type { PageReports } from './browser.js';
import { inboxWorld, signUp, withAuthenticator } from './inboxWorld.js';
import type { InboxWorld } from './inboxWorld.js';

describe('Deciding in a browser', function () {
  this.timeout(30_000);
  let browser: Browser;
  let world: InboxWorld;
  let ann: SpecPerson;
  let bob: SpecPerson;
  const asked = { user: 'lee@acme.example' };

  before(async function () {
    if (!hasBrowser) this.skip();
    browser = await openBrowser();
    world = await inboxWorld(browser);
    ann = await world.person('Ann', { groups: ['finance-leads'] });
    bob = await world.person('Bob', { groups: ['finance-leads'] });
  });
  after(async () => {
    await world?.close();
    await browser?.close();
  });

  const armed = (page: Page): Promise<void> => page.waitForTimeout(800);
  const focused = (page: Page): Promise<string> =>
    page.evaluate(() => {
      const { id, dataset } = document.activeElement as HTMLElement;
      return id !== '' ? id : (dataset['verdict'] ?? document.activeElement?.tagName ?? '');
    });
  const verdictsOf = async (id: string): Promise<readonly string[]> =>
    ((await world.store.approvals.get(id))?.verdicts ?? []).map(({ approve, name, assurance, reason = '' }) =>
      `${approve ? 'approved' : 'denied'} by ${name} (${assurance}) ${reason}`.trim(),
    );
  const live = (page: Page): Promise<void> => page.locator('[data-live]', { hasText: /^Live$/ }).waitFor();
  /** Opens an approval from the inbox, by keys. */
  const openByKeys = async ({ page }: PageReports, tool: string, id: string): Promise<void> => {
    await page.goto(`/inbox?q=${id}`);
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.waitForURL(`**/a/${id}`);
    expect(await page.locator('h1').textContent()).to.equal(tool);
    await armed(page);
  };

  for (const tool of ['read', 'mail'])
    it(`approves a ${tool === 'read' ? 'low' : 'medium'} one by the keyboard alone, in one press`, async () => {
      const first = await world.ask(tool, { n: 1 }, { ...asked, agent: `known-${tool}` });
      const opened = await world.open(ann);
      await openByKeys(opened, tool, first);
      const { page, reports } = opened;
      await page.keyboard.press('a');
      expect(await focused(page)).to.equal('approve');
      await page.keyboard.press('Enter');
      await page.getByText('Approved by Ann', { exact: true }).waitFor();
      expect(page.url()).to.equal(`${world.origin}/a/${first}`);
      expect(await verdictsOf(first)).to.deep.equal(['approved by Ann (session)']);
      expect(reports).to.deep.equal([]);
    });

  it('approves a high one by the keyboard alone: a reason and the code, and Enter in a field sends nothing', async () => {
    const id = await world.ask('refund', { amount: 250 }, asked);
    const opened = await world.open(ann);
    await openByKeys(opened, 'refund', id);
    const { page, reports } = opened;
    await page.keyboard.press('a');
    expect(await focused(page)).to.equal('reason');
    await page.keyboard.type('as the carrier says');
    await page.keyboard.press('Tab');
    expect(await focused(page)).to.equal('code');
    await page.keyboard.press('Enter');
    await page.keyboard.type('zzzz');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    expect(await focused(page)).to.equal('deny');
    await page.keyboard.press('Tab');
    expect(await focused(page)).to.equal('approve');
    expect(await verdictsOf(id)).to.deep.equal([]);
    await page.keyboard.press('Enter');
    // not the code: beside its field, and the reason is kept
    await page.locator('#code-error').waitFor();
    expect(await page.locator('#reason').inputValue()).to.equal('as the carrier says');
    await armed(page);
    await page.keyboard.press('a');
    expect(await focused(page)).to.equal('code');
    await page.keyboard.type((await world.store.approvals.get(id))?.digest.slice(0, 4) ?? '');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press(' ');
    await page.getByText('Approved by Ann', { exact: true }).waitFor();
    expect(await verdictsOf(id)).to.deep.equal(['approved by Ann (code) as the carrier says']);
    expect(reports).to.deep.equal([]);
  });

  it('approves a critical one by the keyboard and a passkey, which signs this verdict', async () => {
    const fresh = await inboxWorld(browser);
    try {
      const opened = await fresh.open(undefined);
      const { page, reports } = opened;
      await withAuthenticator(opened);
      await signUp(fresh, page, 'Dan');
      const [dan] = (await fresh.identity.people.list()).people;
      await fresh.identity.people.change(dan?.id ?? '', { groups: ['dba'] }, 'spec');
      const id = await fresh.ask('sql', { sql: 'DROP TABLE x' }, asked);
      await page.goto(`/a/${id}`);
      // the server notices within a second which groups a person has
      for (let tries = 0; tries < 50 && (await page.locator('button.approve').count()) === 0; tries++) {
        await page.waitForTimeout(100);
        await page.reload();
      }
      await armed(page);
      await page.keyboard.press('a');
      expect(await focused(page)).to.equal('reason');
      await page.keyboard.type('backed up\nas agreed');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Tab');
      expect(await focused(page)).to.equal('approve');
      await page.keyboard.press('Enter');
      await page.getByText('Approved by Dan', { exact: true }).waitFor();
      const record = await fresh.store.approvals.get(id);
      expect(record?.verdicts).to.have.length(1);
      expect(record?.verdicts[0]).to.include({ assurance: 'passkey', reason: 'backed up\nas agreed' });
      expect(record?.verdicts[0]?.proof).to.include({ kind: 'passkey' });
      // and what is harmless takes a signature too, where any program of this machine may have the cookie
      const low = await fresh.ask('read', { n: 1 }, asked);
      await page.goto(`/a/${low}`);
      await armed(page);
      expect(await page.locator('button.approve').textContent()).to.equal('Approve with passkey');
      await page.locator('#reason').fill('fine');
      await page.locator('button.approve').click();
      await page.getByText('Approved by Dan', { exact: true }).waitFor();
      // a no signs nothing
      const other = await fresh.ask('sql', { sql: 'DROP TABLE y' }, asked);
      await page.goto(`/a/${other}`);
      await armed(page);
      await page.locator('button.deny').click();
      await page.getByText('Denied by Dan', { exact: true }).waitFor();
      expect((await fresh.store.approvals.get(other))?.verdicts[0]).to.include({ assurance: 'session' });
      expect(reports).to.deep.equal([]);
    } finally {
      await fresh.close();
    }
  });

  it('works without script', async () => {
    const { page, reports } = await world.open(ann, { javaScriptEnabled: false });
    const low = await world.ask('read', { n: 2 }, asked);
    const high = await world.ask('refund', { amount: 3 }, asked);
    const no = await world.ask('read', { n: 3 }, asked);
    for (const id of [low, high]) {
      await page.goto('/inbox');
      await page.locator(`a.tool[href="/a/${id}"]`).click();
      await page.locator('#reason').fill('fine');
      if ((await page.locator('#code').count()) > 0)
        await page.locator('#code').fill((await page.locator('label[for=code] code').textContent()) ?? '');
      await page.locator('#reason').press('Tab');
      await page.locator('button.approve').click();
      expect(await page.locator('.decide h2').first().textContent()).to.equal('Approved by Ann');
      expect(page.url()).to.equal(`${world.origin}/a/${id}`);
    }
    await page.goto(`/a/${no}`);
    await page.locator('button.deny').click();
    expect(await page.locator('.decide h2').first().textContent()).to.equal('Denied by Ann');
    expect(reports).to.deep.equal([]);
  });

  it('says that it changed while it was open, and is disarmed', async () => {
    const id = await world.ask('refund', { amount: 4 }, asked);
    const { page, reports } = await world.open(ann);
    await page.goto(`/a/${id}`);
    await live(page);
    await armed(page);
    const mark = page.locator('[data-again]');
    expect(await mark.isVisible()).to.equal(false);
    const theirs = await world.open(bob);
    await theirs.page.goto(`/a/${id}`);
    await armed(theirs.page);
    await theirs.page.locator('button.deny').click();
    await theirs.page.getByText('Denied by Bob', { exact: true }).waitFor();
    await mark.waitFor();
    expect((await mark.textContent())?.trim()).to.match(/^Changed since you opened this\.\s+Read again$/);
    expect(
      await page.locator('button[data-verdict]').evaluateAll((all) => all.map((one) => one.getAttribute('aria-disabled'))),
    ).to.deep.equal(['true', 'true']);
    await page.locator('#reason').fill('late');
    await armed(page);
    await page.locator('button.deny').click({ force: true });
    await page.waitForTimeout(200);
    expect(await verdictsOf(id)).to.deep.equal(['denied by Bob (session)']);
    await mark.getByRole('link').click();
    await page.getByText('Denied by Bob', { exact: true }).waitFor();
    expect([...reports, ...theirs.reports]).to.deep.equal([]);
  });

  it('shows that there are newer ones, and what others decided, and moves no row', async () => {
    const id = await world.ask('refund', { amount: 5 }, { ...asked, agent: 'seen' });
    const { page, reports } = await world.open(ann);
    await page.goto('/inbox');
    await live(page);
    const count = async (): Promise<number> => Number(/^\((\d+)\)/.exec(await page.title())?.[1] ?? 0);
    const before = await count();
    expect(before).to.be.above(0);
    const rows = await page.locator('ol [data-row]').count();
    await world.ask('refund', { amount: 6 }, { ...asked, agent: 'newer' });
    await page.getByText('1 newer request', { exact: true }).waitFor();
    expect([await count(), await page.locator('ol [data-row]').count()]).to.deep.equal([before + 1, rows]);
    await bob.post(`/v1/approvals/${id}/verdict`, { verdict: 'deny', digest: (await world.store.approvals.get(id))?.digest ?? '' });
    const state = page.locator(`[data-approval="${id}"] [data-state]`);
    await state.waitFor();
    expect([await state.textContent(), await count(), await page.locator('ol [data-row]').count()]).to.deep.equal(['Denied', before, rows]);
    // what is not for this person is no news of theirs: what follows it is the second one
    await world.ask('sql', { sql: 'x' }, { ...asked, agent: 'other' });
    await world.ask('refund', { amount: 8 }, { user: ann.id, agent: 'own' });
    await world.ask('refund', { amount: 7 }, { ...asked, agent: 'newer' });
    await page.getByText('2 newer requests', { exact: true }).waitFor();
    expect(await count()).to.equal(before + 1);
    await page.locator('[data-newer] a').click();
    await page.waitForLoadState();
    await live(page);
    expect(await count()).to.equal(before + 1);
    // a list of all of them has all of them in its line, and the title still has those for this person
    const all = await world.open(ann);
    await all.page.goto('/inbox?tab=all');
    await live(all.page);
    await world.ask('sql', { sql: 'y' }, { ...asked, agent: 'other' });
    await all.page.getByText('1 newer request', { exact: true }).waitFor();
    expect(/^\((\d+)\)/.exec(await all.page.title())?.[1]).to.equal(String(before + 1));
    const mine = await world.open(ann);
    await mine.page.goto('/inbox?tab=mine');
    await live(mine.page);
    await world.ask('refund', { amount: 9 }, { ...asked, agent: 'newer' });
    await world.ask('refund', { amount: 9 }, { user: ann.id, agent: 'own' });
    await mine.page.getByText('1 newer request', { exact: true }).waitFor();
    expect([...all.reports, ...mine.reports]).to.deep.equal([]);
    expect(reports).to.deep.equal([]);
  });
});
