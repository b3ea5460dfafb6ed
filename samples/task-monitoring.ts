// Monitors approvals: events, counts and lists; cancels and clears tasks.
import { subscribe } from 'node:diagnostics_channel';
import { AegisModule, guard, isPending, type PendingApproval } from 'aegislib';
import { show } from './show.js';

const aegis = AegisModule.configure({
  agentId: 'ops-agent',
  env: false,
  policies: {
    text: `
      @id("allow-all") permit (principal, action, resource);
      @id("ask") @effect("approval_needed") @reason("deployments need a person") forbid (principal, action, resource);`,
  },
});
const { tasks, approvals } = aegis;

const deploy = guard(
  async (service: string) => {
    if (service === 'billing') throw new Error('the health check failed');
    return `${service} is deployed`;
  },
  { toolName: 'deploy', params: ['service'] },
);

// there is an event for every status that a task can enter, and `transition` for all of them
const services = new Map<string, string>();
tasks.on('transition', ({ task, from }) => {
  // a task that has ended has no params: what is shown of them later is kept from the start
  if (from === undefined) services.set(task.taskId, String(task.params['service']));
  show('event', 'gray', `${services.get(task.taskId)}: ${from ?? 'new'} → ${task.status}`);
});
tasks.on('completed', (task) => show('result', 'green', String(task.result)));
tasks.on('failed', (task) => show('result', 'red', `${task.error.name}: ${task.error.message}`));

// an error of a listener changes nothing; it is reported on a diagnostics channel
tasks.once('approved', () => {
  throw new Error('this listener is broken');
});
subscribe('aegis:diagnostics', (message) => show('reported', 'magenta', JSON.stringify(message)));

const web = await pending('web');
const billing = await pending('billing');
const search = await pending('search');
const docs = await pending('docs');

show('stats', 'cyan', `${(await tasks.getStats()).pending} pending, ${aegis.scheduler.queueSize} followed`);
for (const task of await tasks.listTasks({ status: 'pending', toolName: 'deploy' })) {
  show('list', 'cyan', `${String(task.params['service'])}: ${task.reason}, asked by ${task.agentId}`);
}

await approve(web); // runs
await approve(billing); // runs and throws: the task fails and is not retried
await search.cancel(); // by the caller
await tasks.updateStatus(docs.taskId, 'cancelled', { reason: 'the release was postponed' }); // by an operator

const { completed, failed, cancelled, total } = await tasks.getStats();
show('stats', 'cyan', `${completed} completed, ${failed} failed, ${cancelled} cancelled, ${total} in all`);

show('task', 'cyan', `${(await tasks.getTask(web.taskId))?.status}`);
await tasks.deleteTask(web.taskId);
show('clear', 'cyan', `${await tasks.clearCompleted({ maxAgeMs: 3_600_000 })} older than an hour`);
show('clear', 'cyan', `${await tasks.clearAll()} of any age`);
show('stats', 'cyan', `${(await tasks.getStats()).total} in all`);
await aegis.close();

async function pending(service: string): Promise<PendingApproval<string>> {
  const result = await deploy(service);
  if (!isPending(result)) throw new Error('policy should have asked');
  return result;
}

async function approve({ decisionId, completed }: PendingApproval): Promise<void> {
  const request = await approvals.get(decisionId);
  if (request !== undefined) await approvals.approve(decisionId, { by: 'ann', digest: request.digest });
  await completed.catch(() => undefined); // the `failed` event has reported it already
}
