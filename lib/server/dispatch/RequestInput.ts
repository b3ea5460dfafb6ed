import type { Caller } from '../access/Caller.js';
import type { CallerInput, RouteInput } from '../route/Route.js';
import type { Tenant } from '../tenant/Tenant.js';
import type { IncomingRequest } from './IncomingRequest.js';

/** What a route gets of a request. The signal is made when it is first read. */
export class RequestInput implements RouteInput {
  readonly requestId: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: Pick<Headers, 'get'>;
  readonly body: string;
  readonly #request: IncomingRequest;

  constructor(request: IncomingRequest, requestId: string, params: Readonly<Record<string, string>>, query: URLSearchParams, body: string) {
    this.#request = request;
    this.requestId = requestId;
    this.params = params;
    this.query = query;
    this.headers = request.headers;
    this.body = body;
  }

  get signal(): AbortSignal {
    return this.#request.signal;
  }
}

/** What a route for callers gets. */
export class IdentifiedInput extends RequestInput implements CallerInput {
  readonly caller: Caller;
  readonly tenant: Tenant;
  readonly spend: (tokens: number) => void;

  constructor(
    request: IncomingRequest,
    requestId: string,
    params: Readonly<Record<string, string>>,
    query: URLSearchParams,
    body: string,
    caller: Caller,
    tenant: Tenant,
    spend: (tokens: number) => void,
  ) {
    super(request, requestId, params, query, body);
    this.caller = caller;
    this.tenant = tenant;
    this.spend = spend;
  }
}
