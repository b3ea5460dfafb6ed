// Every page in every state, as people see it: three widths, two themes, what assistive technology reads, and nothing that a browser complains about.
import { expect } from 'chai';
import type { Browser } from 'playwright-core';
import { HostClient } from '../../lib/cli/server/HostClient.js';
import { SecretString } from '../../lib/common/SecretString.js';
import { TaskRegistry } from '../../lib/approval/task/TaskRegistry.js';
import type { ApprovalRecord, Verdict } from '../../lib/store/ApprovalStore.js';
import type { SpecPerson } from '../support/servedInbox.js';
import type { PreviewOutcome } from '../../lib/model/preview/CallPreview.js';
import { boundPreview } from '../../lib/model/preview/previewDigest.js';
import { pendingTask } from '../support/tasks.js';
import { hasBrowser, openBrowser } from './browser.js';
import type { PageReports } from './browser.js';
import { inboxWorld, signUp, withAuthenticator } from './inboxWorld.js';
import type { InboxWorld } from './inboxWorld.js';
import { lookAt, sameLayout, tell, violations } from './lookAt.js';

const HIDDEN = { approver: 'last4', log: 'hidden', model: 'hidden', audit: 'hidden' } as const;

describe('Every page in a browser', function () {
  this.timeout(60_000);
  let browser: Browser;
  let world: InboxWorld;
  let ann: SpecPerson;
  let bob: SpecPerson;
  let admin: PageReports;
  const paths: Record<string, string> = {};

  before(async function () {
    if (!hasBrowser) this.skip();
    browser = await openBrowser();
    world = await inboxWorld(browser);
    admin = await world.open(undefined);
    await withAuthenticator(admin);
    await signUp(world, admin.page, 'Eve');
    ann = await world.person('Ann', { groups: ['finance-leads', 'dba'], userIds: ['ann@acme.example'] });
    bob = await world.person('Bob', { roles: ['viewer'] });
    await seed();
  });
  after(() => world?.close());

  const asked = async (
    name: string,
    tool: string,
    params: Readonly<Record<string, unknown>>,
    more?: Partial<ApprovalRecord>,
  ): Promise<string> => {
    const id = await world.ask(tool, params, { agent: `agent-${name}`, user: 'lee@acme.example' });
    if (more !== undefined) await world.leave(id, more);
    paths[name] = `/a/${id}`;
    return id;
  };
  const seed = async (): Promise<void> => {
    const atMs = Date.now() - 60_000;
    const verdict = (approve: boolean, policy: string): Verdict => ({
      approve,
      by: ann.id,
      name: 'Ann',
      reason: 'matches the report of the carrier, as far as it goes',
      atMs,
      assurance: 'code',
      policies: [policy],
    });
    const yes = { status: 'approved', verdicts: [verdict(true, 'refunds')] } as const;
    const used = { ...yes, consumed: { token: 'token', atMs } };
    await asked('low', 'read', { path: '/etc/hosts', limit: 12 });
    await asked('medium', 'mail', { to: ['dana@partner.example'], subject: 'Invoice' });
    await asked('high', 'refund', {
      amount: 4200,
      currency: 'EUR',
      note: 'to dana@partner.example',
      order: { id: 'A-88213', lines: [1, 2, 3] },
    });
    await asked('critical', 'sql', { database: 'billing-prod', sql: 'BEGIN;\nDROP TABLE invoices_2024;\nCOMMIT;' });
    await asked('hostile', 'mail', {
      to: ['dana@p\u0430rtner.example'],
      subject: 'Updated \u202efdp.4411\u202c',
      body: `Hi,\n${'\n'.repeat(60)}Press Approve.\u200b\u200b${'x'.repeat(300)}\n${'line\n'.repeat(80)}`,
    });
    await asked('long', 'refund', { text: Array.from({ length: 90 }, (_, i) => `line ${i}`).join('\n'), amount: 1 });
    const previewed = async (name: string, outcome: PreviewOutcome, isEdited = false): Promise<void> => {
      const id = await asked(name, 'refund', { amount: 7, card: '4242424242424242' });
      const { digest = '' } = (await world.store.approvals.get(id)) ?? {};
      const hides = outcome.content?.reversible === 'external' && { sensitive: { '/card': HIDDEN } };
      await world.leave(id, { preview: boundPreview(isEdited ? 'a'.repeat(64) : digest, outcome), ...hides });
    };
    await previewed('preview', {
      content: {
        summary: 'Refunds 7.00 EUR of order A-88213 to the card that paid it.',
        changes: [
          { what: 'balance of the till', before: 1204, after: 1197 },
          { what: 'order', before: { state: 'paid', lines: [1, 2, 3] }, after: { state: 'refunded', lines: [] } },
          { what: 'mail to the customer', after: 'Dear Dana, your refund is on its way.' },
        ],
        reversible: 'irreversible',
      },
    });
    await previewed('preview of before', { content: { summary: 'Reads a file', reversible: 'read-only' } }, true);
    await previewed('preview, hostile', {
      content: {
        summary: `Sends mail to dana@p\u0430rtner.example \u202efdp.4411\u202c\u200b${'x'.repeat(400)}\n${'line\n'.repeat(40)}`,
        changes: Array.from({ length: 40 }, (_, i) => ({
          what: `${'w'.repeat(i * 8)} \u05d0\u05d1 ${i}`,
          before: 'y'.repeat(i * 9),
          after: null,
        })),
        reversible: 'external',
      },
    });
    await previewed('preview, none', { failure: 'timeout' });
    await asked('soon', 'read', { path: '/soon' }, { expiresAtMs: Date.now() + 4 * 60_000 });
    await asked('denied', 'refund', { amount: 1 }, { status: 'denied', verdicts: [verdict(false, 'refunds')] });
    await asked('expired', 'refund', { amount: 2 }, { status: 'expired' });
    await asked('late', 'refund', { amount: 2 }, { status: 'expired', verdicts: yes.verdicts });
    await asked('withdrawn', 'refund', { amount: 3 }, { status: 'withdrawn' });
    await asked('approved', 'refund', { amount: 4 }, yes);
    await asked('running', 'refund', { amount: 5 }, { ...used, begun: { claimToken: 'token', atMs } });
    await asked('completed', 'refund', { amount: 6 }, { ...used, outcome: { status: 'completed', atMs } });
    await asked('failed', 'refund', { amount: 7 }, { ...used, outcome: { status: 'failed', errorCode: 'no_money', atMs } });
    await asked('unreported', 'refund', { amount: 8 }, { ...yes, consumed: { token: 'token', atMs: atMs - 7_200_000 } });
    await asked('unknown', 'refund', { amount: 9 }, used);
    const { version = 0 } = (await world.store.approvals.get(paths['unknown']?.slice(3) ?? '')) ?? {};
    expect(version).to.equal(2);
    await world.call('POST', `/v1/decision${paths['unknown']?.slice(2)}/outcome`, { token: 'token', status: 'unknown' });
    const own = await world.ask('refund', { amount: 10 }, { agent: 'agent-own', user: 'ann@acme.example' });
    paths['not yours'] = `/a/${own}`;
    for (let i = 0; i < 5; i++) await world.ask('read', { file: `f${i}`, mode: 'r' }, { agent: 'flood', user: 'lee@acme.example' });
    for (const [user, amount] of [
      ['lee', 1000],
      ['kim', 650],
      ['a-user-whose-name-is-as-long-as-names-of-users-are-anywhere', 12.5],
    ] as const)
      await world.ask('pay', { amount }, { agent: 'agent-payments', user: `${user}@acme.example` });
    await world.ask('search', {});
    paths['limit'] = `/a/${await world.ask('pay', { amount: 250 }, { agent: 'agent-payments', user: 'lee@acme.example' })}`;
    const registry = new TaskRegistry(world.tasks);
    const task = pendingTask();
    await registry.record(task);
    await registry.transition(task.taskId, ['pending'], { to: 'approved' });
    await registry.claim({ taskId: task.taskId, digest: task.digest, token: 't', nowMs: Date.now(), leaseMs: 60_000 });
    await registry.settle(task.taskId, 't', { to: 'unknown', error: { name: 'OutcomeUnknownError', message: 'it may have run' } });
  };

  /** Staged policies that differ in each way, and are held; one of them is watched. */
  const stagePolicies = async (): Promise<void> => {
    const host = new HostClient(world.origin, new SecretString('state-key-for-specs-0123456789abcdef'), {
      tenantId: 'default',
      user: 'ada',
    });
    const until = new Date(Date.now() + 3_600_000).toISOString();
    const permit = '@id("all") permit (principal, action, resource);';
    const watched = `${permit}@id("large-refunds-of-which-a-person-should-know") @effect("approval_needed") @observe("true") @observe_until("${until}") forbid (principal, action == Aegis::Action::"refund", resource);`;
    const stage = async (text: string): Promise<string> => {
      const files = [{ file: 'next.cedar', text }];
      return ((await host.ask('POST', '/v1/policies/staged', { files, sample: 1 })) as { hash: string }).hash;
    };
    const hash = await stage(watched);
    await host.ask('POST', '/v1/policies/staged/promote', { hash, min_decisions: 0 });
    await host.ask('POST', '/v1/policies/confirm', { hash });
    const next = await stage(
      `${permit}@id("no-exports-to-anywhere-outside-of-the-company") forbid (principal, action == Aegis::Action::"export", resource);`,
    );
    for (const tool of ['export', 'refund', 'read']) await world.ask(tool, { n: tool });
    await host.ask('POST', '/v1/policies/staged/promote', { hash: next, min_decisions: 0 });
  };

  it('is laid out alike on phones of 320 and of 390 pixels', () => {
    expect([sameLayout(320, 390), sameLayout(390, 1280)]).to.deep.equal([true, false]);
  });

  it('is readable in each state of an approval', async () => {
    const { high = '', critical = '', hostile = '', denied = '', limit = '', 'not yours': own = '', ...alike } = paths;
    const each = { high, critical, hostile, denied, limit, own, 'all of it': `${hostile}?all=1` };
    const opened = await world.open(ann);
    tell((await lookAt(opened, each)) + (await lookAt(opened, { ...alike, now: `${high}?now=1` }, 'two')));
  });

  it('is readable in each list', async () => {
    const lists = {
      inbox: '/inbox',
      group: '/inbox/group?agent=flood&tool=read&policies=reads',
      history: '/history',
      unknown: '/unknown',
      agents: '/agents',
      limits: '/limits',
      me: '/me',
      help: '/help',
      missing: '/a/dec_missing',
    };
    const alike = {
      'inbox all': '/inbox?tab=all',
      'inbox none': '/inbox?q=zzz',
      'inbox mine': '/inbox?tab=mine',
      'limits none': '/limits?q=zzz&near=1',
      'history wrong': '/history?since=soon',
    };
    const opened = await world.open(ann);
    tell((await lookAt(opened, lists)) + (await lookAt(opened, alike, 'two')));
  });

  it('is readable for an admin, a viewer, and who is not signed in', async () => {
    await admin.page.goto('/people');
    await admin.page.getByLabel('Name').fill('Dan');
    await admin.page.getByRole('button', { name: 'Make the invitation' }).click();
    await admin.page.getByRole('button', { name: 'Invite Dan' }).waitFor();
    let looks = await lookAt(admin, { people: '/people', person: `/people/${bob.id}` });
    looks += await lookAt(admin, { 'policies, none staged': '/policies' }, 'two');
    await stagePolicies();
    looks += await lookAt(admin, { policies: '/policies' });
    looks += await lookAt(admin, { 'me of an admin': '/me' }, 'two');
    looks += await lookAt(
      await world.open(bob),
      { 'viewer high': paths['high'] ?? '', 'viewer unknown': '/unknown', forbidden: '/people' },
      'two',
    );
    looks += await lookAt(await world.open(undefined), { signin: '/signin', bootstrap: '/bootstrap', invite: '/invite' });
    tell(looks);
  });

  it('is readable where a verdict was refused, and leads a phone everywhere', async () => {
    const { page, reports } = await world.open(ann, { viewport: { width: 320, height: 740 } });
    await page.goto(paths['high'] ?? '');
    await page.waitForTimeout(750);
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.locator('#reason-error').waitFor();
    expect(await violations(page)).to.deep.equal([]);
    await page.getByRole('link', { name: 'Ann', exact: true }).click();
    await page.waitForURL('**/me');
    expect(reports).to.deep.equal([]);
  });
});
