import { setTimeout as sleep } from 'node:timers/promises';
import { slower } from '../../support/pace.js';
import type { StoreAt } from '../setting.js';
import { fraction } from '../setting.js';
import { ServedScene } from './ServedScene.js';
import type { Agent, SceneEnd } from './ServedScene.js';
import { SERVER_STEPS } from './serverKillPoints.js';
import type { ServerKillPoint } from './serverKillPoints.js';

export interface ServerChaosPlan {
  /** How many servers die. */
  readonly kills: number;
  readonly seed: number;
  /** By default a new file of SQLite. */
  readonly store?: StoreAt | undefined;
}

export interface ServerChaosEnd extends SceneEnd {
  readonly ms: number;
  /** Whether every call came to its end, after the last server had started. */
  readonly drained: boolean;
}

const SERVERS = 2;
/** Calls of an agent that are open at most. */
const OPEN = 8;
/** How many calls of an agent have to end after all kills, and how long that may take. */
const [AGAIN, AGAIN_MS] = [4, 30_000];
const POINTS: readonly ServerKillPoint[] = [
  ...SERVER_STEPS.flatMap((step): ServerKillPoint[] => [`before-${step}`, `after-${step}`]),
  'before-answer',
];

/**
 * Two servers on one store, each with an agent that asks as fast as it may, and a person who decides at either of them or beside them. Servers die, by
 * themselves at a point of what they do or from outside at any moment, their start included, and come back. One agent keeps its tasks in memory, the
 * other one in a file. Then everything that is left over is waited for.
 */
export async function playServerChaos({ kills, seed, store }: ServerChaosPlan): Promise<ServerChaosEnd> {
  const startedMs = performance.now();
  const scene = await ServedScene.open(store, SERVERS);
  const state = { killed: 0, calls: 0 };
  const over = (): boolean => state.killed >= kills;
  /** Each lane has draws of its own: what it does depends on the seed, and not on which lane was faster. */
  const drawsOf = (lane: number): ((below: number) => number) => {
    let drawn = 0;
    return (below) => Math.floor(fraction(seed * 1_000 + lane, drawn++) * below);
  };

  /** One life of a server after the other. */
  const live = async (lane: number): Promise<void> => {
    const draw = drawsOf(lane);
    while (!over()) {
      const byItself = draw(2) === 0;
      const server = scene.server(lane, byItself ? { point: POINTS[draw(POINTS.length)], nth: 1 + draw(4) } : {});
      if (draw(10) === 0) await Promise.race([server.gone, sleep(draw(400))]);
      else {
        await server.ready;
        await Promise.race([server.gone, sleep((200 + draw(1_000)) * Math.min(1.5, slower()))]);
      }
      await scene.crew.kill(server);
      state.killed += 1;
    }
  };
  const ask = async (lane: number): Promise<void> => {
    const draw = drawsOf(SERVERS + lane);
    const agent = await scene.agent(lane, lane === 0 ? {} : { tasksAt: `${scene.crew.folder}/tasks-${lane}.db` });
    const { member } = agent;
    for (; !over(); await sleep(40)) {
      const { asking, open } = agent.report;
      if (asking + open >= OPEN) continue;
      const ns = Array.from({ length: 1 + draw(3) }, () => state.calls++);
      member.tell({ do: 'ask', ns });
      if (draw(8) === 0) setTimeout(() => member.tell({ do: 'cancel', ns: ns.slice(0, 1) }), draw(200));
    }
  };

  try {
    scene.decide({ over: 'both', denyEvery: 17 });
    const lanes = Array.from({ length: SERVERS }, (_, lane) => lane);
    await Promise.all(lanes.flatMap((lane) => [live(lane), ask(lane)]));
    await Promise.all(lanes.map((lane) => scene.server(lane).ready));
    // whatever came before, they serve again
    await Promise.all(scene.agents.map((agent) => serveAgain(agent, () => state.calls++)));
    const drained = await scene.drained();
    const end = await scene.end();
    return { ...end, drained, ms: performance.now() - startedMs };
  } finally {
    await scene.close();
  }
}

/** Asks until calls come to their end again: a client that was refused often waits before it tries anew. */
async function serveAgain(agent: Agent, next: () => number): Promise<void> {
  const { ended } = agent.report;
  for (const end = performance.now() + AGAIN_MS * slower(); performance.now() < end && agent.report.ended < ended + AGAIN; await sleep(250))
    if (agent.report.asking + agent.report.open < OPEN) agent.member.tell({ do: 'ask', ns: [next(), next()] });
}

/** One line for people. */
export function lineOf({ counts, faults, ms, drained }: ServerChaosEnd): string {
  const { kills, calls, opened, refused, approved, denied, starts, approvalsLost, verdictsLost, twice, unapproved } = counts;
  return [
    `${kills} servers killed, ${(ms / 1_000).toFixed(1)} s: ${calls} calls, ${opened} approvals acknowledged (${refused} calls refused),`,
    `${approved} approved and ${denied} denied, ${starts} runs;`,
    `approvals lost ${approvalsLost}, verdicts lost ${verdictsLost}, run twice ${twice}, run unapproved ${unapproved}, faults ${faults.length}`,
    ...(drained ? [] : ['; calls were still open']),
  ].join(' ');
}
