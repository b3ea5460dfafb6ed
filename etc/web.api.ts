// What 'aegislib/web' exports. Written by npm run api:update; review what changes here.

export interface AegisExpress<R> {
    readonly requests: (request: R, response: ExpressResponse, next: (error?: unknown) => void) => void;
    readonly errors: (error: unknown, request: R, response: ExpressResponse, next: (error?: unknown) => void) => void;
    readonly tasks: (options: TasksOptions<R>) => (request: R, response: ExpressResponse) => Promise<void>;
}

export interface AegisFastifyOptions<R> extends Omit<WebOptions<R>, 'tasksAt'> {
    readonly tasks?: (TasksOptions<R> & {
        readonly path?: string | undefined;
    }) | undefined;
}

export type AegisFastifyPlugin = (instance: FastifyInstanceLike, options: unknown, done: (error?: Error) => void) => void;

export interface AegisHono<C> {
    readonly requests: (c: C, next: () => Promise<void>) => Promise<void>;
    readonly errors: <X extends C>(otherwise: HonoErrors<X>) => HonoErrors<X>;
    readonly tasks: <X extends C>(options: TasksOptions<X>) => (c: X) => Promise<Response>;
}

export interface ExpressRequest {
    readonly method: string;
    readonly headers: Readonly<Record<string, string | string[] | undefined>>;
    readonly params: unknown;
    readonly query: unknown;
}

export interface ExpressResponse {
    readonly headersSent: boolean;
    status(code: number): unknown;
    setHeader(name: string, value: string): unknown;
    json(body: unknown): unknown;
}

export interface FastifyInstanceLike {
    addHook(name: never, hook: never): unknown;
    setErrorHandler(handler: never): unknown;
    get(path: never, handler: never): unknown;
}

export interface FastifyRequestLike {
    readonly method: string;
    readonly headers: Readonly<Record<string, string | string[] | undefined>>;
    readonly params: unknown;
    readonly query: unknown;
}

export interface HonoContext {
    readonly req: {
        readonly method: string;
        header(name: string): string | undefined;
        param(name: string): string | undefined;
        queries(): Record<string, string[]>;
    };
    readonly json: unknown;
}

export type HonoErrors<C> = (error: Error, c: C) => Response | Promise<Response>;

export interface HttpAnswer {
    readonly status: number;
    readonly body: Readonly<Record<string, unknown>>;
    readonly headers?: Readonly<Record<string, string>>;
}

export type TaskDetail = 'params' | 'session' | 'result' | 'error' | 'people';

export type TasksAccess = boolean | ((task: TaskSummary | Task) => boolean);

export interface TasksOptions<R> {
    readonly module?: AegisModule | AegisModuleView | undefined;
    readonly authorize: (request: R) => TasksAccess | Promise<TasksAccess>;
    readonly show?: readonly TaskDetail[] | undefined;
}

export interface TasksQuery<R> {
    readonly request: R;
    readonly method?: string | undefined;
    readonly id?: string | undefined;
    readonly query?: unknown;
}

export interface ToHttpOptions {
    readonly tasksAt?: string | undefined;
}

export interface WebOptions<R> extends ToHttpOptions {
    readonly module?: AegisModule | AegisModuleView | undefined;
    readonly session: (request: R) => object | null | undefined | Promise<object | null | undefined>;
}

export declare function aegisExpress<R extends ExpressRequest = ExpressRequest>(given: WebOptions<R>): AegisExpress<R>;

export declare function aegisFastify<R extends FastifyRequestLike = FastifyRequestLike>(given: AegisFastifyOptions<R>): AegisFastifyPlugin;

export declare function aegisHono<C extends HonoContext = HonoContext>(given: WebOptions<C>): AegisHono<C>;

export declare function tasksRoute<R>(options: TasksOptions<R>): (query: TasksQuery<R>) => Promise<HttpAnswer>;

export declare function toHttp(error: unknown, given?: ToHttpOptions): HttpAnswer | undefined;
