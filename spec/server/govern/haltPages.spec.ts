import { expect } from 'chai';
import { SoftAuthenticator } from '../../support/SoftAuthenticator.js';
import { PageClient } from '../../support/PageClient.js';
import { auditedPlane } from '../../support/auditedPlane.js';
import { servedInbox } from '../../support/servedInbox.js';
import type { ServedInbox, SpecPerson } from '../../support/servedInbox.js';
import type { Role } from '../../../lib/server/people/Person.js';

const PLACES = ['/inbox', '/inbox?tab=all', '/history', '/agents', '/grants', '/halts', '/unknown', '/help', '/me'];

describe('The page of halts', () => {
  let inbox: ServedInbox;
  const people: Partial<Record<Role, SpecPerson>> = {};
  beforeEach(async () => {
    inbox = await servedInbox();
    for (const role of ['viewer', 'approver', 'auditor', 'admin'] as const)
      people[role] = await inbox.person(`Someone ${role}`, { roles: [role] });
  });
  afterEach(() => inbox.close());

  const as = (role: Role): SpecPerson => people[role] as SpecPerson;
  const effect = async (agent = 'bot', tool = 'other'): Promise<unknown> => {
    const { json } = await inbox.call('POST', '/v1/decision', { agent_id: agent, tool: { name: tool, params: {} }, session: null });
    return (json['final_decision'] as { readonly effect: string }).effect;
  };
  const PAUSE = { agent: 'bot', minutes: '60', reason: 'it runs wild' };

  it('has the forms of what each role may do, and nothing else', async () => {
    const forms: Record<string, readonly boolean[]> = {};
    for (const role of ['viewer', 'auditor', 'approver', 'admin'] as const) {
      const { status, text } = await as(role).get('/halts');
      expect(status).to.equal(200);
      forms[role] = [text.includes('>Pause</button>'), text.includes('>Halt</button>')];
    }
    expect(forms).to.deep.equal({ viewer: [false, false], auditor: [false, false], approver: [true, false], admin: [false, true] });
  });

  it('lets an approver pause one agent for an hour at most, an admin halt anything, and no one else anything', async () => {
    for (const role of ['viewer', 'auditor'] as const) expect((await as(role).post('/halts', PAUSE)).status, role).to.equal(403);
    const tooMuch = [
      { ...PAUSE, minutes: '61' },
      { ...PAUSE, minutes: '' },
      { ...PAUSE, tool: 'read' },
      { ...PAUSE, group: 'money' },
      { ...PAUSE, agent: '', tool: 'read' },
      { ...PAUSE, agent: '', all: '1' },
      { ...PAUSE, pending: 'cancel' },
    ];
    for (const form of tooMuch) {
      const answer = await as('approver').post('/halts', form);
      expect([answer.status, answer.text.includes('An approver may pause one agent')], JSON.stringify(form)).to.deep.equal([403, true]);
    }
    expect(await effect()).to.equal('allow');
    expect((await as('approver').post('/halts', PAUSE)).status).to.equal(303);
    expect([await effect(), await effect('someone')]).to.deep.equal(['deny', 'allow']);
    for (const form of tooMuch) expect((await as('admin').post('/halts', form)).status, JSON.stringify(form)).to.equal(303);
    expect(await effect('someone')).to.equal('deny');
  });

  it('says what is wrong with what was typed, keeps it, and halts nothing', async () => {
    for (const form of [
      { ...PAUSE, agent: '' },
      { ...PAUSE, agent: ' ' },
      { ...PAUSE, all: '1' },
      { ...PAUSE, minutes: '0' },
      { ...PAUSE, minutes: '1.5' },
      { ...PAUSE, minutes: 'soon' },
      { ...PAUSE, minutes: '-1' },
      { ...PAUSE, reason: '' },
    ]) {
      const { status, text } = await as('admin').post('/halts', form);
      expect([status, text.includes('role="alert"')], JSON.stringify(form)).to.deep.equal([422, true]);
      if (form.reason !== '') expect(text).to.contain('value="it runs wild"');
    }
    expect(await effect()).to.equal('allow');
    expect((await as('admin').get('/halts')).text).to.contain('Nothing is halted');
  });

  it('shows what is halted on every page, until it is lifted', async () => {
    for (const path of PLACES) expect((await as('viewer').get(path)).text, path).not.to.contain('aria-label="Halted"');
    await as('admin').post('/halts', { ...PAUSE, agent: '<b>bot</b>', tool: 'read', group: 'money' });
    for (const tool of ['a', 'b']) await as('admin').post('/halts', { tool, minutes: '5', reason: 'r' });
    for (const path of PLACES) {
      const { text } = await as('viewer').get(path);
      expect(text, path).to.contain('aria-label="Halted"').and.to.contain('&lt;b&gt;bot&lt;/b&gt;').and.not.to.contain('<b>bot');
    }
    expect((await as('viewer').get('/nothing-here')).text).not.to.contain('Halted:');
    await as('admin').post('/halts', { all: '1', minutes: '', reason: 'r', pending: 'cancel' });
    const { text } = await as('viewer').get('/inbox');
    expect(text).to.contain('; and 1 more');
    expect((await as('viewer').get('/halts')).text)
      .to.contain('What waits for a person ends')
      .and.to.contain('until it is lifted');
  });

  it('says of a halt in force what of it no configuration names, as the API does, and halts all the same', async () => {
    await inbox.close();
    inbox = await servedInbox({ agents: { 'support-agent': {} }, tools: { refund: { groups: ['money'] } } });
    const admin = await inbox.person('Root', { roles: ['admin'] });
    const warnings = async (): Promise<readonly string[]> => (await admin.get('/halts')).page.texts('section.card p.error');
    await admin.post('/halts', { agent: 'support-agent', tool: 'refund', group: 'money', minutes: '', reason: 'r' });
    await admin.post('/halts', { all: '1', minutes: '', reason: 'r' });
    expect(await warnings()).to.deep.equal([]);
    const answer = await admin.post('/halts', { agent: '<b>x</b>', tool: 'refnd', group: 'mony', minutes: '', reason: 'r' });
    expect([answer.status, answer.location]).to.deep.equal([303, '/halts']);
    const all = 'It is halted all the same.';
    expect(await warnings()).to.deep.equal([
      `No agent '<b>x</b>' is configured here. ${all}`,
      `No tool 'refnd' is configured here; did you mean 'refund'? ${all}`,
      `No group 'mony' is configured here; did you mean 'money'? ${all}`,
    ]);
    const [, id = ''] = /name="id" value="([^"]+)"/.exec((await admin.get('/halts')).text) ?? [];
    await admin.post('/halts/lift', { id, reason: 'wrong name' });
    expect(await warnings()).to.deep.equal([]);
    expect((await admin.get('/halts?all=1')).text)
      .to.contain('wrong name')
      .and.not.to.contain(all);
  });

  it('is linked from the agents, with the agent filled in', async () => {
    await inbox.ask('read', { a: 1 });
    expect((await as('approver').get('/agents')).text).to.contain('href="/halts?agent=bot">Pause</a>');
    expect((await as('viewer').get('/agents')).text)
      .not.to.contain('>Pause</a>')
      .and.not.to.contain('>halted</a>');
    expect((await as('approver').get('/halts?agent=bot')).text).to.contain('name="agent" maxlength="256" value="bot"');
  });

  it('marks what is halted where it is listed, and says on an approval that a yes runs nothing while it is', async () => {
    const [id, other] = [await inbox.ask('read', { a: 1 }), await inbox.ask('read', { a: 1 }, { agent: 'other' })];
    for (let a = 0; a < 4; a++) await inbox.ask('refund', { a }, { agent: 'many' });
    const marks = async (): Promise<readonly number[]> =>
      Promise.all(
        ['/inbox?tab=all', '/agents'].map(
          async (path) => (await as('approver').get(path)).page.texts('.tag.high').filter((text) => text === 'halted').length,
        ),
      );
    const decision = async (of: string | undefined): Promise<string> => (await as('approver').get(`/a/${of}`)).page.text('.decide');
    expect(await marks()).to.deep.equal([0, 0]);
    expect(await decision(id)).to.contain('the call runs at once');
    await as('admin').post('/halts', { ...PAUSE, minutes: '' });
    expect(await marks()).to.deep.equal([1, 1]);
    await as('admin').post('/halts', { ...PAUSE, agent: 'many' });
    expect(await marks()).to.deep.equal([2, 2]);
    const { page } = await as('approver').get(`/a/${id}`);
    expect(page.text('main .notice.danger')).to.match(/^Halted.*does not run until the halt is lifted: agent bot/);
    expect(page.text('.decide')).to.contain('the call runs once it is no longer halted');
    expect(await decision(other)).to.contain('the call runs at once');
    await as('admin').post('/halts', { ...PAUSE, agent: 'other', minutes: '5' });
    expect((await as('approver').get(`/a/${other}`)).page.text('main .notice.danger')).to.match(
      /does not run until \S+ UTC, or until the halt is lifted/,
    );
    // what has run, or never can, is not halted
    const denied = (await inbox.store.approvals.get(id)) as NonNullable<Awaited<ReturnType<typeof inbox.store.approvals.get>>>;
    await inbox.store.approvals.replace({ ...denied, status: 'denied', version: denied.version + 1 }, denied.version);
    expect((await as('approver').get(`/a/${id}`)).page.all('main .notice.danger')).to.have.length(0);
  });

  it('lifts for admins only', async () => {
    await as('admin').post('/halts', PAUSE);
    const [, id = ''] = /name="id" value="([^"]+)"/.exec((await as('admin').get('/halts')).text) ?? [];
    for (const role of ['viewer', 'auditor', 'approver'] as const) {
      expect((await as(role).get('/halts')).text, role).not.to.contain('>Lift</button>');
      expect((await as(role).post('/halts/lift', { id, reason: 'fixed' })).status, role).to.equal(403);
    }
    expect(await effect()).to.equal('deny');
    expect((await as('admin').post('/halts/lift', { id: 'halt_none', reason: 'fixed' })).status).to.equal(404);
    expect((await as('admin').post('/halts/lift', { id, reason: ' ' })).status).to.equal(422);
    expect(await effect()).to.equal('deny');
    // signed in just now, without a passkey yet
    expect((await as('admin').post('/halts/lift', { id, reason: 'fixed' })).status).to.equal(303);
    // sent twice
    expect((await as('admin').post('/halts/lift', { id, reason: 'again' })).status).to.equal(303);
    expect(await effect()).to.equal('allow');
    const { text, page } = await as('viewer').get('/halts?all=1');
    expect(text).to.contain('lifted').and.to.contain('fixed').and.not.to.contain('again').and.not.to.contain(as('admin').id);
    expect(page.texts('section.card p.small b')).to.deep.equal(['Someone admin', 'Someone admin']);
  });

  for (const [scope, words] of [
    [{ all: '1' }, 'Everything that no other halt covers runs again.'],
    [{ agent: 'bot', tool: 'refund', group: 'money' }, 'agent bot, tool refund, group money'],
  ] as const)
    it(`lifts ${JSON.stringify(scope)} only once the passkey of the admin has signed it`, async () => {
      await using plane = await auditedPlane({});
      const origin = plane.url.replace('127.0.0.1', 'localhost');
      const admin = new PageClient(origin, new SoftAuthenticator(origin));
      await admin.open('/bootstrap');
      await admin.submit('/bootstrap', { secret: (await plane.plane.createSetupLink())?.url.hash.slice(1) as string, name: 'Root' });
      await admin.submit('/bootstrap');
      await admin.open('/halts');
      await admin.submit('/halts', { minutes: '', reason: 'wild', ...scope });
      const standing = async (): Promise<number> =>
        ((await plane.host.ask('GET', '/v1/halts')) as { readonly halts: readonly unknown[] }).halts.length;
      expect(await standing()).to.equal(1);
      await admin.open('/halts');
      await admin.submit('/halts/lift', { reason: 'fixed' });
      expect(admin.page.text).to.contain('Confirm with your passkey').and.to.contain(words);
      expect(await standing()).to.equal(1);
      await admin.submit('/halts/lift');
      expect(await standing()).to.equal(0);
    });
});
