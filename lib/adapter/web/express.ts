import { isPending } from '../../model/PendingApproval.js';
import { requestScope } from './requestScope.js';
import type { WebOptions } from './requestScope.js';
import { tasksRoute } from '../../http/tasksRoute.js';
import type { TasksOptions } from '../../http/tasksRoute.js';
import { toHttp } from '../../http/toHttp.js';
import type { HttpAnswer } from '../../http/toHttp.js';

/** What is used of a request of Express. */
export interface ExpressRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly params: unknown;
  readonly query: unknown;
}

/** What is used of a response of Express. */
export interface ExpressResponse {
  readonly headersSent: boolean;
  status(code: number): unknown;
  setHeader(name: string, value: string): unknown;
  json(body: unknown): unknown;
}

/** The parts of Aegis in an app of Express. */
export interface ExpressAegis<R> {
  /** Opens the session of each request, and makes a PendingApproval that is sent with `res.json()` or `res.send()` a 202. Behind your authentication, before your routes. */
  readonly requests: (request: R, response: ExpressResponse, next: (error?: unknown) => void) => void;
  /** Answers with {@link toHttp} what our errors are; others go on to the next handler of errors. After your routes. */
  readonly errors: (error: unknown, request: R, response: ExpressResponse, next: (error?: unknown) => void) => void;
  /** The task registry. @throws ConfigError without an `authorize` function */
  readonly tasks: (options: TasksOptions<R>) => (request: R, response: ExpressResponse) => Promise<void>;
}

/**
 * Aegis in an app of Express 5.
 *
 * @throws ConfigError where there is no `session` function, or the module has no `sessions: 'async-local'`
 * @example
 * const web = expressAegis({ session: (req: Request) => ({ user_id: req.user.id }), tasksAt: '/tasks' });
 * app.use(web.requests);
 * app.get('/tasks{/:id}', web.tasks({ authorize: (req) => req.user.role === 'operator' }));
 * app.post('/refunds', async (req, res) => res.json(await orders.refund(req.body)));
 * app.use(web.errors);
 */
export function expressAegis<R extends ExpressRequest = ExpressRequest>(options: WebOptions<R>): ExpressAegis<R> {
  const scope = requestScope('express', options);
  return {
    requests(request, response, next) {
      answerPending(response, options);
      // what a handler throws at once is caught by next() itself
      scope(request, () => next()).catch(next);
    },
    // Express knows a handler of errors by its four parameters
    errors(error, _request, response, next) {
      const answer = toHttp(error, options);
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

/** What a handler returns is nothing to Express; what it sends is. */
function answerPending(response: ExpressResponse, options: WebOptions<never>): void {
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
