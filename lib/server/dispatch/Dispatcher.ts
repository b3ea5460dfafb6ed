import { randomUUID } from 'node:crypto';
import type { Awaitable } from '../../common/awaitable.js';
import type { Logger } from '../../common/Logger.js';
import { AegisError } from '../../model/AegisError.js';
import type { Halt } from '../../model/halt/Halt.js';
import { AuthError } from '../../model/errors/ServiceErrors.js';
import { SIGNED_OUT } from '../access/Authenticator.js';
import type { AccessRequest } from '../access/Authenticator.js';
import type { Caller, SignedIn } from '../access/Caller.js';
import { HOST_HEADER } from '../access/HostSignature.js';
import type { LoadGate } from '../front/LoadGate.js';
import { namesOf } from '../front/namesOf.js';
import type { RateLimiter } from '../front/RateLimiter.js';
import { RequestError } from '../front/RequestError.js';
import { REQUEST_LIMITS } from '../front/requestLimits.js';
import { siteOf } from '../front/Site.js';
import type { Site } from '../front/Site.js';
import { errorPage } from '../page/errorPage.js';
import { reloadPage } from '../page/reloadPage.js';
import type { Answer, CallerRoute, OpenRoute, PersonRoute, Route } from '../route/Route.js';
import type { Tenant } from '../tenant/Tenant.js';
import type { AnswerBatch } from './AnswerBatch.js';
import { answerOfError, shownError } from './answerOfError.js';
import type { IncomingRequest, SentAnswer } from './IncomingRequest.js';
import { pageHeaders } from './pageHeaders.js';
import { FORM_TOKEN_FIELD, isFormFor, readBody, wantsForm } from './readBody.js';
import type { ReadBody } from './readBody.js';
import { readQuery } from './readQuery.js';
import { IdentifiedInput, RequestInput } from './RequestInput.js';
import type { ReadRequest } from './RequestInput.js';
import type { RouteTable } from './RouteTable.js';
import { checkFormToken, checkHasFormToken, checkSameOrigin } from './sameOrigin.js';

/** What a request was and became, for metrics and logs. */
export interface RequestReport {
  readonly requestId: string;
  /** The name of its route; `undefined` where it has none. */
  readonly route: string | undefined;
  readonly status: number;
  readonly tenantId: string | undefined;
  readonly durationMs: number;
  /** The code of the error that it was answered with. */
  readonly error: string | undefined;
  /** The body of the answer, where it is text. */
  readonly answer: string | undefined;
}

/** What a dispatcher needs. */
export interface DispatcherOptions {
  readonly table: RouteTable;
  authenticate(request: AccessRequest): Awaitable<Caller>;
  /** @throws where there is no such tenant */
  tenantOf(tenantId: string): Awaitable<Tenant>;
  /** Where browsers reach the server. */
  readonly publicUrl?: URL | undefined;
  /** Whether requests may be for this host name, in lower case and without a port. */
  servesHost(name: string): boolean;
  readonly gate: LoadGate;
  /** By key. */
  readonly rates: RateLimiter;
  /** Failures by address. */
  readonly failures: RateLimiter;
  readonly batch: AnswerBatch;
  readonly logger: Logger;
  onAnswer(report: RequestReport): void;
}

/** Headers that every answer has. */
const FIXED = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };
const REQUEST_ID = /^[\w-]{1,64}$/;
/** Requests that cost a whole decision. */
const DECIDING: ReadonlySet<string> = new Set(['/v1/decision', '/v1/decisions/dry-run']);

/** Takes a request to its route and makes the answer: the same for every front, so that there is one place that lets a request in. */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  /** By caller: a text that is put together anew has to be hashed anew. */
  readonly #rateKeys = new WeakMap<Caller, string>();

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** Answers a request. Never rejects. */
  async answer(request: IncomingRequest): Promise<SentAnswer> {
    const startedMs = performance.now();
    const requestId = requestIdOf(request);
    const progress = new Progress(request, this.#options.publicUrl);
    let answer: Answer;
    let code: string | undefined;
    try {
      answer = await this.#answer(request, requestId, progress);
    } catch (error) {
      answer = errorAnswer(error, requestId, request, progress);
      code = AegisError.is(error) ? error.code : 'unknown';
      if (answer.status >= 500) this.#log(error, requestId, progress);
    }
    progress.leave();
    const { status, body, cookies = [], isPaced } = answer;
    this.#options.onAnswer({
      requestId,
      route: progress.route?.name,
      status,
      tenantId: progress.tenantId,
      durationMs: performance.now() - startedMs,
      error: code,
      answer: recorded(progress, body),
    });
    const headers: Record<string, string> = { ...FIXED, ...(progress.isPage && progress.pageHeaders()), 'x-request-id': requestId };
    for (const name in answer.headers) headers[name.toLowerCase()] = answer.headers[name] as string;
    if (body !== undefined) headers['content-type'] ??= 'application/json';
    return { status, headers, cookies, body, ...(isPaced && { isPaced }) };
  }

  async #answer(request: IncomingRequest, requestId: string, progress: Progress): Promise<Answer> {
    const { url, target } = request;
    if (url.length > REQUEST_LIMITS.urlLength)
      throw new RequestError(
        414,
        'uri_too_long',
        `The path with its query may have ${REQUEST_LIMITS.urlLength} characters. Send lists in a body.`,
      );
    if (request.isAmbiguous)
      throw new RequestError(400, 'invalid_request', 'The request must be HTTP/1.0 or later, with one Host header.', {
        headers: { connection: 'close' },
      });
    const mark = target?.indexOf('?') ?? -1;
    // the table has no empty path: not found
    const path = (mark < 0 ? target : target?.slice(0, mark)) ?? '';
    const { route, params } = this.#options.table.find(request.method, path);
    progress.route = route;
    progress.isPage = route.page === true || isFormFor(route, request);
    const read = { request, requestId, params, site: () => progress.site() };
    return route.scope === 'none' ? this.#answerAnyone(route, read) : this.#answerCaller(route, read, progress);
  }

  async #answerAnyone(route: OpenRoute, read: Omit<ReadRequest, 'query' | 'body'>): Promise<Answer> {
    const { request } = read;
    if (route.page === true) {
      this.#checkHost(request.headers.get('host'));
      checkSameOrigin(request, read.site());
    }
    const query = readQuery(route, request.target as string);
    const body = await readBody(route, request);
    try {
      return await route.handle(new RequestInput({ ...read, query, body }));
    } catch (error) {
      throw this.#counted(error, request);
    }
  }

  async #answerCaller(route: CallerRoute | PersonRoute, read: Omit<ReadRequest, 'query' | 'body'>, progress: Progress): Promise<Answer> {
    const { gate, batch } = this.#options;
    const { request, requestId } = read;
    this.#checkHost(request.headers.get('host'));
    let body: Promise<ReadBody> | undefined;
    // read at most once: by a signature that covers it, or by the route
    const bodyOnce = (): Promise<ReadBody> => (body ??= readBody(route, request));
    const caller = await this.#authenticate(request, progress, async () => (await bodyOnce()).text);
    progress.tenantId = caller.tenantId;
    progress.signedIn = caller.signedIn;
    if (caller.signedIn?.sessionId !== undefined) checkSameOrigin(request, progress.site());
    checkScope(route, caller);
    // who has no form token sends no form: what is in it is not looked at
    if (wantsForm(route, request)) checkHasFormToken(caller.signedIn?.formToken);
    this.#spend(caller, 1);
    if (DECIDING.has(route.path)) gate.admitDecision();
    const query = readQuery(route, request.target as string);
    progress.leave = gate.receive(caller.tenantId, request.bodyBytes);
    const { text, form } = await bodyOnce();
    progress.leave();
    progress.leave = NOTHING_HELD;
    // a form is a page's, and every page is of a session
    if (form !== undefined) checkFormToken(form, caller.signedIn?.formToken);
    // only now, so that a client that sends its body slowly holds no place
    progress.leave = gate.enter(caller.tenantId);
    const tenant = await this.#options.tenantOf(caller.tenantId);
    if (caller.signedIn?.sessionId !== undefined) progress.tellHalted(tenant.halts.inForce);
    const input = new IdentifiedInput({ ...read, query, body: { text, form } }, caller, tenant, (more) => this.#spend(caller, more));
    const answer = await route.handle(input);
    if (route.method !== 'GET')
      await batch.add({
        requestId,
        tenantId: caller.tenantId,
        callerId: caller.id,
        route: route.name,
        request: form === undefined ? text : withoutSecrets(form),
        status: answer.status,
        answer: recorded(progress, answer.body),
      });
    return answer;
  }

  /** Browsers send a page's requests to any name that leads here; the name tells them apart. */
  #checkHost(host: string | null): void {
    if (!this.#options.servesHost((host ?? '').toLowerCase().replace(/:\d+$/, '')))
      throw new RequestError(
        421,
        'misdirected_request',
        'This server does not serve the host that the request is for. Use its public URL.',
        {
          field: 'Host',
        },
      );
  }

  async #authenticate(request: IncomingRequest, progress: Progress, body: () => Promise<string>): Promise<Caller> {
    const { headers, address, method, url: path } = request;
    try {
      return await this.#options.authenticate({ headers, address, method, path, body, site: () => progress.site() });
    } catch (error) {
      // who is signed out is sent to the sign-in page, and has guessed at nothing
      if (progress.isPage && isAuthError(error) && !hasKey(headers))
        throw new AuthError('You are signed out. Sign in, and do it again.', { code: SIGNED_OUT, status: 401 });
      throw this.#counted(error, request);
    }
  }

  /** Counts a failure to get in against the address; a key that is right is never refused for what others at its address do. */
  #counted(error: unknown, { address }: IncomingRequest): unknown {
    if (!isAuthError(error)) return error;
    const { allowed, retryAfterMs } = this.#options.failures.spend(address ?? '');
    if (allowed) return error;
    return new RequestError(429, 'rate_limited', 'Too many requests with a wrong key came from this address. Check the key.', {
      retryAfterS: retryAfterMs / 1_000,
    });
  }

  /** Spends tokens of the caller's rate. */
  #spend(caller: Caller, tokens: number): void {
    const { rates } = this.#options;
    const { allowed, remaining, retryAfterMs } = rates.spend(this.#rateKey(caller), tokens);
    if (allowed) return;
    const { perSecond, burst } = rates.rate;
    const retryAfterS = Number.isFinite(retryAfterMs) ? Math.ceil(retryAfterMs / 1_000) : 60;
    throw new RequestError(429, 'rate_limited', `A key may make ${perSecond} requests a second, and ${burst} at once. Make fewer.`, {
      retryAfterS,
      headers: {
        ratelimit: `"key";r=${remaining};t=${retryAfterS}`,
        'ratelimit-policy': `"key";q=${burst};w=${Math.ceil(burst / perSecond)}`,
      },
    });
  }

  #rateKey(caller: Caller): string {
    let key = this.#rateKeys.get(caller);
    if (key === undefined) this.#rateKeys.set(caller, (key = `${caller.tenantId}/${caller.id}`));
    return key;
  }

  #log(error: unknown, requestId: string, { route, tenantId }: Progress): void {
    this.#options.logger.error({ requestId, route: route?.name, tenant: tenantId, ...namesOf(error) }, 'A request could not be answered.');
  }
}

const NOTHING_HELD = (): void => {};

/** How far a request has come. */
class Progress {
  route: Route | undefined;
  tenantId: string | undefined;
  signedIn: SignedIn | undefined;
  /** Whether a browser shows what comes back. */
  isPage = false;
  /** Gives back what the request holds now. */
  leave: () => void = NOTHING_HELD;
  readonly #request: IncomingRequest;
  readonly #publicUrl: URL | undefined;
  #site: Site | undefined;

  constructor(request: IncomingRequest, publicUrl: URL | undefined) {
    this.#request = request;
    this.#publicUrl = publicUrl;
  }

  /** @throws RequestError 421 `public_url_missing` */
  site(): Site {
    const { url, target, headers, isSecure } = this.#request;
    this.#site ??= siteOf({ url, target, host: headers.get('host'), isSecure }, this.#publicUrl);
    return this.#site;
  }

  /** Has pages say what is halted. */
  tellHalted(halted: readonly Halt[]): void {
    if (halted.length > 0) this.#site = { ...this.site(), halted };
  }

  /** The site, also where only the error about it is shown. */
  anySite(): Site {
    const { url, target } = this.#request;
    this.#site ??= siteOf({ url, target, host: 'localhost', isSecure: false }, this.#publicUrl);
    return this.#site;
  }

  pageHeaders(): Readonly<Record<string, string>> {
    return pageHeaders(this.anySite());
  }
}

/** An error as its client reads it: as a page where a browser shows it. */
function errorAnswer(error: unknown, requestId: string, request: IncomingRequest, progress: Progress): Answer {
  const { headers, method, target = '/' } = request;
  const accept = headers.get('accept');
  progress.isPage ||= progress.route === undefined && accept?.includes('text/html') === true;
  if (!progress.isPage) return answerOfError(error, requestId, accept);
  const site = progress.anySite();
  if (isSignedOut(error) && (method === 'GET' || method === 'HEAD')) {
    if (headers.get('sec-fetch-site') === 'cross-site') return reloadPage(target, site);
    return { status: 303, headers: { location: `${site.base}/signin?next=${encodeURIComponent(target)}` } };
  }
  return errorPage(shownError(error, requestId), site, progress.signedIn);
}

function isAuthError(error: unknown): error is AegisError {
  return AegisError.is(error) && error.name === 'AuthError';
}

function isSignedOut(error: unknown): boolean {
  return isAuthError(error) && error.code === SIGNED_OUT;
}

function hasKey(headers: IncomingRequest['headers']): boolean {
  return ['authorization', 'x-api-key', HOST_HEADER].some((name) => headers.get(name) !== null);
}

/** What is recorded of an answer: a page says no more than what it was made of, and a secret is in no record. */
function recorded({ isPage, route }: Progress, body: Answer['body']): string | undefined {
  return typeof body === 'string' && !isPage && route?.hasSecret !== true ? body : undefined;
}

/** What a form said, for the record. */
function withoutSecrets(form: Readonly<Record<string, string>>): string {
  const { [FORM_TOKEN_FIELD]: _, passkey: __, ...rest } = form;
  return JSON.stringify(rest);
}

function requestIdOf({ headers }: IncomingRequest): string {
  const given = headers.get('x-request-id');
  return given !== null && REQUEST_ID.test(given) ? given : randomUUID();
}

function checkScope(route: CallerRoute | PersonRoute, caller: Caller): void {
  if (route.scope === 'person') {
    checkRole(route, caller);
    return;
  }
  const { scope } = route;
  if (scope === 'verdict' && caller.kind === 'person') {
    checkRole(route, caller);
    return;
  }
  if (scope === 'host' || scope === 'verdict') {
    if (caller.kind === 'host') return;
    const who = scope === 'verdict' ? 'a person who is signed in, and for the operator of the host' : 'the operator of the host only';
    throw new RequestError(403, 'scope_missing', `This is for ${who}, by the command aegis on the same machine. No key can do it.`);
  }
  if (caller.scopes.has(scope)) return;
  throw new RequestError(403, 'scope_missing', `The key lacks the scope ${scope}. Use a key that has it: npx aegis keys create.`);
}

function checkRole({ roles, session }: Pick<PersonRoute, 'roles' | 'session'>, { signedIn }: Caller): void {
  if (signedIn === undefined) throw new RequestError(403, 'scope_missing', 'This is for people who are signed in. No key can do it.');
  if (roles !== undefined && !roles.some((role) => signedIn.roles.has(role))) throw roleMissing(roles);
  if (session === true && signedIn.sessionId === undefined)
    throw new RequestError(403, 'token_reads_only', 'A personal token reads and denies. Sign in on the page, and do it there.');
}

function roleMissing(roles: readonly string[]): RequestError {
  const which = roles.length === 1 ? `the role ${roles.join('')}` : `one of the roles ${roles.join(', ')}`;
  return new RequestError(403, 'role_missing', `This needs ${which}. Ask an admin for it.`);
}
