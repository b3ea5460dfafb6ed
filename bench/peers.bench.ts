// What others take for the same question: the policy engines that install from npm, on the same policies and requests as ours. None is timed before
// it has given the right answer to every request that its language can answer.
import { AegisModule, guard } from 'aegislib';
import { CedarPolicyEngine } from 'aegislib/policy';
import { compare, time, median } from './compare.js';
import { report, type Figure } from './figure.js';
import { casbin } from './peers/casbin.js';
import { casl } from './peers/casl.js';
import { cedarPreparsed, cedarUnparsed } from './peers/cedarWasm.js';
import { jsonRulesEngine } from './peers/jsonRulesEngine.js';
import { canBuild, opaWasm } from './peers/opaWasm.js';
import { areInstalled, type Peer } from './peers/Peer.js';
import { AGENTS, POLICIES, POLICY_COUNT, REQUESTS, otherPolicies, type Effect, type Request, type Transfer } from './peers/transfer.js';

/** Besides the policies on the tool that is asked about. */
const OTHERS = [0, 990];
const QUICKLY = { rounds: 9, roundMs: 40 };

const ours: Peer = {
  name: 'aegislib, CedarPolicyEngine',
  tells: 'effects',
  load: async (others) => {
    const sources = [{ file: 'transfer', text: POLICIES + otherPolicies(others) }];
    const engine = CedarPolicyEngine.load({ sources, agents: AGENTS });
    return {
      prepare: ({ agentId, toolName, input, session }: Request) => ({
        agentId,
        toolName,
        groups: [],
        params: input,
        session,
        facts: {},
        nowMs: 1_700_000_000_000,
        removable: [],
      }),
      decide: (call) => engine.evaluate(call).effect as Effect,
    };
  },
};

if (areInstalled()) report(await measure());
else {
  console.error('peers: skipped, they are not installed; run: npm ci --prefix bench/peers');
  report([]);
}

async function measure(): Promise<Figure[]> {
  if (!canBuild()) console.error('peers: opa-wasm is skipped; the opa that compiles its policy is there for 64-bit Linux only');
  const peers = [cedarPreparsed, cedarUnparsed, casbin, casl, jsonRulesEngine, ...(canBuild() ? [opaWasm] : [])];
  const figures: Figure[] = [];
  for (const others of OTHERS) {
    const policies = `${(POLICY_COUNT + others).toLocaleString('en')} policies`;
    const own = await ready(ours, others);
    const ownNs: number[] = [];
    const rows: Figure[] = [];
    for (const peer of peers) {
      const { ns, twinNs, ratio } = await compare(peer.name, await ready(peer, others), own, QUICKLY);
      ownNs.push(twinNs);
      const note = `${ratio >= 10 ? Math.round(ratio).toLocaleString('en') : ratio.toPrecision(2)} × ours; ${agreed(peer)}`;
      rows.push({ name: `${peer.name}, ${policies}`, value: ns / 1_000, unit: 'µs', note });
      if (peer === casl) rows.push({ name: `aegislib ÷ ${peer.name}, ${policies}`, value: 1 / ratio, unit: '×', goal: { atMost: 0.75 } });
    }
    figures.push({ name: `${ours.name}, ${policies}`, value: median(ownNs) / 1_000, unit: 'µs', note: agreed(ours) }, ...rows);
  }
  return [...figures, await wholeCall()];
}

/** Checks every answer, then gives back the work to time: the requests, one after another. */
async function ready(peer: Peer, others: number): Promise<() => unknown> {
  const { prepare, decide } = await peer.load(others);
  const wanted = (effect: Effect): Effect => (peer.tells === 'allow' && effect === 'approval_needed' ? 'deny' : effect);
  const prepared = REQUESTS.map((request) => prepare(request) as never);
  for (const [i, request] of REQUESTS.entries()) {
    const answer = await decide(prepared[i] as never);
    if (answer !== wanted(request.effect)) throw new Error(`${peer.name} answers ${answer} to ${JSON.stringify(request)}`);
  }
  let next = 0;
  return () => decide(prepared[next++ % prepared.length] as never);
}

function agreed({ tells, note }: Peer): string {
  const answers = `${REQUESTS.length} of ${REQUESTS.length} answers right`;
  return [answers, tells === 'allow' ? 'as allow or not' : '', note ?? ''].filter((part) => part !== '').join(', ');
}

/** The requests that are allowed, through a guard: copying, decision and the function itself. */
async function wholeCall(): Promise<Figure> {
  const aegis = AegisModule.create({ policies: { text: POLICIES }, agents: AGENTS, agentId: 'agent' });
  const session = { user_id: 'u-1', env: 'production' };
  const transfer = guard(async (t: Transfer) => t.amount, { module: aegis, toolName: 'transfer', session, approval: 'wait' });
  const allowed = REQUESTS.filter((r) => r.effect === 'allow' && r.agentId === 'agent').map((r) => r.input);
  let next = 0;
  const call = (): Promise<number> => transfer(allowed[next++ % allowed.length] as Transfer);
  await time(call, 20_000);
  const rounds: number[] = [];
  for (let round = 0; round < 5; round++) rounds.push(await time(call, 20_000));
  await aegis.close();
  return { name: `aegislib, a whole guarded call, ${POLICY_COUNT} policies`, value: median(rounds) / 1_000, unit: 'µs' };
}
