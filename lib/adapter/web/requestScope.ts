import { AegisModule } from '../../guard/module/AegisModule.js';
import type { AegisModuleView } from '../../guard/module/AegisModule.js';
import { currentHandle } from '../../guard/call/GuardRuntime.js';
import { ParamsError } from '../../model/errors/CallErrors.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { ToHttpOptions } from '../../http/toHttp.js';

/** What the middleware of every web framework takes. `R` is the framework's request. */
export interface WebOptions<R> extends ToHttpOptions {
  /** Made with `sessions: 'async-local'`. Default: the one that `AegisModule.configure()` made. */
  readonly module?: AegisModule | AegisModuleView | undefined;
  /**
   * Who is behind a request, of what your host has authenticated: a plain object such as `{ user_id }`, or nothing where nobody is. Guarded calls of the request
   * find it by themselves, unless their guard has a `session` of its own. Where it throws, the request ends with that error.
   */
  readonly session: (request: R) => object | null | undefined | Promise<object | null | undefined>;
}

/** Goes on with a request, within its session. */
export type RequestScope<R> = <T>(request: R, goOn: () => T) => Promise<Awaited<T>>;

/**
 * Opens the session of each request.
 *
 * @throws ConfigError where there is no `session` function, or the module has no `sessions: 'async-local'`
 */
export function requestScope<R>(where: string, { module, session }: WebOptions<R>): RequestScope<R> {
  if (typeof session !== 'function')
    throw new ConfigError([
      { where, message: 'needs `session`, a function of the request; one that returns null says that nobody is behind it.' },
    ]);
  // told at start, not at the first request
  const known = module ?? (currentHandle() as AegisModuleView | undefined);
  known?.withSession(null, () => undefined);
  return async <T>(request: R, goOn: () => T): Promise<Awaited<T>> => {
    const found = (await session(request)) ?? null;
    let entered = false;
    const enter = (): T => {
      entered = true;
      return goOn();
    };
    try {
      return await (module ?? AegisModule.current).withSession(found, enter);
    } catch (error) {
      if (entered || !(error instanceof ParamsError)) throw error;
      // the host's mistake, which is no 400 for the caller
      throw new ConfigError([{ where: `${where}: session`, message: 'gives something else than a plain object of data.' }], {
        cause: error,
      });
    }
  };
}
