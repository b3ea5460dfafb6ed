// What halts and grants cost: the look of each call at halts, and a call that a grant answers beside one that is allowed.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { AegisModule, guard, isPending } from 'aegislib';
import { median, time } from './compare.js';
import { report } from './figure.js';

const POLICIES = `
  @id("permit-all") permit (principal, action, resource);
  @id("refunds") @effect("approval_needed") @grantable("1000 uses; 8h")
  forbid (principal, action == Aegis::Action::"refund", resource) when { context.input.amount > 100 };`;

/** Halts of one process are known; with a file, as with a store that others share, each look asks whether they were confirmed lately. */
async function halted(count: number, haltFile?: string): Promise<AegisModule> {
  const aegis = AegisModule.create({
    decisions: { decide: () => ({ effect: 'allow', decisionId: 'allow' }), status: (decisionId) => ({ decisionId, state: 'invalid' }) },
    agentId: 'bench',
    ...(haltFile !== undefined && { haltFile }),
  });
  await aegis.ready();
  for (let i = 0; i < count; i++) {
    const scopes = [{ agentId: `agent-${i}` }, { toolName: `tool-${i}` }, { group: `group-${i}` }];
    await aegis.halts.halt(scopes[i % 3] ?? {}, { by: 'ann', reason: 'bench' });
  }
  return aegis;
}

/** What looks cost beyond those of a call without halts. A call looks twice: before its decision, and at its entry. */
async function lookNs(modules: readonly AegisModule[]): Promise<readonly number[]> {
  const calls = modules.map((module) => {
    const add = guard(async (o: { n: number }) => o.n + 1, { module, toolName: 'add', groups: ['math'], approval: 'wait' });
    return () => add({ n: 1 });
  });
  const least = calls.map(() => Infinity);
  // what else runs on the machine only makes a round longer
  for (let round = 0; round < 300; round++) {
    for (const [i, call] of calls.entries()) least[i] = Math.min(least[i] ?? Infinity, await time(call, 500));
    // a loop of promises alone lets no timer confirm the halts
    await setImmediate();
  }
  return least.map((ns) => (ns - (least[0] ?? 0)) / 2);
}

/** A grant has at most 1,000 uses, so that each round makes one of its own, outside of the time that is taken. */
async function grantedRatio(): Promise<{ ratio: number; ns: number; allowedNs: number }> {
  const aegis = AegisModule.create({ policies: { text: POLICIES }, agentId: 'bench' });
  const refund = guard(async (o: { id: string; amount: number }) => o.amount, { module: aegis, toolName: 'refund', approval: 'defer' });
  const uses = 900;
  const [granted, allowed, ratios]: [number[], number[], number[]] = [[], [], []];
  for (let round = -20; round < 40; round++) {
    const large = { id: `o-${round}`, amount: 500 };
    const small = { id: `o-${round}`, amount: 5 };
    for (const grant of await aegis.grants.list({ active: true })) await aegis.grants.revoke(grant.id, { by: 'ann' });
    const pending = await refund(large);
    if (!isPending(pending)) throw new Error('no one is asked');
    const { decisionId } = pending;
    const { digest = '' } = (await aegis.approvals.get(decisionId)) ?? {};
    await aegis.approvals.approve(decisionId, { by: 'ann', digest, grant: { uses: 1_000, forMs: 3_600_000 } });
    await pending.completed;
    if ((await refund(large)) !== 500 || (await refund(small)) !== 5) throw new Error('the bench decides wrongly');
    const a = await time(() => refund(large), uses);
    const b = await time(() => refund(small), uses);
    if (round < 0) continue;
    granted.push(a);
    allowed.push(b);
    ratios.push(a / b);
  }
  await aegis.close();
  return { ratio: median(ratios), ns: median(granted), allowedNs: median(allowed) };
}

const folder = await mkdtemp(join(tmpdir(), 'halts-'));
const modules = [await halted(0), await halted(100), await halted(0, join(folder, 'none')), await halted(100, join(folder, 'hundred'))];
const [, hundred = NaN, confirmed = NaN, both = NaN] = await lookNs(modules);
await Promise.all(modules.map((module) => module.close()));
await rm(folder, { recursive: true });
const grants = await grantedRatio();
report([
  {
    name: 'a look at halts, 100 of others in force, beyond one at none',
    value: hundred / 1_000,
    unit: 'µs',
    goal: { atMost: 0.1 },
    limit: { atMost: 0.4 },
  },
  {
    name: 'the same where they have to be confirmed, none in force',
    value: confirmed / 1_000,
    unit: 'µs',
    goal: { atMost: 0.1 },
    limit: { atMost: 0.4 },
  },
  { name: 'the same, 100 of others in force', value: both / 1_000, unit: 'µs', goal: { atMost: 0.1 }, limit: { atMost: 0.5 } },
  {
    name: 'call that a grant covers ÷ allowed call of the same tool',
    value: grants.ratio,
    unit: '×',
    goal: { atMost: 2 },
    limit: { atMost: 5 },
    note: `${(grants.ns / 1_000).toFixed(1)} µs, allowed ${(grants.allowedNs / 1_000).toFixed(1)} µs`,
  },
]);
