import { isPending } from '../../model/PendingApproval.js';
import { requestScope, WEB_OPTIONS } from './requestScope.js';
import type { WebOptions } from './requestScope.js';
import { tasksRoute } from '../../http/tasksRoute.js';
import type { TasksOptions } from '../../http/tasksRoute.js';
import { toHttp } from '../../http/toHttp.js';
import type { HttpAnswer } from '../../http/toHttp.js';
import { checkedOptions } from '../../model/checkedOptions.js';

/** The properties of a Fastify request that are used. */
export interface FastifyRequestLike {
  readonly method: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly params: unknown;
  readonly query: unknown;
}

/** The methods of a Fastify instance that are used: hooks, error handler and routes. */
export interface FastifyInstanceLike {
  addHook(name: never, hook: never): unknown;
  setErrorHandler(handler: never): unknown;
  get(path: never, handler: never): unknown;
}

/** The options of {@link aegisFastify}. */
export interface AegisFastifyOptions<R> extends Omit<WebOptions<R>, 'tasksAt'> {
  /**
   * Mounts the task registry at `path` (by default `/tasks`). The `location` header of a 202 then points to the call's task.
   *
   * @defaultValue not mounted
   */
  readonly tasks?: (TasksOptions<R> & { readonly path?: string | undefined }) | undefined;
}

const { tasksAt: _mounted, ...FASTIFY_OPTIONS } = { ...WEB_OPTIONS, tasks: 'object' };

/** A Fastify plugin. */
export type AegisFastifyPlugin = (instance: FastifyInstanceLike, options: unknown, done: (error?: Error) => void) => void;

interface Reply {
  code(status: number): Reply;
  headers(headers: Readonly<Record<string, string>>): Reply;
  send(body: unknown): Reply;
}
type Done = (error?: unknown, payload?: unknown) => void;

/**
 * Makes a plugin for Fastify 5. It opens the session of each request, answers the errors of this package as {@link toHttp} does, turns a PendingApproval that a
 * handler returns into a 202, and mounts the task registry. It applies to the instance on which it is registered and to its children. Register it behind your
 * authentication. An error handler of a child, or another one on the same instance, replaces the plugin's and must call `toHttp()` itself.
 *
 * @throws ConfigError if there is no `session` function, the module was made without `sessions: 'async-local'`, or `tasks` has no `authorize`
 * @example
 * app.register(aegisFastify({ session: (request: FastifyRequest) => ({ user_id: request.user.id }), tasks: { authorize: isOperator } }));
 */
export function aegisFastify<R extends FastifyRequestLike = FastifyRequestLike>(given: AegisFastifyOptions<R>): AegisFastifyPlugin {
  const options = checkedOptions<AegisFastifyOptions<R>>('fastify', given, FASTIFY_OPTIONS);
  const scope = requestScope('fastify', options);
  const { tasks, module } = options;
  const { path = '/tasks', ...shown } = tasks ?? ({} as NonNullable<typeof tasks>);
  const httpOptions = { tasksAt: tasks === undefined ? undefined : path };
  const route = tasks === undefined ? undefined : tasksRoute<R>({ module, ...shown });

  const plugin: AegisFastifyPlugin = (instance, _options, done) => {
    const hook = instance.addHook.bind(instance) as (name: string, hook: unknown) => unknown;
    // the last hook before the handler: the body is read, the sender is known, and no later hook leaves the scope
    hook('preHandler', (request: R, _reply: Reply, next: Done) => {
      scope(request, () => next()).catch(next);
    });
    hook('preSerialization', (_request: R, reply: Reply, payload: unknown, next: Done) => {
      const answer = isPending(payload) ? toHttp(payload, httpOptions) : undefined;
      if (answer !== undefined) reply.code(answer.status).headers(answer.headers ?? {});
      next(null, answer === undefined ? payload : answer.body);
    });
    (instance.setErrorHandler as (handler: unknown) => unknown)((error: unknown, _request: R, reply: Reply) => {
      const answer = toHttp(error, httpOptions);
      // rethrown for the parent's error handler, and finally Fastify's own
      if (answer === undefined) throw error;
      return send(reply, answer);
    });
    if (route !== undefined) {
      const handler = async (request: R, reply: Reply): Promise<Reply> => {
        const { id } = request.params as { readonly id?: string };
        return send(reply, await route({ request, method: request.method, id, query: request.query }));
      };
      (instance.get as (path: string, handler: unknown) => unknown)(`${path}/:id?`, handler);
    }
    done();
  };
  // not encapsulated, so that it applies to the instance that registers it
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true, [Symbol.for('fastify.display-name')]: 'aegis' });
}

function send(reply: Reply, { status, headers = {}, body }: HttpAnswer): Reply {
  return reply.code(status).headers(headers).send(body);
}
