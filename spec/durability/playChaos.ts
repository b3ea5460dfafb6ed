import { setTimeout as sleep } from 'node:timers/promises';
import { slower } from '../support/pace.js';
import { check } from './checker.js';
import type { Finding } from './checker.js';
import { Crew, DRAINED_MS } from './crew.js';
import type { Member } from './crew.js';
import { KILL_POINTS } from './killPoints.js';
import type { StoreAt } from './setting.js';
import { fraction } from './setting.js';

export interface ChaosPlan {
  /** How many kills of workers; those of the approver come on top. */
  readonly kills: number;
  readonly seed: number;
  /** On a busy machine workers die before they do much: the killing goes on until so many calls have completed, up to twice the kills. */
  readonly completed?: number;
  /** Three of four calls are edited before they are approved. */
  readonly edits?: boolean | undefined;
  /** By default a new file of SQLite. */
  readonly store?: StoreAt | undefined;
}

export interface ChaosEnd extends Finding {
  readonly ms: number;
  readonly pauses: number;
  readonly approverKills: number;
  /** Where lines and standard error can be read. */
  readonly told: string;
}

const WORKERS = 3;
/** Calls that are open at most: killing goes on only while there is work, and what is left over has to be drained. */
const OPEN = 150;

/**
 * Three workers and a person at a desk on one store. Workers are killed as soon as they have done something, by themselves at a point of a call's way
 * or from outside at any moment; some are stopped for longer than their lease, now and then the desk dies too. Then all that is left over is seen to.
 */
export async function playChaos({ kills, seed, store, completed = 0, edits = false }: ChaosPlan): Promise<ChaosEnd> {
  const startedMs = performance.now();
  const crew = new Crew(store);
  /** Each lane has draws of its own: what it does depends on the seed, and not on which lane was faster. */
  const drawsOf = (lane: number): ((below: number) => number) => {
    let drawn = 0;
    return (below) => Math.floor(fraction(seed * 1_000 + lane, drawn++) * below);
  };
  const state = { killed: 0, calls: 0, pauses: 0, approverKills: 0, open: 0, completed: 0 };
  const over = (): boolean => state.killed >= kills && (state.completed >= completed || state.killed >= 2 * kills);

  /** One life of a worker after the other, each with work of its own and a death of its own. */
  const work = async (lane: number): Promise<void> => {
    const draw = drawsOf(lane);
    while (!over()) {
      const byItself = draw(2) === 0;
      const point = byItself ? KILL_POINTS[draw(KILL_POINTS.length)] : undefined;
      const worker = crew.hire('worker', { seed, throwEvery: 13, methodMs: 40, point, nth: 1 + draw(6), edits });
      await worker.ready;
      callOn(worker, draw);
      if (draw(20) === 0) {
        state.pauses += 1;
        await crew.pause(worker, crew.leaseMs + 300);
      }
      await Promise.race([worker.gone, sleep((byItself ? 500 : 40 + draw(400)) * slower())]);
      await crew.kill(worker);
      state.killed += 1;
    }
  };
  const callOn = (worker: Member, draw: (below: number) => number): void => {
    if (state.open >= OPEN) return;
    const ns = Array.from({ length: 4 + draw(8) }, () => state.calls++);
    worker.tell({ do: 'call', tool: draw(2) === 0 ? 'once' : 'idempotent', ns });
  };
  const decide = async (): Promise<void> => {
    const draw = drawsOf(WORKERS);
    while (!over()) {
      const approver = crew.hire('approver', { denyEvery: 17, edits });
      await approver.ready;
      await Promise.race([approver.gone, sleep((1_500 + draw(3_000)) * slower())]);
      if (over()) return;
      await crew.kill(approver);
      state.approverKills += 1;
    }
  };
  const count = async (): Promise<void> =>
    crew.look(async ({ tasks }) => {
      for (; !over(); await sleep(100)) {
        const counts = await tasks.counts();
        state.open = counts.pending + counts.approved + counts.executing;
        state.completed = counts.completed;
      }
    });

  try {
    await Promise.all([decide(), count(), ...Array.from({ length: WORKERS }, (_, lane) => work(lane))]);
    for (let i = 0; i < WORKERS; i++) await crew.hire('worker', { seed, throwEvery: 13, edits }).ready;
    if ([...crew.members].every(({ who }) => who.startsWith('worker'))) await crew.hire('approver', { denyEvery: 17, edits }).ready;
    await crew.drained(DRAINED_MS);
    // whoever is left has to hear of the last change
    await sleep(500);
    await crew.leave();
    const found = check(crew.history.lines(), await crew.tasks());
    const { pauses, approverKills } = state;
    return { ...found, ms: performance.now() - startedMs, pauses, approverKills, told: [...crew.history.lines(), crew.said].join('\n') };
  } finally {
    await crew.disband();
  }
}

/** One line for people. */
export function lineOf({ counts, faults, ms, pauses, approverKills }: ChaosEnd): string {
  const { kills, tasks, approvals, starts, completed, unknown, reclaimed, withoutApproval, twice, edited, otherwise, lost } = counts;
  return [
    `${kills} kills (${approverKills} of the desk), ${pauses} stops past the lease, ${(ms / 1_000).toFixed(1)} s:`,
    `${tasks} tasks, ${approvals} approvals acknowledged, ${edited} calls edited, ${starts} starts, ${completed} completed, ${unknown} unknown, ${reclaimed} begun again;`,
    `run without approval ${withoutApproval}, run twice ${twice}, ran otherwise than edited ${otherwise}, lost ${lost}, faults ${faults.length}`,
  ].join(' ');
}
