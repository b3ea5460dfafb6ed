import { expect } from 'chai';
import { servedInbox } from '../../support/servedInbox.js';
import type { PageAnswer, ServedInbox, SpecPerson } from '../../support/servedInbox.js';

const POLICIES = `@id("all") permit (principal, action, resource);
@id("refunds") @effect("approval_needed") @approvers("finance") @grantable("20 uses; 8h") forbid (principal, action == Aegis::Action::"refund", resource);
@id("wires") @effect("approval_needed") @approvers("finance") forbid (principal, action == Aegis::Action::"wire", resource);`;

describe('Grants behind a server', () => {
  let inbox: ServedInbox;
  let rita: SpecPerson;
  beforeEach(async () => {
    inbox = await servedInbox({ policies: { text: POLICIES } as never });
    rita = await inbox.person('Rita', { roles: ['approver'], groups: ['finance'] });
  });
  afterEach(() => inbox.close());

  const refund = (amount: number, user = 'u1') =>
    inbox.call('POST', '/v1/decision', {
      agent_id: 'bot',
      tool: { name: 'refund', params: { amount, to: 'ann' } },
      session: { user_id: user },
    });
  const effectOf = async (amount: number, user?: string): Promise<unknown> => {
    const { status, json } = await refund(amount, user);
    expect(status, JSON.stringify(json)).to.equal(200);
    return (json['final_decision'] as { effect: string }).effect;
  };
  const form = async (id: string, more: Record<string, string>): Promise<Record<string, string>> => {
    const { digest, version } = (await inbox.store.approvals.get(id)) as { digest: string; version: number };
    return { verdict: 'approve', digest, version: String(version), ...more };
  };
  const GRANT = {
    grant: 'on',
    grant_uses: '10',
    grant_hours: '1',
    grant_path_1: 'params/amount',
    grant_kind_1: 'range',
    grant_value_1: '0 to 100',
  };

  it('are proposed on the page of an approval, made by its form, and let the next ten calls run, not the eleventh', async () => {
    const id = await inbox.ask('refund', { amount: 40, to: 'ann' }, { agent: 'bot', user: 'u1' });
    const page = await rita.get(`/a/${id}`);
    expect(page.text).to.contain('Propose a grant').and.to.contain('name="grant_path_1" value="params/amount"');
    const answer = await rita.post(`/v1/approvals/${id}/verdict`, await form(id, GRANT));
    expect(answer.status, answer.text).to.equal(303);
    const effects: unknown[] = [];
    for (let i = 1; i <= 11; i++) effects.push(await effectOf(i));
    expect(effects).to.deep.equal([...Array<string>(10).fill('allow'), 'approval_needed']);
  });

  it('are proposed over HTTP, with what the approval before would have come to', async () => {
    const before = await inbox.ask('refund', { amount: 40, to: 'ann' }, { agent: 'bot', user: 'u1' });
    await rita.post(`/v1/approvals/${before}/verdict`, { ...(await form(before, {})), verdict: 'deny' });
    const id = await inbox.ask('wire', { amount: 40, to: 'ann' }, { agent: 'bot', user: 'u1' });
    const refusedBefore = await rita.get(`/v1/approvals/${before}/grant-proposal`);
    expect(refusedBefore.status, refusedBefore.text).to.equal(200);
    expect(JSON.parse(refusedBefore.text)).to.deep.include({ decision_id: before, ceiling: null, values: [] });
    expect(JSON.parse((await rita.get(`/v1/approvals/${id}/grant-proposal`)).text).why).to.contain('no @grantable');
  });

  it('are proposed with the history of exactly what they would loosen', async () => {
    const key = (await inbox.plane.createKey({ name: 'reader', scopes: ['approvals:read'] })).key.reveal();
    const send = async (path: string, body?: unknown): Promise<{ status: number; json: Record<string, any> }> => {
      const init = body === undefined ? {} : { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) };
      const headers = { 'x-api-key': key, host: 'localhost', 'content-type': 'application/json' };
      const answer = await inbox.plane.fetch(new Request(`http://localhost${path}`, { ...init, headers }));
      return { status: answer.status, json: (await answer.json()) as Record<string, any> };
    };
    const ask = (amount: number, user = 'u1'): Promise<string> => inbox.ask('refund', { amount, to: 'ann' }, { agent: 'bot', user });
    const decide = async (id: string, verdict: string) => rita.post(`/v1/approvals/${id}/verdict`, { ...(await form(id, {})), verdict });
    const [low, high] = [await ask(10), await ask(90)];
    await decide(low, 'approve');
    await decide(high, 'approve');
    await ask(30, 'u2');
    const path = `/v1/approvals/${await ask(40)}/grant-proposal`;
    const nothing = { asked: 3, covered: 0, unclear: 0, more: false, refused: [], unclear_refused: [] };
    for (const body of [undefined, {}, '']) expect((await send(path, body)).json['history']).to.deep.equal(nothing);
    const upTo = (max: number) => ({ loosen: { '/amount': { '>=': 0, '<=': max } } });
    expect((await send(path, upTo(50))).json['history']).to.deep.equal({ ...nothing, covered: 1 });
    expect((await send(path, upTo(100))).json['history']).to.deep.equal({ ...nothing, covered: 2 });
    expect((await send(path, { ...upTo(100), any_requester: true })).json['history']).to.deep.equal({ ...nothing, covered: 3 });
    for (const [what, body, status] of [
      ['a field that there is not', { loosn: {} }, 400],
      ['a term that there is not', { loosen: { '/amount': { like: '*' } } }, 400],
      ['a number without bounds', { loosen: { '/amount': 'any' } }, 400],
      ['a place that is not there', { loosen: { '/sum': 'any' } }, 400],
      ['a range without the approved value', upTo(9), 400],
      ['the user as a field', { loosen_session: { '/user_id': 'any' } }, 400],
      ['terms that are no object', { loosen: 'any' }, 400],
      ['no object', 1, 400],
      ['no JSON', '{', 400],
    ] as const)
      expect((await send(path, body)).status, what).to.equal(status);
    expect((await send('/v1/approvals/dec_none/grant-proposal', {})).status).to.equal(404);
    // what is refused keeps no params: that it was refused is said all the same
    const refused = await ask(20);
    await decide(refused, 'deny');
    const { covered, unclear, refused: known, unclear_refused: refusals } = (await send(path, upTo(50))).json['history'];
    expect({ covered, unclear, known }).to.deep.equal({ covered: 1, unclear: 1, known: [] });
    expect(refusals.map(({ decision_id: id, by }: Record<string, unknown>) => [id, by])).to.deep.equal([[refused, 'Rita']]);
  });

  const LOOSE = {
    grant: 'on',
    grant_uses: '7',
    grant_hours: '0.25',
    grant_any_requester: 'on',
    grant_path_1: 'params/amount',
    grant_kind_1: 'range',
    grant_value_1: '0 to 100',
    grant_path_2: 'params/to',
    grant_kind_2: 'in',
    grant_value_2: 'ann, "bob"',
    reason: 'ten <b>like</b> this',
  };

  /** What the form of the page sends as it is shown, with the button whose `formaction` it is. */
  const sentBy = ({ page }: PageAnswer): { readonly action: string; readonly fields: Record<string, string> } => {
    const { verdict: _buttons, ...fields } = page.fields() as Record<string, string>;
    const unticked = page.all('form input').filter((one) => one.attr('type') === 'checkbox' && one.attr('checked') === undefined);
    for (const one of unticked) delete fields[one.attr('name') ?? ''];
    for (const kind of page.all('form select').map((select) => select.attr('name') ?? '')) {
      const options = page.all(`form select#${kind} option`).filter((one) => one.attr('selected') !== undefined);
      fields[kind] = options[0]?.attr('value') ?? 'same';
    }
    delete fields['csrf'];
    return { action: page.one('button[formaction]').attr('formaction')?.replace('#grant', '') ?? '', fields };
  };

  it('are counted again on the page with what was loosened, with all that was typed kept, and nothing recorded', async () => {
    const ask = (amount: number, user = 'u1', to = 'ann'): Promise<string> => inbox.ask('refund', { amount, to }, { agent: 'bot', user });
    for (const amount of [10, 90]) {
      const id = await ask(amount);
      await rita.post(`/v1/approvals/${id}/verdict`, await form(id, {}));
    }
    await ask(30, 'u2', 'bob');
    const id = await ask(40);
    const before = await inbox.store.approvals.get(id);
    const shown = await rita.get(`/a/${id}`);
    expect(shown.page.text('details#grant'))
      .to.contain('Of 3 calls of this agent and tool in the last 30 days, 0 had the same params as this one')
      .and.to.contain('The figures are about this call with nothing loosened.');
    expect(shown.page.one('details#grant').attr('open')).to.equal(undefined);
    const { action, fields } = sentBy(shown);
    expect(action).to.equal(`/a/${id}/grant-preview`);
    const params = { ...fields, ...LOOSE, grant_any_requester: '' };
    const counts: readonly (readonly [Record<string, string>, number, string])[] = [
      [{ ...params, grant_kind_2: 'same', grant_value_1: '0 to 50' }, 1, 'params/amount a number >= 0, <= 50.'],
      [{ ...params, grant_kind_2: 'same' }, 2, 'params/amount a number >= 0, <= 100.'],
      [{ ...fields, ...LOOSE }, 3, 'params/to one of "ann", "bob"; calls of every user.'],
    ];
    let counted = shown;
    for (const [typed, covered, what] of counts) {
      counted = await rita.post(action, typed);
      expect(counted.status, counted.text).to.equal(200);
      expect(counted.page.text('details#grant'))
        .to.contain(`Of 3 calls of this agent and tool in the last 30 days, a grant with what you loosened would have covered ${covered},`)
        .and.to.contain(what)
        .and.to.contain('The figures are about what you had loosened when you last counted.');
    }
    expect(counted.page.one('details#grant').attr('open')).to.equal('');
    expect(counted.text).not.to.contain('<b>like</b>');
    const kept = sentBy(counted);
    expect(kept.fields).to.include(LOOSE);
    expect(await inbox.store.approvals.get(id)).to.deep.equal(before);
    expect((await rita.get('/grants?all=1')).text).to.contain('There is none');
    // what is shown is what is sent, and needs no count of its own
    const more = { ...kept.fields, verdict: 'approve', grant_value_1: '0 to 60' };
    expect((await rita.post(`/v1/approvals/${id}/verdict`, more)).status).to.equal(303);
    expect([await effectOf(60, 'u3'), await effectOf(61)]).to.deep.equal(['allow', 'approval_needed']);
    const late = await rita.post(action, { ...fields, ...LOOSE });
    expect([late.status, late.page.all('details#grant').length]).to.deep.equal([200, 0]);
    expect(late.text).to.contain('Approved by').and.not.to.contain('was not recorded');
  });

  const ungrantable: readonly (readonly [what: string, fields: Record<string, string>, says: string])[] = [
    ['a range that is none', { grant_value_1: 'few' }, 'params/amount: a range is two numbers'],
    ['a range without the approved value', { grant_value_1: '0 to 39' }, 'does not cover the value in the approved call'],
    ['a number without bounds', { grant_kind_1: 'any' }, 'is a number, which takes a range'],
    ['a kind that there is not', { grant_kind_1: 'like' }, 'params/amount: a value may be same'],
    ['a list without the approved value', { grant_value_2: 'bob' }, 'does not cover the value in the approved call'],
    ['a value that is not there', { grant_path_1: 'params/\u202esum' }, 'RLO'],
  ];
  for (const [what, fields, says] of ungrantable)
    it(`say at the form why there can be none with ${what}, when it is counted and when it is sent, and keep what was typed`, async () => {
      const id = await inbox.ask('refund', { amount: 40, to: 'ann' }, { agent: 'bot', user: 'u1' });
      const before = await inbox.store.approvals.get(id);
      const sent = { ...sentBy(await rita.get(`/a/${id}`)).fields, ...LOOSE, ...fields };
      for (const [path, more] of [
        [`/a/${id}/grant-preview`, {}],
        [`/v1/approvals/${id}/verdict`, { verdict: 'approve' }],
      ] as const) {
        const { status, page } = await rita.post(path, { ...sent, ...more });
        expect(status, path).to.equal(400);
        expect(page.text('details#grant #grant-error'), path).to.contain(says);
        expect(page.text('details#grant')).to.contain('The figures are about this call with nothing loosened.');
        expect([page.one('details#grant').attr('open'), page.text('textarea')]).to.deep.equal(['', LOOSE.reason]);
        expect(page.fields()).to.include({ grant_uses: '7', grant_hours: '0.25' });
        if (!('grant_path_1' in fields)) expect(page.fields()['grant_value_1']).to.equal(sent.grant_value_1);
      }
      expect(await inbox.store.approvals.get(id)).to.deep.equal(before);
    });

  it('are counted for approvers, for what is on the page now, and by a form of this page alone', async () => {
    const id = await inbox.ask('refund', { amount: 40, to: 'ann' }, { agent: 'bot', user: 'u1' });
    const path = `/a/${id}/grant-preview`;
    const { fields } = sentBy(await rita.get(`/a/${id}`));
    const viewer = await inbox.person('Vera', { roles: ['viewer', 'admin', 'auditor'] });
    expect((await viewer.post(path, { ...fields, ...LOOSE })).status).to.equal(403);
    for (const more of [{ digest: 'f'.repeat(64) }, { version: '2' }, { version: '' }]) {
      const { status, page } = await rita.post(path, { ...fields, ...LOOSE, ...more });
      expect([status, page.text('#grant-error')], JSON.stringify(more)).to.deep.equal([409, 'Changed since you opened this. Read again.']);
      expect(page.fields()).to.include({ digest: fields['digest'], version: fields['version'], grant_value_1: '0 to 100' });
    }
    for (const more of [{ verdict: 'approve' }, { edit: '{}' }, { other: '1' }])
      expect((await rita.post(path, { ...fields, ...more })).status, JSON.stringify(more)).to.equal(400);
    expect((await rita.post('/a/dec_none/grant-preview', fields)).status).to.equal(404);
    const other = await inbox.person('Olaf', { roles: ['approver'], groups: [] });
    expect((await other.post(path, { ...fields, ...LOOSE })).page.text('.decide')).to.contain('Not yours to decide');
    const wire = await inbox.ask('wire', { amount: 40 }, { agent: 'bot', user: 'u1' });
    const ungranted = await rita.post(`/a/${wire}/grant-preview`, { ...(await form(wire, {})), verdict: '' });
    expect(ungranted.status).to.equal(400);
    const { verdict: _verdict, ...shown } = await form(wire, LOOSE);
    const none = await rita.post(`/a/${wire}/grant-preview`, shown);
    expect([none.status, none.page.all('details#grant').length]).to.deep.equal([200, 0]);
  });

  it('keep what was typed where another field is wrong', async () => {
    await inbox.close();
    inbox = await servedInbox({ policies: { text: POLICIES.replace('@grantable', '@severity("high") @grantable') } as never });
    rita = await inbox.person('Rita', { roles: ['approver'], groups: ['finance'] });
    const id = await inbox.ask('refund', { amount: 40, to: 'ann' }, { agent: 'bot', user: 'u1' });
    const { fields } = sentBy(await rita.get(`/a/${id}`));
    const answer = await rita.post(`/v1/approvals/${id}/verdict`, { ...fields, ...LOOSE, reason: '', verdict: 'approve' });
    expect([answer.status, answer.page.text('#reason-error')]).to.deep.equal([
      422,
      'This approval takes a reason. Write why you approve it.',
    ]);
    const { reason: _reason, ...grant } = LOOSE;
    expect(sentBy(answer).fields).to.include(grant);
  });

  it('name themselves in the answer, are not replayed, and cover no other user', async () => {
    const id = await inbox.ask('refund', { amount: 40, to: 'ann' }, { agent: 'bot', user: 'u1' });
    await rita.post(`/v1/approvals/${id}/verdict`, await form(id, GRANT));
    const { json } = await refund(5);
    expect((json['final_decision'] as Record<string, unknown>)['grant_id']).to.match(/^grt_[0-9a-f]{32}$/);
    expect(await effectOf(5, 'u2')).to.equal('approval_needed');
    expect(await effectOf(101)).to.equal('approval_needed');
  });

  it('are shown and revoked on their page, by who approves, and then cover nothing', async () => {
    const id = await inbox.ask('refund', { amount: 40, to: 'ann' }, { agent: 'bot', user: 'u1' });
    await rita.post(`/v1/approvals/${id}/verdict`, await form(id, GRANT));
    const viewer = await inbox.person('Vera', { roles: ['viewer'] });
    const [, grantId] = /id="(grt_[0-9a-f]+)"/.exec((await rita.get('/grants')).text) ?? [];
    expect((await viewer.get('/grants')).text)
      .to.contain(grantId)
      .and.not.to.contain('/revoke');
    expect((await viewer.post(`/v1/grants/${grantId}/revoke`, {})).status).to.equal(403);
    expect(await effectOf(1)).to.equal('allow');
    expect((await rita.post(`/v1/grants/${grantId}/revoke`, { reason: 'enough' })).status).to.equal(303);
    expect(await effectOf(1)).to.equal('approval_needed');
    expect((await rita.get('/grants')).text).to.contain('There is none');
    expect((await rita.get('/grants?all=1')).text)
      .to.contain('enough')
      .and.to.contain('revoked');
    expect((await rita.get('/grants?all=1')).page.text('section.card')).to.match(/Revoked by Rita .*enough/);
    const activity = (await rita.get(`/a/${id}`)).page.text('.log');
    expect(activity).to.match(/Rita approved.*, and made a grant/);
    expect((await rita.post('/v1/grants/grt_none/revoke', {})).status).to.equal(404);
  });

  it('end with the rights of who made them, and stay ended where these come back', async () => {
    const id = await inbox.ask('refund', { amount: 40, to: 'ann' }, { agent: 'bot', user: 'u1' });
    await rita.post(`/v1/approvals/${id}/verdict`, await form(id, GRANT));
    expect(await effectOf(1)).to.equal('allow');
    await inbox.identity.people.change(rita.id, { groups: [] }, 'host:spec');
    await new Promise((done) => setTimeout(done, 600));
    expect(await effectOf(2)).to.equal('approval_needed');
    await inbox.identity.people.change(rita.id, { groups: ['finance'] }, 'host:spec');
    await new Promise((done) => setTimeout(done, 600));
    expect(await effectOf(3)).to.equal('approval_needed');
  });

  it('are not proposed where a policy does not allow them, and not made', async () => {
    const id = await inbox.ask('wire', { amount: 40 }, { agent: 'bot' });
    expect((await rita.get(`/a/${id}`)).text).not.to.contain('Propose a grant');
    expect((await rita.post(`/v1/approvals/${id}/verdict`, await form(id, GRANT))).status).to.equal(403);
    expect((await inbox.store.approvals.get(id))?.status).to.equal('pending');
  });

  for (const longest of ['1s', '90s', '10m', '100m', '7h', '29d'])
    it(`are made by the form as the page fills it in, where they are for ${longest} at most`, async () => {
      await inbox.close();
      inbox = await servedInbox({ policies: { text: POLICIES.replace('20 uses; 8h', `20 uses; ${longest}`) } as never });
      rita = await inbox.person('Rita', { roles: ['approver'], groups: ['finance'] });
      const id = await inbox.ask('refund', { amount: 40, to: 'ann' }, { agent: 'bot', user: 'u1' });
      const { text } = await rita.get(`/a/${id}`);
      const [field = ''] = /<input type="number" id="grant_hours"[^>]*>/.exec(text) ?? [];
      const hoursOf = (name: string): string => new RegExp(`${name}="([^"]*)"`).exec(field)?.[1] ?? '';
      expect(Number(hoursOf('min'))).to.be.at.most(Number(hoursOf('value')));
      expect(hoursOf('step')).to.equal('any');
      const most = { ...GRANT, grant_hours: hoursOf('max') };
      expect(most.grant_hours).to.have.lengthOf.at.most(8);
      const answer = await rita.post(`/v1/approvals/${id}/verdict`, await form(id, { ...GRANT, grant_hours: hoursOf('value') }));
      expect(answer.status, answer.text).to.equal(303);
      const other = await inbox.ask('refund', { amount: 41, to: 'bob' }, { agent: 'bot', user: 'u1' });
      expect((await rita.post(`/v1/approvals/${other}/verdict`, await form(other, most))).status).to.equal(303);
    });

  const bad: readonly (readonly [what: string, fields: Record<string, string>])[] = [
    ['more uses than allowed', { grant_uses: '21' }],
    ['no number of uses', { grant_uses: 'x' }],
    ['too many hours', { grant_hours: '9' }],
    ['no hours', { grant_hours: '' }],
    ['a range that is none', { grant_value_1: '0' }],
    ['another way to differ', { grant_kind_1: 'like' }],
    ['any number', { grant_kind_1: 'any' }],
    ['a value that is not there', { grant_path_1: 'params/other' }],
    ['a range without the approved value', { grant_value_1: '0..39' }],
    ['a list without it', { grant_kind_1: 'in', grant_value_1: '1, 2' }],
  ];
  it(`are made of nothing else: ${bad.length} forms`, async () => {
    const id = await inbox.ask('refund', { amount: 40, to: 'ann' }, { agent: 'bot', user: 'u1' });
    for (const [what, fields] of bad) {
      const { status } = await rita.post(`/v1/approvals/${id}/verdict`, await form(id, { ...GRANT, ...fields }));
      expect([400, 422], what).to.include(status);
    }
    expect((await inbox.store.approvals.get(id))?.status).to.equal('pending');
  });

  it('keep no one from a no, also where the form of one cannot be read', async () => {
    for (const [i, [what, fields]] of bad.entries()) {
      const id = await inbox.ask('refund', { amount: 40 + i, to: 'ann' }, { agent: 'bot', user: 'u1' });
      const answer = await rita.post(`/v1/approvals/${id}/verdict`, { ...(await form(id, { ...GRANT, ...fields })), verdict: 'deny' });
      expect(answer.status, what).to.equal(303);
      expect((await inbox.store.approvals.get(id))?.status, what).to.equal('denied');
    }
    expect(JSON.parse((await rita.get('/v1/grants')).text)).to.deep.equal({ grants: [] });
  });
});
