import { isPending } from '../../model/PendingApproval.js';
import { requestScope, WEB_OPTIONS } from './requestScope.js';
import type { WebOptions } from './requestScope.js';
import { tasksRoute } from '../../http/tasksRoute.js';
import type { TasksOptions } from '../../http/tasksRoute.js';
import { toHttp } from '../../http/toHttp.js';
import type { HttpAnswer, ToHttpOptions } from '../../http/toHttp.js';
import { checkedOptions } from '../../model/checkedOptions.js';

/** The properties of an Express request that are used. */
export interface ExpressRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly params: unknown;
  readonly query: unknown;
}

/** The properties of an Express response that are used. */
export interface ExpressResponse {
  readonly headersSent: boolean;
  status(code: number): unknown;
  setHeader(name: string, value: string): unknown;
  json(body: unknown): unknown;
}

/** The middleware, error handler and route that {@link aegisExpress} makes. */
export interface AegisExpress<R> {
  /**
   * Middleware that opens the session of each request, and turns a PendingApproval that is sent with `res.json()` or `res.send()` into a 202. Use it behind your
   * authentication and before your routes.
   */
  readonly requests: (request: R, response: ExpressResponse, next: (error?: unknown) => void) => void;
  /** An error handler that answers the errors of this package as {@link toHttp} does, and passes others to the next error handler. Use it after your routes. */
  readonly errors: (error: unknown, request: R, response: ExpressResponse, next: (error?: unknown) => void) => void;
  /** Makes a handler for the route of the task registry. @throws ConfigError if there is no `authorize` function */
  readonly tasks: (options: TasksOptions<R>) => (request: R, response: ExpressResponse) => Promise<void>;
}

/**
 * Connects Aegis to an app of Express 5.
 *
 * @throws ConfigError if there is no `session` function, or the module was made without `sessions: 'async-local'`
 * @example
 * const web = aegisExpress({ session: (req: Request) => ({ user_id: req.user.id }), tasksAt: '/tasks' });
 * app.use(web.requests);
 * app.get('/tasks{/:id}', web.tasks({ authorize: (req) => req.user.role === 'operator' }));
 * app.post('/refunds', async (req, res) => res.json(await orders.refund(req.body)));
 * app.use(web.errors);
 */
export function aegisExpress<R extends ExpressRequest = ExpressRequest>(given: WebOptions<R>): AegisExpress<R> {
  const options = checkedOptions<WebOptions<R>>('express', given, WEB_OPTIONS);
  const http: ToHttpOptions = { tasksAt: options.tasksAt };
  const scope = requestScope('express', options);
  return {
    requests(request, response, next) {
      answerPending(response, http);
      // next() itself catches what a handler throws synchronously
      scope(request, () => next()).catch(next);
    },
    // Express recognizes an error handler by its four parameters
    errors(error, _request, response, next) {
      const answer = toHttp(error, http);
      if (answer === undefined || response.headersSent) next(error);
      else send(response, answer);
    },
    tasks(tasks) {
      const route = tasksRoute({ module: options.module, ...tasks });
      return async (request, response) => {
        const { id } = request.params as { readonly id?: string };
        send(response, await route({ request, method: request.method, id, query: request.query }));
      };
    },
  };
}

function send(response: ExpressResponse, { status, headers = {}, body }: HttpAnswer): void {
  response.status(status);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.json(body);
}

/** Express ignores what a handler returns, so what the handler sends is replaced. */
function answerPending(response: ExpressResponse, options: ToHttpOptions): void {
  const json = response.json.bind(response);
  const value = (body: unknown): unknown => {
    const answer = isPending(body) ? toHttp(body, options) : undefined;
    if (answer === undefined || response.headersSent) return json(body);
    response.status(answer.status);
    for (const [name, text] of Object.entries(answer.headers ?? {})) response.setHeader(name, text);
    return json(answer.body);
  };
  Object.defineProperty(response, 'json', { value, configurable: true, writable: true });
}
