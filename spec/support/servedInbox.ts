import { SecretString } from '../../lib/common/SecretString.js';
import { createDataPlane } from '../../lib/server/createDataPlane.js';
import type { DataPlane } from '../../lib/server/createDataPlane.js';
import type { TenantConfig } from '../../lib/server/config/ServerConfig.js';
import { Identity } from '../../lib/server/people/Identity.js';
import type { Role } from '../../lib/server/people/Person.js';
import { MemoryStateStore } from '../../lib/store/memory/MemoryStateStore.js';
import { signedTenantStore } from '../../lib/store/signing/signedTenantStore.js';
import type { SignedTenantStore } from '../../lib/store/signing/signedTenantStore.js';
import { elements } from './pageElements.js';
import type { PageElements } from './pageElements.js';

/** The key of their store. */
export const SPEC_STATE_KEY = new SecretString('state-key-for-specs-0123456789abcdef');

/** Three tools whose calls people decide, by severity. */
export const INBOX_POLICIES = `@id("all") permit (principal, action, resource);
@id("reads") @effect("approval_needed") @severity("low") @reason("Reads are looked at") forbid (principal, action == Aegis::Action::"read", resource);
@id("refunds") @effect("approval_needed") @severity("high") @approvers("finance-leads") @reason("Refunds need a finance lead")
forbid (principal, action == Aegis::Action::"refund", resource);
@id("notes") @effect("sanitize") @sanitize("mask_email /note") @reason("No addresses in notes")
forbid (principal, action == Aegis::Action::"refund", resource) when { context.input has note && context.input.note like "*@*" };
@id("sql") @effect("approval_needed") @severity("critical") @approvers("dba") @reason("Statements need a DBA")
forbid (principal, action == Aegis::Action::"sql", resource);`;

/** What a page was answered with. */
export interface PageAnswer {
  readonly status: number;
  readonly location: string | null;
  readonly text: string;
  readonly page: PageElements;
}

/** A person with a session. */
export interface SpecPerson {
  readonly id: string;
  readonly cookie: string;
  get(path: string): Promise<PageAnswer>;
  /** Sends a form with the token of the session. */
  post(path: string, form: Readonly<Record<string, string>>): Promise<PageAnswer>;
}

/** A whole server with an inbox, in memory, asked by `fetch` without a port. */
export interface ServedInbox {
  readonly plane: DataPlane;
  readonly store: SignedTenantStore;
  readonly identity: Identity;
  /** The tasks of the store. */
  readonly tasks: MemoryStateStore['tasks'];
  /** Makes a person, and signs them in. */
  person(
    name: string,
    more?: { readonly roles?: readonly Role[]; readonly groups?: readonly string[]; readonly userIds?: readonly string[] },
  ): Promise<SpecPerson>;
  /** Asks as an agent. Resolves to the id of the approval. */
  ask(tool: string, params: Readonly<Record<string, unknown>>, more?: { readonly agent?: string; readonly user?: string }): Promise<string>;
  /** Sends a request as the program of an agent. */
  call(method: string, path: string, body?: unknown): Promise<{ readonly status: number; readonly json: Record<string, unknown> }>;
  close(): Promise<void>;
}

/** Starts one. */
export async function servedInbox(options: Partial<TenantConfig> = {}): Promise<ServedInbox> {
  const memory = new MemoryStateStore();
  const plane = createDataPlane({ policies: { text: INBOX_POLICIES }, ...options, store: memory, stateKey: SPEC_STATE_KEY } as never);
  await plane.ready();
  const store = signedTenantStore(memory.forTenant('default', { forOthers: true }), { stateKey: SPEC_STATE_KEY, tenantId: 'default' });
  const identity = new Identity({ tenantId: 'default', records: store.records, stateKey: SPEC_STATE_KEY });
  const key = (await plane.createKey({ name: 'spec', scopes: ['decide'], sessionTrusted: true })).key.reveal();
  const send = (path: string, init: RequestInit): Promise<Response> =>
    plane.fetch(new Request(`http://localhost${path}`, { redirect: 'manual', ...init }));
  const call: ServedInbox['call'] = async (method, path, body) => {
    const headers = { 'x-api-key': key, host: 'localhost', 'content-type': 'application/json', 'x-aegis-capabilities': 'effective-digest' };
    const answer = await send(path, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
    const text = await answer.text();
    return { status: answer.status, json: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) };
  };
  return {
    plane,
    store,
    identity,
    tasks: memory.tasks,
    call,
    async person(name, { roles = ['approver'], groups = [], userIds = [] } = {}) {
      const { id } = await identity.people.create({ name, roles, groups, userIds }, 'spec');
      const { text } = await identity.sessions.create({ personId: id, method: 'passkey' });
      const found = await identity.sessions.find(text.reveal());
      const cookie = `aegis-local=${text.reveal()}`;
      const page = async (path: string, init: RequestInit): Promise<PageAnswer> => {
        const headers = { host: 'localhost', cookie, 'sec-fetch-site': 'same-origin', ...init.headers };
        const answer = await send(path, { ...init, headers });
        const body = await answer.text();
        return {
          status: answer.status,
          location: answer.headers.get('location'),
          text: body,
          page: elements(body.replace(/^[^]*<body>/, '')),
        };
      };
      return {
        id,
        cookie,
        get: (path) => page(path, {}),
        post: (path, form) =>
          page(path, {
            method: 'POST',
            headers: { 'content-type': 'application/x-www-form-urlencoded' },
            body: new URLSearchParams({ ...form, csrf: found?.formToken ?? '' }).toString(),
          }),
      };
    },
    async ask(tool, params, { agent = 'bot', user } = {}) {
      const body = { agent_id: agent, tool: { name: tool, params }, session: user === undefined ? null : { user_id: user } };
      const { json } = await call('POST', '/v1/decision', body);
      return json['decision_id'] as string;
    },
    async close() {
      await plane.close({ idleMs: 0, graceMs: 1_000 });
    },
  };
}
