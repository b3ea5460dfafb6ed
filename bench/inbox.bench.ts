// The inbox with 10,000 pending approvals: how soon its pages come, how large they are, how soon people with open pages are told, and how soon after the click
// the method starts. Bytes are budgets; times stand beside the same page served bare by node:http in the same run.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { AegisModule, guard, isPending, type Guarded } from 'aegislib';
import { createDataPlane } from 'aegislib/server';
import { MemoryStateStore } from 'aegislib/store';
import { report } from './figure.js';

const PENDING = 10_000;
const TOOLS = 20;
/** As many as one person may have. A browser has one for all of its tabs. */
const BROWSERS = 10;
const CLICKS = 100;
const POLICIES = `
@id("all") permit (principal, action, resource);
@id("asks") @effect("approval_needed") @severity("low") @reason("a person decides") forbid (principal, action, resource);`;

const stateKey = 'only for the bench: 32 characters and more';
const store = new MemoryStateStore();
const module = AegisModule.create({ policies: { text: POLICIES }, store, stateKey, agentId: 'bench', tasks: { maxPending: 2 * PENDING } });
const plane = createDataPlane({ module, store, stateKey });
const { port } = await plane.listen({ port: 0 });
const origin = `http://localhost:${port}`;
/** When each call's method was entered, by its number. */
const entered = new Map<number, number>();
const tools = Array.from({ length: TOOLS }, (_, i) =>
  guard(async (n: number, note: string): Promise<Guarded<number>> => (entered.set(n, performance.now()), note.length), {
    module,
    toolName: `tool-${i}`,
    params: ['n', 'note'],
  }),
);
const ask = async (n: number, note = 'a note'): Promise<string> => {
  const asked = await (tools[n % TOOLS] as (typeof tools)[0])(n, note);
  if (!isPending(asked)) throw new Error('no approval was asked for');
  asked.completed.catch(() => {});
  return asked.decisionId;
};
for (let n = 0; n < PENDING; n++) await ask(n);

const cookie = await signIn();
const get = async (path: string): Promise<{ readonly ms: number; readonly text: string }> => {
  const start = performance.now();
  const answer = await fetch(origin + path, { headers: { cookie } });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return { ms: performance.now() - start, text };
};

const inbox = await median('/inbox');
const bare = await served(inbox.text);
const long = await median(`/a/${await ask(PENDING, `${'lorem ipsum dolor sit amet, '.repeat(9_000)}`)}?all`);
const assets = [...inbox.text.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path as string);
const assetBytes = (await Promise.all(assets.map(async (path) => gzipSync((await get(path)).text).length))).reduce((a, b) => a + b, 0);

const clicks: number[] = [];
const told: number[] = [];
const tabs = await Promise.all(Array.from({ length: BROWSERS }, () => openTab()));
for (let i = 0; i < CLICKS; i++) {
  const n = PENDING + 1 + i;
  const id = await ask(n);
  const page = await get(`/a/${id}`);
  // another form of the page has the session's token too
  const hidden = [...page.text.matchAll(/<input type="hidden" name="([\w-]+)" value="([^"]*)"/g)];
  const fields = new URLSearchParams(Object.fromEntries(hidden.map(([, name, value]) => [name as string, value as string])));
  fields.set('verdict', 'approve');
  // who decides so fast is asked for the code
  fields.set('code', fields.get('digest')?.slice(0, 4) ?? '');
  fields.set('reason', 'measured');
  const start = performance.now();
  const answer = await fetch(`${origin}/v1/approvals/${id}/verdict`, {
    method: 'POST',
    redirect: 'manual',
    headers: { cookie, origin, 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded' },
    body: fields,
  });
  if (answer.status !== 303) throw new Error(`verdict: ${answer.status} ${await answer.text()}`);
  while (!entered.has(n)) await new Promise((resolve) => setTimeout(resolve, 1));
  clicks.push((entered.get(n) as number) - start);
  told.push((await Promise.all(tabs.map((tab) => tab.heard(id)))).reduce((a, b) => Math.max(a, b)) - start);
}
for (const tab of tabs) tab.close();

report([
  { name: 'style and script together, gzipped', value: assetBytes / 1_024, unit: 'KB', goal: { atMost: 30 }, limit: { atMost: 30 } },
  {
    name: 'a page of 10,000 pending',
    value: inbox.ms,
    unit: 'ms',
    goal: { atMost: 50 },
    limit: { atMost: 500 },
    note: `bare ${bare.toFixed(1)} ms`,
  },
  { name: 'that page', value: inbox.text.length / 1_024, unit: 'KB', limit: { atMost: 400 } },
  { name: 'an approval with 256 KB of params, all of it', value: long.ms, unit: 'ms', goal: { atMost: 100 }, limit: { atMost: 1_500 } },
  { name: 'that approval', value: long.text.length / 1_024, unit: 'KB', goal: { atMost: 1_024 }, limit: { atMost: 1_024 } },
  { name: 'click to method, p99, 10,000 pending', value: p99(clicks), unit: 'ms', goal: { atMost: 50 }, limit: { atMost: 1_000 } },
  {
    name: `click to the last of ${BROWSERS} open browsers told, p99`,
    value: p99(told),
    unit: 'ms',
    goal: { atMost: 200 },
    limit: { atMost: 2_000 },
  },
]);
await plane.close({ idleMs: 0, graceMs: 0 });
await module.close();
process.exit();

/** Development mode's entry, as a browser sends it. */
async function signIn(): Promise<string> {
  const link = await plane.createSetupLink();
  const answer = await fetch(`${origin}/bootstrap`, {
    method: 'POST',
    redirect: 'manual',
    headers: { origin, 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ secret: link?.url.hash.slice(1) ?? '', how: 'enter' }),
  });
  const [set = ''] = answer.headers.getSetCookie();
  if (answer.status !== 303) throw new Error(`bootstrap: ${answer.status} ${await answer.text()}`);
  return set.slice(0, set.indexOf(';'));
}

async function median(path: string): Promise<{ readonly ms: number; readonly text: string }> {
  const rounds: { readonly ms: number; readonly text: string }[] = [];
  for (let i = 0; i < 9; i++) rounds.push(await get(path));
  rounds.sort((a, b) => a.ms - b.ms);
  return rounds[4] as (typeof rounds)[0];
}

/** The same text from a server that does nothing else. */
async function served(text: string): Promise<number> {
  const server = createServer((_, response) => void response.end(text)).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const times: number[] = [];
  for (let i = 0; i < 9; i++) {
    const start = performance.now();
    await (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)).text();
    times.push(performance.now() - start);
  }
  server.close();
  return times.sort((a, b) => a - b)[4] as number;
}

/** The stream of events of a browser with open pages. */
async function openTab(): Promise<{ heard(id: string): Promise<number>; close(): void }> {
  const closing = new AbortController();
  const answer = await fetch(`${origin}/v1/inbox/events`, { headers: { cookie }, signal: closing.signal });
  if (!answer.ok || answer.body === null) throw new Error(`events: ${answer.status}`);
  const times = new Map<string, number>();
  const waiting = new Map<string, (at: number) => void>();
  void (async () => {
    let text = '';
    for await (const chunk of answer.body as ReadableStream<Uint8Array>) {
      text += Buffer.from(chunk).toString();
      for (const [, id = ''] of text.matchAll(/^event: settled\ndata: \{"id":"([^"]+)"/gm)) {
        if (!times.has(id)) times.set(id, performance.now());
        waiting.get(id)?.(times.get(id) as number);
      }
      text = text.slice(text.lastIndexOf('\n\n') + 2);
    }
  })().catch(() => {});
  return {
    heard: (id) => {
      const at = times.get(id);
      return at === undefined ? new Promise((resolve) => waiting.set(id, resolve)) : Promise.resolve(at);
    },
    close: () => closing.abort(),
  };
}

function p99(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * 0.99)] as number;
}
