// What the specs, samples and pages use of Express, which has no types of its own.
declare module 'express' {
  import type { IncomingMessage, Server, ServerResponse } from 'node:http';

  export interface Request extends IncomingMessage {
    readonly method: string;
    readonly params: Record<string, string>;
    readonly query: unknown;
    body: unknown;
    user?: string;
  }
  export interface Response extends ServerResponse {
    status(code: number): this;
    json(body?: unknown): this;
    send(body?: unknown): this;
  }
  export type NextFunction = (error?: unknown) => void;
  export type RequestHandler = (request: Request, response: Response, next: NextFunction) => void | Promise<unknown>;
  export type ErrorRequestHandler = (error: unknown, request: Request, response: Response, next: NextFunction) => void | Promise<unknown>;

  interface App {
    (request: IncomingMessage, response: ServerResponse): void;
    use(...handlers: (RequestHandler | ErrorRequestHandler)[]): this;
    get(path: string, ...handlers: RequestHandler[]): this;
    post(path: string, ...handlers: RequestHandler[]): this;
    all(path: string, ...handlers: RequestHandler[]): this;
    listen(port: number, host: string, started: () => void): Server;
  }
  interface Express {
    (): App;
    json(): RequestHandler;
  }
  const express: Express;
  export default express;
}
