// The pages that control many agents, as people see them: halts, grants, edits, several people, hidden values, and what each leaves behind.
import { expect } from 'chai';
import type { Browser } from 'playwright-core';
import { AegisModule, guard, isPending } from '../../lib/index.js';
import type { Guarded } from '../../lib/index.js';
import type { Sensitive } from '../../lib/model/sensitive/Sensitive.js';
import type { SpecPerson } from '../support/servedInbox.js';
import { hasBrowser, openBrowser } from './browser.js';
import type { PageReports } from './browser.js';
import { inboxWorld, signUp, withAuthenticator } from './inboxWorld.js';
import type { InboxWorld } from './inboxWorld.js';
import { lookAt, lookAtThis, tell } from './lookAt.js';

const POLICIES = `@id("all") permit (principal, action, resource);
@id("large-refunds") @effect("approval_needed") @severity("medium") @reason("Refunds over 100 need a person")
@grantable("10 uses; 8h") @editable("/amount, /note, /urgent") @editor_may_approve("true")
forbid (principal, action == Aegis::Action::"refund", resource);
@id("payments") @effect("approval_needed") @severity("high") @approvers("finance-leads") @quorum("3") @reason("Payments take three finance leads")
forbid (principal, action == Aegis::Action::"pay", resource);
@id("payments-of-a-kind-that-legal-reads-first") @effect("approval_needed") @approvers("legal, compliance") @distinct("true") @escalate("900: cfo")
forbid (principal, action == Aegis::Action::"pay", resource);`;
const LONG = 'an-agent-whose-name-is-as-long-as-names-of-agents-are-anywhere-in-a-large-company';

describe('Pages of control in a browser', function () {
  this.timeout(60_000);
  let browser: Browser;
  let world: InboxWorld;
  let admin: PageReports;
  let ann: SpecPerson;
  let module: AegisModule | undefined;

  before(async function () {
    if (!hasBrowser) this.skip();
    browser = await openBrowser();
    world = await inboxWorld(browser, POLICIES);
    admin = await world.open(undefined);
    await withAuthenticator(admin);
    await signUp(world, admin.page, 'Eve');
    ann = await world.person('Ann', { groups: ['finance-leads', 'legal'] });
  });
  after(async () => {
    await module?.close();
    await world?.close();
  });

  const refund = async (note: string, agent = 'support-agent'): Promise<string> =>
    world.ask('refund', { order: 'A-1043', amount: 250, urgent: false, note, to: { mail: 'ann@acme.example' } }, { agent, user: 'lee' });

  it('are readable with grants: proposed, counted again, made, used up and taken back', async () => {
    const { page } = admin;
    const made: string[] = [];
    for (const note of ['Arrived broken.', 'The kettle is recalled; the customer sent it back, and wrote a long letter about it.']) {
      const id = await refund(note);
      await page.goto(`/a/${id}`);
      await page.getByText('Propose a grant').click();
      if (made.length === 0) tell(await lookAtThis(admin, 'a grant proposed', 'each'));
      await page.getByLabel('Approve, and make this grant').check();
      await page.getByLabel('How it may differ').nth(1).selectOption('range');
      await page.getByLabel('Which values').nth(1).fill('0 to 300');
      if (made.length === 1) {
        await page.getByRole('textbox', { name: /^Reason/ }).fill('Ten like this.');
        await page.locator('#grant_uses').fill('7');
        // its value is not one that the form may send with a yes
        await page.getByLabel('Hours').fill('99');
        await page.getByRole('button', { name: 'Count again' }).click();
        await page.getByText('Counted with what you loosened: params/amount a number >= 0, <= 300.').waitFor();
        expect(new URL(page.url()).hash).to.equal('#grant');
        expect(await page.locator('#grant').textContent()).to.contain('Of 1 call of this agent and tool');
        tell(await lookAtThis(admin, 'a grant counted again', 'each'));
        expect(await page.getByRole('textbox', { name: /^Reason/ }).inputValue()).to.equal('Ten like this.');
        expect(await page.locator('#grant_uses').inputValue()).to.equal('7');
        await page.getByLabel('Hours').fill('1');
      }
      await page.waitForTimeout(750);
      await page.getByRole('button', { name: 'Approve' }).click();
      await page.getByRole('heading', { name: 'Approved by Eve' }).waitFor();
      made.push(id);
    }
    expect(await page.locator('.log').textContent()).to.contain('Eve approved, signed with a passkey, and made a grant');
    await page.getByRole('link', { name: 'a grant' }).click();
    await page.getByRole('heading', { name: 'Grants' }).waitFor();
    await page.locator('form.fields').last().getByLabel('Reason').fill('wrong order');
    await page.getByRole('button', { name: 'Revoke' }).last().click();
    await page.waitForURL('**/grants');
    expect(await page.locator('.card').textContent()).to.contain('params/amounta number >= 0, <= 300');
    await page.goto('/grants?all=1');
    expect(await page.locator('main').textContent()).to.match(/Revoked by Eve .*wrong order/);
    let looks = await lookAt(admin, { grants: '/grants?all=1', 'approved with a grant': `/a/${made[1]}` }, 'two');
    const viewer = await world.open(await world.person('Vera', { roles: ['viewer'] }));
    looks += await lookAt(viewer, { 'grants, read only': '/grants', 'grants, none': '/grants?x=1' }, 'two');
    tell(looks);
  });

  it('are readable with an edit: typed, shown before it is recorded, and recorded', async () => {
    const { page } = admin;
    const apiKey = (await world.plane.createKey({ name: 'agent', scopes: ['decide'], sessionTrusted: true })).key.reveal();
    module = AegisModule.create({ agentId: 'bot', baseUrl: world.origin, apiKey });
    const call = guard(
      async (amount: number, note: string, urgent: boolean): Promise<Guarded<string>> => `refunded ${amount}: ${note}, ${urgent}`,
      { toolName: 'refund', params: ['amount', 'note', 'urgent'], module },
    );
    const pending = await call(250, 'two\nlines', false);
    if (!isPending(pending)) throw new Error('it did not wait');
    const id = pending.decisionId;
    await page.goto(`/a/${id}`);
    await page.getByLabel('/amount').fill('200');
    await page.getByLabel('/urgent').selectOption('true');
    await page.getByRole('button', { name: 'Show the edited call' }).click();
    await page.getByText('This is the call as you edited it.').waitFor();
    let looks = await lookAtThis(admin, 'an edit shown', 'two');
    await page.waitForTimeout(750);
    await page.getByRole('button', { name: 'Only save the edit' }).click();
    await page.getByText('Eve edited').waitFor();
    looks += await lookAt(admin, { 'an edit recorded': `/a/${id}` }, 'two');
    tell(looks);
  });

  it('are readable with several people, hidden values, and what has ended', async () => {
    const id = await world.ask('pay', { amount: 250_000, account: 'DE89 3704 0044 0532 0130 00' }, { user: 'lee' });
    const { page, ...opened } = await world.open(ann);
    await page.goto(`/a/${id}`);
    await page.getByLabel('Reason').fill('checked with the bank');
    await page.getByLabel(/^Type/).fill((await world.store.approvals.get(id))?.digest.slice(0, 4) ?? '');
    await page.waitForTimeout(750);
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByRole('heading', { name: 'You said yes' }).waitFor();
    let looks = await lookAt({ page, ...opened }, { 'a quorum, one of three': `/a/${id}` }, 'two');
    const hidden: Sensitive = {
      '/account': { approver: 'last4', log: 'hidden', model: 'hidden', audit: 'hidden' },
      '/to/name': { approver: 'hidden', log: 'hidden', model: 'hidden', audit: 'hidden' },
    };
    const body = { agent_id: 'bot', tool: { name: 'pay', params: { amount: 5, account: 'DE89 3704 0044', to: { name: 'Dana' } } } };
    const { json } = await world.call('POST', '/v1/decision', { ...body, session: { user_id: 'lee' }, sensitive: hidden });
    looks += await lookAt(admin, { 'hidden values': `/a/${json['decision_id'] as string}` }, 'two');
    const bob = await world.open(await world.person('Bob', { groups: ['finance-leads'] }));
    looks += await lookAt(bob, { 'a quorum, two to come': `/a/${id}`, 'hidden values': `/a/${json['decision_id'] as string}` }, 'two');
    tell(looks);
  });

  it('are readable with halts, on every page, and lifted with a passkey', async () => {
    const { page } = admin;
    const id = await refund('Late.', LONG);
    const halt = async (fields: Readonly<Record<string, string>>): Promise<void> => {
      await page.goto('/halts');
      for (const [label, value] of Object.entries(fields)) await page.getByLabel(label, { exact: true }).fill(value);
      await page.getByLabel('Reason').last().fill('it refunds everything, and we do not know why');
      await page.getByRole('button', { name: 'Halt', exact: true }).click();
      await page.waitForURL('**/halts');
    };
    let looks = await lookAt(admin, { 'halts, none': '/halts' }, 'two');
    await halt({ Agent: LONG });
    await halt({ Tool: 'mail.send', 'Group of tools': 'outbound' });
    const pages = {
      halts: '/halts?all=1',
      'an approval, halted': `/a/${id}`,
      'inbox, halted': '/inbox?tab=all',
      'agents, halted': '/agents',
      'audit, none': '/audit',
    };
    looks += await lookAt(admin, pages, 'two');
    expect(await page.locator('.banner').textContent()).to.equal(`Halted: agent ${LONG}; tool mail.send, group outbound. See the halts`);
    await page.goto(`/a/${id}`);
    expect(await page.locator('main .notice.danger').textContent())
      .to.contain(`Halted`)
      .and.to.contain('until the halt is lifted');
    expect(await page.locator('.decide').textContent()).to.contain('the call runs once it is no longer halted');
    await page.goto('/halts');
    const card = page.locator('section.card', { hasText: LONG });
    await card.getByLabel('Why it may go on').fill('fixed');
    await card.getByRole('button', { name: 'Lift' }).click();
    await page.getByRole('button', { name: 'Lift the halt' }).waitFor();
    looks += await lookAtThis(admin, 'lifting', 'two');
    await page.getByRole('button', { name: 'Lift the halt' }).click();
    await page.waitForURL('**/halts');
    await page.goto('/halts?all=1');
    expect(await page.locator('section.card', { hasText: LONG }).textContent()).to.match(/Ordered by Eve .*Lifted by Eve .*fixed/s);
    const phone = await world.open(ann, { viewport: { width: 390, height: 740 } });
    await phone.page.goto('/halts');
    const place = await phone.page.locator('.top nav [aria-current]').boundingBox();
    expect(place?.x).to.be.within(0, 390 - (place?.width ?? 390));
    const approver = await world.open(ann);
    looks += await lookAt(approver, { 'halts of an approver': `/halts?agent=${LONG}` }, 'two');
    tell(looks);
  });
});
