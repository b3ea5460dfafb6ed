import { expect } from 'chai';
import { TaskRegistry } from '../../../lib/approval/task/TaskRegistry.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { pendingTask } from '../../support/tasks.js';
import { servedInbox } from '../../support/servedInbox.js';
import type { ServedInbox, SpecPerson } from '../../support/servedInbox.js';

/** Lists are in the order of milliseconds: what is asked in the same one comes in the order of its random ids. */
const nextMs = async (): Promise<void> => {
  for (const now = Date.now(); Date.now() === now;) await new Promise(setImmediate);
};

describe('The pages of the inbox', () => {
  let inbox: ServedInbox;
  let lead: SpecPerson;
  let other: SpecPerson;
  beforeEach(async () => {
    inbox = await servedInbox();
    lead = await inbox.person('Ann', { groups: ['finance-leads'], userIds: ['ann@acme.example'] });
    other = await inbox.person('Bob');
  });
  afterEach(() => inbox.close());

  it('lead to the inbox from the root, and to the sign-in page without a session', async () => {
    expect((await lead.get('/')).location).to.equal('/inbox');
    const answer = await inbox.plane.fetch(new Request('http://localhost/inbox', { headers: { host: 'localhost' } }));
    expect([answer.status, answer.headers.get('location')]).to.deep.equal([303, '/signin?next=%2Finbox']);
  });

  it('name the person, the pages and what waits, and have nothing that runs but our scripts', async () => {
    await inbox.ask('refund', { amount: 1 });
    const { page, text } = await lead.get('/inbox');
    expect(page.text('.top')).to.contain('Aegis').and.contain('Ann').and.contain('Unknown outcomes').and.not.contain('People');
    expect(page.one('[data-live]').attr('data-live')).to.equal('1');
    expect(page.all('[aria-current]').map((link) => link.text)).to.deep.equal(['Inbox', 'For me 1']);
    expect(page.all('dialog kbd')).to.have.length.above(10);
    expect(text).to.not.match(/<script(?![^>]*src=)|style=|<[^>]+ on\w+=/);
    const admin = await inbox.person('Eve', { roles: ['admin'] });
    expect((await admin.get('/help')).page.text('.top')).to.contain('People');
  });

  it('show nothing of what agents ask to who has no role, such as someone who came by an invitation and was not confirmed', async () => {
    const id = await inbox.ask('read', { path: '/etc/secret' });
    const nobody = await inbox.person('Nob', { roles: [] });
    const readings = ['/inbox', '/inbox?tab=all', `/a/${id}`, `/a/${id}?all=1`, '/inbox/group?agent=bot&tool=read&policies=reads'];
    for (const path of [...readings, '/history', '/unknown', '/agents', '/v1/inbox/events']) {
      const { status, text } = await nobody.get(path);
      expect(status, path).to.equal(403);
      expect(text, path).to.not.contain(id).and.not.contain('/etc/secret');
    }
    for (const path of ['/me', '/help']) expect((await nobody.get(path)).status, path).to.equal(200);
    const viewer = await inbox.person('Vic', { roles: ['viewer'] });
    for (const path of readings) expect((await viewer.get(path)).status, path).to.equal(200);
  });

  it('take a typed code for values that are cut only because others of their param are long', async () => {
    const filler = Array.from({ length: 30 }, () => 'line \n'.repeat(30));
    const id = await inbox.ask('read', { steps: [...filler, 'ls \nrm -rf /'] });
    const { page } = await other.get(`/a/${id}`);
    expect(page.text('.params')).to.not.contain('rm -rf');
    expect(page.all('.notice').some((notice) => notice.text.includes('steps[30] is longer than what is shown here'))).to.equal(true);
    const shown = { verdict: 'approve', digest: page.fields()['digest'] as string, version: '1', reason: 'fine' };
    const answer = await other.post(`/v1/approvals/${id}/verdict`, shown);
    expect(answer.status).to.equal(422);
    expect((await inbox.store.approvals.get(id))?.status).to.equal('pending');
    const { page: all } = await other.get(`/a/${id}?all=1`);
    expect(all.text('.params')).to.contain('rm -rf');
    const saw = { ...shown, shown_all: all.fields()['shown_all'] as string };
    expect((await other.post(`/v1/approvals/${id}/verdict`, saw)).status).to.equal(303);
  });

  it('take a yes from high on only from a page that showed all of it, whatever the form says', async () => {
    const id = await inbox.ask('refund', { note: `${'x'.repeat(3_500)} to mallory ${'y'.repeat(3_000)}` });
    const { page } = await lead.get(`/a/${id}`);
    expect(page.text('.acts')).to.contain('Show all to approve');
    expect(page.texts('h2')).to.include('What will run written by the agent; not all of it is shown');
    const digest = page.fields()['digest'] as string;
    const yes = { verdict: 'approve', digest, version: '1', reason: 'fine', code: digest.slice(0, 4) };
    const foreign = (await lead.get(`/a/${await inbox.ask('refund', { note: 'z'.repeat(5_000) })}?all=1`)).page.fields()[
      'shown_all'
    ] as string;
    for (const form of [yes, { ...yes, shown_all: 'x' }, { ...yes, shown_all: foreign }]) {
      const refused = await lead.post(`/v1/approvals/${id}/verdict`, form);
      expect([refused.status, refused.page.text('.params').includes('to mallory')]).to.deep.equal([422, true]);
      expect(refused.page.text('.decide')).to.contain('Some of it was not shown to you');
    }
    expect((await inbox.store.approvals.get(id))?.verdicts).to.deep.equal([]);
    const saw = (await lead.get(`/a/${id}?all=1`)).page.fields()['shown_all'] as string;
    expect((await lead.post(`/v1/approvals/${id}/verdict`, { ...yes, shown_all: saw })).status).to.equal(303);
    const denied = await inbox.ask('refund', { note: 'z'.repeat(5_001) });
    const shown = (await lead.get(`/a/${denied}`)).page.fields();
    const no = { verdict: 'deny', digest: shown['digest'] as string, version: '1' };
    expect((await lead.post(`/v1/approvals/${denied}/verdict`, no)).status).to.equal(303);
  });

  it('list for each person what is theirs to decide', async () => {
    const refund = await inbox.ask('refund', { amount: 4200, note: 'to dana@partner.example' }, { user: 'lee' });
    await nextMs();
    const own = await inbox.ask('refund', { amount: 5 }, { user: 'ann@acme.example' });
    await nextMs();
    const read = await inbox.ask('read', { path: '/etc' });
    const shown = async (person: SpecPerson, query = ''): Promise<readonly (string | undefined)[]> =>
      (await person.get(`/inbox${query}`)).page.all('ol [data-approval]').map((row) => row.attr('data-approval'));
    expect(await shown(lead)).to.deep.equal([refund, read]);
    expect(await shown(other)).to.deep.equal([read]);
    expect(await shown(other, '?tab=all')).to.deep.equal([refund, own, read]);
    expect(await shown(lead, '?tab=mine')).to.deep.equal([own]);
    expect(await shown(lead, '?tab=all&q=READ')).to.deep.equal([read]);
    expect(await shown(lead, '?tab=all&q=zzz')).to.deep.equal([]);
    // what cannot be right is as if it were not there
    expect(await shown(lead, '?tab=x&order=x&after=x')).to.deep.equal([refund, read]);
    expect((await lead.get('/inbox')).page.text('ol .args'))
      .to.contain('amount = 4200')
      .and.contain('[email]');
  });

  it('show one approval in full, with a form only to who may decide it', async () => {
    const id = await inbox.ask('refund', { amount: 4200, note: 'to dana@partner.example' }, { user: 'lee' });
    const { page, status } = await lead.get(`/a/${id}`);
    expect(status).to.equal(200);
    expect(page.text('h1')).to.equal('refund');
    expect(page.text('.params')).to.contain('to [email]').and.contain('to dana@partner.example');
    expect(page.text('.byline')).to.contain('for lee (as its program vouches)');
    expect(page.fields()).to.include.keys('digest', 'version', 'csrf', 'reason', 'code');
    expect(page.text('.decide')).to.contain('You decide as finance-leads. Yours is the last yes: the call runs at once.');
    expect(page.text('.crumb')).to.contain('1 of 1');
    expect(page.text('.why-list details')).to.contain('What the policy says').and.contain('@approvers("finance-leads")');
    const { page: theirs } = await other.get(`/a/${id}`);
    expect(theirs.all('.decide form')).to.have.length(0);
    expect(theirs.text('.decide')).to.contain('Not yours to decide').and.contain('one of finance-leads (policy refunds)');
    const own = await inbox.ask('refund', { amount: 5 }, { user: 'ann@acme.example' });
    expect((await lead.get(`/a/${own}`)).page.text('.decide')).to.contain('You cannot approve your own request.');
  });

  it('say what the policies of now would say, and change nothing by that', async () => {
    const id = await inbox.ask('refund', { amount: 1 });
    const before = await inbox.store.approvals.get(id);
    expect((await lead.get(`/a/${id}?now=1`)).page.text('#now')).to.equal(
      'The policies of now: they would ask a person about these very values.',
    );
    expect(await inbox.store.approvals.get(id)).to.deep.equal(before);
    expect((await inbox.store.approvals.list({})).length).to.equal(1);
  });

  it('say that a policy is another one by now', async () => {
    const id = await inbox.ask('refund', { amount: 1 });
    const record = (await inbox.store.approvals.get(id)) as ApprovalRecord;
    const of = async (policies: ApprovalRecord['policies'], version: number): Promise<string> => {
      await inbox.store.approvals.replace({ ...record, policies, version: version + 1 }, version);
      return (await lead.get(`/a/${id}`)).page.text('.why-list');
    };
    const [policy] = record.policies as [ApprovalRecord['policies'][0]];
    expect(await of([{ ...policy, hash: 'f'.repeat(64) }], 1)).to.contain('This policy has been changed since.');
    expect(await of([{ ...policy, id: 'gone' }], 2)).to.contain('This policy is gone by now.');
  });

  it('say that a passkey is missing where a yes takes one', async () => {
    const dba = await inbox.person('Dan', { groups: ['dba'] });
    const id = await inbox.ask('sql', { statement: 'DROP TABLE x' });
    const { page } = await dba.get(`/a/${id}`);
    expect(page.all('button.approve')).to.have.length(0);
    expect(page.text('.decide')).to.contain('A yes takes a passkey, and you have none. Add one');
    expect(page.all('button.deny')).to.have.length(1);
  });

  it('have one answer for an id that is not there, and for one that cannot be', async () => {
    for (const id of ['dec_unknown', '..%2f', "'%20OR%201", 'x'.repeat(300)]) {
      const { status, page } = await lead.get(`/a/${id}`);
      expect(status).to.equal(404);
      expect(page.text('main')).to.contain('There is no approval with this id.');
    }
  });

  it('show those that are alike together, and deny them together', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.push(await inbox.ask('refund', { amount: i, currency: 'EUR' }, { agent: 'flood' }));
    const single = await inbox.ask('refund', { amount: 1 }, { agent: 'calm' });
    const { page } = await lead.get('/inbox');
    expect(page.all('ol .row')).to.have.length(2);
    const path = page.hrefs().find((href) => href.includes('/inbox/group')) as string;
    const group = await lead.get(path);
    expect(group.page.texts('.alike-row')).to.have.length(5);
    expect(group.page.text('.card .args')).to.contain('currency = "EUR"');
    expect((await other.get(path)).page.text('.decide')).to.contain('Not yours');
    const { csrf: _, ...form } = group.page.fields() as Record<string, string>;
    // one more comes while the page is read: it was not shown
    const late = await inbox.ask('refund', { amount: 9, currency: 'EUR' }, { agent: 'flood' });
    const sent = await lead.post('/inbox/group', { ...form, reason: 'flood' });
    expect([sent.status, sent.location]).to.deep.equal([303, '/history?agent=flood&tool=refund&status=denied']);
    for (const id of ids) {
      const record = await inbox.store.approvals.get(id);
      expect(record).to.include({ status: 'denied' });
      expect(record?.verdicts).to.have.length(1);
      expect(record?.verdicts[0]).to.include({ by: lead.id, name: 'Ann', reason: 'flood', assurance: 'session' });
    }
    for (const id of [late, single]) expect(await inbox.store.approvals.get(id)).to.include({ status: 'pending' });
    // the same form again: nothing is left of what it showed
    expect((await lead.post('/inbox/group', { ...form, reason: 'flood' })).status).to.equal(303);
    expect(await inbox.store.approvals.get(late)).to.include({ status: 'pending' });
    expect((await lead.get(sent.location as string)).page.all('ol .row')).to.have.length(5);
  });

  it('deny only what they have shown, also where another one has the same time and a smaller id', async () => {
    for (let i = 0; i < 4; i++) await inbox.ask('refund', { amount: i });
    const { csrf: _, ...form } = (await lead.get('/inbox/group?agent=bot&tool=refund&policies=refunds')).page.fields() as Record<
      string,
      string
    >;
    const shown = await inbox.store.approvals.list({ status: 'pending' });
    const last = shown.at(-1) as NonNullable<(typeof shown)[0]>;
    // as a server with a slower clock writes it, or two calls within one millisecond
    const unseen = [
      { ...last, decisionId: 'dec_-', digest: 'a'.repeat(64) },
      { ...last, decisionId: 'dec_!', createdAtMs: last.createdAtMs - 1_000 },
    ];
    for (const record of unseen) expect(await inbox.store.approvals.insert(record)).to.equal(true);
    await lead.post('/inbox/group', form);
    expect((await inbox.store.approvals.list({ status: 'pending' })).map(({ decisionId }) => decisionId)).to.have.members([
      'dec_-',
      'dec_!',
    ]);
    for (const { decisionId } of shown) expect(await inbox.store.approvals.get(decisionId)).to.include({ status: 'denied' });
  });

  it('deny nothing for who may not, and show what is left', async () => {
    for (let i = 0; i < 4; i++) await inbox.ask('refund', { amount: i });
    const group = '/inbox/group?agent=bot&tool=refund&policies=refunds';
    const { csrf: _, ...form } = (await lead.get(group)).page.fields() as Record<string, string>;
    const sent = await other.post('/inbox/group', form);
    expect(sent.location).to.equal(group);
    for (const ids of ['', 'nonsense', ',,', `${form['ids']}x`.split(',').at(-1) as string])
      expect((await lead.post('/inbox/group', { ...form, ids })).status).to.equal(303);
    // another tool: what is denied is what the page was about
    for (const other of [{ agent: 'b' }, { tool: 'read' }, { policies: 'reads' }]) await lead.post('/inbox/group', { ...form, ...other });
    expect((await inbox.store.approvals.list({ status: 'pending' })).length).to.equal(4);
    expect((await lead.get('/inbox/group')).page.text('main')).to.contain('No call of this agent, tool and policy waits now.');
  });

  it('keep a history that is searched by who decided, and say how the run ended', async () => {
    const denied = await inbox.ask('read', { n: 1 });
    const waits = await inbox.ask('read', { n: 2 });
    const tenant = await inbox.store.approvals.get(denied);
    expect(tenant?.status).to.equal('pending');
    await lead.post('/inbox/group', {
      agent: 'bot',
      tool: 'read',
      policies: 'reads',
      ids: denied,
      reason: '',
    });
    const shown = async (query: string): Promise<readonly (string | undefined)[]> =>
      (await lead.get(`/history${query}`)).page.all('ol .tool').map((link) => link.attr('href'));
    expect(await shown('')).to.have.members([`/a/${waits}`, `/a/${denied}`]);
    expect(await shown(`?by=${lead.id}`)).to.deep.equal([`/a/${denied}`]);
    expect(await shown('?q=ann')).to.deep.equal([`/a/${denied}`]);
    expect(await shown('?status=pending')).to.deep.equal([`/a/${waits}`]);
    expect(await shown('?since=2001-01-01&until=2001-01-02')).to.deep.equal([]);
    const wrong = await lead.get('/history?since=soon');
    expect(wrong.page.text('#since-error')).to.contain('Give a day');
    expect((await lead.get('/history?color=red')).status).to.equal(400);
  });

  it('show runs of which callers elsewhere do not know how they ended', async () => {
    expect((await lead.get('/unknown')).page.text('main')).to.contain('The outcome of every call is known.');
    const id = await inbox.ask('read', { n: 1 });
    const record = await inbox.store.approvals.get(id);
    const used = {
      ...(record as NonNullable<typeof record>),
      status: 'approved',
      version: 2,
      consumed: { token: 't', atMs: Date.now() },
    } as const;
    await inbox.store.approvals.replace(used, 1);
    await inbox.call('POST', `/v1/decision/${id}/outcome`, { token: 't', status: 'unknown' });
    const { page } = await lead.get('/unknown');
    expect(page.text('.runs')).to.contain('read').and.contain('It is settled where the call was made');
    expect(page.hrefs()).to.include(`/a/${id}`);
    expect((await lead.get(`/a/${id}`)).page.text('.decide')).to.contain('It may have run');
    // a row whose approval is gone says nothing
    await inbox.store.approvals.prune(Infinity);
    expect((await lead.get('/unknown?cursor=nonsense')).page.all('.runs li')).to.have.length(0);
  });

  it('have a person settle a run of the store that is shared, and keep what was typed', async () => {
    const { taskId: task, digest } = pendingTask();
    const registry = new TaskRegistry(inbox.tasks);
    await registry.record({ ...pendingTask(), taskId: task, digest });
    await registry.transition(task, ['pending'], { to: 'approved' });
    await registry.claim({ taskId: task, digest, token: 't', nowMs: Date.now(), leaseMs: 60_000 });
    await registry.settle(task, 't', { to: 'unknown', error: { name: 'OutcomeUnknownError', message: 'it may have run' } });
    const { page } = await lead.get('/unknown');
    expect(page.one('.runs form').attr('action')).to.equal(`/unknown/${task}`);
    const without = await lead.post(`/unknown/${task}`, { outcome: 'done', reason: ' ' });
    expect(without.status).to.equal(422);
    expect(without.page.text('.runs .error')).to.contain('Write how you know');
    const retry = await lead.post(`/unknown/${task}`, { outcome: 'retry', reason: 'looked <b>' });
    expect(retry.status).to.equal(409);
    expect(retry.page.text('.runs textarea')).to.equal('looked <b>');
    expect((await lead.post(`/unknown/${task}`, { outcome: 'abandon', reason: 'looked' })).location).to.equal('/unknown');
    expect((await lead.get('/unknown')).page.text('main')).to.contain('The outcome of every call is known.');
    const viewer = await inbox.person('Vic', { roles: ['viewer'] });
    expect((await viewer.post(`/unknown/${task}`, { outcome: 'done', reason: 'x' })).status).to.equal(403);
  });

  it('say what agents asked, and help', async () => {
    await inbox.ask('read', { n: 1 });
    expect((await lead.get('/agents')).page.text('table')).to.contain('botread 110');
    expect((await lead.get('/help')).page.text('h1')).to.equal('Help');
  });

  it('say in an empty inbox how to begin, and what was decided last', async () => {
    expect((await lead.get('/inbox')).page.text('.empty')).to.contain('npx aegis keys create');
    const id = await inbox.ask('read', { n: 1 });
    await lead.post('/inbox/group', { agent: 'bot', tool: 'read', policies: 'reads', ids: id, reason: '' });
    const { page } = await lead.get('/inbox');
    expect(page.text('.empty')).to.contain('Nothing waits for you.').and.contain('read denied by Ann, just now').and.not.contain('npx');
  });

  it('say which policies no one can decide, as far as that can be known', async () => {
    await inbox.ask('sql', { statement: 'x' });
    await inbox.ask('refund', { amount: 1 });
    expect((await lead.get('/inbox')).page.texts('main .notice.danger')).to.deep.equal([
      'No one can decide policy sql: group dba is empty. An admin adds people to it.',
    ]);
    await inbox.person('Dan', { groups: ['dba'] });
    expect((await lead.get('/inbox')).page.texts('main .notice.danger')).to.deep.equal([]);
  });
});

describe('A verdict on the page of an approval', () => {
  let inbox: ServedInbox;
  let ann: SpecPerson;
  let bob: SpecPerson;
  let id: string;
  const form = async (person: SpecPerson, more: Readonly<Record<string, string>> = {}): Promise<Readonly<Record<string, string>>> => {
    const { csrf: _, verdict: __, ...fields } = (await person.get(`/a/${id}`)).page.fields() as Record<string, string>;
    return { ...fields, ...more };
  };
  const send = (person: SpecPerson, fields: Readonly<Record<string, string>>): ReturnType<SpecPerson['post']> =>
    person.post(`/v1/approvals/${id}/verdict`, fields);
  const digest = async (): Promise<string> => (await inbox.store.approvals.get(id))?.digest ?? '';
  beforeEach(async () => {
    inbox = await servedInbox();
    ann = await inbox.person('Ann', { groups: ['finance-leads'] });
    bob = await inbox.person('Bob', { groups: ['finance-leads'] });
    id = await inbox.ask('refund', { amount: 250 }, { user: 'lee' });
  });
  afterEach(() => inbox.close());

  it('leads back to the page, which says who approved; the same form again is the same verdict', async () => {
    const fields = await form(ann, { verdict: 'approve', reason: 'seen', code: (await digest()).slice(0, 4) });
    for (let i = 0; i < 2; i++) expect((await send(ann, fields)).location).to.equal(`/a/${id}`);
    const record = await inbox.store.approvals.get(id);
    expect(record).to.include({ status: 'approved' });
    expect(record?.verdicts).to.have.length(1);
    const { page } = await bob.get(`/a/${id}`);
    expect(page.text('.decide')).to.contain('Approved by Ann').and.contain('“seen”').and.contain('It waits to run.');
    expect(page.text('.log')).to.contain('Ann approved, typed the code');
    expect((await inbox.call('GET', `/v1/decision/${id}/status`)).json).to.include({ status: 'OK' });
  });

  it('is one press for a no', async () => {
    expect((await send(ann, await form(ann, { verdict: 'deny' }))).status).to.equal(303);
    expect((await ann.get(`/a/${id}`)).page.text('.decide'))
      .to.contain('Denied by Ann')
      .and.contain('It did not run.');
  });

  for (const [what, more, status, field, message] of [
    ['without a reason', { reason: ' ', code: 'right' }, 422, 'reason', 'takes a reason'],
    ['without the code', { reason: 'seen <b>', code: '' }, 422, 'code', 'first four characters'],
    ['with another code', { reason: 'seen <b>', code: 'zzzz' }, 422, 'code', 'not the first four characters'],
    ['on another digest', { reason: 'seen <b>', digest: 'a'.repeat(64) }, 409, 'form', 'Changed since you opened this. Read again.'],
    ['on another version', { reason: 'seen <b>', code: 'right', version: '7' }, 409, 'form', 'Changed since you opened this. Read again.'],
  ] as const)
    it(`is refused ${what}, beside its field, with what was typed`, async () => {
      const typed: Record<string, string> = { ...more };
      if (typed['code'] === 'right') typed['code'] = (await digest()).slice(0, 4);
      const answer = await send(ann, await form(ann, { verdict: 'approve', ...typed }));
      expect(answer.status).to.equal(status);
      expect(answer.page.text(`#${field}-error`)).to.contain(message);
      expect(answer.page.text('textarea')).to.equal(more.reason);
      expect(await inbox.store.approvals.get(id)).to.include({ status: 'pending', version: 1 });
    });

  it('is not recorded where another was first, and the page says so', async () => {
    const late = await form(bob, { verdict: 'approve', reason: 'me too', code: (await digest()).slice(0, 4) });
    await send(ann, await form(ann, { verdict: 'deny', reason: 'no' }));
    const answer = await send(bob, late);
    expect(answer.status).to.equal(409);
    expect(answer.page.text('.decide')).to.contain('Denied by Ann').and.contain('your verdict was not recorded').and.contain('“no”');
    expect((await inbox.store.approvals.get(id))?.verdicts).to.have.length(1);
  });

  it('is not for who may not decide, and the page says why', async () => {
    const dan = await inbox.person('Dan');
    const viewer = await inbox.person('Vic', { roles: ['viewer'], groups: ['finance-leads'] });
    const fields = await form(ann, { verdict: 'deny' });
    const answer = await send(dan, fields);
    expect(answer.status).to.equal(403);
    expect(answer.page.text('.decide')).to.contain('Not yours to decide').and.contain('You are not an approver');
    const refused = await send(viewer, fields);
    expect([refused.status, refused.page.all('.decide form').length]).to.deep.equal([403, 0]);
    expect((await viewer.get('/inbox')).page.text('main p')).to.contain('0 of them for you');
  });

  it('is given where all is shown: a long one is cut, and then shown in full', async () => {
    id = await inbox.ask('refund', { amount: 1, list: 'line\n'.repeat(90) });
    const { page } = await ann.get(`/a/${id}`);
    expect(page.all('button.approve')).to.have.length(0);
    expect(page.text('.cols .notice')).to.contain('list is longer than what is shown here');
    const all = await ann.get(`/a/${id}?all=1`);
    expect(all.page.all('button.approve')).to.have.length(1);
    expect(all.page.all('.cut')).to.have.length(0);
    // who has to correct the form sees all of it at once
    const answer = await send(ann, await form(ann, { verdict: 'approve', reason: 'x', code: 'zzzz' }));
    expect(answer.page.all('button.approve')).to.have.length(1);
  });

  describe('on what is longer than a page shows', () => {
    const long = { text: 'line\n'.repeat(90) };
    const record = async (): Promise<ApprovalRecord> => (await inbox.store.approvals.get(id)) as ApprovalRecord;
    const formOfAll = async (person: SpecPerson, of = id): Promise<Readonly<Record<string, string>>> => {
      const { csrf: _, ...fields } = (await person.get(`/a/${of}?all=1`)).page.fields() as Record<string, string>;
      return { ...fields, verdict: 'approve' };
    };
    beforeEach(async () => {
      id = await inbox.ask('read', long);
    });

    it('takes the code where it was cut, and one press once all of it was served to this person', async () => {
      const { page } = await ann.get(`/a/${id}`);
      expect(page.fields()).to.include.keys('code').and.to.not.have.property('shown_all');
      expect(page.text('.cols .notice')).to.contain('text is longer than what is shown here');
      const refused = await send(ann, await form(ann, { verdict: 'approve', code: '', reason: 'x' }));
      expect(refused.status).to.equal(422);
      expect(await record()).to.include({ status: 'pending' });
      const all = await ann.get(`/a/${id}?all=1`);
      expect(all.page.text('.cols')).to.not.contain('longer than what is shown');
      expect(all.page.fields()).to.not.have.property('code');
      expect((await send(ann, await formOfAll(ann))).location).to.equal(`/a/${id}`);
      expect(await record()).to.include({ status: 'approved' });
      expect((await record()).verdicts[0]).to.include({ assurance: 'session' });
    });

    it('counts for this person, this approval, this digest and this version only', async () => {
      const mine = await formOfAll(ann);
      const mark = mine['shown_all'] as string;
      const twin = await inbox.ask('read', long);
      const other = await inbox.ask('read', { text: 'other\n'.repeat(90) });
      const { digest: otherDigest } = (await inbox.store.approvals.get(other)) as ApprovalRecord;
      const issued = (binding: readonly unknown[]): string =>
        inbox.identity.challenges.issue({ purpose: 'shown-all', binding: JSON.stringify(binding) });
      const at = Math.floor(mark.length / 2);
      const marks = {
        'another person': (await formOfAll(bob))['shown_all'],
        'another approval of these very params': (await formOfAll(ann, twin))['shown_all'],
        'another approval': (await formOfAll(ann, other))['shown_all'],
        'another digest': issued([ann.id, id, otherDigest, 1]),
        'another version': issued([ann.id, id, mine['digest'], 2]),
        'another purpose': inbox.identity.challenges.issue({
          purpose: 'sign-in',
          binding: JSON.stringify([ann.id, id, mine['digest'], 1]),
        }),
        'no one': '',
        'a time that has passed': inbox.identity.challenges.issue(
          { purpose: 'shown-all', binding: JSON.stringify([ann.id, id, mine['digest'], 1]) },
          -1,
        ),
        'what was altered': `${mark.slice(0, at)}${mark[at] === 'A' ? 'B' : 'A'}${mark.slice(at + 1)}`,
      };
      for (const [of, text = ''] of Object.entries(marks)) {
        const { status, page } = await send(ann, { ...mine, reason: 'seen', shown_all: text });
        expect((await record()).status, of).to.equal('pending');
        expect(status, of).to.equal(422);
        expect(page.text('main'), of).to.not.contain('longer than what is shown');
      }
      // without a version nothing says what was shown
      const { version: _, ...unversioned } = mine;
      expect((await send(ann, { ...unversioned, reason: 'seen' })).status).to.equal(422);
      expect(await record()).to.include({ status: 'pending', version: 1 });
      // the right one still counts, also sent twice
      for (let i = 0; i < 2; i++) expect((await send(ann, mine)).status).to.equal(303);
      expect(await record()).to.include({ status: 'approved' });
    });

    it('does not count once the approval has changed', async () => {
      const mine = await formOfAll(ann);
      await inbox.store.approvals.replace({ ...(await record()), version: 2 }, 1);
      expect((await send(ann, mine)).status).to.equal(409);
      expect((await send(ann, { ...mine, version: '2', reason: 'seen' })).status).to.equal(422);
      expect(await record()).to.include({ status: 'pending', version: 2 });
    });

    it('takes the code all the same where something else may deceive', async () => {
      id = await inbox.ask('read', { ...long, path: '/etc\u200b' });
      const { page } = await ann.get(`/a/${id}?all=1`);
      expect(page.fields()).to.include.keys('code', 'shown_all');
      expect((await send(ann, { ...(await formOfAll(ann)), reason: 'seen' })).status).to.equal(422);
      expect(await record()).to.include({ status: 'pending' });
    });
  });

  it('is an error page of its own where the page of the approval explains nothing', async () => {
    const fields = await form(ann, { verdict: 'deny' });
    id = 'dec_unknown';
    const answer = await send(ann, fields);
    expect(answer.status).to.equal(404);
    expect(answer.page.text('main')).to.contain('There is no approval with this id.');
    id = await inbox.ask('read', { n: 1 });
    expect((await send(ann, { ...fields, verdict: 'maybe' })).status).to.equal(400);
  });

  it('says how the run ended, once its caller has said so', async () => {
    const fields = await form(ann, { verdict: 'approve', reason: 'seen', code: (await digest()).slice(0, 4) });
    await send(ann, fields);
    const record = await inbox.store.approvals.get(id);
    await inbox.store.approvals.replace(
      { ...(record as NonNullable<typeof record>), version: 3, consumed: { token: 't', atMs: Date.now() } },
      2,
    );
    expect((await ann.get(`/a/${id}`)).page.text('.decide')).to.contain('Running');
    await inbox.call('POST', `/v1/decision/${id}/outcome`, { token: 't', status: 'failed', error_code: 'E_LIMIT' });
    expect((await ann.get(`/a/${id}`)).page.text('.decide'))
      .to.contain('Failed')
      .and.contain('Code: E_LIMIT');
    expect((await ann.get('/history')).page.text('ol .left')).to.equal('Run failed');
  });

  it('has cues of what is new beside earlier ones', async () => {
    const { page } = await ann.get(`/a/${id}`);
    expect(page.text('.cols .notice'))
      .to.contain('The first time that this agent asks for this tool')
      .and.contain('is not a person that is known here');
    await send(ann, await form(ann, { verdict: 'approve', reason: 'seen', code: (await digest()).slice(0, 4) }));
    id = await inbox.ask('refund', { amount: 251 }, { user: ann.id });
    expect((await bob.get(`/a/${id}`)).page.text('.cols .notice')).to.equal(
      'Look closely: 1 thingamount is the largest so far; the largest approved before: 250',
    );
    await inbox.ask('refund', { amount: 10 });
    expect((await inbox.store.approvals.list({})).length).to.equal(3);
  });
});

describe('Groups without members', () => {
  for (const [what, options] of [
    ['the program has members', { approverGroups: { dba: ['someone'] } }],
    ['code of the program says who may decide', { mayApprove: () => false }],
  ] as const)
    it(`are not told where ${what}`, async () => {
      const inbox = await servedInbox(options);
      const ann = await inbox.person('Ann');
      await inbox.ask('sql', { statement: 'x' });
      expect((await ann.get('/inbox?tab=all')).text).to.not.contain('No one can decide');
      await inbox.close();
    });
});
