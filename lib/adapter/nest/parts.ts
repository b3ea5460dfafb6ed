type AnyClass = abstract new (...args: never) => object;

/** What is used of Nest. It is handed over, so that this package needs no Nest: `{ ...common, ...core }` of both namespaces has it all. */
export interface NestParts {
  /** Of `@nestjs/common`. */
  readonly Catch: (...exceptions: AnyClass[]) => (target: new () => object) => unknown;
  /** These of `@nestjs/core`. */
  readonly APP_FILTER: string;
  readonly APP_INTERCEPTOR: string;
  readonly ModuleRef: AnyClass;
  readonly ModulesContainer: AnyClass;
  readonly HttpAdapterHost: AnyClass;
}

/** What is used of the context that Nest hands to interceptors and filters. */
export interface NestContext {
  getType(): string;
  switchToHttp(): { getRequest(): never; getResponse(): never };
}

/** A module as Nest imports it. */
export interface NestDynamicModule {
  module: new () => object;
  providers: NestProvider[];
}

/** A provider that a function makes. */
export interface NestProvider {
  provide: string | symbol;
  useFactory: (...given: never[]) => object;
  inject: AnyClass[];
}

/** Nest's access to the instances it made. */
export interface InstanceFinder {
  get(target: AnyClass, options: { strict: boolean }): object;
  resolve(target: AnyClass, contextId: undefined, options: { strict: boolean }): Promise<object>;
}

/** A class that Nest makes instances of. */
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

/** The web server below Nest. */
export interface HttpHost {
  readonly httpAdapter: {
    isHeadersSent(response: unknown): boolean;
    setHeader(response: unknown, name: string, value: string): unknown;
    status(response: unknown, code: number): unknown;
    end(response: unknown): unknown;
    reply(response: unknown, body: unknown, status: number): unknown;
  };
}

/** A stream of what a handler returns: an Observable, whatever copy of rxjs it is of. */
export interface NestStream {
  subscribe(observer: { next(value: unknown): void; error(error: unknown): void; complete(): void }): unknown;
}

/** What comes of each part of a stream instead. */
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

/** The classes of an application of which something is guarded, each with the instance that all share, if there is one. */
export function guardedTargets(modules: AllModules, isGuarded: (type: AnyClass) => boolean): ReadonlySet<object> {
  const targets = new Set<object>();
  for (const { providers, controllers } of modules.values())
    for (const wrapper of [...providers.values(), ...controllers.values()]) {
      const shared: unknown = wrapper.isDependencyTreeStatic() ? wrapper.instance : undefined;
      // a provider that a function or a value made has no class of its own
      const type =
        typeof shared === 'object' && shared !== null ? shared.constructor : (wrapper.metatype as { readonly prototype?: unknown } | null);
      // nor has a function that makes one
      if (typeof type !== 'function' || typeof type.prototype !== 'object' || type.prototype === null) continue;
      if (isGuarded(type as unknown as AnyClass)) targets.add((shared as object | undefined) ?? type);
    }
  return targets;
}
