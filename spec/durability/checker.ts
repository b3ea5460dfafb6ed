import type { Task } from '../../lib/model/Task.js';
import { eventFaults } from './eventFaults.js';
import { readEntries } from './history.js';
import { Story } from './story.js';

/** What must be zero, by name: each names the law that was broken, and by what. */
export interface Finding {
  readonly faults: readonly string[];
  readonly counts: {
    readonly kills: number;
    readonly tasks: number;
    readonly approvals: number;
    readonly starts: number;
    readonly completed: number;
    readonly unknown: number;
    /** Executions that began again after a crash. */
    readonly reclaimed: number;
    readonly withoutApproval: number;
    readonly twice: number;
    /** Approvals that somebody has begun to edit. */
    readonly edited: number;
    /** Runs with other params than the person has made of the call, who edited it. */
    readonly otherwise: number;
    readonly lost: number;
  };
}

const OVER: ReadonlySet<Task['status']> = new Set(['completed', 'failed', 'denied', 'timeout', 'cancelled', 'unknown']);

/**
 * Holds what happened against the laws of durable approvals. Pure: `lines` is what the processes wrote down, `tasks` what is in the store after those
 * left over had time to see to everything.
 *
 * @param maxRuns how often an idempotent task may begin
 */
export function check(lines: readonly string[], tasks: readonly Task[], maxRuns = 50): Finding {
  const story = new Story(readEntries(lines), tasks);
  const withoutApproval = runsWithoutApproval(story);
  const twice = ranTooOften(story, maxRuns);
  const otherwise = ranOtherwise(story);
  const lost = [...lostApprovals(story), ...lostTasks(story)];
  const rest = tasks.flatMap((task) => [...endFaults(story, task), ...unknownFaults(story, task, maxRuns)]);
  const crashed = story.all('crashed').map(({ who }) => `crashed: ${who} ended, and nobody had killed it`);
  const idempotent = tasks.filter((task) => task.origin?.idempotent === true);
  const runs = idempotent.reduce((sum, task) => sum + Math.max(0, task.runs - 1), 0);
  const inStatus = (status: Task['status']): number => tasks.filter((task) => task.status === status).length;
  return {
    faults: [...withoutApproval, ...twice, ...otherwise, ...lost, ...rest, ...crashed, ...eventFaults(story)],
    counts: {
      kills: story.all('killed').length,
      tasks: tasks.length,
      approvals: story.all('approved').length,
      starts: story.all('start').length,
      completed: inStatus('completed'),
      unknown: inStatus('unknown'),
      reclaimed: runs,
      withoutApproval: withoutApproval.length,
      twice: twice.length,
      edited: story.edits.size,
      otherwise: otherwise.length,
      lost: lost.length,
    },
  };
}

/** A method may be entered only after a person had begun to say yes to that very approval, and to no other. */
function runsWithoutApproval(story: Story): string[] {
  const asked = new Set<string>();
  const faults: string[] = [];
  for (const { what, who, with: given } of story.entries) {
    if (what === 'approving') asked.add(given[0] as string);
    if (what !== 'start') continue;
    const [, taskId, decisionId] = given as [string, string, string];
    if (!asked.has(decisionId)) faults.push(`without approval: ${who} ran ${taskId}, and nobody had approved ${decisionId}`);
    if (story.tasks.get(taskId)?.decisionId !== decisionId) faults.push(`without approval: ${taskId} ran under ${decisionId}, not its own`);
  }
  return faults;
}

/** Under an approval that was edited, what runs is what its editor made of the call; and that is in its task. */
function ranOtherwise(story: Story): string[] {
  const ran = story.all('start').flatMap(({ who, with: [n, taskId, decisionId = ''] }) => {
    const edited = story.edits.get(decisionId);
    return edited === undefined || edited === n
      ? []
      : [`otherwise: ${who} ran ${taskId} with ${n}, and ${decisionId} was edited to ${edited}`];
  });
  const untold = [...story.tasks.values()].flatMap(({ taskId, status, decisionId, edited }) =>
    status === 'completed' && story.edits.has(decisionId) && edited?.includes('/n') !== true
      ? [`otherwise: ${taskId} is completed, and does not say that ${decisionId} was edited`]
      : [],
  );
  return [...ran, ...untold];
}

function ranTooOften(story: Story, maxRuns: number): string[] {
  const faults: string[] = [];
  for (const [taskId, starts] of story.starts) {
    const task = story.tasks.get(taskId);
    const most = task?.origin?.idempotent === true ? Math.min(maxRuns, task.runs) : 1;
    if (starts > most) faults.push(`twice: ${taskId} was entered ${starts} times, ${most} at the most`);
  }
  return faults;
}

/** What was acknowledged to the person who approved comes to something. */
function lostApprovals(story: Story): string[] {
  return story.all('approved').flatMap(({ with: [decisionId = ''] }) => {
    const task = story.ofDecision.get(decisionId);
    // its caller was killed before the task was in the store: there is nothing that could run
    if (task === undefined) return story.inserted.has(decisionId) ? [`lost: ${decisionId} was approved, and its task is gone`] : [];
    if (task.status === 'completed' || task.status === 'unknown') return [];
    if (task.status === 'failed' && story.threw.has(task.taskId)) return [];
    if (task.status === 'denied' && task.decisionId !== decisionId && story.denying.has(task.decisionId)) return [];
    return [`lost: ${decisionId} was approved, and ${task.taskId} is ${task.status}`];
  });
}

/** What was acknowledged to the process that wrote it is in the store. */
function lostTasks(story: Story): string[] {
  const gone = [...story.inserted].filter(([, taskId]) => !story.tasks.has(taskId));
  const settled = story.all('settled').filter(({ with: [taskId = '', , status] }) => {
    const now = story.tasks.get(taskId)?.status;
    return now !== status && !(status === 'unknown' && (now === 'completed' || now === 'failed'));
  });
  return [
    ...gone.map(([decisionId, taskId]) => `lost: ${taskId} of ${decisionId} was inserted and is gone`),
    ...settled.map(({ with: [taskId, , to] }) => `lost: ${taskId} was settled ${to}, and is ${story.tasks.get(taskId ?? '')?.status}`),
  ];
}

function endFaults(story: Story, task: Task): string[] {
  const { taskId, status, decisionId } = task;
  const starts = story.starts.get(taskId) ?? 0;
  if (!OVER.has(status)) return [`unfinished: ${taskId} is ${status}`];
  if (status === 'completed' && !story.ended.has(taskId)) return [`made up: ${taskId} is completed, and its method never came to its end`];
  if (status === 'failed' && !story.threw.has(taskId)) return [`made up: ${taskId} is failed, and its method never threw`];
  if (status === 'denied' && !story.denying.has(decisionId)) return [`made up: ${taskId} is denied, and nobody had denied ${decisionId}`];
  const neverRan = status === 'denied' || status === 'timeout' || status === 'cancelled';
  return neverRan && starts > 0 ? [`made up: ${taskId} is ${status}, and it ran`] : [];
}

/** Nobody knows: then it was claimed, the outcome was never acknowledged, and whoever claimed it is dead. */
function unknownFaults(story: Story, task: Task, maxRuns: number): string[] {
  if (task.status !== 'unknown') return [];
  const { taskId, executorId, runs, origin } = task;
  const holder = story.whoIs.get(executorId ?? '');
  const faults: string[] = [];
  if (runs < 1 || executorId === undefined) faults.push(`unknown: ${taskId} is unknown, and nobody had claimed it`);
  else if (holder === undefined || !story.killed.has(holder))
    faults.push(`unknown: ${taskId} is unknown, and ${holder ?? executorId}, which claimed it, was not killed`);
  if (story.settled.has(taskId)) faults.push(`unknown: ${taskId} is unknown, and its outcome was acknowledged`);
  if (origin?.idempotent === true && runs < maxRuns) faults.push(`unknown: ${taskId} may run again, and began ${runs} times only`);
  return faults;
}
