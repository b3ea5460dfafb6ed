import { isPending } from '../../model/PendingApproval.js';
import { requestScope, WEB_OPTIONS } from './requestScope.js';
import type { WebOptions } from './requestScope.js';
import { tasksRoute } from '../../http/tasksRoute.js';
import type { TasksOptions } from '../../http/tasksRoute.js';
import { toHttp } from '../../http/toHttp.js';
import type { HttpAnswer, ToHttpOptions } from '../../http/toHttp.js';
import { checkedOptions } from '../../model/checkedOptions.js';

/** The properties of a Hono context that are used. */
export interface HonoContext {
  readonly req: {
    readonly method: string;
    header(name: string): string | undefined;
    param(name: string): string | undefined;
    queries(): Record<string, string[]>;
  };
  readonly json: unknown;
}

/** The middleware, error handler and route that {@link aegisHono} makes. */
export interface AegisHono<C> {
  /**
   * Middleware that opens the session of each request, and turns a PendingApproval that is passed to `c.json()` into a 202. Use it behind your authentication and
   * before your routes.
   */
  readonly requests: (c: C, next: () => Promise<void>) => Promise<void>;
  /**
   * Makes a handler for `app.onError`: it answers the errors of this package as {@link toHttp} does, and others with `otherwise`, because Hono has only one
   * error handler.
   */
  readonly errors: <X extends C>(otherwise: HonoErrors<X>) => HonoErrors<X>;
  /** Makes a handler for the route of the task registry. @throws ConfigError if there is no `authorize` function */
  readonly tasks: <X extends C>(options: TasksOptions<X>) => (c: X) => Promise<Response>;
}

/** An error handler of Hono. */
export type HonoErrors<C> = (error: Error, c: C) => Response | Promise<Response>;

type Json = (body: unknown, status?: unknown, headers?: unknown) => Response;

/**
 * Connects Aegis to an app of Hono 4.
 *
 * @throws ConfigError if there is no `session` function, or the module was made without `sessions: 'async-local'`
 * @example
 * const web = aegisHono({ session: (c: Context<Env>) => ({ user_id: c.var.user }), tasksAt: '/tasks' });
 * app.use(web.requests);
 * app.get('/tasks/:id?', web.tasks({ authorize: (c) => c.var.user === 'operator' }));
 * app.post('/refunds', async (c) => c.json(await orders.refund(await c.req.json())));
 * app.onError(web.errors((error, c) => c.text('Internal Server Error', 500)));
 */
export function aegisHono<C extends HonoContext = HonoContext>(given: WebOptions<C>): AegisHono<C> {
  const options = checkedOptions<WebOptions<C>>('hono', given, WEB_OPTIONS);
  const http: ToHttpOptions = { tasksAt: options.tasksAt };
  const scope = requestScope('hono', options);
  return {
    requests(c, next) {
      answerPending(c, http);
      return scope(c, next);
    },
    errors(otherwise) {
      return (error, c) => {
        const answer = toHttp(error, http);
        return answer === undefined ? otherwise(error, c) : send(c, answer);
      };
    },
    tasks(tasks) {
      const route = tasksRoute({ module: options.module, ...tasks });
      return async (c) => send(c, await route({ request: c, method: c.req.method, id: c.req.param('id'), query: queryOf(c) }));
    },
  };
}

/** The query with repeated names as lists: Hono's own query() returns only the first value of a name. */
function queryOf(c: HonoContext): object {
  return Object.fromEntries(Object.entries(c.req.queries()).map(([name, values]) => [name, values.length === 1 ? values[0] : values]));
}

function send(c: HonoContext, { status, headers, body }: HttpAnswer): Response {
  return (c.json as Json)(body, status, headers);
}

/** A handler must return a Response, so what it passes to `c.json()` is replaced. */
function answerPending(c: HonoContext, options: ToHttpOptions): void {
  const json = c.json as Json;
  const value: Json = (body, status, headers) => {
    const answer = isPending(body) ? toHttp(body, options) : undefined;
    return answer === undefined ? json.call(c, body, status, headers) : json.call(c, answer.body, answer.status, answer.headers);
  };
  Object.defineProperty(c, 'json', { value, configurable: true, writable: true });
}
