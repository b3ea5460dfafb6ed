import { AegisModule } from '../../guard/module/AegisModule.js';
import type { AegisModuleView } from '../../guard/module/AegisModule.js';
import { currentHandle } from '../../guard/call/GuardRuntime.js';
import { ParamsError } from '../../model/errors/CallErrors.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { ToHttpOptions } from '../../http/toHttp.js';
import type { OptionKinds } from '../../common/readOptions.js';

/** The options that Aegis takes in every web framework. `R` is the framework's request. */
export interface WebOptions<R> extends ToHttpOptions {
  /**
   * The module, made with `sessions: 'async-local'`.
   *
   * @defaultValue the module that `AegisModule.configure()` made
   */
  readonly module?: AegisModule | AegisModuleView | undefined;
  /**
   * Returns the session of a request, from what your host has authenticated: a plain object such as `{ user_id }`, or `null` where there is no user. Guarded calls
   * within the request use it, unless their guard has its own `session`. If it throws, the request ends with that error.
   */
  readonly session: (request: R) => object | null | undefined | Promise<object | null | undefined>;
}

/** The kinds of these options. `session` is checked where it is used, with a message of its own. */
export const WEB_OPTIONS: OptionKinds<WebOptions<unknown>> = { module: 'object', session: 'any', tasksAt: 'string' };

/** Continues with a request within its session. */
export type RequestScope<R> = <T>(request: R, proceed: () => T) => Promise<Awaited<T>>;

/**
 * Makes a function that opens the session of each request.
 *
 * @throws ConfigError if there is no `session` function, or the module was made without `sessions: 'async-local'`
 */
export function requestScope<R>(where: string, { module, session }: WebOptions<R>): RequestScope<R> {
  if (typeof session !== 'function')
    throw new ConfigError([
      {
        where,
        message: 'needs `session`, a function of the request that returns the session; let it return null if requests have no user.',
      },
    ]);
  // reported at start, not at the first request
  const known = module ?? (currentHandle() as AegisModuleView | undefined);
  known?.withSession(null, () => undefined);
  return async <T>(request: R, proceed: () => T): Promise<Awaited<T>> => {
    const found = (await session(request)) ?? null;
    let entered = false;
    const enter = (): T => {
      entered = true;
      return proceed();
    };
    try {
      return await (module ?? AegisModule.current).withSession(found, enter);
    } catch (error) {
      if (entered || !(error instanceof ParamsError)) throw error;
      // the host's mistake, so it must not become a 400 for the caller
      throw new ConfigError(
        [{ where: `${where}: session`, message: 'must return a plain object of data, such as { user_id }, or null.' }],
        {
          cause: error,
        },
      );
    }
  };
}
