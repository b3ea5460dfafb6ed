// A real Chromium for specs of pages: Debian's, driven by playwright-core. Where there is none, the specs say so in one line and are skipped.
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';

const CHROMIUM = process.env['AEGIS_CHROMIUM'] ?? '/usr/bin/chromium';
/** It looks for servers of its maker at every start otherwise. */
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Whether there is a browser; says once what to install where there is none. */
export const hasBrowser: boolean = existsSync(CHROMIUM);
if (!hasBrowser)
  console.log(
    `      no Chromium at ${CHROMIUM}: specs of pages are skipped. Install it (apt-get install chromium), or set AEGIS_CHROMIUM.`,
  );

let opening: Promise<Browser> | undefined;
after(async () => (await opening)?.close());

/** The one browser of all specs, which starts with the first of them: whoever opens a context in it closes that. */
export async function openBrowser(): Promise<Browser> {
  if ((await opening)?.isConnected() !== true) opening = chromium.launch({ executablePath: CHROMIUM, args: ARGS });
  return opening as Promise<Browser>;
}

/** What a page reported while it was open: errors of scripts, refusals by its security policy, dialogs. */
export interface PageReports {
  readonly page: Page;
  readonly reports: readonly string[];
}

/** Opens a page that notes whatever runs or is refused on it. */
export async function watchedPage(context: BrowserContext): Promise<PageReports> {
  const page = await context.newPage();
  const reports: string[] = [];
  page.on('pageerror', (error) => reports.push(`error: ${error.message}`));
  page.on('dialog', (dialog) => {
    reports.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) reports.push(`console: ${message.text()}`);
  });
  return { page, reports };
}
