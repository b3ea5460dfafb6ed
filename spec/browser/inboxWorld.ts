import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import type { ApprovalRecord } from '../../lib/store/ApprovalStore.js';
import { servedInbox } from '../support/servedInbox.js';
import type { ServedInbox, SpecPerson } from '../support/servedInbox.js';
import { watchedPage } from './browser.js';
import type { PageReports } from './browser.js';

/** A tool of each severity; anyone may decide the first two. */
const POLICIES = `@id("all") permit (principal, action, resource);
@id("reads") @effect("approval_needed") @severity("low") @reason("Reads are looked at") forbid (principal, action == Aegis::Action::"read", resource);
@id("mails") @effect("approval_needed") @severity("medium") @reason("Mail is read first") forbid (principal, action == Aegis::Action::"mail", resource);
@id("refunds") @effect("approval_needed") @severity("high") @approvers("finance-leads") @reason("Refunds need a finance lead")
forbid (principal, action == Aegis::Action::"refund", resource);
@id("notes") @effect("sanitize") @sanitize("mask_email /note") @reason("No addresses in notes")
forbid (principal, action == Aegis::Action::"refund", resource) when { context.input has note && context.input.note like "*@*" };
@id("sql") @effect("approval_needed") @severity("critical") @approvers("dba") @reason("Statements need a DBA")
forbid (principal, action == Aegis::Action::"sql", resource);
@id("payments-of-each-user-a-day") @effect("limit") @limit("1000/1d by agent,session/user_id") @cost("/amount") @over("approval_needed") @warn_at("60")
forbid (principal, action == Aegis::Action::"pay", resource);
@id("searches") @effect("limit") @limit("3/2h sliding by tenant,tool") forbid (principal, action == Aegis::Action::"search", resource);
@id("exports") @effect("limit") @limit("1/30d by agent") forbid (principal, action == Aegis::Action::"export", resource);`;

/** A server with an inbox on a port of this machine, and people in a browser. */
export interface InboxWorld extends ServedInbox {
  /** Such as `http://localhost:4180`. */
  readonly origin: string;
  /** Opens a page as a person who is signed in, or as no one. */
  open(person: SpecPerson | undefined, options?: BrowserContextOptions): Promise<PageReports>;
  /** Writes an approval as something else has left it. */
  leave(id: string, more: Partial<ApprovalRecord>): Promise<ApprovalRecord>;
}

/** Starts one. */
export async function inboxWorld(browser: Browser, policies = POLICIES): Promise<InboxWorld> {
  const inbox = await servedInbox({ policies: { text: policies } } as object);
  const contexts: BrowserContext[] = [];
  const origin = `http://localhost:${(await inbox.plane.listen({ port: 0 })).port}`;
  return {
    ...inbox,
    origin,
    async open(person, options) {
      const context = await browser.newContext({ baseURL: origin, ...options });
      contexts.push(context);
      if (person !== undefined) {
        const [name = '', value = ''] = person.cookie.split('=');
        await context.addCookies([{ name, value, url: origin, httpOnly: true, sameSite: 'Strict' }]);
      }
      return watchedPage(context);
    },
    async close() {
      await Promise.all(contexts.map((context) => context.close()));
      await inbox.close();
    },
    async leave(id, more) {
      const before = await inbox.store.approvals.get(id);
      if (before === undefined) throw new Error(`there is no approval ${id}`);
      const after = { ...before, ...more, version: before.version + 1 };
      await inbox.store.approvals.replace(after, before.version);
      return after;
    },
  };
}

/** An authenticator that says yes to all, in place of a finger. */
export async function withAuthenticator({ page }: Pick<PageReports, 'page'>): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send('WebAuthn.enable');
  const options = {
    protocol: 'ctap2',
    transport: 'internal',
    hasResidentKey: true,
    hasUserVerification: true,
    isUserVerified: true,
  } as const;
  await session.send('WebAuthn.addVirtualAuthenticator', { options: { ...options, automaticPresenceSimulation: true } });
}

/** Signs the first person up by the setup link. */
export async function signUp({ plane }: Pick<InboxWorld, 'plane'>, page: Page, name: string): Promise<void> {
  await page.goto((await plane.createSetupLink())?.url.href ?? '');
  await page.getByLabel('Your name').fill(name);
  await page.getByRole('button', { name: 'Go on', exact: true }).click();
  await page.getByRole('button', { name: 'Make the passkey' }).click();
  await page.waitForURL('**/me');
}
