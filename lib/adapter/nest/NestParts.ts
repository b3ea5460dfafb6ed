import type { AnyClass } from '../../guard/method/guardMetadata.js';

/** The parts of Nest that the adapter uses. They are passed in, so that this package does not depend on Nest: `{ ...common, ...core }` has all of them. */
export interface NestParts {
  /** From `@nestjs/common`. */
  readonly Catch: (...exceptions: AnyClass[]) => (target: new () => object) => unknown;
  /** From `@nestjs/core`, like those below. */
  readonly APP_FILTER: string;
  readonly APP_INTERCEPTOR: string;
  readonly ModuleRef: AnyClass;
  readonly ModulesContainer: AnyClass;
  readonly HttpAdapterHost: AnyClass;
}

/** The methods that are used of the context that Nest passes to interceptors and filters. */
export interface NestContext {
  getType(): string;
  switchToHttp(): { getRequest(): never; getResponse(): never };
}

/** A module that Nest can import. */
export interface NestDynamicModule {
  module: new () => object;
  providers: NestProvider[];
}

/** A provider that a factory function creates. */
export interface NestProvider {
  provide: string | symbol;
  useFactory: (...given: never[]) => object;
  inject: AnyClass[];
}

/** Nest's access to the instances that it created. */
export interface InstanceFinder {
  get(target: AnyClass, options: { strict: boolean }): object;
  resolve(target: AnyClass, contextId: undefined, options: { strict: boolean }): Promise<object>;
}

/** A class that Nest creates instances of. */
interface InstanceWrapper {
  readonly metatype: unknown;
  readonly instance: unknown;
  isDependencyTreeStatic(): boolean;
}

/** All modules of an application. */
export type AllModules = ReadonlyMap<
  string,
  { readonly providers: ReadonlyMap<unknown, InstanceWrapper>; readonly controllers: ReadonlyMap<unknown, InstanceWrapper> }
>;

/** The web server that Nest runs on. */
export interface HttpHost {
  readonly httpAdapter: {
    isHeadersSent(response: unknown): boolean;
    setHeader(response: unknown, name: string, value: string): unknown;
    status(response: unknown, code: number): unknown;
    end(response: unknown): unknown;
    reply(response: unknown, body: unknown, status: number): unknown;
  };
}

/** A stream of what a handler returns: an Observable of any copy of rxjs. */
export interface NestStream {
  subscribe(observer: { next(value: unknown): void; error(error: unknown): void; complete(): void }): unknown;
}

/** Replaces each value of a stream. */
export function mapStream(source: NestStream, change: (value: unknown) => unknown): NestStream {
  const Stream = source.constructor as new (
    subscribe: (to: { next(value: unknown): void; error(error: unknown): void; complete(): void }) => unknown,
  ) => NestStream;
  return new Stream((to) =>
    source.subscribe({
      next: (value) => to.next(change(value)),
      error: (error) => to.error(error),
      complete: () => to.complete(),
    }),
  );
}

/** For each class of an application that has guards: its shared instance, or the class itself where instances are not shared. */
export function guardedTargets(modules: AllModules, isGuarded: (type: AnyClass) => boolean): ReadonlySet<object> {
  const targets = new Set<object>();
  for (const { providers, controllers } of modules.values())
    for (const wrapper of [...providers.values(), ...controllers.values()]) {
      const shared: unknown = wrapper.isDependencyTreeStatic() ? wrapper.instance : undefined;
      // a provider from a factory or a value has no class of its own
      const type =
        typeof shared === 'object' && shared !== null ? shared.constructor : (wrapper.metatype as { readonly prototype?: unknown } | null);
      // a factory function is not a class either
      if (typeof type !== 'function' || typeof type.prototype !== 'object' || type.prototype === null) continue;
      if (isGuarded(type as unknown as AnyClass)) targets.add((shared as object | undefined) ?? type);
    }
  return targets;
}
