import { isPending } from '../../model/PendingApproval.js';
import { requestScope } from './requestScope.js';
import type { WebOptions } from './requestScope.js';
import { tasksRoute } from '../../http/tasksRoute.js';
import type { TasksOptions } from '../../http/tasksRoute.js';
import { toHttp } from '../../http/toHttp.js';
import type { HttpAnswer } from '../../http/toHttp.js';

/** What is used of a request of Fastify. */
export interface FastifyRequestLike {
  readonly method: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly params: unknown;
  readonly query: unknown;
}

/** What is used of an instance of Fastify: its hooks, its handler of errors, and routes. */
export interface FastifyInstanceLike {
  addHook(name: never, hook: never): unknown;
  setErrorHandler(handler: never): unknown;
  get(path: never, handler: never): unknown;
}

/** What the plugin takes. */
export interface FastifyAegisOptions<R> extends Omit<WebOptions<R>, 'tasksAt'> {
  /** Mounts the task registry, at `path`: `/tasks` by default. An answer of 202 says in `location` where the call's task is. Default: it is not mounted. */
  readonly tasks?: (TasksOptions<R> & { readonly path?: string | undefined }) | undefined;
}

/** A plugin of Fastify. */
export type FastifyAegisPlugin = (instance: FastifyInstanceLike, options: unknown, done: (error?: Error) => void) => void;

interface Reply {
  code(status: number): Reply;
  headers(headers: Readonly<Record<string, string>>): Reply;
  send(body: unknown): Reply;
}
type Done = (error?: unknown, payload?: unknown) => void;

/**
 * A plugin for Fastify 5: opens the session of each request, answers with {@link toHttp} what our errors are, makes a PendingApproval that a handler returns
 * a 202, and mounts the task registry. It counts for the instance it is registered on and its children. Register it behind your authentication; handlers of
 * errors that children have of their own, and one that is set on the same instance, ask `toHttp` themselves.
 *
 * @throws ConfigError where there is no `session` function, the module has no `sessions: 'async-local'`, or `tasks` have no `authorize`
 * @example
 * app.register(fastifyAegis({ session: (request: FastifyRequest) => ({ user_id: request.user.id }), tasks: { authorize: isOperator } }));
 */
export function fastifyAegis<R extends FastifyRequestLike = FastifyRequestLike>(options: FastifyAegisOptions<R>): FastifyAegisPlugin {
  const scope = requestScope('fastify', options);
  const { tasks, module } = options;
  const path = tasks?.path ?? '/tasks';
  const told = { tasksAt: tasks === undefined ? undefined : path };
  const route = tasks === undefined ? undefined : tasksRoute<R>({ module, ...tasks });

  const plugin: FastifyAegisPlugin = (instance, _options, done) => {
    const hook = instance.addHook.bind(instance) as (name: string, hook: unknown) => unknown;
    // the last hook before the handler: the body is read, the sender is known, and nothing between leaves the scope
    hook('preHandler', (request: R, _reply: Reply, next: Done) => {
      scope(request, () => next()).catch(next);
    });
    hook('preSerialization', (_request: R, reply: Reply, payload: unknown, next: Done) => {
      const answer = isPending(payload) ? toHttp(payload, told) : undefined;
      if (answer !== undefined) reply.code(answer.status).headers(answer.headers ?? {});
      next(null, answer === undefined ? payload : answer.body);
    });
    (instance.setErrorHandler as (handler: unknown) => unknown)((error: unknown, _request: R, reply: Reply) => {
      const answer = toHttp(error, told);
      // the handler of the parent, in the end Fastify's own
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
  // not encapsulated: what it does counts for the instance that registers it
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true, [Symbol.for('fastify.display-name')]: 'aegis' });
}

function send(reply: Reply, { status, headers = {}, body }: HttpAnswer): Reply {
  return reply.code(status).headers(headers).send(body);
}
