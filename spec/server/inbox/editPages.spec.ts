import { expect } from 'chai';
import { AegisModule, guard, isPending } from '../../../lib/index.js';
import type { PendingApproval } from '../../../lib/index.js';
import { servedInbox } from '../../support/servedInbox.js';
import type { PageAnswer, ServedInbox, SpecPerson } from '../../support/servedInbox.js';

const POLICIES = `@id("all") permit (principal, action, resource);
@id("ask") @effect("approval_needed") @editable("/amount, /note, /urgent, /due, /count") @editor_may_approve("true") @reason("a person decides")
forbid (principal, action, resource) when { context.input.amount > 100 };
@id("vip") @effect("approval_needed") @editable("/amount") @reason("more than 300") forbid (principal, action, resource) when { context.input.amount > 300 };
@id("cap") @reason("never more than 500") forbid (principal, action, resource) when { context.input.amount > 500 };`;

describe('The page of an approval that can be edited', () => {
  let served: ServedInbox;
  let module: AegisModule;
  let ann: SpecPerson;
  let bob: SpecPerson;
  const ran: unknown[][] = [];
  const DUE = new Date('2026-01-31T12:00:00.000Z');

  beforeEach(async () => {
    ran.length = 0;
    served = await servedInbox({ policies: { text: POLICIES } as never });
    const { url } = await served.plane.listen({ port: 0 });
    const apiKey = (await served.plane.createKey({ name: 'agent', scopes: ['decide'], sessionTrusted: true })).key.reveal();
    module = AegisModule.create({ agentId: 'bot', baseUrl: url, apiKey, allowInsecureHttp: true });
    ann = await served.person('Ann');
    bob = await served.person('Bob');
  });
  afterEach(async () => {
    await module.close();
    await served.close();
  });

  const refund = async (amount: number, text = 'two\nlines'): Promise<PendingApproval<string>> => {
    const call = guard(
      async (asked: number, note: string, urgent: boolean, due: Date, count: bigint) => {
        ran.push([asked, note, urgent, due, count]);
        return `refunded ${asked}`;
      },
      { toolName: 'refund', params: ['amount', 'note', 'urgent', 'due', 'count'], module, approval: 'defer' },
    );
    const pending = await call(amount, text, false, DUE, 7n);
    if (!isPending<string>(pending)) throw new Error('it did not wait');
    return pending;
  };
  /** The hidden fields and inputs of one of the forms: those for edits are in `#edit`, that of the verdict is the first. */
  const fieldsOf = ({ page }: PageAnswer, action: '/edit' | '/verdict'): Record<string, string> => {
    const fields: Record<string, string> = {};
    const ofEdit = new Set(page.all('#edit form input').map((one) => one.attr('id')));
    for (const one of page.all(action === '/edit' ? '#edit form input' : 'form input')) {
      const name = one.attr('name') ?? '';
      if (name === '' || one.attr('disabled') !== undefined) continue;
      const isEdit = ofEdit.has(one.attr('id')) && one.attr('id') !== undefined;
      if (action === '/verdict' && (isEdit || Object.hasOwn(fields, name))) continue;
      fields[name] = one.attr('value') ?? '';
    }
    return fields;
  };

  /** What a person types where something may deceive: of the edited call. */
  const codeOf = (preview: PageAnswer): string =>
    (JSON.parse(fieldsOf(preview, '/verdict')['edit'] as string) as { readonly digest: string }).digest.slice(0, 4);

  it('has an input for each place, shows the edited call first, and runs it once it is approved', async () => {
    const pending = await refund(250);
    const path = `/a/${pending.decisionId}`;
    const first = await ann.get(path);
    expect(first.text).to.contain('Show the edited call');
    const form = fieldsOf(first, '/edit');
    expect(form).to.include({ edit_0: '250', edit_3: DUE.toISOString(), edit_4: '7' });
    const typed = { ...form, edit_0: '200', edit_1: 'two\r\nlines', edit_2: 'true', edit_3: '2026-02-01T00:00:00.000Z', edit_4: '8' };
    const preview = await ann.post(`${path}/edit`, typed);
    expect(preview.status).to.equal(200);
    // nothing has happened yet
    expect(preview.page.texts('.log li')).to.have.length(1);
    expect(preview.text).to.not.contain('if you make one');
    expect(preview.text).to.contain('This is the call as you edited it.').and.to.contain('Approve the edited call');
    expect((await ann.get(path)).text).to.contain('250');
    const decided = await ann.post(`/v1/approvals/${pending.decisionId}/verdict`, { ...fieldsOf(preview, '/verdict'), verdict: 'approve' });
    expect(decided.status, decided.text).to.equal(303);
    expect(await pending.completed).to.equal('refunded 200');
    expect(ran).to.deep.equal([[200, 'two\nlines', true, new Date('2026-02-01T00:00:00.000Z'), 8n]]);
    expect(pending.edited).to.have.members(['/amount', '/urgent', '/due', '/count']);
    const after = await ann.get(path);
    expect(after.text).to.contain('edited').and.to.contain('/amount');
  });

  const wrong: readonly (readonly [what: string, typed: Record<string, string>, says: string])[] = [
    ['what is no number', { edit_0: 'many' }, '/amount must be a number'],
    ['what is no date', { edit_3: 'tomorrow' }, '/due must be a time'],
    ['nothing', {}, 'Nothing is changed'],
    ['what policies forbid', { edit_0: '501' }, 'never more than 500'],
    ['what another policy does not let be edited', { edit_0: '400', edit_1: 'x' }, 'does not let /note be edited'],
  ];
  for (const [what, typed, says] of wrong)
    it(`refuses ${what}, says so, and records nothing`, async () => {
      const pending = await refund(250);
      const path = `/a/${pending.decisionId}`;
      const first = await ann.get(path);
      const answer = await ann.post(`${path}/edit`, { ...fieldsOf(first, '/edit'), edit_1: 'two\nlines', edit_2: 'false', ...typed });
      expect(answer.status).to.be.oneOf([403, 422]);
      expect(answer.text).to.contain(says);
      expect(answer.text).not.to.contain('This is the call as you edited it.');
      await pending.cancel();
    });

  for (const [what, text] of [
    ['line ends of two characters', 'two\r\nlines'],
    ['a line end at its start', '\n\nlines'],
    ['a return alone', 'a\rb'],
    ['spaces around it', '  a  '],
  ] as const)
    it(`leaves a text with ${what} as it is, where another value is edited`, async () => {
      const pending = await refund(250, text);
      const path = `/a/${pending.decisionId}`;
      const first = await ann.get(path);
      const [, shown = ''] = /<textarea [^>]*name="edit_1"[^>]*>([^<]*)<\/textarea>/.exec(first.text) ?? [];
      // as a browser reads it and sends it back
      const read = shown.replaceAll(/\r\n?/g, '\n').replace(/^\n/, '');
      const form = { ...fieldsOf(first, '/edit'), edit_0: '200', edit_1: read.replaceAll('\n', '\r\n'), edit_2: 'false' };
      const preview = await ann.post(`${path}/edit`, form);
      expect(JSON.parse(fieldsOf(preview, '/verdict')['edit'] as string)).to.deep.include({ set: { '/amount': 200 } });
      const decided = { ...fieldsOf(preview, '/verdict'), verdict: 'approve', reason: 'seen', code: codeOf(preview) };
      const answer = await ann.post(`/v1/approvals/${pending.decisionId}/verdict`, decided);
      expect(answer.status, answer.text).to.equal(303);
      await pending.completed;
      expect(ran.map(([amount, note]) => [amount, note])).to.deep.equal([[200, text]]);
    });

  for (const [what, text] of [
    ['longer than a field', 'a'.repeat(16_385)],
    ['longer than a field with its line ends', 'a\n'.repeat(8_000)],
    ['with a character that pages do not have', 'a\0b'],
  ] as const)
    it(`has no input for a text ${what}, and edits the others`, async () => {
      const pending = await refund(250, text);
      const path = `/a/${pending.decisionId}`;
      const first = await ann.get(path);
      expect(first.text).to.contain('cannot be edited on this page').and.not.to.contain('name="edit_1"');
      const preview = await ann.post(`${path}/edit`, { ...fieldsOf(first, '/edit'), edit_0: '200', edit_2: 'false' });
      expect(preview.status).to.equal(200);
      expect(JSON.parse(fieldsOf(preview, '/verdict')['edit'] as string)).to.deep.include({ set: { '/amount': 200 } });
      await pending.cancel();
    });

  it('only saves an edit that somebody else has to approve, and leaves a yes to the call as it was worthless', async () => {
    const pending = await refund(250);
    const path = `/a/${pending.decisionId}`;
    const first = await ann.get(path);
    const preview = await ann.post(`${path}/edit`, { ...fieldsOf(first, '/edit'), edit_0: '400', edit_1: 'two\nlines', edit_2: 'false' });
    expect(preview.text).to.contain('It needs more: <code>vip</code> asks about it, too.');
    const saved = await ann.post(`/v1/approvals/${pending.decisionId}/verdict`, { ...fieldsOf(preview, '/verdict'), verdict: 'amend' });
    expect(saved.status, saved.text).to.equal(303);
    const stale = await ann.post(`/v1/approvals/${pending.decisionId}/verdict`, { ...fieldsOf(first, '/verdict'), verdict: 'approve' });
    expect(stale.status).to.equal(409);

    const now = await bob.get(path);
    expect(now.text).to.contain('Ann');
    const decided = await bob.post(`/v1/approvals/${pending.decisionId}/verdict`, { ...fieldsOf(now, '/verdict'), verdict: 'approve' });
    expect(decided.status, decided.text).to.equal(303);
    expect(await pending.completed).to.equal('refunded 400');
  });

  it('refuses an edit whose policies have changed since it was shown', async () => {
    const pending = await refund(250);
    const path = `/a/${pending.decisionId}`;
    const preview = await ann.post(`${path}/edit`, {
      ...fieldsOf(await ann.get(path), '/edit'),
      edit_0: '200',
      edit_1: 'two\nlines',
      edit_2: 'false',
    });
    const form = fieldsOf(preview, '/verdict');
    const edit = JSON.parse(form['edit'] as string) as object;
    const other = { ...form, verdict: 'approve', edit: JSON.stringify({ ...edit, asking: 'a'.repeat(64) }) };
    const answer = await ann.post(`/v1/approvals/${pending.decisionId}/verdict`, other);
    expect(answer.status).to.equal(409);
    expect(answer.text).to.contain('Other policies ask about the edited call');
    expect(answer.text).to.contain('This is the call as you edited it.');
    expect(ran).to.deep.equal([]);
    await pending.cancel();
  });

  it('has no form where the caller could not be told', async () => {
    const id = await served.ask('refund', { amount: 250 });
    expect((await ann.get(`/a/${id}`)).text).not.to.contain('Show the edited call');
  });
});
