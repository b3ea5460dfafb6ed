// What else of a runtime the library leans on: cedar-wasm itself, files and their watcher, AsyncLocalStorage, class initializers, a thread.
import { AegisGuard, AegisModule, ForbiddenError, GuardDefinitionError, guard } from 'aegislib';
import { CedarPolicyEngine, lintPolicies } from 'aegislib/policy';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorOf } from './effects.ts';
import { EMBEDDED, POLICIES } from './embedded.ts';
import type { Tally } from './Tally.ts';
import type { Order } from './tools.ts';

/** Enough for the optimising compilers, which have broken calls of cedar-wasm before. */
const EVALUATIONS = 3_000;

export async function probeEngine(tally: Tally): Promise<void> {
  await tally.check('cedar-wasm agrees', 'engine', async () => {
    const engine = CedarPolicyEngine.load({ sources: [{ file: 'probe', text: POLICIES }], verify: 1 });
    const call = { agentId: 'probe', toolName: 'slack.post', groups: [], session: {}, facts: {}, nowMs: 1_700_000_000_000, removable: [] };
    let agreed = 0;
    for (let i = 0; i < EVALUATIONS; i++) {
      const wanted = i % 2 === 0 ? 'allow' : 'deny';
      const params = { channel: i % 2 === 0 ? '#support' : '#announcements', text: `hi ${i}` };
      const { effect, ...more } = engine.evaluate({ ...call, params });
      if (effect === wanted && !JSON.stringify(more).includes('policy_error')) agreed += 1;
    }
    return agreed === EVALUATIONS;
  });
  await tally.check('failing policy', 'engine', async () => {
    const text =
      '@id("all") permit (principal, action, resource); @id("odd") forbid (principal, action, resource) when { context.input.x > 1 };';
    const aegis = AegisModule.create({ agentId: 'probe', policies: { text } });
    let runs = 0;
    const run = guard(async (_order: Order) => ++runs, { module: aegis, toolName: 'run', approval: 'wait' });
    const error = await errorOf(run({ id: 'a', amount: 1 }));
    await aegis.close();
    return error instanceof ForbiddenError && runs === 0;
  });
  await tally.check('session', 'engine', async () => {
    const text = `@id("eu") permit (principal, action, resource) when { context.session.region == "eu" };`;
    const aegis = AegisModule.create({ agentId: 'probe', policies: { text }, sessions: 'async-local' });
    const run = guard(async (order: Order) => order.id, { module: aegis, toolName: 'run', approval: 'wait' });
    const inside = await aegis.withSession({ region: 'eu' }, async () => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      return run({ id: 'a', amount: 1 });
    });
    const outside = await errorOf(run({ id: 'b', amount: 1 }));
    await aegis.close();
    return inside === 'a' && outside instanceof ForbiddenError;
  });
  await tally.check('override', 'engine', overrideIsFound);
  await tally.check('reload', 'engine', folderReloads);
  tally.beside['names'] = await namesSurvive();
  tally.beside['thread'] = await threadAnswers();
}

async function overrideIsFound(): Promise<boolean> {
  const module = AegisModule.create(EMBEDDED);
  class Shop {
    @AegisGuard({ module, approval: 'wait' })
    async refund(order: Order): Promise<string> {
      return order.id;
    }
  }
  class Unguarded extends Shop {
    override async refund(order: Order): Promise<string> {
      return order.id;
    }
  }
  const error = await errorOf(Promise.resolve().then(() => new Unguarded()));
  await module.close();
  return error instanceof GuardDefinitionError;
}

async function folderReloads(): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'aegis-probe-'));
  const write = (permit: string): void => writeFileSync(join(folder, 'a.cedar'), `@id("a") ${permit} (principal, action, resource);`);
  try {
    write('forbid');
    const reloaded = later();
    const aegis = AegisModule.create({
      agentId: 'probe',
      policies: folder,
      watch: true,
      onLoosened: 'accept',
      onReload: () => reloaded.resolve(),
    });
    const run = guard(async (order: Order) => order.id, { module: aegis, toolName: 'run', approval: 'wait' });
    const before = await errorOf(run({ id: 'a', amount: 1 }));
    write('permit');
    const timer = setTimeout(() => reloaded.resolve(), 8_000);
    await reloaded.promise;
    clearTimeout(timer);
    const after = await run({ id: 'a', amount: 1 });
    await aegis.close();
    return before instanceof ForbiddenError && after === 'a';
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function later(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

/** Without a `toolName` a plain function's own name is the tool's, which minifiers change or drop: then no policy knows it, or the guard refuses. */
async function namesSurvive(): Promise<string> {
  const aegis = AegisModule.create(EMBEDDED);
  async function refund(order: Order): Promise<string> {
    return order.id;
  }
  const error = await errorOf((async () => guard(refund, { module: aegis, approval: 'wait' })({ id: 'a', amount: 1 }))());
  await aegis.close();
  if (error === undefined) return 'kept';
  if (error instanceof GuardDefinitionError) return 'lost, refused';
  return error instanceof ForbiddenError ? 'lost, denied' : 'lost';
}

async function threadAnswers(): Promise<string> {
  const findings = await lintPolicies([{ file: 'all', text: '@id("all") permit (principal, action, resource);' }]);
  if (findings.some(({ policyId, severity }) => policyId === 'all' && severity === 'warning')) return 'works';
  // what could not be checked must not look checked
  return findings.some(({ severity }) => severity === 'error') ? 'missing, said so' : 'silent';
}
