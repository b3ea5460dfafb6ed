import type { AegisModule } from '../../guard/module/AegisModule.js';
import { listGuards } from '../../guard/method/guardMetadata.js';
import type { ResolveInstance } from '../../guard/module/StoredCalls.js';
import { AegisError } from '../../model/AegisError.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import { isPending } from '../../model/PendingApproval.js';
import { guardedTargets, mapStream } from './NestParts.js';
import type { AllModules, HttpHost, InstanceFinder, NestContext, NestDynamicModule, NestParts, NestStream } from './NestParts.js';
import { requestScope, WEB_OPTIONS } from '../web/requestScope.js';
import type { WebOptions } from '../web/requestScope.js';
import { toHttp } from '../../http/toHttp.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import type { OptionKinds } from '../../common/readOptions.js';

/** The options of `forRoot()`. `C` is Nest's ExecutionContext. */
export interface NestOptions<C> extends WebOptions<C> {
  /** The module of Aegis, made with `sessions: 'async-local'`. */
  readonly module: AegisModule;
  /**
   * Whether the application closes the module when it has shut down.
   *
   * @defaultValue true
   */
  readonly closes?: boolean | undefined;
}

/** Aegis in an application of Nest. */
export interface AegisNest {
  /**
   * The `resolve` option of `AegisModule.configure()`: a stored call runs on the instance that Nest created, in any scope. Stored calls wait until the application
   * has started.
   */
  readonly resolve: ResolveInstance;
  /**
   * Makes the module that the root module imports. It opens the session of each request behind Nest's guards, answers the errors of this package as `toHttp()` does,
   * turns a PendingApproval that a handler returns into a 202, lets stored calls run on Nest's instances, and closes the module of Aegis at shutdown.
   *
   * @throws ConfigError if there is no `session` function, or the module was made without `sessions: 'async-local'`
   */
  readonly forRoot: <C extends NestContext = NestContext>(options: NestOptions<C>) => NestDynamicModule;
}

const NEST_OPTIONS: OptionKinds<NestOptions<unknown>> = { ...WEB_OPTIONS, module: 'object!', closes: 'boolean' };
const PARTS = ['Catch', 'APP_FILTER', 'APP_INTERCEPTOR', 'ModuleRef', 'ModulesContainer', 'HttpAdapterHost'] as const;

/** Matches the errors of this package, also those of another copy of it. */
class AnyAegisError {
  static [Symbol.hasInstance](error: unknown): boolean {
    return AegisError.is(error);
  }
}

/**
 * Connects Aegis to an application of Nest 12. The module of Aegis is passed in and never injected, so that nothing that Nest injects has the approval desk.
 *
 * @param parts the namespaces of `@nestjs/common` and `@nestjs/core`, merged
 * @throws ConfigError if a part of Nest is missing
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
    throw new ConfigError([
      {
        where: 'nest',
        message: `${missing.join(', ')} of Nest is missing; pass { ...common, ...core }, the namespaces of @nestjs/common and @nestjs/core.`,
      },
    ]);
  const { Catch, APP_FILTER, APP_INTERCEPTOR, ModuleRef, ModulesContainer, HttpAdapterHost } = parts;
  let instances: InstanceFinder | undefined;

  const resolve: ResolveInstance = async (target) => {
    try {
      return instances?.get(target as never, { strict: false });
    } catch {
      // an instance that is created for each use
      return instances?.resolve(target as never, undefined, { strict: false });
    }
  };

  const forRoot = <C extends NestContext>(given: NestOptions<C>): NestDynamicModule => {
    const options = checkedOptions<NestOptions<C>>('nest', given, NEST_OPTIONS);
    const { module, closes = true, tasksAt } = options;
    const http = { tasksAt };
    const scope = requestScope('nest', options);

    const lifeOf = (found: InstanceFinder, modules: AllModules): object => ({
      onApplicationBootstrap(): void {
        instances = found;
        // experimentalDecorators do not show when an instance is created, and the process must know which stored calls it can run
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
            const answer = isPending(value) ? toHttp(value, http) : undefined;
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
          const answer = context.getType() === 'http' ? toHttp(error, http) : undefined;
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
