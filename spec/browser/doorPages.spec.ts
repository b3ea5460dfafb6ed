// Pages that people come to by the way: a verdict that was not recorded, and the doors of servers with an issuer of identities or several tenants.
import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import { verdictUse } from '../../lib/server/tenant/verdictProofs.js';
import type { ApprovalRecord, Verdict } from '../../lib/store/ApprovalStore.js';
import { createDataPlane } from '../../lib/server/createDataPlane.js';
import type { DataPlane } from '../../lib/server/createDataPlane.js';
import type { SpecPerson } from '../support/servedInbox.js';
import { CLIENT_SECRET, servedIssuer } from '../support/servedIssuer.js';
import type { ServedIssuer } from '../support/servedIssuer.js';
import { until } from '../support/until.js';
import { hasBrowser, openBrowser, watchedPage } from './browser.js';
import type { PageReports } from './browser.js';
import { inboxWorld, signUp, withAuthenticator } from './inboxWorld.js';
import type { InboxWorld } from './inboxWorld.js';
import { lookAt, lookAtThis, tell } from './lookAt.js';

const POLICIES = `@id("all") permit (principal, action, resource);
@id("sql") @effect("approval_needed") @severity("critical") @approvers("finance") @reason("Statements need finance")
forbid (principal, action == Aegis::Action::"sql", resource);`;

describe('Pages by the way in a browser', function () {
  this.timeout(60_000);
  let browser: Browser;
  before(async function () {
    if (!hasBrowser) this.skip();
    browser = await openBrowser();
  });

  describe('of a verdict that was not recorded', () => {
    let world: InboxWorld;
    let ann: SpecPerson;
    let opened: PageReports;
    before(async () => {
      world = await inboxWorld(browser);
      ann = await world.person('Ann', { groups: ['finance-leads'] });
      opened = await world.open(ann);
    });
    after(async () => world?.close());

    const bob: Verdict = {
      approve: false,
      by: 'bob',
      name: 'Bob',
      reason: 'a duplicate of A-88213',
      atMs: Date.now(),
      assurance: 'session',
      policies: ['refunds'],
    };
    const states: readonly (readonly [name: string, more: Partial<ApprovalRecord>, said: RegExp])[] = [
      ['settled meanwhile', { status: 'denied', verdicts: [bob] }, /your verdict was not recorded/i],
      ['changed since it was opened', {}, /Changed since you opened this/],
      ['expired', { status: 'expired' }, /did not run|in time/],
      ['withdrawn', { status: 'withdrawn' }, /withdrawn/i],
    ];
    let looks = 0;
    after(() => tell(looks));

    for (const [name, more, said] of states)
      it(`because it is ${name}`, async () => {
        const { page } = opened;
        await page.setViewportSize({ width: 1280, height: 900 });
        const id = await world.ask(
          'refund',
          { amount: 7, order: name },
          { agent: `agent-${name.replaceAll(' ', '-')}`, user: 'lee@acme.example' },
        );
        await page.goto(`/a/${id}`);
        await world.leave(id, more);
        await page.waitForTimeout(750);
        const answered = page.waitForResponse((answer) => answer.request().method() === 'POST');
        await page.getByRole('button', { name: 'Deny' }).click();
        expect((await answered).status()).to.equal(409);
        await page.getByText(said).first().waitFor();
        looks += await lookAtThis(opened, name, more.status === 'expired' || more.status === 'withdrawn' ? 'two' : 'each');
        expect((await world.store.approvals.get(id))?.verdicts).to.deep.equal(more.verdicts ?? []);
      });

    it('because its challenge was used', async () => {
      const fresh = await inboxWorld(browser);
      try {
        const eve = await fresh.open(undefined);
        await withAuthenticator(eve);
        await signUp(fresh, eve.page, 'Eve');
        const [person] = (await fresh.identity.people.list()).people;
        const personId = person?.id ?? '';
        await fresh.identity.people.change(personId, { groups: ['dba'] }, 'spec');
        const id = await fresh.ask('sql', { sql: 'DROP TABLE a' }, { user: 'lee@acme.example' });
        const [session] = await fresh.identity.sessions.list(personId);
        // the server takes note of the group within a second
        await until(async () => {
          await eve.page.goto(`/a/${id}`);
          return (await eve.page.locator('button.approve').count()) === 1;
        });
        // another use of the same challenge comes first
        await eve.page.route('**/verdict', async (route) => {
          const nonce = new URLSearchParams(route.request().postData() ?? '').get('proof_nonce') ?? '';
          const use = verdictUse({ personId, sessionId: session?.id ?? '', decisionId: id });
          expect(await fresh.identity.challenges.use(nonce, use)).to.equal(true);
          await route.continue();
        });
        await approve(eve.page, 'looked at it');
        await eve.page.locator('[role=alert]').first().waitFor();
        looks += await lookAtThis(eve, 'challenge used', 'each');
        expect((await fresh.store.approvals.get(id))?.status).to.equal('pending');
      } finally {
        await fresh.close();
      }
    });
  });

  describe('of an issuer of identities', () => {
    let issuer: ServedIssuer;
    let plane: DataPlane;
    let origin: string;
    before(async () => {
      issuer = await servedIssuer();
      const oidc = {
        issuer: issuer.url,
        clientId: 'aegis',
        clientSecret: CLIENT_SECRET,
        name: 'acme-sso',
        groupsClaim: 'groups',
        roles: ['approver'],
      } as const;
      plane = createDataPlane({ policies: { text: POLICIES }, oidc });
      origin = `http://localhost:${(await plane.listen({ port: 0 })).port}`;
      await issuer.serve(origin);
    });
    after(async () => {
      await plane?.close({ idleMs: 0 });
      await issuer?.close();
    });

    it('lets someone sign in, and come back; its pages are readable', async () => {
      const key = (await plane.createKey({ name: 'spec', scopes: ['decide'] })).key.reveal();
      const asked = await fetch(`${origin}/v1/decision`, {
        method: 'POST',
        headers: { 'x-api-key': key, 'content-type': 'application/json' },
        body: JSON.stringify({ agent_id: 'bot', tool: { name: 'sql', params: { sql: 'DROP TABLE a' } }, session: { user_id: 'lee' } }),
      });
      const { decision_id: id } = (await asked.json()) as { decision_id: string };
      const opened = await watchedPage(await browser.newContext({ baseURL: origin }));
      const { page } = opened;
      let looks = await lookAt(
        opened,
        { 'sign-in with an issuer': '/signin', 'not signed in at the issuer': '/signin/callback?error=access_denied&state=x' },
        'two',
      );
      await page.goto(`/a/${id}`);
      await page.getByRole('link', { name: 'Sign in with acme-sso' }).click();
      await page.locator('input[name=login]').fill('ann');
      await page.locator('input[name=password]').fill('x');
      await page.locator('button[type=submit]').click();
      await page.locator('form button[type=submit]').click();
      await page.waitForURL(`**/a/${id}`);
      expect(await page.locator('h1').textContent()).to.include('sql');
      // what the issuer's own pages report is theirs
      const ours = { page, reports: [] as string[] };
      await page.getByText('Sign in again to approve').first().waitFor();
      looks += await lookAtThis(ours, 'sign in again to approve', 'two');
      tell(looks);
    });
  });

  it('of several tenants are readable, and show one nothing of the other', async () => {
    const plane = createDataPlane({ tenants: { acme: { policies: { text: POLICIES } }, zeta: { policies: { text: POLICIES } } } });
    try {
      const origin = `http://localhost:${(await plane.listen({ port: 0 })).port}`;
      const opened = await watchedPage(await browser.newContext({ baseURL: origin }));
      await withAuthenticator(opened);
      const looks = await lookAt(
        opened,
        { tenant: '/signin', 'sign-in of one': '/signin?tenant=acme', 'no such tenant': '/signin?tenant=none' },
        'two',
      );
      await opened.page.goto((await plane.createSetupLink('acme'))?.url.href ?? '');
      await opened.page.getByLabel('Your name').fill('Ann');
      await opened.page.getByRole('button', { name: 'Go on', exact: true }).click();
      await opened.page.getByRole('button', { name: 'Make the passkey' }).click();
      await opened.page.waitForURL('**/me');
      const key = (await plane.createKey({ name: 'zeta', scopes: ['decide'] }, 'zeta')).key.reveal();
      const asked = await fetch(`${origin}/v1/decision`, {
        method: 'POST',
        headers: { 'x-api-key': key, 'content-type': 'application/json' },
        body: JSON.stringify({ agent_id: 'zeta-agent', tool: { name: 'sql', params: { sql: 'DROP TABLE a' } }, session: null }),
      });
      const { decision_id: id } = (await asked.json()) as { decision_id: string };
      for (const path of ['/inbox?tab=all', '/history', '/agents', '/people', `/inbox?tab=all&q=${id}`]) {
        await opened.page.goto(path);
        expect(await opened.page.locator('main').textContent(), path).to.not.include('zeta-agent');
      }
      expect((await opened.page.goto(`/a/${id}`))?.status()).to.equal(404);
      tell(looks);
    } finally {
      await plane.close({ idleMs: 0 });
    }
  });
});

/** Writes why, opens what is folded, and approves with the passkey. */
async function approve(page: Page, reason: string): Promise<void> {
  await page.waitForTimeout(800);
  await page.locator('#reason').fill(reason);
  await page.locator('button.approve').click();
}
