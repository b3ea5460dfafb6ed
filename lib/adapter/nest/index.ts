import type { AegisModule } from '../../guard/module/AegisModule.js';
import { listGuards } from '../../guard/method/guardMetadata.js';
import type { ResolveInstance } from '../../guard/module/StoredCalls.js';
import { AegisError } from '../../model/AegisError.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import { isPending } from '../../model/PendingApproval.js';
import { guardedTargets, mapStream } from './parts.js';
import type { AllModules, HttpHost, InstanceFinder, NestContext, NestDynamicModule, NestParts, NestStream } from './parts.js';
import { requestScope } from '../web/requestScope.js';
import type { WebOptions } from '../web/requestScope.js';
import { toHttp } from '../../http/toHttp.js';

export type { NestContext, NestDynamicModule, NestParts, NestProvider } from './parts.js';
export type { WebOptions } from '../web/requestScope.js';
export type { ToHttpOptions } from '../../http/toHttp.js';

/** What `forRoot()` takes. `C` is Nest's ExecutionContext. */
export interface NestOptions<C> extends WebOptions<C> {
  /** Made with `sessions: 'async-local'`. It is closed when the application has shut down. */
  readonly module: AegisModule;
  /** Whether the application closes the module when it has shut down. Default true. */
  readonly closes?: boolean | undefined;
}

/** Aegis in an application of Nest. */
export interface AegisNest {
  /**
   * For `AegisModule.configure({ resolve })`: a stored call runs on the instance that Nest made, whatever its scope. Until the application has started, stored
   * calls wait.
   */
  readonly resolve: ResolveInstance;
  /**
   * The module to import in the root module: it opens the session of each request behind Nest's guards, answers with `toHttp` what our errors are, makes a
   * PendingApproval that a handler returns a 202, sees to stored calls, and closes the module of Aegis at the end.
   *
   * @throws ConfigError where there is no `session` function, or the module has no `sessions: 'async-local'`
   */
  readonly forRoot: <C extends NestContext = NestContext>(options: NestOptions<C>) => NestDynamicModule;
}

const PARTS = ['Catch', 'APP_FILTER', 'APP_INTERCEPTOR', 'ModuleRef', 'ModulesContainer', 'HttpAdapterHost'] as const;

/** Errors of ours, of any copy of this package. */
class AnyAegisError {
  static [Symbol.hasInstance](error: unknown): boolean {
    return AegisError.is(error);
  }
}

/**
 * Aegis in an application of Nest 12. Nest is handed over, and the module of Aegis too: nothing that Nest injects has the approval desk.
 *
 * @throws ConfigError where something of Nest is missing
 * @example
 * import * as common from '@nestjs/common';
 * import * as core from '@nestjs/core';
 *
 * const nest = aegisNest({ ...common, ...core });
 * const aegis = AegisModule.configure({ policies: './policies', sessions: 'async-local', resolve: nest.resolve });
 *
 * \@Module({ imports: [nest.forRoot({ module: aegis, session: (context) => sessionOf(context) })] })
 * class AppModule {}
 */
export function aegisNest(parts: NestParts): AegisNest {
  const missing = PARTS.filter((name) => parts[name] === undefined);
  if (missing.length > 0)
    throw new ConfigError([{ where: 'nest', message: `${missing.join(', ')} of Nest is missing: give { ...common, ...core }.` }]);
  const { Catch, APP_FILTER, APP_INTERCEPTOR, ModuleRef, ModulesContainer, HttpAdapterHost } = parts;
  let instances: InstanceFinder | undefined;

  const resolve: ResolveInstance = async (target) => {
    try {
      return instances?.get(target as never, { strict: false });
    } catch {
      // one that is made for each use
      return instances?.resolve(target as never, undefined, { strict: false });
    }
  };

  const forRoot = <C extends NestContext>(options: NestOptions<C>): NestDynamicModule => {
    const { module, closes = true } = options;
    const scope = requestScope('nest', options);

    const lifeOf = (found: InstanceFinder, modules: AllModules): object => ({
      onApplicationBootstrap(): void {
        instances = found;
        // how an instance is made cannot be seen under experimentalDecorators, and a process has to know which stored calls it can run
        if (module.tasks.durable)
          for (const target of guardedTargets(modules, (type) => listGuards(type).length > 0)) module.register(target);
      },
      async onApplicationShutdown(): Promise<void> {
        instances = undefined;
        if (closes) await module.close();
      },
    });

    const interceptorOf = ({ httpAdapter }: HttpHost): object => ({
      intercept: (context: C, handler: { handle(): NestStream }): Promise<NestStream> =>
        scope(context, () => {
          const answers = handler.handle();
          if (context.getType() !== 'http') return answers;
          return mapStream(answers, (value) => {
            const answer = isPending(value) ? toHttp(value, options) : undefined;
            if (answer === undefined) return value;
            const response = context.switchToHttp().getResponse();
            httpAdapter.status(response, answer.status);
            for (const [name, text] of Object.entries(answer.headers ?? {})) httpAdapter.setHeader(response, name, text);
            return answer.body;
          });
        }),
    });

    const filterOf = ({ httpAdapter }: HttpHost): object => {
      class AegisErrorFilter {
        catch(error: unknown, context: NestContext): void {
          const answer = context.getType() === 'http' ? toHttp(error, options) : undefined;
          if (answer === undefined) throw error;
          const response = context.switchToHttp().getResponse();
          if (httpAdapter.isHeadersSent(response)) return void httpAdapter.end(response);
          for (const [name, text] of Object.entries(answer.headers ?? {})) httpAdapter.setHeader(response, name, text);
          httpAdapter.reply(response, answer.body, answer.status);
        }
      }
      Catch(AnyAegisError)(AegisErrorFilter);
      return new AegisErrorFilter();
    };

    return {
      module: class AegisNestModule {},
      providers: [
        { provide: Symbol('aegis'), useFactory: lifeOf, inject: [ModuleRef, ModulesContainer] },
        { provide: APP_INTERCEPTOR, useFactory: interceptorOf, inject: [HttpAdapterHost] },
        { provide: APP_FILTER, useFactory: filterOf, inject: [HttpAdapterHost] },
      ],
    };
  };
  return { resolve, forRoot };
}
