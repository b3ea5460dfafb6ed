import { AegisModule } from '../guard/module/AegisModule.js';
import type { AegisModuleView } from '../guard/module/AegisModule.js';
import { ConfigError } from '../model/errors/SetupErrors.js';
import { TASK_STATUSES } from '../model/Task.js';
import type { Task, TaskStatus } from '../model/Task.js';
import type { TaskRegistry } from '../approval/task/TaskRegistry.js';
import type { TaskSummary } from '../store/TaskStore.js';
import { shownTask } from './shownTask.js';
import type { TaskDetail } from './shownTask.js';
import type { HttpAnswer } from './toHttp.js';
import { checkedOptions } from '../model/checkedOptions.js';
import type { OptionKinds } from '../common/readOptions.js';
import { didYouMean } from '../common/didYouMean.js';

/**
 * The tasks that a sender may see: all (`true`), none (`false`), or those for which the function returns true. In lists the function gets summaries: without
 * params and results, and with short fields only of a session that is large.
 */
export type TasksAccess = boolean | ((task: TaskSummary | Task) => boolean);

/** The options of the task registry's route. `R` is the framework's request. */
export interface TasksOptions<R> {
  /**
   * The module whose tasks are shown.
   *
   * @defaultValue the module of the middleware, else the one that `AegisModule.configure()` made
   */
  readonly module?: AegisModule | AegisModuleView | undefined;
  /**
   * Returns what the sender of a request, whom your host has authenticated, may see. `true` shows every task and the stats; a function shows the tasks for which it
   * returns `true`, and no stats. Any other value is answered with 403. If `authorize` throws, the request ends with that error.
   */
  readonly authorize: (request: R) => TasksAccess | Promise<TasksAccess>;
  /**
   * The details that are shown beside ids, names, times and statuses. Params, sessions, results and errors can hold confidential data of the calls.
   *
   * @defaultValue no details
   */
  readonly show?: readonly TaskDetail[] | undefined;
}

/** A request for the task registry. */
export interface TasksQuery<R> {
  /** The request of the framework. */
  readonly request: R;
  /**
   * The HTTP method: GET or HEAD. Any other is answered with 405.
   *
   * @defaultValue GET
   */
  readonly method?: string | undefined;
  /**
   * The id of one task, or `stats`.
   *
   * @defaultValue the list of tasks
   */
  readonly id?: string | undefined;
  /**
   * The filters of the list: `status`, `agent`, `tool`, `limit` (100 by default, 1,000 at most; 100 at most where params or results are shown) and `after`,
   * the `next` of the answer before.
   */
  readonly query?: unknown;
}

/** How many tasks are read at once where only `authorize` knows which of them are shown, and how many are looked at for one answer. */
const PAGE = 100;
const MAX_SCANNED = 1_000;
/** How many tasks one answer shows with their params or results, which can be large. */
const MAX_WHOLE = 100;
const DETAILS: readonly string[] = ['params', 'session', 'result', 'error', 'people'] satisfies readonly TaskDetail[];
const TASKS_OPTIONS: OptionKinds<TasksOptions<unknown>> = { module: 'object', authorize: 'any', show: 'strings' };

const NO_STORE = { 'cache-control': 'no-store' };

/**
 * Makes the route of the task registry for any web framework: the list of tasks, one task, or the stats. It shows only what `authorize` allows.
 *
 * @returns a function that answers a request
 * @throws ConfigError if there is no `authorize` function
 * @example
 * const tasks = tasksRoute({ authorize: (request: Request) => isOperator(request) });
 * const { status, body, headers } = await tasks({ request, id: 'stats' });
 */
export function tasksRoute<R>(options: TasksOptions<R>): (query: TasksQuery<R>) => Promise<HttpAnswer> {
  const { module, authorize, show = [] } = checkedOptions<TasksOptions<R>>('tasks', options, TASKS_OPTIONS);
  if (typeof authorize !== 'function')
    throw new ConfigError([
      { where: 'tasks', message: 'need `authorize`, a function of the request that returns which tasks the sender may see.' },
    ]);
  for (const detail of show)
    if (!DETAILS.includes(detail))
      throw new ConfigError([
        { where: 'tasks: show', message: `must be a list of ${DETAILS.join(', ')}${didYouMean(detail, DETAILS) || '.'}` },
      ]);
  const details = new Set(show);
  return async ({ request, method = 'GET', id, query }) => {
    if (method !== 'GET' && method !== 'HEAD')
      return refused(405, 'method_not_allowed', 'Tasks are read-only here; use GET or HEAD.', { allow: 'GET, HEAD' });
    const access = await authorize(request);
    if (access !== true && typeof access !== 'function') return refused(403, 'forbidden', 'You may not see these tasks.');
    const visible = (task: Task): boolean => access === true || access(task) === true;
    const { tasks } = module ?? AegisModule.current;
    if (id === 'stats') {
      // the counts would reveal tasks that the sender may not see
      if (access !== true) return refused(403, 'forbidden', 'You may not see the stats, because they count all tasks.');
      return { status: 200, body: { ...(await tasks.getStats()) }, headers: NO_STORE };
    }
    if (id !== undefined && id !== '') {
      const task = await tasks.getTask(id);
      if (task === undefined || !visible(task)) return refused(404, 'task_not_found', 'There is no such task.');
      return { status: 200, body: shownTask(task, details), headers: NO_STORE };
    }
    const filters = listQuery(query);
    if (filters === undefined)
      return refused(
        400,
        'invalid_query',
        'The query may have `status`, `agent`, `tool`, `limit` and `after`, each at most once and with a valid value.',
      );
    const { found, next } = await visibleTasks(tasks, filters, access, details);
    const shown = found.map((task) => shownTask(task, details));
    return { status: 200, body: next === undefined ? { tasks: shown } : { tasks: shown, next }, headers: NO_STORE };
  };
}

/**
 * Reads one page: tasks that the sender may not see must not use up the limit, and only `authorize` knows them, but at most 1,000 are looked at. `next` says
 * where to go on.
 */
async function visibleTasks(
  tasks: Pick<TaskRegistry, 'getTask' | 'listSummaries'>,
  { limit: wanted, after, ...filter }: ListQuery,
  access: true | ((task: TaskSummary | Task) => boolean),
  details: ReadonlySet<TaskDetail>,
): Promise<{ readonly found: readonly (TaskSummary | Task)[]; readonly next: string | undefined }> {
  const needsAll = details.has('params') || details.has('result');
  const limit = needsAll ? Math.min(wanted, MAX_WHOLE) : wanted;
  const found: (TaskSummary | Task)[] = [];
  let next = after;
  for (let scanned = 0; scanned < MAX_SCANNED;) {
    const size = access === true ? limit : Math.min(PAGE, MAX_SCANNED - scanned);
    const page = await tasks.listSummaries({ ...filter, after: next, limit: size });
    for (const summary of page) {
      scanned += 1;
      next = summary.cursor;
      if (access !== true && access(summary) !== true) continue;
      const task = needsAll ? await tasks.getTask(summary.taskId) : summary;
      // it may have been deleted, or changed, since it was listed
      if (task !== undefined && (access === true || access(task) === true)) found.push(task);
      if (found.length >= limit) return { found, next };
    }
    if (page.length < size) return { found, next: undefined };
  }
  return { found, next };
}

function refused(status: number, error: string, message: string, headers: Record<string, string> = {}): HttpAnswer {
  return { status, body: { error, message }, headers: { ...NO_STORE, ...headers } };
}

interface ListQuery {
  readonly status: TaskStatus | undefined;
  readonly agentId: string | undefined;
  readonly toolName: string | undefined;
  readonly limit: number;
  readonly after: string | undefined;
}

/** Reads the filters. An invalid filter is refused, because ignoring it would show more than the sender asked for. */
function listQuery(query: unknown): ListQuery | undefined {
  const given = new Map<string, unknown>(Object.entries((query ?? {}) as object));
  const texts = ['status', 'agent', 'tool', 'limit', 'after'].map((name) => given.get(name));
  if (!texts.every((text) => text === undefined || typeof text === 'string')) return undefined;
  const [status, agentId, toolName, limit = '100', after] = texts as (string | undefined)[];
  if (status !== undefined && !(TASK_STATUSES as readonly string[]).includes(status)) return undefined;
  if (!/^[1-9]\d{0,8}$/.test(limit)) return undefined;
  if (after !== undefined && after.length > 1_000) return undefined;
  return { status: status as TaskStatus | undefined, agentId, toolName, limit: Math.min(Number(limit), 1_000), after };
}
