import { isPending } from '../../model/PendingApproval.js';
import { requestScope } from './requestScope.js';
import type { WebOptions } from './requestScope.js';
import { tasksRoute } from '../../http/tasksRoute.js';
import type { TasksOptions } from '../../http/tasksRoute.js';
import { toHttp } from '../../http/toHttp.js';
import type { HttpAnswer } from '../../http/toHttp.js';

/** What is used of a context of Hono. */
export interface HonoContext {
  readonly req: {
    readonly method: string;
    param(name: string): string | undefined;
    queries(): Record<string, string[]>;
  };
  readonly json: unknown;
}

/** The parts of Aegis in an app of Hono. */
export interface HonoAegis<C> {
  /** Opens the session of each request, and makes a PendingApproval that is given to `c.json()` a 202. Behind your authentication, before your routes. */
  readonly requests: (c: C, next: () => Promise<void>) => Promise<void>;
  /** Answers with {@link toHttp} what our errors are, and others with `otherwise`, for Hono has one handler of errors: for `app.onError`. */
  readonly errors: (otherwise: HonoErrors<C>) => HonoErrors<C>;
  /** The task registry. @throws ConfigError without an `authorize` function */
  readonly tasks: (options: TasksOptions<C>) => (c: C) => Promise<Response>;
}

/** A handler of errors of Hono. */
export type HonoErrors<C> = (error: Error, c: C) => Response | Promise<Response>;

type Json = (body: unknown, status?: unknown, headers?: unknown) => Response;

/**
 * Aegis in an app of Hono 4.
 *
 * @throws ConfigError where there is no `session` function, or the module has no `sessions: 'async-local'`
 * @example
 * const web = honoAegis({ session: (c: Context<Env>) => ({ user_id: c.var.user }), tasksAt: '/tasks' });
 * app.use(web.requests);
 * app.get('/tasks/:id?', web.tasks({ authorize: (c) => c.var.user === 'operator' }));
 * app.post('/refunds', async (c) => c.json(await orders.refund(await c.req.json())));
 * app.onError(web.errors((error, c) => c.text('Internal Server Error', 500)));
 */
export function honoAegis<C extends HonoContext = HonoContext>(options: WebOptions<C>): HonoAegis<C> {
  const scope = requestScope('hono', options);
  return {
    requests(c, next) {
      answerPending(c, options);
      return scope(c, next);
    },
    errors(otherwise) {
      return (error, c) => {
        const answer = toHttp(error, options);
        return answer === undefined ? otherwise(error, c) : send(c, answer);
      };
    },
    tasks(tasks) {
      const route = tasksRoute({ module: options.module, ...tasks });
      return async (c) => send(c, await route({ request: c, method: c.req.method, id: c.req.param('id'), query: queryOf(c) }));
    },
  };
}

/** Of a name that is there several times Hono's query() tells the first only. */
function queryOf(c: HonoContext): object {
  return Object.fromEntries(Object.entries(c.req.queries()).map(([name, values]) => [name, values.length === 1 ? values[0] : values]));
}

function send(c: HonoContext, { status, headers, body }: HttpAnswer): Response {
  return (c.json as Json)(body, status, headers);
}

/** What a handler returns has to be a Response; what it makes one of need not be. */
function answerPending(c: HonoContext, options: WebOptions<never>): void {
  const json = c.json as Json;
  const value: Json = (body, status, headers) => {
    const answer = isPending(body) ? toHttp(body, options) : undefined;
    return answer === undefined ? json.call(c, body, status, headers) : json.call(c, answer.body, answer.status, answer.headers);
  };
  Object.defineProperty(c, 'json', { value, configurable: true, writable: true });
}
