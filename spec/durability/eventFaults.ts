import type { Story } from './story.js';

/** How long a process may take to hear of another's change, in milliseconds: less than scenarios wait before all leave. */
const HEARD_WITHIN_MS = 1_500;

/** Each process tells each version of a task once at the most, and in order; those that stayed to the end have told of the last. */
export function eventFaults(story: Story): string[] {
  const faults: string[] = [];
  const told = new Map<string, number>();
  for (const { who, with: given } of story.all('event')) {
    const [taskId, version] = [given[0] as string, Number(given[1])];
    const last = told.get(`${who} ${taskId}`) ?? 0;
    if (version === last) faults.push(`told twice: ${who} told version ${version} of ${taskId} twice`);
    if (version < last) faults.push(`told late: ${who} told version ${version} of ${taskId} after ${last}`);
    told.set(`${who} ${taskId}`, Math.max(version, last));
  }
  const stayed = new Set(story.all('left').map(({ who }) => who));
  const stopped = new Set(story.all('stopped').map(({ who }) => who));
  for (const { who, with: given } of story.all('ready')) {
    if (!stayed.has(who) || stopped.has(who)) continue;
    for (const task of story.tasks.values()) {
      // what happened before it was there, or as it came, it need not tell
      if (task.updatedAtMs < Number(given[1]) + HEARD_WITHIN_MS) continue;
      const last = told.get(`${who} ${task.taskId}`) ?? 0;
      if (last < task.version) faults.push(`not told: ${who} told of version ${last} of ${task.taskId}, which is at ${task.version}`);
    }
  }
  return faults;
}
