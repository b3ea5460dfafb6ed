// Passkeys as a real browser makes and uses them: the script of the pages, their policy for scripts, and what the server makes of it.
import { expect } from 'chai';
import type { Browser, BrowserContext } from 'playwright-core';
import { HostClient } from '../../lib/cli/server/HostClient.js';
import { SecretString } from '../../lib/common/SecretString.js';
import { createDataPlane } from '../../lib/server/createDataPlane.js';
import type { DataPlane } from '../../lib/server/createDataPlane.js';
import { POLICIES } from '../server/tenantSetup.js';
import { hasBrowser, openBrowser, watchedPage } from './browser.js';
import type { PageReports } from './browser.js';

const STATE_KEY = 'state-key-for-specs-0123456789abcdef';

describe('Passkeys in a browser', function () {
  this.timeout(20_000);
  let browser: Browser;
  let plane: DataPlane;
  let origin: string;
  const contexts: BrowserContext[] = [];
  const newContext = async (): Promise<BrowserContext> => {
    const context = await browser.newContext();
    contexts.push(context);
    return context;
  };

  before(async function () {
    if (!hasBrowser) this.skip();
    browser = await openBrowser();
    plane = createDataPlane({ policies: { text: POLICIES }, stateKey: STATE_KEY });
    origin = `http://localhost:${(await plane.listen({ port: 0 })).port}`;
  });
  after(async () => {
    await Promise.all(contexts.map((context) => context.close()));
    await plane?.close({ idleMs: 0 });
  });

  const withAuthenticator = async (): Promise<PageReports> => {
    const opened = await watchedPage(await newContext());
    const session = await opened.page.context().newCDPSession(opened.page);
    await session.send('WebAuthn.enable');
    const options = {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
    } as const;
    await session.send('WebAuthn.addVirtualAuthenticator', { options: { ...options, automaticPresenceSimulation: true } });
    return opened;
  };

  it('make the first person by the setup link, sign in, and sign what an admin does', async () => {
    const { page, reports } = await withAuthenticator();
    const link = (await plane.createSetupLink())?.url.href as string;
    await page.goto(link);
    // the secret has left the address
    expect(page.url()).to.equal(`${origin}/bootstrap`);
    await page.getByLabel('Your name').fill('Ann');
    await page.getByRole('button', { name: 'Go on', exact: true }).click();
    await page.getByRole('button', { name: 'Make the passkey' }).click();
    await page.waitForURL(`${origin}/me`);
    expect(await page.locator('h1').textContent()).to.equal('Ann');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL(`${origin}/signin`);
    await page.goto(`${origin}/people`);
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await page.waitForURL(`${origin}/people`);
    await page.getByLabel('Name').fill('Bob');
    await page.getByRole('button', { name: 'Make the invitation' }).click();
    await page.getByRole('button', { name: 'Invite Bob' }).click();
    await page.locator('code.secret').waitFor();
    expect(await page.locator('code.secret').textContent()).to.match(/\/invite#[\w-]{43}$/);
    expect(reports).to.deep.equal([]);
    // and puts policies in force, and drops others
    const host = new HostClient(origin, new SecretString(STATE_KEY), { tenantId: 'default', user: 'ada' });
    const stage = async (tool: string): Promise<string> => {
      const text = `${POLICIES} @id("no-${tool}") forbid (principal, action == Aegis::Action::"${tool}", resource);`;
      const staged = await host.ask('POST', '/v1/policies/staged', { files: [{ file: 'next.cedar', text }] });
      return (staged as { hash: string }).hash;
    };
    const inForce = async (): Promise<string> => ((await host.ask('GET', '/v1/policies')) as { hash: string }).hash;
    const promoted = await stage('export');
    await page.getByRole('link', { name: 'Policies' }).click();
    await page.getByLabel('At least so many calls were compared').fill('0');
    await page.getByRole('button', { name: 'Promote' }).click();
    await page.getByRole('button', { name: `Promote ${promoted.slice(0, 12)}` }).click();
    await page.waitForURL(`${origin}/policies`);
    expect(await inForce()).to.equal(promoted);
    const dropped = await stage('import');
    await page.goto(`${origin}/policies`);
    await page.getByRole('button', { name: 'Drop' }).click();
    await page.getByRole('button', { name: `Drop ${dropped.slice(0, 12)}` }).click();
    await page.waitForURL(`${origin}/policies`);
    await page.getByText('No policies are staged.').waitFor();
    expect(await inForce()).to.equal(promoted);
    expect(reports).to.deep.equal([]);
  });

  it('say what to do where none is used', async () => {
    const { page, reports } = await watchedPage(await newContext());
    const session = await page.context().newCDPSession(page);
    await session.send('WebAuthn.enable');
    await page.goto(`${origin}/signin`);
    await page.evaluate('navigator.credentials.get = () => Promise.reject(new DOMException("no", "NotAllowedError"))');
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    const fault = page.locator('[data-passkey-fault]');
    await fault.waitFor();
    expect(await fault.textContent()).to.include('cancelled');
    // and it can be tried again
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    expect(page.url()).to.equal(`${origin}/signin`);
    expect(reports).to.deep.equal([]);
  });

  it('lead here from a link on another site, though the cookie does not come with it', async () => {
    const { page, reports } = await withAuthenticator();
    await page.goto((await plane.createSetupLink('default'))?.url.href ?? `${origin}/signin`);
    expect(page.url()).to.equal(`${origin}/signin`);
    // no session here: the page loads itself once, then asks to sign in
    await page.goto('data:text/html,<a href="' + `${origin}/me` + '">go</a>');
    await page.getByText('go').click();
    await page.waitForURL(`${origin}/signin?next=%2Fme`);
    expect(reports).to.deep.equal([]);
  });
});
