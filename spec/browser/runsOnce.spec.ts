// From the click to the agent: its method runs exactly once, with what was shown, however often the button was pressed and the form was sent.
import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import { AegisModule } from '../../lib/guard/module/AegisModule.js';
import { guard } from '../../lib/guard/guard.js';
import { isPending } from '../../lib/model/PendingApproval.js';
import type { PendingApproval } from '../../lib/model/PendingApproval.js';
import { until } from '../support/until.js';
import type { SpecPerson } from '../support/servedInbox.js';
import { hasBrowser, openBrowser } from './browser.js';
import { inboxWorld } from './inboxWorld.js';
import type { InboxWorld } from './inboxWorld.js';

describe('A verdict in a browser, as the agent sees it', function () {
  this.timeout(30_000);
  let browser: Browser;
  let world: InboxWorld;
  let agent: AegisModule;
  let ann: SpecPerson;
  let bob: SpecPerson;
  let page: Page;
  /** What the methods of the agent were entered with. */
  let ran: (readonly [tool: string, n: number])[];
  let calls = 0;

  before(async function () {
    if (!hasBrowser) this.skip();
    browser = await openBrowser();
    world = await inboxWorld(browser);
    ann = await world.person('Ann', { groups: ['finance-leads'] });
    bob = await world.person('Bob', { groups: ['finance-leads'] });
    const { key } = await world.plane.createKey({ name: 'shop', scopes: ['decide'] });
    agent = AegisModule.create({ apiKey: key.reveal(), baseUrl: world.origin, agentId: 'shop', env: false });
  });
  beforeEach(async () => {
    ran = [];
    ({ page } = await world.open(ann));
  });
  afterEach(() => page?.context().close());
  after(async () => {
    await agent?.close({ graceMs: 0 });
    await world?.close();
  });

  /** Calls a tool of the agent, and opens the page on which the call is decided. */
  const called = async (tool: string): Promise<{ readonly pending: PendingApproval<number>; readonly n: number; readonly id: string }> => {
    const n = (calls += 1);
    const method = guard((amount: number) => Promise.resolve((ran.push([tool, amount]), amount * 2)), {
      toolName: tool,
      params: ['n'],
      approval: 'defer',
      module: agent,
    });
    const pending = await method(n);
    if (!isPending(pending)) throw new Error('no one was asked');
    const id = pending.decisionId;
    await page.goto(`/a/${id}`);
    await page.waitForTimeout(800);
    return { pending, n, id };
  };
  /** Long enough for a run that should not be. */
  const settled = (): Promise<void> => page.waitForTimeout(300);

  /** The caller has reported how it ended, and the page says so. Resolves to what the page lists. */
  const done = async (one: Page, id: string): Promise<string> => {
    await until(async () => (await world.store.approvals.get(id))?.outcome?.status === 'completed');
    // in a page of its own: the one that was pressed may still be on its way there, and that ends every other way
    const look = await one.context().newPage();
    await look.goto(`/a/${id}`);
    await look.getByText('Done, says its caller.').waitFor();
    const log = await look.locator('.log').textContent();
    await look.close();
    return log ?? '';
  };

  it('has run its method once, with what was shown, after one click', async () => {
    const { pending, n, id } = await called('read');
    expect(ran).to.deep.equal([]);
    await page.locator('button.approve').click();
    expect(await pending.completed).to.equal(2 * n);
    await settled();
    expect(ran).to.deep.equal([['read', n]]);
    expect(await done(page, id)).to.contain('Ann approved');
  });

  it('has run its method once after a double click, and after the keys of one press held down', async () => {
    const twice = await called('read');
    await page.locator('button.approve').dblclick();
    expect(await twice.pending.completed).to.equal(2 * twice.n);
    await done(page, twice.id);
    const held = await called('read');
    await page.locator('button.approve').focus();
    for (let i = 0; i < 5; i++) await page.keyboard.down('Enter');
    await page.keyboard.up('Enter');
    expect(await held.pending.completed).to.equal(2 * held.n);
    await settled();
    expect(ran).to.deep.equal([
      ['read', twice.n],
      ['read', held.n],
    ]);
  });

  it('has run its method once where the form is sent five times at once, and again later', async () => {
    const { pending, n, id } = await called('refund');
    await page.locator('#reason').fill('matches the report');
    await page.locator('#code').fill((await page.locator('label[for=code] code').textContent()) ?? '');
    const statuses = await page.evaluate(async () => {
      const form = document.querySelector<HTMLFormElement>('.decide form') as HTMLFormElement;
      const fields = new URLSearchParams();
      for (const [name, value] of new FormData(form)) fields.append(name, typeof value === 'string' ? value : '');
      fields.set('verdict', 'approve');
      const send = async (): Promise<number> => (await fetch(form.action, { method: 'POST', body: fields })).status;
      return [...(await Promise.all(Array.from({ length: 5 }, send))), await send()];
    });
    // each is led to the page of the approval
    expect(statuses).to.deep.equal([200, 200, 200, 200, 200, 200]);
    expect(await pending.completed).to.equal(2 * n);
    await page.locator('button.approve').click({ force: true });
    await settled();
    expect(ran).to.deep.equal([['refund', n]]);
    expect((await world.store.approvals.get(id))?.verdicts).to.have.length(1);
  });

  it('has run its method once where two people approve at the same moment, and the later one is told', async () => {
    const other = await world.open(bob);
    // news of the first verdict would disarm the other page, where its press is late
    for (const one of [page, other.page]) await one.route('**/v1/inbox/events*', (route) => route.abort());
    const { pending, n, id } = await called('read');
    await other.page.goto(`/a/${id}`);
    await other.page.waitForTimeout(800);
    await Promise.all([page, other.page].map((one) => one.locator('button.approve').click()));
    expect(await pending.completed).to.equal(2 * n);
    await settled();
    expect(ran).to.deep.equal([['read', n]]);
    const said = await Promise.all([page, other.page].map((one) => done(one, id)));
    expect(said[0])
      .to.equal(said[1])
      .and.to.match(/Ann approved|Bob approved/);
    expect((await world.store.approvals.get(id))?.verdicts).to.have.length(1);
    await page.unrouteAll();
    await other.page.context().close();
  });

  it('has not run its method after a no, nor where a yes follows it', async () => {
    const { pending, id } = await called('read');
    const form = await page
      .locator('.decide form')
      .evaluate((it: HTMLFormElement) => Object.fromEntries([...new FormData(it)].map(([k, v]) => [k, typeof v === 'string' ? v : ''])));
    await page.locator('button.deny').dblclick();
    await page.getByText('Denied by Ann', { exact: true }).waitFor();
    const error: unknown = await pending.completed.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).to.include({ name: 'ForbiddenError' });
    const { csrf: _, ...fields } = form;
    expect((await ann.post(`/v1/approvals/${id}/verdict`, { ...fields, verdict: 'approve' })).status).to.equal(409);
    expect((await bob.post(`/v1/approvals/${id}/verdict`, { ...fields, verdict: 'approve' })).status).to.equal(409);
    await settled();
    expect(ran).to.deep.equal([]);
  });
});
