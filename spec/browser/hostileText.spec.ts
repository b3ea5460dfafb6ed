// Text that would run if any page took it for more than text: in every field that a caller, an agent or a person writes, on every page that shows it.
import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import { pageHeaders } from '../../lib/server/dispatch/pageHeaders.js';
import { canonicalDigest } from '../../lib/common/data/canonical.js';
import type { Params } from '../../lib/model/Params.js';
import { boundPreview } from '../../lib/model/preview/previewDigest.js';
import type { ApprovalRecord } from '../../lib/store/ApprovalStore.js';
import type { SpecPerson } from '../support/servedInbox.js';
import { hasBrowser, openBrowser } from './browser.js';
import type { PageReports } from './browser.js';
import { inboxWorld } from './inboxWorld.js';
import type { InboxWorld } from './inboxWorld.js';

/** Each sets `hit` where it runs. */
const CORPUS: readonly string[] = [
  '<script>hit=1</script>',
  '<ScRiPt>hit=1</sCrIpT >',
  '<script/x>hit=1</script>',
  '"><script>hit=1</script>',
  "'><script>hit=1</script>",
  '</title><script>hit=1</script>',
  '</textarea><script>hit=1</script>',
  '</style><script>hit=1</script>',
  '</script><script>hit=1</script>',
  '--><script>hit=1</script>',
  ']]><script>hit=1</script>',
  '<<script>hit=1//<</script>',
  '<script src=data:text/javascript,hit=1></script>',
  '<img src=x onerror=hit=1>',
  '<img src=x:x onerror="hit=1">',
  '<img/src=x/onerror=hit=1>',
  '<IMG """><script>hit=1</script>">',
  '<image src=x onerror=hit=1>',
  '" autofocus onfocus=hit=1 x="',
  "' autofocus onfocus=hit=1 x='",
  '` onmouseover=hit=1 `',
  '<svg onload=hit=1>',
  '<svg><script>hit=1</script></svg>',
  '<svg><animate onbegin=hit=1 attributeName=x dur=1s>',
  '<math><mtext><table><mglyph><style><img src=x onerror=hit=1>',
  '<body onload=hit=1>',
  '<details open ontoggle=hit=1>x</details>',
  '<input autofocus onfocus=hit=1>',
  '<select autofocus onfocus=hit=1></select>',
  '<video><source onerror=hit=1></video>',
  '<audio src=x onerror=hit=1>',
  '<iframe src="javascript:parent.hit=1"></iframe>',
  '<iframe srcdoc="<script>parent.hit=1</script>"></iframe>',
  '<object data="data:text/html,<script>hit=1</script>"></object>',
  '<embed src="javascript:hit=1">',
  '<a href="javascript:hit=1" autofocus>x</a>',
  'javascript:hit=1',
  'JaVaScRiPt&colon;hit=1',
  'data:text/html,<script>hit=1</script>',
  '<form action="javascript:hit=1"><button autofocus>x</button></form>',
  '<meta http-equiv=refresh content="0;url=javascript:hit=1">',
  '<base href="https://collector.example/">',
  '<link rel=stylesheet href="https://collector.example/x.css">',
  '<style>@import "https://collector.example/x.css"</style>',
  '<template><script>hit=1</script></template>',
  '<noscript><p title="</noscript><img src=x onerror=hit=1>">',
  '<xmp><img src="</xmp><img src=x onerror=hit=1>">',
  '&lt;script&gt;hit=1&lt;/script&gt;',
  '&#60;img src=x onerror=hit=1&#62;',
  '\\u003cscript\\u003ehit=1\\u003c/script\\u003e',
  '\uff1cscript\uff1ehit=1\uff1c/script\uff1e',
  '<\u0000script>hit=1</script>',
  '<scr\u200bipt>hit=1</scr\u200bipt>',
  '\u202e<script>hit=1</script>\u202c',
  '${hit=1} {{hit=1}} #{hit=1} <%= hit=1 %>',
  '{{constructor.constructor("hit=1")()}}',
  '[x](javascript:hit=1) ![x](x"onerror="hit=1)',
  '+ADw-script+AD4-hit=1+ADw-/script+AD4-',
  '<dialog open><form method=dialog><button autofocus onfocus=hit=1>x',
  '<marquee onstart=hit=1>x</marquee>',
];

/** How many elements of a page no page of ours has. */
const foreign = (page: Page): Promise<number> =>
  page.evaluate(
    () =>
      document.querySelectorAll(
        'img, svg, math, iframe, object, embed, video, audio, base, style, template, xmp, marquee, [onerror], [onload], [onfocus], [onbegin], [ontoggle], [href^=javascript], [href^=data], main script, meta[http-equiv]',
      ).length +
      document.scripts.length -
      2,
  );

describe('Hostile text in a browser', function () {
  this.timeout(60_000);
  let browser: Browser;
  let world: InboxWorld;
  let ann: SpecPerson;
  let opened: PageReports;

  before(async function () {
    if (!hasBrowser) this.skip();
    browser = await openBrowser();
    world = await inboxWorld(browser);
    ann = await world.person('<img src=x onerror=hit=1>', { groups: ['dba'] });
    opened = await world.open(ann);
    opened.page.on('request', (request) => {
      if (!request.url().startsWith(world.origin)) (opened.reports as string[]).push(`request: ${request.url()}`);
    });
  });
  after(() => world?.close());

  /** Everything that anyone writes into an approval is this text. */
  const leave = async (text: string, index: number): Promise<string> => {
    const id = await world.ask('read', { n: index }, { agent: `agent-${index % 20}` });
    const params: Params = { [text]: text, text, list: [text, { [text]: text }], long: `${text}\n`.repeat(3) };
    const by = ann.id;
    const verdict = { approve: false, by, name: text, reason: text, atMs: Date.now(), policies: ['reads'], assurance: 'session' } as const;
    const settled: readonly Partial<ApprovalRecord>[] = [
      {},
      { status: 'denied', verdicts: [verdict] },
      {
        status: 'approved',
        verdicts: [{ ...verdict, approve: true }],
        consumed: { token: 't', atMs: Date.now() },
        outcome: { status: 'failed', errorCode: text, atMs: Date.now() },
      },
    ];
    await world.leave(id, {
      params,
      originalParams: { ...params, text: `${text} before` },
      ...(index % 2 === 0 && { agentId: text }),
      requester: text,
      requesterKnown: index % 4 < 2,
      guardKey: text,
      reason: text,
      message: text,
      session: { user_id: text, [text]: text },
      facts: { [text]: text, list: [text] },
      opaque: [text],
      preview: boundPreview(index % 2 === 0 ? 'a'.repeat(64) : canonicalDigest(params), {
        content: { summary: text, changes: [{ what: text, before: text, after: { [text]: [text] } }], reversible: 'external' },
      }),
      policies: [{ id: 'reads', hash: 'h', reason: text, severity: 'low', ...(index % 3 === 1 && { approvers: [text] }) }],
      ...settled[index % 3],
    });
    return id;
  };

  const check = async (path: string, where: string): Promise<void> => {
    const answer = await opened.page.goto(path);
    expect(answer?.status(), where).to.be.oneOf([200, 404]);
    expect(await opened.page.evaluate('"hit" in window'), where).to.equal(false);
    expect(await foreign(opened.page), where).to.equal(0);
    expect(opened.reports, where).to.deep.equal([]);
  };

  it('runs where a page takes it for HTML, and never under the policy of the pages', async () => {
    const page = await browser.newPage();
    const counts: number[] = [];
    let body = '';
    let headers: Readonly<Record<string, string>> = {};
    await page.route('**/*', (route) =>
      route.request().isNavigationRequest() && route.request().frame() === page.mainFrame()
        ? route.fulfill({ headers: { 'content-type': 'text/html; charset=utf-8', ...headers }, body })
        : route.abort(),
    );
    for (headers of [{}, pageHeaders({ nonce: 'bm9uY2U=' })]) {
      let ran = 0;
      for (const text of CORPUS) {
        body = `<!doctype html><body>${text}`;
        await page.goto(world.origin).catch(() => undefined);
        if ((await page.evaluate('"hit" in window')) === true) ran += 1;
      }
      counts.push(ran);
    }
    console.log(`      ${CORPUS.length} texts raw in a page: ${counts[0]} ran, ${counts[1]} under the policy`);
    expect(counts[0]).to.be.above(15);
    expect(counts[1]).to.equal(0);
    await page.close();
  });

  it('is text on every page', async () => {
    let pages = 0;
    for (const [index, text] of CORPUS.entries()) {
      const id = await leave(text, index);
      await check(`/a/${id}?all=1`, text);
      pages += 1;
      if (index % 5 !== 0) continue;
      await check(`/inbox?${new URLSearchParams({ tab: 'all', q: text }).toString()}`, `filter ${text}`);
      await check(
        `/history?${new URLSearchParams({ q: text, agent: text, tool: text, by: text, since: text }).toString()}`,
        `search ${text}`,
      );
      await check(`/inbox/group?${new URLSearchParams({ agent: text, tool: text, policies: text }).toString()}`, `group ${text}`);
      pages += 3;
    }
    for (const path of ['/inbox?tab=all', '/inbox?tab=mine', '/history', '/agents', '/unknown', '/me', '/help']) {
      await check(path, path);
      pages += 1;
    }
    console.log(`      ${CORPUS.length} texts in 23 fields on ${pages} pages: 0 ran, 0 dialogs, 0 reports, 0 requests elsewhere`);
  });
});
