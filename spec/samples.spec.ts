import { expect } from 'chai';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import * as aegis from 'aegislib';
import { postgresServer } from './support/postgresServer.js';
import { runInChild } from './support/runInChild.js';
import { until } from './support/until.js';

/** Two runs beside one another have two. As deep as `.build/`, because samples read files of their own folder. */
const OUT = `.build-samples-${process.pid}`;
/** Samples are compiled against the built package, as a stranger's program is; nest-style under the other decorators. */
const PROJECTS = [
  ['tsconfig.samples.json', OUT],
  ['samples/nest-style', `${OUT}/samples/nest-style`],
] as const;

describe('The samples', function () {
  this.timeout(60_000);

  before(() => {
    for (const [project, outDir] of PROJECTS) compile(project, outDir);
  });
  after(() => rmSync(OUT, { recursive: true, force: true }));

  it('quickstart shows all four effects, and runs what was approved', async () => {
    const lines = await run('quickstart');
    expect(lines).to.include('allow     posted "Hello!" to #support');
    expect(lines).to.include("deny      Tool 'slack.post_message' is not allowed: only people post to #announcements");
    expect(lines).to.include('sanitize  mailed ann@example.com: Bob can be reached at [email].');
    expect(lines.slice(3)).to.deep.equal([
      'task      refund: new → pending',
      "approval  Tool 'refund' execution pending approval: refunds over 100 need a person",
      'task      refund: pending → approved',
      'task      refund: approved → executing',
      'task      refund: executing → completed',
      'approval  refunded 250 for order-7',
    ]);
  });

  it('quickstart has colours where they are wanted', async () => {
    const { stdout } = await runInChild(sample('quickstart'), { env: { FORCE_COLOR: '1', NO_COLOR: undefined }, timeoutMs: 30_000 });
    expect(stdout).to.not.equal(stripVTControlCharacters(stdout));
  });

  it('remote gets four effects from a Data Plane, polls an approval, and never runs with a wrong key', async () => {
    const lines = await run('remote/remote');
    expect(lines.map((line) => line.split(' ')[0])).to.deep.equal(['allow', 'sanitize', 'deny', 'approval', 'approval', 'error']);
    expect(lines[1]).to.equal('sanitize  mailed ann@example.com: [masked]');
    expect(lines[4]).to.match(/^approval {2}refunded 250 for order-7, after [1-9]\d* polls$/);
    expect(lines[5]).to.equal('error     AuthError invalid_api_key: unknown key; the call did not run');
  });

  it('quorum counts people: nobody twice, nobody who has left, and one no is enough', async () => {
    expect(await run('quorum/main')).to.deep.equal([
      'ann       pending',
      'ann       already_counts',
      'max       not_an_approver',
      'bob       pending',
      'lea       pending',
      'eve       approved',
      'paid      paid 250000 to Acme',
      'bob       pending',
      'lea       denied',
      "refused   Tool 'pay' was refused by a person.",
    ]);
  });

  it('data-plane has a server, an agent and an approver: what was approved runs once, by push', async () => {
    expect(await run('data-plane/main')).to.deep.equal([
      'allow     replied: It was shipped yesterday.',
      'sanitize  replied: Write to [email].',
      "deny      Tool 'drop' is not allowed: No policy permits this call.",
      'person    approves refund',
      "pending   Tool 'refund' execution pending approval: a person decides on refunds",
      'approved  refunded order-7',
    ]);
  });

  it('hono-service answers 200, 403 and 202, and lets somebody else than the requester approve', async () => {
    const lines = await run('hono-service');
    const statuses = lines.flatMap((line) => /^(\d{3}) {7}(\w+): (\w+) (\/\w+)/.exec(line)?.slice(1).join(' ') ?? []);
    expect(statuses).to.deep.equal([
      '200 eve POST /refunds',
      '403 eve POST /refunds',
      '202 eve POST /refunds',
      '200 eve GET /tasks',
      '200 ann GET /approvals',
      '403 eve POST /approvals',
      '409 ann POST /approvals',
      '200 ann POST /approvals',
      '409 ann POST /approvals',
      '200 eve GET /tasks',
      '401 mallory GET /tasks',
    ]);
    expect(lines).to.include('            cents = 25000');
    expect(lines.at(-2)).to.include('{"status":"completed","result":{"refunded":250}}');
  });

  it('nest-style guards under experimentalDecorators, and a DTO arrives as one', async () => {
    expect(await run('nest-style/main')).to.deep.equal([
      'guards    refund, export',
      'mode      export: wait',
      'allow     refunded order-1 (19.99)',
      "approval  Tool 'refund' execution pending approval: refunds over 100 need a person",
      'approval  refunded order-2 (250)',
      'allow     exported 10 rows',
      "deny      Tool 'export' is not allowed: acme exports 1000 rows at most",
      'ledger    order-1 (19.99), order-2 (250)',
    ]);
  });

  it('task-monitoring sees every change, and counts, lists, cancels and clears', async () => {
    const lines = await run('task-monitoring');
    for (const line of [
      'stats     4 pending, 4 followed',
      'result    web is deployed',
      'result    Error: the health check failed',
      'event     search: pending → cancelled',
      'event     docs: pending → cancelled',
      'stats     1 completed, 1 failed, 2 cancelled, 4 in all',
      'clear     3 of any age',
      'stats     0 in all',
    ])
      expect(lines).to.include(line);
    expect(lines.filter((line) => line.startsWith('reported'))).to.have.lengthOf(1);
  });

  it('error-handling meets every error class that the package has', async () => {
    const lines = await run('error-handling');
    const met = new Set(lines.flatMap((line) => /^ {10}(\w+Error) /.exec(line)?.[1] ?? []));
    const classes = Object.entries(aegis).flatMap(([name, value]) => (isErrorClass(value) ? [name] : []));
    expect([...met].sort()).to.deep.equal(classes.sort());
    expect(lines.at(-1)).to.equal('telling   false true true');
  });

  it('multi-tenant decides each tenant by its own policies', async () => {
    expect(await run('multi-tenant')).to.deep.equal([
      'ran       acme: exported 50 rows',
      "pending   acme: Tool 'export' execution pending approval: acme wants a person for more than 100 rows",
      "pending   acme: Tool 'export' execution pending approval: acme wants a person for more than 100 rows",
      'ran       globex: exported 50 rows',
      'ran       globex: exported 300 rows',
      "deny      globex: Tool 'export' is not allowed: No policy permits this call.",
      'stats     acme: 2 pending of 2 tasks',
      'stats     globex: 0 pending of 0 tasks',
    ]);
  });

  it('grants asks about the first refund and about the twelfth, and about none between them', async () => {
    const lines = await run('grants');
    const asked = Array.from({ length: 12 }, (_, i) => `order-7: ${(i + 1) * 5} refunded (asked ${i < 11 ? 'once' : 'twice'})`);
    expect(lines.slice(0, 12)).to.deep.equal(asked);
    expect(lines).to.include('10 of 10 uses. It covers:');
    expect(lines).to.include('  context.input["amount"] >= 0 && context.input["amount"] <= 100 &&');
  });

  it('edit runs a refund with what a person made of it, and tells the model', async () => {
    expect(await run('edit')).to.deep.equal([
      'rita      is asked about {"order":"order-7","amount":250}',
      'policies  The policies deny the edited call: never more than 500 Nothing was changed.',
      'rita      changes /amount from 250 to 200',
      'method    refunding 200 for order-7',
      'model     {"aegis":"edited","changed":["/amount"]}',
      'model     200 refunded for order-7',
      'task      completed, edited: /amount',
    ]);
  });

  it('preview shows what a call would do, and denies one that cannot be shown', async () => {
    expect(await run('preview')).to.deep.equal([
      'asked     Preview   Deletes all orders of 2024',
      'asked               by the tool itself: cannot be undone',
      'asked       rows of orders: 1204 -> 0',
      'ran       1204 rows deleted',
      "denied    Tool 'delete_orders' is not allowed: A policy demands a preview of what this call would do, and there is none: making it failed.",
    ]);
  });

  it('views shows one call to each audience', async () => {
    expect(await run('views')).to.deep.equal([
      'approver  amount = 5',
      'approver  card = {"number":(hidden, but for the end: …4242)}',
      'approver  code = (hidden)',
      'approver  mail = (hidden, but for the domain: example.com)',
      'approver  Hidden    3 values are not shown in full: /card/number, /code, /mail',
      'refused   428 hidden_not_acknowledged',
      'method    paid 5 with 4242424242424242',
      "policy    Tool 'pay_all' is not allowed: A policy demands that the person who decides sees what the guard of this call hides.",
    ]);
  });

  it('halt stops an agent, tells what runs, and lets it go on', async () => {
    const lines = await run('halt');
    for (const said of [
      'halted support-agent',
      'gave up after some of 1000000',
      "agent 'support-agent' is halted",
      'lifted it',
      'refunded 30',
    ])
      expect(lines.join('\n')).to.include(said);
  });

  it('limits lets run what fits, asks about or denies the rest, and says how much is used', async () => {
    expect(await run('limits')).to.deep.equal([
      'agent     refunded 60',
      'agent     refunded 40',
      'rita      is asked: the refunds of this customer reach the budget of the day; says yes to this one',
      'agent     refunded 25',
      'agent     mailed customer 1',
      'agent     mailed customer 2',
      'agent     mailed customer 3',
      "agent     limit_reached: Tool 'mail' is not allowed: Three mails an hour. Try again after …",
      'limits    refund-budget: 125 of 100 used (full)',
      'limits    mails-an-hour: 3 of 3 used (full)',
    ]);
  });

  it('throw-mode redeems one approval for one run', async () => {
    const lines = await run('throw-mode');
    const asked =
      "tool      Tool 'wire_money' execution pending approval: transfers over 1000 need a person. Go on with something else and call it again later.";
    expect(lines.filter((line) => line.startsWith('tool'))).to.deep.equal([
      asked,
      'tool      the report of May is fine',
      'tool      wired 5000 to ACME',
      asked,
    ]);
    expect(lines.at(-1)).to.equal('total     1 transfer ran for one approval');
  });

  it('durable-file has one process run what another one asked for, and was killed', async function () {
    if (!isBuiltin('node:sqlite')) return this.skip();
    expect(await run('durable-file')).to.deep.equal([
      "agent     Tool 'refund' execution pending approval: every refund needs a person",
      'killed    the agent is gone; its call is in the file',
      'person    ann approves refund {"order":"order-7","cents":25000}',
      'method    refunding 250 for order-7, idempotency key set',
      'result    refunded 250 for order-7, by another process (Billing is here too)',
    ]);
  });

  it('durable-fleet runs in whichever worker is there', async function () {
    const server = await postgresServer(this);
    const lines = await run('durable-fleet', { DATABASE_URL: server.url() });
    expect(lines).to.include.members([
      "worker-1  Tool 'deploy' execution pending approval: a person has to look at it",
      'worker-1  deploying web',
      'killed    worker-1 is gone',
      'worker-2  deploying search',
      'result    search is deployed',
    ]);
    expect(lines.filter((line) => line.startsWith('approver'))).to.have.lengthOf(2);
  });

  it('durable samples say what they need where it is not there', async () => {
    const lines = await run('durable-fleet');
    expect(lines).to.deep.equal(['skipped   needs a database: set DATABASE_URL to its connection string']);
  });

  it('audit proves what ran, and finds the byte that was changed and the end that was cut off', async () => {
    const lines = await run('audit/main');
    expect(lines.slice(0, 5)).to.deep.equal([
      'allow     read orders',
      "deny      Tool 'wipe' is not allowed: nothing is wiped",
      'approved  pay invoice 7',
      'verify    integrity ok, completeness ok, law ok',
      'verify    3 decisions, 1 approval, 2 runs',
    ]);
    expect(lines.filter((line) => line.startsWith('changed'))[0]).to.match(/integrity broken/);
    expect(lines.filter((line) => line.startsWith('cut'))[0]).to.match(/completeness broken/);
    expect(lines.filter((line) => line.startsWith('cut')).length).to.equal(2);
  });

  it('are all in the list of npm run samples', async () => {
    const { code, stdout, stderr } = await runInChild(sample('run'), { args: ['throw-mode'], env: { NO_COLOR: '1' }, timeoutMs: 30_000 });
    expect(code, stderr).to.equal(0);
    expect(stdout).to.include('throw-mode');
    const unknown = await runInChild(sample('run'), { args: ['nonsense'] });
    expect(unknown.code).to.equal(1);
    expect(unknown.stderr).to.include(
      'there are quickstart, remote, data-plane, hono-service, nest-style, task-monitoring, telemetry, error-handling, multi-tenant, throw-mode, halt, grants, limits, edit, audit, quorum, preview, views, durable-file, durable-fleet.',
    );
  });
});

// where commands find the server, and its keys, is the spec's own: a demo that runs in this folder goes on
describe('The demo', function () {
  this.timeout(120_000);
  const folder = mkdtempSync(join(tmpdir(), 'aegis-demo-'));
  const surroundings: Readonly<Record<string, string>> = {
    AEGIS_SERVER_DATA: join(folder, '.aegis'),
    XDG_CONFIG_HOME: join(folder, 'config'),
    DEMO_PORT: '0',
    DEMO_EVERY_MS: '200',
    NO_COLOR: '1',
  };
  const env = { ...withoutAegis(), ...surroundings };
  before(() => compile('tsconfig.samples.json', OUT));
  after(() => {
    rmSync(OUT, { recursive: true, force: true });
    rmSync(folder, { recursive: true, force: true });
  });

  it('has a server that commands find: halt and lift an agent, let one yes count for ten refunds, and edit the one after them', async () => {
    const demo = spawn(process.execPath, [fileURLToPath(sample('inbox/demo'))], { env: { ...process.env, ...env }, stdio: 'pipe' });
    let text = '';
    for (const stream of [demo.stdout, demo.stderr]) stream.setEncoding('utf8').on('data', (more: string) => (text += more));
    const ended = once(demo, 'exit');
    const heard = (): string[] => text.split('\n').filter((line) => line.startsWith('support '));
    const command = async (...args: string[]): Promise<any> => {
      const { code, stdout, stderr } = await runInChild(pathToFileURL(resolve('dist/cli/aegis.js')), { args: [...args, '--json'], env });
      expect(code, `${stderr}${text}`).to.equal(0);
      return JSON.parse(stdout);
    };
    try {
      await until(() => heard().some((line) => line.endsWith('shipped yesterday')));
      const { id } = await command('halt', '--agent', 'support-agent', '--reason', 'test');
      const halted = heard().length;
      await until(() => heard().filter(isHalted).length >= 5);
      const from = heard().findIndex(isHalted);
      // what was decided just before is printed just after
      expect(from - halted, text).to.be.at.most(1);
      expect(
        heard()
          .slice(from)
          .filter((line) => !isHalted(line)),
      ).to.deep.equal([]);
      await command('lift', id, '--reason', 'seen');
      const lifted = heard().length;
      await until(() => heard().length >= lifted + 5);
      expect(
        heard()
          .slice(lifted + 1)
          .filter(isHalted),
      ).to.deep.equal([]);
      // a yes with a grant is for the next ten; the eleventh asks, and a person makes it less
      const decide = async (edit: readonly string[], more: readonly string[] = []): Promise<void> => {
        const { approvals } = await command('approvals', 'list');
        const { decisionId } = approvals.find(({ toolName }: { readonly toolName: string }) => toolName === 'payments.refund');
        const { digest } = await command('approvals', 'show', decisionId, ...edit);
        await command('approvals', 'approve', decisionId, ...edit, ...more, '--code', digest.slice(0, 4));
      };
      const count = (what: string): number => heard().filter((line) => line.includes(what)).length;
      const asked = (): number => count('payments.refund waits for a person: http://localhost:');
      await until(() => asked() === 1);
      await decide([], ['--grant', '10 uses; 8h']);
      await until(() => asked() === 2);
      expect(count('without asking'), text).to.equal(10);
      await decide(['--set', '/amount=200']);
      await until(() => count('refunded 200 for recall-77; a person said yes and edited /amount') === 1);
    } finally {
      demo.kill();
    }
    expect((await ended)[0], text).to.equal(0);
    expect(existsSync(join(folder, '.aegis', 'server.json'))).to.equal(false);
  });

  const isHalted = (line: string): boolean => line.includes("agent 'support-agent' is halted");
});

function isErrorClass(value: unknown): boolean {
  return typeof value === 'function' && value.prototype instanceof aegis.AegisError;
}

function compile(project: string, outDir: string): void {
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', project, '--outDir', outDir], { stdio: 'inherit' });
}

/** Takes away what the surroundings say to Aegis. */
function withoutAegis(): Readonly<Record<string, undefined>> {
  return Object.fromEntries(Object.keys(process.env).flatMap((key) => (key.startsWith('AEGIS_') ? [[key, undefined]] : [])));
}

function sample(name: string): URL {
  return pathToFileURL(resolve(OUT, 'samples', `${name}.js`));
}

/** Runs a sample to its end, where nothing of the surroundings reaches it, and gives back what it printed. */
async function run(name: string, more: Readonly<Record<string, string>> = {}): Promise<string[]> {
  const env = withoutAegis();
  const { code, stdout, stderr } = await runInChild(sample(name), {
    nodeArgs: ['--enable-source-maps', '--disable-warning=ExperimentalWarning'],
    env: { ...env, ...more },
    timeoutMs: 30_000,
  });
  expect(code, `${stdout}${stderr}`).to.equal(0);
  expect(stderr).to.equal('');
  return stripVTControlCharacters(stdout).trimEnd().split('\n');
}
