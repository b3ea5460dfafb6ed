// What decides on a page, and what never does: the eight ways in which a verdict could be given by accident, on a real page in a real browser.
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BrowserContext, Page } from 'playwright-core';
import { hasBrowser, openBrowser } from './browser.js';

const script = readFileSync('lib/server/asset/inbox.js', 'utf8');
const PAGE = `<!doctype html><html lang="en"><title>Approval</title><p role="status" data-say></p>
<main data-approval="dec_1" data-version="1" data-form><form method="post" action="/verdict">
<button disabled hidden></button><input name="code" aria-label="Code" data-needed>
<button name="verdict" value="deny" data-verdict="deny">Deny</button><button name="verdict" value="approve" data-verdict="approve">Approve</button>
</form></main><script src="/inbox.js" defer></script></html>`;

describe('A press on Approve or Deny', function () {
  this.timeout(20_000);
  let context: BrowserContext;
  let server: Server;
  let page: Page;
  let verdicts: string[];

  before(async function () {
    if (!hasBrowser) this.skip();
    context = await (await openBrowser()).newContext();
    server = createServer((request, response) => {
      if (request.url === '/inbox.js') return void response.setHeader('content-type', 'text/javascript').end(script);
      if (request.method !== 'POST') return void response.setHeader('content-type', 'text/html').end(PAGE);
      let body = '';
      request.on('data', (chunk) => (body += String(chunk)));
      request.on('end', () => {
        verdicts.push(new URLSearchParams(body).get('verdict') ?? 'none');
        response.setHeader('content-type', 'text/html').end('<p id="sent">sent');
      });
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
  });
  after(async () => {
    await context?.close();
    server?.close();
  });
  beforeEach(async () => {
    verdicts = [];
    page = await context.newPage();
    // the time of a page stands still until a spec lets it go on: on a busy machine, what comes early would come late
    await page.clock.install({ time: 0 });
    await page.clock.pauseAt(1_000);
    await page.goto(url());
  });
  afterEach(() => page.close());

  const url = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const armed = (): Promise<void> => page.clock.runFor(800);
  /** Long enough for a request that should not be there. */
  const settled = (): Promise<void> => page.waitForTimeout(150);
  const place = async (): Promise<{ x: number; y: number }> => {
    const box = await page.locator('[data-verdict=approve]').boundingBox();
    return { x: (box?.x ?? 0) + 5, y: (box?.y ?? 0) + 5 };
  };

  it('decides once where it is meant: a click, and Enter or Space on the button', async () => {
    await page.clock.resume();
    await page.waitForTimeout(800);
    await page.click('[data-verdict=approve]');
    await page.waitForSelector('#sent');
    for (const key of ['Enter', ' ']) {
      await page.goto(url());
      await armed();
      await page.focus('[data-verdict=deny]');
      await page.keyboard.press(key);
      await page.waitForSelector('#sent');
    }
    expect(verdicts).to.deep.equal(['approve', 'deny', 'deny']);
  });

  it('decides from the moment on in which it is armed, and not before', async () => {
    await page.clock.runFor(690);
    await page.click('[data-verdict=approve]');
    await settled();
    expect(verdicts).to.deep.equal([]);
    await page.clock.runFor(20);
    await page.click('[data-verdict=approve]');
    await page.waitForSelector('#sent');
    expect(verdicts).to.deep.equal(['approve']);
  });

  const accidents: readonly (readonly [string, () => Promise<void>])[] = [
    ['a click that was under way when the page came', () => page.click('[data-verdict=approve]')],
    [
      'Enter that was held before, with its repeats',
      async () => {
        await page.focus('[data-verdict=approve]');
        for (let i = 0; i < 20; i++) await page.keyboard.down('Enter');
        await armed();
        for (let i = 0; i < 20; i++) await page.keyboard.down('Enter');
        await page.keyboard.up('Enter');
      },
    ],
    [
      'Space that was pressed early and released late',
      async () => {
        await page.focus('[data-verdict=approve]');
        await page.keyboard.down(' ');
        await armed();
        await page.keyboard.up(' ');
      },
    ],
    [
      'a mouse that was pressed early and released late',
      async () => {
        const { x, y } = await place();
        await page.mouse.move(x, y);
        await page.mouse.down();
        await armed();
        await page.mouse.up();
      },
    ],
    [
      'a click by a script',
      async () => {
        await armed();
        await page.evaluate(() => document.querySelector<HTMLButtonElement>('[data-verdict=approve]')?.click());
      },
    ],
    [
      'a click right after the window got the focus back',
      async () => {
        await armed();
        await page.evaluate(() => dispatchEvent(new Event('focus')));
        await page.click('[data-verdict=approve]');
      },
    ],
    [
      'Enter in a field',
      async () => {
        await armed();
        await page.focus('input');
        await page.keyboard.press('Enter');
      },
    ],
    [
      'the letters of its name, typed anywhere on the page',
      async () => {
        await armed();
        for (const key of ['a', 'y', 'd', 'n', '1']) await page.keyboard.press(key);
      },
    ],
  ];
  for (const [name, accident] of accidents)
    it(`decides nothing as ${name}`, async () => {
      await accident();
      await settled();
      expect(verdicts).to.deep.equal([]);
    });

  it('sends a verdict once where it is pressed twice', async () => {
    await armed();
    await page.evaluate(() => {
      // the page stays, so that the second press could send again
      document.querySelector('form')?.setAttribute('target', 'elsewhere');
    });
    await page.dblclick('[data-verdict=deny]');
    await settled();
    expect(verdicts).to.deep.equal(['deny']);
  });

  it('moves the focus by key, and no more', async () => {
    await armed();
    const focused = (): Promise<string | undefined> => page.evaluate(() => (document.activeElement as HTMLElement).dataset['verdict']);
    await page.keyboard.press('d');
    expect(await focused()).to.equal('deny');
    await page.keyboard.press('a');
    expect(await page.evaluate(() => document.activeElement?.tagName)).to.equal('INPUT');
    await page.keyboard.type('da14');
    await page.focus('[data-verdict=deny]');
    await page.keyboard.press('a');
    expect(await focused()).to.equal('approve');
    await settled();
    expect(verdicts).to.deep.equal([]);
  });
});
