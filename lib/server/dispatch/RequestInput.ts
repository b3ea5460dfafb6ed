import type { Caller } from '../access/Caller.js';
import type { Site } from '../front/Site.js';
import type { CallerInput, RouteInput } from '../route/Route.js';
import type { Tenant } from '../tenant/Tenant.js';
import type { IncomingRequest } from './IncomingRequest.js';
import type { ReadBody } from './readBody.js';

/** What of a request was read for its route. */
export interface ReadRequest {
  readonly request: IncomingRequest;
  readonly requestId: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: ReadBody;
  /** @throws RequestError 421 `public_url_missing` */
  site(): Site;
}

/** What a route gets of a request. The signal is made when it is first read. */
export class RequestInput implements RouteInput {
  readonly requestId: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: Pick<Headers, 'get'>;
  readonly body: string;
  readonly form: Readonly<Record<string, string>> | undefined;
  readonly #read: ReadRequest;

  constructor(read: ReadRequest) {
    this.requestId = read.requestId;
    this.params = read.params;
    this.query = read.query;
    this.headers = read.request.headers;
    this.body = read.body.text;
    this.form = read.body.form;
    this.#read = read;
  }

  get site(): Site {
    return this.#read.site();
  }

  get signal(): AbortSignal {
    return this.#read.request.signal;
  }
}

/** What a route for callers gets. */
export class IdentifiedInput extends RequestInput implements CallerInput {
  readonly caller: Caller;
  readonly tenant: Tenant;
  readonly spend: (tokens: number) => void;

  constructor(read: ReadRequest, caller: Caller, tenant: Tenant, spend: (tokens: number) => void) {
    super(read);
    this.caller = caller;
    this.tenant = tenant;
    this.spend = spend;
  }
}
