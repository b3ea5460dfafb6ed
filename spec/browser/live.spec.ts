// What a page says of what happens while it is open: nothing is lost between the page and its connection, in the tab that has it and in the others.
import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import type { SpecPerson } from '../support/servedInbox.js';
import { hasBrowser, openBrowser } from './browser.js';
import { inboxWorld } from './inboxWorld.js';
import type { InboxWorld } from './inboxWorld.js';

describe('A page that is open', function () {
  this.timeout(30_000);
  let browser: Browser;
  let world: InboxWorld;
  let ann: SpecPerson;
  let bob: SpecPerson;

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

  const live = (page: Page): Promise<void> => page.locator('[data-live]', { hasText: /^Live$/ }).waitFor();
  const denied = async (id: string): Promise<void> => {
    const digest = (await world.store.approvals.get(id))?.digest ?? '';
    expect((await bob.post(`/v1/approvals/${id}/verdict`, { verdict: 'deny', digest })).status).to.equal(303);
  };
  const changed = (page: Page): Promise<void> => page.getByText('Changed since you opened this.').waitFor();

  it('hears what happened before it was connected, once', async () => {
    const id = await world.ask('refund', { amount: 1 }, { agent: 'early' });
    const { page, reports } = await world.open(ann);
    let connect = (): void => {};
    const connected = new Promise<void>((resolve) => (connect = resolve));
    await page.route('**/v1/inbox/events*', async (route) => {
      await connected;
      await route.continue();
    });
    await page.goto(`/a/${id}`);
    await denied(id);
    connect();
    await changed(page);
    // and a list counts what came meanwhile
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    let count = (): void => {};
    const counting = new Promise<void>((resolve) => (count = resolve));
    await page.route('**/v1/inbox/events*', async (route) => {
      await counting;
      await route.continue();
    });
    await page.goto('/inbox');
    const before = Number(/^\((\d+)\)/.exec(await page.title())?.[1] ?? 0);
    for (let i = 0; i < 3; i++) await world.ask('refund', { amount: i }, { agent: `late-${i}` });
    count();
    await page.getByText('3 newer requests', { exact: true }).waitFor();
    expect(await page.title()).to.match(new RegExp(`^\\(${before + 3}\\)`));
    expect(reports).to.deep.equal([]);
    await page.context().close();
  });

  it('is told by the tab that has the connection, and takes it over when that one is closed', async () => {
    const opened = await world.open(ann);
    await opened.page.goto('/inbox');
    await live(opened.page);
    const ids = [
      await world.ask('refund', { amount: 1 }, { agent: 'one' }),
      await world.ask('refund', { amount: 2 }, { agent: 'two' }),
    ] as const;
    const second = await opened.page.context().newPage();
    // its script comes late: what happens meanwhile is told to it once it is there
    let load = (): void => {};
    const loaded = new Promise<void>((resolve) => (load = resolve));
    await second.route('**/assets/inbox*.js', async (route) => {
      await loaded;
      await route.continue();
    });
    const going = second.goto(`/a/${ids[0]}`);
    await second.locator('button.approve').waitFor();
    await denied(ids[0]);
    load();
    await going;
    await changed(second);
    await live(second);
    const third = await opened.page.context().newPage();
    await third.goto(`/a/${ids[1]}`);
    await live(third);
    await opened.page.close();
    await denied(ids[1]);
    await changed(third);
    await third.context().close();
  });
});
