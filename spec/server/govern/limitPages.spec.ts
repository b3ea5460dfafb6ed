import { expect } from 'chai';
import { PLAIN_CLIENT } from '../../support/plainClient.js';
import { diagnosed } from '../../support/diagnosed.js';
import { servedInbox } from '../../support/servedInbox.js';
import type { ServedInbox, SpecPerson } from '../../support/servedInbox.js';
import { parsed, visibleText } from '../../support/pageText.js';
import type { Role } from '../../../lib/server/people/Person.js';

const SOON = new Date(Date.now() + 3_600_000).toISOString();
const text = `@id("all") permit (principal, action, resource);
@id("budget") @effect("limit") @limit("1000/1d by agent,session/user_id") @cost("/cents") @over("approval_needed") @warn_at("60") @approvers("finance")
forbid (principal, action == Aegis::Action::"refund", resource);
@id("asks") @effect("approval_needed") forbid (principal, action == Aegis::Action::"refund", resource) when { context.input has careful };
@id("searches") @effect("limit") @limit("4/2h sliding by tenant,tool") forbid (principal, action == Aegis::Action::"search", resource);
@id("watched") @effect("limit") @limit("0/90m by agent") @observe("true") @observe_until("${SOON}") forbid (principal, action == Aegis::Action::"refund", resource);
@id("one") @effect("limit") @limit("1/45s by agent") forbid (principal, action == Aegis::Action::"never", resource);`;

const textOf = (page: string): string => visibleText(parsed(page.replace(/^[^]*<main/, '<main'))).replaceAll(/\s+/g, ' ');

describe('The page of limits', () => {
  let inbox: ServedInbox;
  const people: Partial<Record<Role, SpecPerson>> = {};
  beforeEach(async () => {
    inbox = await servedInbox({ policies: { text } } as object);
    for (const role of ['viewer', 'approver', 'auditor', 'admin'] as const)
      people[role] = await inbox.person(`Someone ${role}`, { roles: [role], groups: role === 'approver' ? ['finance'] : [] });
  });
  afterEach(() => inbox.close());

  const as = (role: Role): SpecPerson => people[role] as SpecPerson;
  const call = async (tool: string, params: object, user = 'ann', agent = 'bot'): Promise<{ effect: unknown; id: string }> => {
    const { json } = await inbox.call('POST', '/v1/decision', {
      agent_id: agent,
      tool: { name: tool, params },
      session: { user_id: user },
    });
    return { effect: (json['final_decision'] as { readonly effect: string }).effect, id: String(json['decision_id']) };
  };
  /** By a client that uses its approvals up: a call counts when it runs. */
  const asked = async (params: object): Promise<string> => {
    const key = (await inbox.plane.createKey({ name: 'new', scopes: ['decide'], sessionTrusted: true })).key.reveal();
    const capabilities = { 'x-aegis-capabilities': PLAIN_CLIENT.join(','), 'x-aegis-binding': 'b'.repeat(64) };
    const headers = { 'x-api-key': key, host: 'localhost', 'content-type': 'application/json', ...capabilities };
    const body = JSON.stringify({ agent_id: 'bot', tool: { name: 'refund', params }, session: { user_id: 'ann' } });
    const answer = await inbox.plane.fetch(new Request('http://localhost/v1/decision', { method: 'POST', headers, body }));
    return ((await answer.json()) as { readonly decision_id: string }).decision_id;
  };
  const seen = async (path: string, role: Role = 'viewer'): Promise<string> => {
    const { status, text: body } = await as(role).get(path);
    expect(status, path).to.equal(200);
    return textOf(body);
  };

  it('says which limits there are before anything was counted, to every role', async () => {
    for (const role of ['viewer', 'approver', 'auditor', 'admin'] as const) {
      const page = await seen('/limits', role);
      expect(page, role).to.contain('No call was counted in a window that is not over.').and.to.contain('Nothing counted yet');
    }
    const page = await seen('/limits');
    expect(page)
      .to.contain(
        'budget 1,000 of /cents each day by the clock (UTC), counted for each agent, session/user_id; for more, a person is asked.',
      )
      .and.to.contain('Nearly used up from 60 % on.')
      .and.to.contain('searches 4 calls in any 2 hours, counted for each tenant, tool; what is more is denied.')
      .and.to.contain('watched 0 calls each 90 minutes by the clock (UTC), counted for each agent; what is more runs too, and is noted.')
      .and.to.contain('one 1 call each 45 seconds by the clock (UTC)');
    expect((await as('viewer').get('/inbox')).text).to.contain('href="/limits"');
  });

  it('says so where no policy is a limit', async () => {
    const other = await servedInbox();
    try {
      const page = await (await other.person('Ann')).get('/limits');
      expect(textOf(page.text)).to.contain('No policy is a limit.');
    } finally {
      await other.close();
    }
  });

  it('shows what was counted, what is used up first, with a bar and when it is free again', async () => {
    await call('refund', { cents: 1000 });
    await call('refund', { cents: 650 }, '<b>bob</b>');
    await call('search', {});
    const { text: body } = await as('viewer').get('/limits');
    expect(body).not.to.contain('<b>bob');
    const shown = textOf(body);
    expect(shown.indexOf('budget')).to.be.lessThan(shown.indexOf('searches'));
    expect(shown).to.contain('1 used up').and.to.contain('1 nearly').and.to.contain('only watched').and.to.contain('Nothing counted yet');
    expect(shown).to.match(/agent bot session\/user_id ann 100 % 1,000 of 1,000 used up ?Free again at \d{4}-\d\d-\d\d 00:00:00 UTC/);
    expect(body).to.match(/<progress class="full" max="1000" value="1000">100 %<\/progress>/);
    expect(body).to.match(/<progress class="near" max="1000" value="650">65 %<\/progress>/);
    expect(body).to.match(/<progress class="free" max="4" value="1">25 %<\/progress>/);
    // more than its limit, of which there is nothing
    expect(body).to.match(/<progress class="full" max="2" value="1">100 %<\/progress>/);
  });

  it('shows what is asked for', async () => {
    await call('refund', { cents: 1000 });
    await call('refund', { cents: 10 }, 'bob');
    await call('search', {});
    const near = await seen('/limits?near=1');
    expect(near).to.contain('ann').and.not.to.contain('bob').and.not.to.contain('Nothing counted yet');
    expect(await seen('/limits?q=BOB'))
      .to.contain('bob')
      .and.not.to.contain('ann');
    expect(await seen('/limits?q=searches'))
      .to.contain('searches')
      .and.not.to.contain('budget');
    expect(await seen('/limits?q=nothing-like-this')).to.contain('Nothing that is counted is like this.');
    expect((await as('viewer').get('/limits?q=%22%3E%3Cscript%3E')).text).not.to.contain('"><script>');
  });

  it('shows what a limit has counted whose policy is gone', async () => {
    await inbox.store.approvals.counters?.take({
      token: 't',
      takes: [
        { key: 'k', cost: 10_000, limit: 20_000, windowMs: 60_000, kind: 'fixed', label: '{"policyId":"gone","by":{"agent":"old"}}' },
      ],
    });
    expect(await seen('/limits')).to.contain('No policy in force has this id');
  });

  it('says so where there are more than are looked at', async () => {
    const { counters } = inbox.store.approvals;
    const take = (i: number) => ({
      key: `k${i}`,
      cost: 1,
      limit: 2,
      windowMs: 60_000,
      kind: 'fixed' as const,
      label: '{"policyId":"many","by":{}}',
    });
    for (let i = 0; i < 199; i++) await counters?.take({ token: `t${i}`, takes: [take(i)] });
    expect(await seen('/limits')).not.to.contain('These are the 200 fullest.');
    await counters?.take({ token: 'last', takes: [take(199)] });
    expect(await seen('/limits')).to.contain('These are the 200 fullest.');
  });

  describe('and the page of an approval', () => {
    it('shows the limit that asked, and how much is used with the call and without it', async () => {
      expect((await call('refund', { cents: 900.5 })).effect).to.equal('allow');
      const { effect, id } = await call('refund', { cents: 200 });
      expect(effect).to.equal('approval_needed');
      const page = await seen(`/a/${id}`, 'approver');
      expect(page)
        .to.contain('Limits a person is asked because of one')
        .and.to.contain('budget asks, because the limit is reached')
        .and.to.contain('900.5 of 1,000 used beside this call; 1,100.5 with this call')
        // its client cannot use up approvals
        .and.to.contain('This call is counted already, and given back where it does not run.')
        .and.to.contain('watched over, but only watched');
      expect((await as('approver').get(`/a/${id}`)).text).to.contain('href="/limits?q=budget"');
      // the program of the agent learns no numbers
      const { json } = await inbox.call('GET', `/v1/decision/${id}/status`);
      expect(JSON.stringify(json)).not.to.match(/900|1100|1000/);
    });

    it('shows what counts when it runs, and that it does not fit any longer; nothing once it was decided against', async () => {
      const id = await asked({ cents: 300, careful: true });
      expect(await seen(`/a/${id}`, 'approver'))
        .to.contain('Limits it counts when it runs')
        .and.to.contain('0 of 1,000 used; 300 with this call')
        .and.not.to.contain('does not fit now');
      expect((await call('refund', { cents: 800 })).effect).to.equal('allow');
      expect(await seen(`/a/${id}`, 'approver'))
        .to.contain('budget does not fit now')
        .and.to.contain('800 of 1,000 used; 1,100 with this call');
      const digest = (await inbox.store.approvals.get(id))?.digest ?? '';
      expect((await as('approver').post(`/v1/approvals/${id}/verdict`, { verdict: 'deny', digest, reason: 'no' })).status).to.be.lessThan(
        400,
      );
      expect((await as('approver').get(`/a/${id}`)).text).not.to.contain('id="limits"');
    });

    it('says nothing of limits where none counts the call, or where they cannot be read', async () => {
      const { id } = await call('refund', { cents: 300, careful: true });
      const { counters } = inbox.store.approvals;
      const reports = await diagnosed(async () => {
        Object.defineProperty(counters, 'peek', {
          value: () => {
            throw new Error('no store');
          },
        });
        const page = await as('approver').get(`/a/${id}`);
        expect([page.status, page.text.includes('id="limits"')]).to.deep.equal([200, false]);
      });
      expect(JSON.stringify(reports)).to.contain('reading the limits of an approval');
      const other = await servedInbox();
      try {
        const ann = await other.person('Ann');
        expect((await ann.get(`/a/${await other.ask('read', {})}`)).text).not.to.contain('id="limits"');
      } finally {
        await other.close();
      }
    });
  });
});
