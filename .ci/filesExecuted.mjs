// `npm run files-executed`: how many files of lib/ one call passes through, by V8's own coverage. A file counts for a phase when one of its
// functions ran in that phase, in a module that has had one such call before. `--list` names the files. Fails where a phase exceeds its limit.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 13)) {
  console.error('`npm run files-executed` needs node:sqlite: use Node 22.13 or later.');
  process.exit(1);
}
const { values } = parseArgs({ options: { list: { type: 'boolean', default: false } } });

const POLICIES = `
@id("anyone-reads") permit (principal, action, resource);
@id("large-refund") @effect("approval_needed") @approvers("finance") forbid (principal, action == Aegis::Action::"refund", resource);
`;
const built = new URL('../.build/lib/', import.meta.url);
const { AegisModule, guard } = await import(new URL('index.js', built).href);
const { sqliteStore } = await import(new URL('store/sqlite/index.js', built).href);

const session = new Session();
session.connect();
await session.post('Profiler.enable');
await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });

/** The files of which a function ran since this was last asked. Coverage starts anew with each question. */
async function executedFiles() {
  const { result } = await session.post('Profiler.takePreciseCoverage');
  return result
    .filter(({ url, functions }) => url.startsWith(built.href) && functions.some((f) => !isModuleBody(url, f) && f.ranges[0].count > 0))
    .map(({ url }) => url.slice(built.href.length).replace(/\.js$/, '.ts'))
    .sort();
}

const lengths = new Map();

/** What runs when a file is loaded is not a step of a call. */
function isModuleBody(url, { ranges: [{ startOffset, endOffset }], functionName }) {
  if (!lengths.has(url)) lengths.set(url, readFileSync(new URL(url), 'utf8').length);
  return functionName === '' && startOffset === 0 && endOffset >= lengths.get(url);
}

const folder = mkdtempSync(join(tmpdir(), 'aegis-files-'));
try {
  const policies = join(folder, 'policies.cedar');
  writeFileSync(policies, POLICIES);
  const aegis = AegisModule.create({
    agentId: 'agent',
    policies,
    approverGroups: { finance: ['ann'] },
    // nothing that happens now and then may fall into a phase
    store: sqliteStore(join(folder, 'tasks.db'), { pollMs: 10_000 }),
    recovery: { sweepMs: 60_000, leaseMs: 180_000 },
  });
  await aegis.ready();
  const read = guard(async (id) => id, { module: aegis, toolName: 'read_order', params: ['id'] });
  const refund = guard(async (id) => id, { module: aegis, toolName: 'refund', params: ['id'], approval: 'defer' });

  /** Waits until nothing that was started goes on. */
  const quiet = () => new Promise((resolve) => setTimeout(resolve, 200));

  /** The files of one phase, in their steady state: the same step has been taken once before. */
  const phase = async (work) => {
    await quiet();
    await executedFiles();
    await work();
    return executedFiles();
  };
  const approve = async ({ decisionId }) => {
    const { approvals } = aegis;
    const { digest } = await approvals.get(decisionId);
    await quiet();
    await executedFiles();
    await approvals.approve(decisionId, { by: 'ann', digest });
  };

  const found = new Map();
  for (const round of [1, 2]) {
    found.set('a call that is allowed', await phase(() => read(`order-${round}`)));
    let pending;
    found.set('a call until it is pending, on SQLite', await phase(async () => (pending = await refund(`refund-${round}`))));
    found.set(
      'a verdict until its call is completed, on SQLite',
      await phase(async () => {
        await approve(pending);
        await pending.completed;
      }),
    );
  }
  await aegis.close();

  const limits = {
    'a call that is allowed': 28,
    'a call until it is pending, on SQLite': 50,
    'a verdict until its call is completed, on SQLite': 45,
  };
  for (const [name, files] of found) {
    const limit = limits[name];
    if (files.length > limit) process.exitCode = 1;
    console.log(`${String(files.length).padStart(4)} files  (at most ${limit})  ${name}`);
    if (values.list) for (const file of files) console.log(`              ${file}`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
