import { silentLogger } from '../../lib/common/Logger.js';
import { SecretString } from '../../lib/common/SecretString.js';
import { SteadyClock } from '../../lib/common/time/SteadyClock.js';
import { writeErrorAnswer } from '../../lib/decision/wire/errorAnswer.js';
import type { Journal } from '../../lib/model/Journal.js';
import type { Caller, Scope } from '../../lib/server/access/Caller.js';
import { Identity } from '../../lib/server/people/Identity.js';
import type { Answer, CallerRoute, Route } from '../../lib/server/route/Route.js';
import { buildTenant } from '../../lib/server/tenant/buildTenant.js';
import type { TenantOptions, TenantRows } from '../../lib/server/tenant/buildTenant.js';
import type { Tenant } from '../../lib/server/tenant/Tenant.js';
import { MemoryRecordStore } from '../../lib/store/memory/MemoryRecordStore.js';
import { MemoryApprovalStore } from '../../lib/store/memory/MemoryApprovalStore.js';

/** Allows `read`, denies `drop`, masks what is mailed, removes `ssn`, and has people approve refunds; large ones are cut as well. */
export const POLICIES = `
@id("all") permit (principal, action, resource);
@id("drop") @reason("never drop") forbid (principal, action == Aegis::Action::"drop", resource);
@id("mask") @effect("sanitize") @sanitize("mask_email /body") @reason("no addresses")
forbid (principal, action == Aegis::Action::"mail", resource) when { context.input has body && context.input.body like "*@*" };
@id("ssn") @effect("sanitize") @sanitize("remove /ssn") @reason("no numbers of people")
forbid (principal, action == Aegis::Action::"lookup", resource) when { context.input has ssn };
@id("refund") @effect("approval_needed") @reason("a person looks at refunds")
forbid (principal, action == Aegis::Action::"refund", resource);
@id("note") @effect("sanitize") @sanitize("redact /note") @reason("no notes")
forbid (principal, action == Aegis::Action::"refund", resource) when { context.input has note && context.input.note != "[redacted]" };
@id("seven") @reason("seven is refused") forbid (principal, action == Aegis::Action::"count", resource) when { context.input.n == 7 };
@id("limited") @reason("it has no limit") forbid (principal, action == Aegis::Action::"list", resource)
when { context.input has limit && context.input.limit > 10 };
`;

export interface TestTenant extends Tenant {
  readonly store: MemoryApprovalStore;
}

/** A real tenant whose rows are in memory. */
export function tenantOf(
  options: Partial<TenantOptions> = {},
  id = 'default',
  rows: Partial<TenantRows> = {},
  journal?: Journal,
): TestTenant {
  const store = new MemoryApprovalStore();
  const { records = new MemoryRecordStore() } = rows;
  const identity = new Identity({ tenantId: id, records, stateKey: new SecretString('the-state-key-of-the-specs-of-tenants') });
  const own = { approvals: store, records, identity, ...rows };
  const tenant = buildTenant(id, { policies: { text: POLICIES }, ...options }, own, {
    clock: new SteadyClock(),
    logger: silentLogger,
    journal,
  });
  return { ...tenant, store };
}

export function callerOf(over: Partial<Caller> = {}): Caller {
  const scopes = new Set<Scope>(['decide']);
  return { kind: 'key', tenantId: 'default', id: 'key-1', scopes, agents: undefined, sessionTrusted: false, ...over };
}

/** What a request is made of, where it is not the usual. */
export interface TestRequest {
  readonly caller?: Partial<Caller>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly id?: string;
  readonly query?: string;
  /** Sent as JSON, unless it is text. */
  readonly body?: unknown;
  /** The fields of a form. */
  readonly form?: Readonly<Record<string, string>>;
  /** Gets what the route spends of the rate. */
  readonly spent?: number[];
}

/** An answer as its reader sees it. */
export interface TestAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  // specs read any field of it
  readonly json: { readonly [name: string]: unknown } & { readonly final_decision: Record<string, unknown> };
  readonly text: string;
}

/** Sends requests to routes as the server does, without HTTP. */
export function sender(tenant: Tenant, routes: readonly Route[], { origin = 'http://localhost:4180' }: { readonly origin?: string } = {}) {
  return async (name: string, request: TestRequest = {}): Promise<TestAnswer> => {
    const route = routes.find((one) => one.name === name) as CallerRoute;
    const { body } = request;
    let answer: Answer;
    try {
      answer = await route.handle({
        requestId: 'req-1',
        params: request.id === undefined ? {} : { id: request.id },
        query: new URLSearchParams(request.query),
        headers: new Headers(request.headers),
        body: body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body),
        form: request.form,
        site: { origin, base: '', nonce: 'bm9uY2U=' },
        signal: new AbortController().signal,
        caller: callerOf({ tenantId: tenant.id, ...request.caller }),
        tenant,
        spend: (tokens) => request.spent?.push(tokens),
      });
    } catch (error) {
      answer = writeErrorAnswer(error, 'req-1');
    }
    const text = (answer.body ?? '') as string;
    return { status: answer.status, headers: answer.headers ?? {}, json: text === '' ? ({} as never) : JSON.parse(text), text };
  };
}
