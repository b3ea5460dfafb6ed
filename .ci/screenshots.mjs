// `npm run screenshots`: the pictures of docs/inbox.md and the README, from a server that is seeded with the demo's policies. Wants Debian's Chromium at
// /usr/bin/chromium, or AEGIS_CHROMIUM. Look at what it makes before you commit it: nothing compares pictures.
import { mkdirSync, statSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { build } from './built.mjs';

if (!build('library', 'samples')) process.exit(1);
const load = (path) => import(pathToFileURL(path).href);
const { AegisModule, guard } = await load('dist/index.js');
const { createDataPlane } = await load('dist/server/index.js');
const { HOSTILE_MAIL } = await load('.build/samples/inbox/hostileMail.js');
const FOLDER = 'docs/images';

const plane = createDataPlane({ policies: 'samples/inbox/policies' });
const { port, url } = await plane.listen({ port: 0 });
const origin = `http://localhost:${port}`;
const browser = await chromium.launch({
  executablePath: process.env.AEGIS_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-sync'],
});
const modules = [];
mkdirSync(FOLDER, { recursive: true });
try {
  const page = await signedIn();
  await seed();
  await shot(page, 'inbox', '/inbox');
  await shot(page, 'approval-mail', await pathOf(page, 'mail.send'));
  await shot(page, 'approval-critical', await pathOf(page, 'db.execute'), { colorScheme: 'dark' });
  await decide(page, await pathOf(page, 'payments.refund'));
  await page.waitForTimeout(500);
  await shot(page, 'history', '/history');
  await page.setViewportSize({ width: 390, height: 800 });
  await shot(page, 'phone', await pathOf(page, 'mail.send'), { colorScheme: 'dark', fullPage: false });
} finally {
  await browser.close();
  await Promise.all(modules.map((module) => module.close()));
  await plane.close({ idleMs: 0, graceMs: 0 });
}

/** The first person, with a passkey of a virtual authenticator. */
async function signedIn() {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce' })).newPage();
  const session = await page.context().newCDPSession(page);
  await session.send('WebAuthn.enable');
  const keys = { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true };
  await session.send('WebAuthn.addVirtualAuthenticator', { options: { ...keys, automaticPresenceSimulation: true } });
  await page.goto((await plane.createSetupLink()).url.href);
  await page.getByLabel('Your name').fill('Ann Lee');
  await page.getByRole('button', { name: 'Go on', exact: true }).click();
  await page.getByRole('button', { name: 'Make the passkey' }).click();
  await page.waitForURL(`${origin}/me`);
  return page;
}

/** What agents ask: harmless, risky, critical and hostile. */
async function seed() {
  await ask(
    'support-agent',
    'payments.refund',
    ['order', 'amount', 'note'],
    ['A-1043', 250, 'Arrived broken; the customer sent a photo.'],
    'eve',
  );
  await ask('outreach-agent', 'mail.send', ['to', 'subject', 'body'], HOSTILE_MAIL);
  await ask('ops-agent', 'db.execute', ['sql', 'database'], ['ALTER TABLE orders DROP COLUMN legacy_total', 'shop-production'], 'kim');
  for (const order of ['A-1044', 'A-1045', 'A-1046', 'A-1047'])
    await ask('billing-agent', 'payments.refund', ['order', 'amount', 'note'], [order, 180, 'Late delivery.'], 'lee');
}

async function ask(agentId, toolName, params, args, userId) {
  const { key } = await plane.createKey({ name: agentId, scopes: ['decide'], agents: [agentId] });
  const module = AegisModule.create({ baseUrl: url, apiKey: key.reveal(), agentId });
  modules.push(module);
  const session = userId === undefined ? {} : { session: { user_id: userId } };
  await guard(async () => 'done', { module, toolName, params, ...session })(...args);
}

async function pathOf(page, tool) {
  await page.goto(`${origin}/inbox`);
  const link = page.locator('[data-row] a[href*="/a/"]').filter({ hasText: tool }).first();
  return new URL(await link.getAttribute('href'), origin).pathname;
}

async function decide(page, path) {
  await page.goto(origin + path);
  await page.waitForTimeout(800);
  await page.locator('button[data-verdict=approve]').click();
  await page.waitForURL(`${origin}${path}**`);
}

async function shot(page, name, path, { colorScheme = 'light', fullPage = true } = {}) {
  await page.emulateMedia({ colorScheme });
  await page.goto(origin + path);
  const file = `${FOLDER}/${name}.jpg`;
  await page.screenshot({ path: file, fullPage, type: 'jpeg', quality: 70 });
  console.log(`${file}: ${Math.ceil(statSync(file).size / 1024)} KB`);
}
