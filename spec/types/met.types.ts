// What people met: options of the environment, tasks by status, events, generic functions, the context of Hono.
import { Hono } from 'hono';
import type { Context } from 'hono';
import { aegisHono } from '../../lib/adapter/web/index.js';
import { AegisGuard, AegisModule, guard, guardSync, type Task, type TaskQuery } from '../../lib/index.js';
import { assert, type Equal } from './expect.js';

declare const module: AegisModule;

// C13: options that may be undefined, under exactOptionalPropertyTypes
AegisModule.configure({ apiKey: process.env['AEGIS_API_KEY'], baseUrl: process.env['AEGIS_BASE_URL'] });
AegisModule.create({
  policies: process.env['POLICIES'],
  store: process.env['STORE'],
  stateKey: undefined,
  approvalPolling: { maxAttempts: undefined },
});
void module.close({ graceMs: undefined });
void module.tasks.clearCompleted({ maxAgeMs: undefined });
void guard(async (a: string) => a, {
  params: ['a'],
  agentId: process.env['AGENT'],
  toolName: undefined,
  waitMs: undefined,
  session: undefined,
});

// C13: a query by status gives tasks of that status
for (const task of await module.tasks.listTasks({ status: 'failed' })) assert<Equal<typeof task.error.message, string>>();
for (const task of await module.tasks.listTasks({ status: ['completed', 'failed'] as const, toolName: 't' })) {
  assert<Equal<typeof task.status, 'completed' | 'failed'>>();
  if (task.status === 'completed') void task.result;
}
for (const task of await module.tasks.listTasks({ status: ['completed', 'failed'] }))
  assert<Equal<typeof task.status, 'completed' | 'failed'>>();
declare const query: TaskQuery;
assert<Equal<Awaited<ReturnType<typeof module.tasks.listTasks>>, readonly Task[]>>();
const all = await module.tasks.listTasks(query);
assert<Equal<(typeof all)[number], Task>>();
const none = await module.tasks.listTasks();
assert<Equal<(typeof none)[number], Task>>();
const ofTool = await module.tasks.listTasks({ toolName: 't' });
assert<Equal<(typeof ofTool)[number], Task>>();
// @ts-expect-error no such status
void module.tasks.listTasks({ status: 'complete' });
// @ts-expect-error as the wire spells it
void module.tasks.listTasks({ agent_id: 'a' });

// C13: events
module.tasks.on('completed', (task) => void task.result);
module.tasks.once('failed', (task) => void task.error);
module.tasks.on('transition', ({ task, from }) => void [task, from]);
module.tasks.off('completed', () => {});
// @ts-expect-error no such event
module.tasks.on('complete', () => {});
module.approvals.on('requested', (record) => void record.digest);

// C13: generic functions and methods
const same = guard(async <T>(value: T): Promise<T> => value, { params: ['value'], approval: 'wait' });
void same('a');
void guard(async <T, U>(a: T, b: U): Promise<[T, U]> => [a, b], { params: ['a', 'b'], approval: 'wait' });
declare function pick<K extends string>(a: K): Promise<K>;
// the compiler cannot infer the parameters of a generic function of a constrained type: say for which type it is guarded
void guard(pick<string>, { params: ['a'], approval: 'wait' });
// @ts-expect-error names are checked where they are known
void guard(pick<string>, { params: ['a', 'b'], approval: 'wait' });
void guardSync(<T>(a: T): T[] => [a], { params: ['a'] });
class Generic {
  @AegisGuard({ params: ['a'], approval: 'wait' })
  async one<T>(a: T): Promise<T> {
    return a;
  }
  @AegisGuard({ params: ['a', 'b'], approval: 'wait' })
  async two<T, U extends string>(a: T, b: U): Promise<[T, U]> {
    return [a, b];
  }
}
void Generic;

// C13: Hono keeps its own context
interface Env {
  Variables: { user: string };
}
const app = new Hono<Env>();
const aegis = aegisHono({ session: (c: Context<Env>) => ({ user_id: c.get('user') }) });
app.use(aegis.requests);
app.onError(aegis.errors((_error, c) => c.text('failed', 500)));
app.get('/tasks/:id?', aegis.tasks({ authorize: (c) => c.get('user') === 'ops' }));
