import { AegisModule } from '../guard/module/AegisModule.js';
import type { AegisModuleView } from '../guard/module/AegisModule.js';
import { ConfigError } from '../model/errors/SetupErrors.js';
import { TASK_STATUSES } from '../model/Task.js';
import type { Task, TaskStatus } from '../model/Task.js';
import { shownTask } from './shownTask.js';
import type { TaskDetail } from './shownTask.js';
import type { HttpAnswer } from './toHttp.js';

/** Which tasks somebody may see: all of them, none, or those of which the function says true. */
export type TasksAccess = boolean | ((task: Task) => boolean);

/** What the route of the task registry takes. `R` is the framework's request. */
export interface TasksOptions<R> {
  /** Default: the module of the middleware, else the one that `AegisModule.configure()` made. */
  readonly module?: AegisModule | AegisModuleView | undefined;
  /**
   * What the sender of a request may see, of whom your host has authenticated. `true` is every task, and the stats; a function is the tasks that it says
   * `true` of, and no stats. Anything else is 403. Where it throws, the request ends with that error.
   */
  readonly authorize: (request: R) => TasksAccess | Promise<TasksAccess>;
  /** What is shown beside ids, names, times and statuses. Default: nothing. Params, sessions, results and errors hold what calls were made with. */
  readonly show?: readonly TaskDetail[] | undefined;
}

/** What is asked of the task registry. */
export interface TasksQuery<R> {
  /** The request of the framework. */
  readonly request: R;
  /** GET or HEAD; anything else is 405. Default GET. */
  readonly method?: string | undefined;
  /** One task, or `stats`. Default: the list. */
  readonly id?: string | undefined;
  /** `status`, `agent`, `tool` and `limit` (100 by default, 1,000 at most) of the list. */
  readonly query?: unknown;
}

const NO_STORE = { 'cache-control': 'no-store' };

/**
 * The task registry over HTTP, for any framework: the list, one task, or the stats. It shows nothing before `authorize` has said whom it may show what.
 *
 * @throws ConfigError without an `authorize` function
 * @example
 * const tasks = tasksRoute({ authorize: (request: Request) => isOperator(request) });
 * const { status, body, headers } = await tasks({ request, id: 'stats' });
 */
export function tasksRoute<R>({ module, authorize, show = [] }: TasksOptions<R>): (query: TasksQuery<R>) => Promise<HttpAnswer> {
  if (typeof authorize !== 'function')
    throw new ConfigError([
      { where: 'tasks', message: 'need `authorize`, a function of the request: without one nobody could say who may see them.' },
    ]);
  const details = new Set(show);
  return async ({ request, method = 'GET', id, query }) => {
    if (method !== 'GET' && method !== 'HEAD')
      return refused(405, 'method_not_allowed', 'Tasks can only be read here.', { allow: 'GET, HEAD' });
    const access = await authorize(request);
    if (access !== true && typeof access !== 'function') return refused(403, 'forbidden', 'You may not see these tasks.');
    const visible = (task: Task): boolean => access === true || access(task) === true;
    const { tasks } = module ?? AegisModule.current;
    if (id === 'stats') {
      // counts of tasks that somebody may not see tell of them
      if (access !== true) return refused(403, 'forbidden', 'You may not see the stats, which are of all tasks.');
      return { status: 200, body: { ...(await tasks.getStats()) }, headers: NO_STORE };
    }
    if (id !== undefined && id !== '') {
      const task = await tasks.getTask(id);
      if (task === undefined || !visible(task)) return refused(404, 'task_not_found', 'There is no such task.');
      return { status: 200, body: shownTask(task, details), headers: NO_STORE };
    }
    const asked = listOf(query);
    if (asked === undefined) return refused(400, 'invalid_query', 'The query has `status`, `agent`, `tool` and `limit`, each once.');
    const { limit, ...which } = asked;
    // the registry cannot ask `authorize`, so what may not be seen must not use up the limit
    const found = await tasks.listTasks({ ...which, limit: access === true ? limit : Infinity });
    return {
      status: 200,
      body: {
        tasks: found
          .filter(visible)
          .slice(0, limit)
          .map((task) => shownTask(task, details)),
      },
      headers: NO_STORE,
    };
  };
}

function refused(status: number, error: string, message: string, headers: Record<string, string> = {}): HttpAnswer {
  return { status, body: { error, message }, headers: { ...NO_STORE, ...headers } };
}

interface ListQuery {
  readonly status: TaskStatus | undefined;
  readonly agentId: string | undefined;
  readonly toolName: string | undefined;
  readonly limit: number;
}

/** A filter that cannot be read is refused: to leave it out would show more than was asked for. */
function listOf(query: unknown): ListQuery | undefined {
  const given = new Map<string, unknown>(Object.entries((query ?? {}) as object));
  const texts = ['status', 'agent', 'tool', 'limit'].map((name) => given.get(name));
  if (!texts.every((text) => text === undefined || typeof text === 'string')) return undefined;
  const [status, agentId, toolName, limit = '100'] = texts as (string | undefined)[];
  if (status !== undefined && !(TASK_STATUSES as readonly string[]).includes(status)) return undefined;
  if (!/^[1-9]\d{0,8}$/.test(limit)) return undefined;
  return { status: status as TaskStatus | undefined, agentId, toolName, limit: Math.min(Number(limit), 1_000) };
}
