// What is looked for on a page: what assistive technology cannot read, what stands outside the window, and what the browser complains about.
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import type { PageReports } from './browser.js';

const require = createRequire(import.meta.url);
/** The short form: each document has to read it anew. */
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const WIDTHS = [320, 390, 1280];
/** The style sheet makes no difference between it and 320 ({@link sameLayout}): what is there is the same, and only what fits and its colours are looked at. */
const LIKE_320 = 390;
const THEMES = ['light', 'dark'] as const;
/** Where to keep pictures of all that is looked at. */
const SHOTS = process.env['AEGIS_SHOTS'];

/** What assistive technology cannot read on a page: the rule, and the first element. Themes differ in colours alone. */
export async function violations(page: Page, only: 'all' | 'colours' = 'all'): Promise<readonly string[]> {
  // what the debugger runs is not under the policy of the page
  if (await page.evaluate('window.axe === undefined')) await page.evaluate(AXE);
  const rules = only === 'all' ? '' : "runOnly: ['color-contrast', 'link-in-text-block'],";
  return page.evaluate(`axe.run(document, { preload: false, elementRef: false, ${rules} resultTypes: ['violations'] }).then(({ violations }) =>
    violations.map(({ id, nodes }) => id + ' ' + nodes.length + ': ' + nodes[0].html.slice(0, 160)))`);
}

/** Whether the style sheet has the same rules at these two widths, in pixels. */
export function sameLayout(narrow: number, wide: number): boolean {
  const css = readFileSync('lib/server/asset/aegis.css', 'utf8');
  // one that is not in pixels is no number, and like no width
  const edges = [...css.matchAll(/@(?:media|container)[^{]*width[^{]*/g)].map(([query]) => Number(/(\d+)px/.exec(query)?.[1]));
  return edges.length > 0 && edges.every((px) => px < narrow || px > wide);
}

/** How much wider than the window a page is, and the innermost element that makes it so. */
const overflow = async (page: Page): Promise<{ wide: number; outside: string }> =>
  page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const isClipped = (element: Element): boolean => element.parentElement?.closest('nav, .scroll') !== null;
    const outside = [...document.querySelectorAll('main *')].filter(
      (one) => one.getBoundingClientRect().right > width + 1 && !isClipped(one),
    );
    return { wide: document.documentElement.scrollWidth - width, outside: outside.at(-1)?.outerHTML.slice(0, 120) ?? '' };
  });

/** Whether pages are looked at in each width and theme, or in two that differ in both: enough where only some words differ from a page that was looked at. */
type Looks = 'each' | 'two';

/** Looks at pages. Resolves to how many times. */
export async function lookAt(
  { page, reports }: PageReports,
  pages: Readonly<Record<string, string>>,
  looks: Looks = 'each',
): Promise<number> {
  const wrong: string[] = [];
  let count = 0;
  for (const [name, path] of Object.entries(pages)) {
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.goto(path);
    for (const colorScheme of THEMES) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      for (const width of WIDTHS) {
        if (looks === 'two' && width !== (colorScheme === 'light' ? 1280 : 320)) continue;
        await page.setViewportSize({ width, height: width > 900 ? 900 : 740 });
        count += 1;
        const where = `${name} at ${width} ${colorScheme}`;
        const isFirst = (colorScheme === 'light' && width !== LIKE_320) || looks === 'two';
        wrong.push(...(await violations(page, isFirst ? 'all' : 'colours')).map((violation) => `${where}: ${violation}`));
        const { wide, outside } = await overflow(page);
        if (wide > 0) wrong.push(`${where}: ${wide} px too wide: ${outside}`);
        if (SHOTS !== undefined)
          await page.screenshot({ path: `${SHOTS}/${name.replaceAll(' ', '-')}-${width}-${colorScheme}.png`, fullPage: true });
      }
    }
  }
  expect(wrong).to.deep.equal([]);
  expect(reports).to.deep.equal([]);
  return count;
}

/** Looks at the page as it stands, which no address leads to: in each width and theme, or in two that differ in both where only words differ from one that was looked at. */
export async function lookAtThis({ page, reports }: PageReports, name: string, looksWanted: Looks): Promise<number> {
  let looks = 0;
  const each = [320, 390, 1280];
  for (const [colorScheme, widths] of [
    ['light', looksWanted === 'each' ? each : [1280]],
    ['dark', looksWanted === 'each' ? each : [320]],
  ] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    for (const width of widths) {
      await page.setViewportSize({ width, height: 900 });
      expect(
        await violations(page, colorScheme === 'light' || looksWanted === 'two' ? 'all' : 'colours'),
        `${name} at ${width} ${colorScheme}`,
      ).to.deep.equal([]);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      expect(wide, `${name} at ${width} ${colorScheme} is too wide`).to.be.at.most(0);
      if (SHOTS !== undefined)
        await page.screenshot({ path: `${SHOTS}/${name.replaceAll(' ', '-')}-${width}-${colorScheme}.png`, fullPage: true });
      looks += 1;
    }
  }
  expect(reports, name).to.deep.equal([]);
  return looks;
}

/** Says how much was looked at. */
export function tell(looks: number): void {
  console.log(`      ${looks} looks: 0 violations, 0 too wide, 0 reports`);
}
