// What 'aegislib/nest' exports. Written by npm run api:update; review what changes here.

export interface AegisNest {
    readonly resolve: ResolveInstance;
    readonly forRoot: <C extends NestContext = NestContext>(options: NestOptions<C>) => NestDynamicModule;
}

export interface NestContext {
    getType(): string;
    switchToHttp(): {
        getRequest(): never;
        getResponse(): never;
    };
}

export interface NestDynamicModule {
    module: new () => object;
    providers: NestProvider[];
}

export interface NestOptions<C> extends WebOptions<C> {
    readonly module: AegisModule;
    readonly closes?: boolean | undefined;
}

export interface NestParts {
    readonly Catch: (...exceptions: AnyClass[]) => (target: new () => object) => unknown;
    readonly APP_FILTER: string;
    readonly APP_INTERCEPTOR: string;
    readonly ModuleRef: AnyClass;
    readonly ModulesContainer: AnyClass;
    readonly HttpAdapterHost: AnyClass;
}

export interface NestProvider {
    provide: string | symbol;
    useFactory: (...given: never[]) => object;
    inject: AnyClass[];
}

export type { ToHttpOptions } from 'aegislib/web';

export type { WebOptions } from 'aegislib/web';

export declare function aegisNest(parts: NestParts): AegisNest;
