import { setTimeout as sleep } from 'node:timers/promises';
import { ApprovalDesk } from '../../lib/decision/desk/ApprovalDesk.js';
import type { Task } from '../../lib/model/Task.js';
import { decideAll } from './approver.js';
import { check } from './checker.js';
import type { Finding } from './checker.js';
import { slower } from '../support/pace.js';
import { Crew, DRAINED_MS } from './crew.js';
import type { Entry } from './history.js';
import { readEntries } from './history.js';
import type { KillPoint } from './killPoints.js';
import { stateStore } from './setting.js';
import type { StoreAt, Tool } from './setting.js';

/** What a cell of the matrix ended in. */
export interface CellEnd extends Finding {
  /** Of the one task; `none` where it never was in the store. */
  readonly status: Task['status'] | 'none';
  readonly starts: number;
  readonly ends: number;
  readonly runs: number;
  /** Whether the process that was to be killed was, and no other. */
  readonly killed: boolean;
  /** Everything that is known, for a person who looks into a failure. */
  readonly told: string;
}

/** Plays one cell: a worker calls and is killed at the point, a person approves, a second worker takes over. */
export async function playCell(at: StoreAt | undefined, tool: Tool, point: KillPoint): Promise<CellEnd> {
  const crew = new Crew(at);
  try {
    const store = await stateStore(crew.store);
    await store.open();
    const decide = (): (() => void) => decideAll(new ApprovalDesk(store.approvals), crew.history);
    // a verdict that is pushed before the first poll would make that poll needless
    let stop = point === 'during-poll' ? undefined : decide();
    const victim = crew.hire('worker', { point });
    await victim.ready;
    victim.tell({ do: 'call', tool, ns: [7] });
    await Promise.race([victim.gone, sleep(DRAINED_MS * slower(), undefined, { ref: false })]);
    const killed = victim.child.signalCode === 'SIGKILL';
    stop ??= decide();
    const successor = crew.hire('worker');
    await successor.ready;
    // at the least its lease must lapse before the dead one's work is another's
    await crew.drained(DRAINED_MS, point === 'before-insert' ? 0 : 1);
    if (point === 'before-insert') await sleep(crew.leaseMs + 300);
    await sleep(300);
    stop();
    await crew.leave();
    const tasks = await crew.tasks();
    await store.close();
    return cellEnd(crew, tasks, killed);
  } finally {
    await crew.disband();
  }
}

function cellEnd(crew: Crew, tasks: readonly Task[], killed: boolean): CellEnd {
  const lines = crew.history.lines();
  const entries = readEntries(lines);
  const count = (what: Entry['what']): number => entries.filter((entry) => entry.what === what).length;
  return {
    ...check(lines, tasks),
    status: tasks[0]?.status ?? 'none',
    runs: tasks[0]?.runs ?? 0,
    starts: count('start'),
    ends: count('end'),
    killed: killed && count('killed') === 1,
    told: [...lines, crew.said].join('\n'),
  };
}
