import { expect } from 'chai';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { guard } from '../../../lib/guard/guard.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { previewedParams } from '../../../lib/decision/wire/wirePreview.js';
import { CAPABILITIES } from '../../../lib/model/Capability.js';
import { createDataPlane } from '../../../lib/server/createDataPlane.js';
import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import { rejection } from '../../support/rejection.js';

const POLICIES = `@id("all") permit (principal, action, resource);
@id("asks") @effect("approval_needed") @reason("look at it") forbid (principal, action in [Aegis::Action::"pay", Aegis::Action::"cap", Aegis::Action::"drop"], resource);
@id("caps") @effect("sanitize") @sanitize("set /n 5") forbid (principal, action == Aegis::Action::"cap", resource) when { context.input.n > 5 };
@id("needs") @effect("approval_needed") @needs_preview("true") forbid (principal, action == Aegis::Action::"drop", resource);`;

const WITHOUT = CAPABILITIES.filter((name) => name !== 'preview').join(', ');
const HEADERS = { 'X-AEGIS-CAPABILITIES': CAPABILITIES.join(', '), 'X-AEGIS-BINDING': 'b'.repeat(64), 'X-AEGIS-TYPES': 'e30' };
const RIGHT = { of: previewedParams({ n: 1 }), summary: 'Pays 1', reversible: 'external' };

/** A server, and what asks it without a client. */
async function setup(store = new MemoryStateStore(), known?: string) {
  const plane = createDataPlane({ policies: { text: POLICIES }, store, stateKey: 's'.repeat(32) });
  const key = known ?? (await plane.createKey({ name: 'k', scopes: ['decide'] })).key.reveal();
  const ask = async (body: object, headers: object = {}): Promise<{ readonly status: number; readonly json: any }> => {
    const answer = await plane.fetch(
      new Request('http://localhost/v1/decision', {
        method: 'POST',
        headers: { ...HEADERS, 'X-API-KEY': key, 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ agent_id: 'bot', tool: { name: 'pay', params: { n: 1 } }, session: null, ...body }),
      }),
    );
    return { status: answer.status, json: await answer.json() };
  };
  const approvals = async (): Promise<readonly unknown[]> => (await store.approvals.list({})) as readonly unknown[];
  return { plane, key, ask, approvals, close: () => plane.close({ idleMs: 0, graceMs: 0 }) };
}

describe('A preview on the wire', () => {
  it('is asked for before a person is: nothing is opened, and the params that would run are in the answer', async () => {
    const { ask, approvals, close } = await setup();
    const { json } = await ask({});
    expect(json.final_decision).to.include({ effect: 'preview_needed', sanitize: null, approval_id: null });
    expect(json.aegis.capabilities).to.include('preview');
    const changed = await ask({ tool: { name: 'cap', params: { n: 9, to: 'x' } } });
    expect(changed.json.final_decision).to.include({ effect: 'preview_needed' });
    expect(changed.json.final_decision.sanitize).to.deep.include({
      params: { n: 5 },
      effective_digest: previewedParams({ n: 5, to: 'x' }),
    });
    expect(await approvals()).to.deep.equal([]);
    expect((await ask({ tool: { name: 'free', params: {} } })).json.final_decision).to.include({ effect: 'allow' });
    await close();
  });

  it('opens the approval with the request that has it, once under a key, and with no other preview under that key', async () => {
    const store = new MemoryStateStore();
    const { ask, approvals, key, close } = await setup(store);
    const keyed = { 'Idempotency-Key': 'k1' };
    expect((await ask({}, keyed)).json.final_decision.effect).to.equal('preview_needed');
    const opened = await ask({ preview: RIGHT }, keyed);
    expect(opened.json.final_decision.effect).to.equal('approval_needed');
    const id = opened.json.decision_id;
    for (const body of [{ preview: RIGHT }, {}]) expect((await ask(body, keyed)).json.decision_id).to.equal(id);
    for (const more of [{ summary: 'Pays 2' }, { reversible: 'read-only' }, { changes: [] }]) {
      const other = await ask({ preview: { ...RIGHT, ...more } }, keyed);
      expect({ status: other.status, error: other.json.error }).to.deep.equal({ status: 422, error: 'idempotency_mismatch' });
    }
    expect((await ask({ preview: { of: RIGHT.of, failure: 'threw' } }, keyed)).status).to.equal(422);
    expect(await approvals()).to.have.length(1);
    // another server has no answers that it remembers: it has the row
    const later = await setup(store, key);
    for (const body of [{ preview: RIGHT }, {}]) expect((await later.ask(body, keyed)).json.decision_id).to.equal(id);
    expect((await later.ask({ preview: { ...RIGHT, summary: 'Pays 2' } }, keyed)).status).to.equal(422);
    expect(await later.approvals()).to.have.length(1);
    await later.close();
    await close();
  });

  it('of other params than would run is asked for again', async () => {
    const { ask, approvals, close } = await setup();
    const { json } = await ask({ preview: { ...RIGHT, of: previewedParams({ n: 2 }) } });
    expect(json.final_decision.effect).to.equal('preview_needed');
    expect(await approvals()).to.deep.equal([]);
    await close();
  });

  const { of, summary, reversible } = RIGHT;
  for (const [title, preview] of Object.entries({
    'no object': 'Pays 1',
    'no digest': { summary, reversible },
    'a digest that is none': { of: 'x', summary, reversible },
    'no summary': { of, reversible },
    'an empty summary': { of, summary: ' ', reversible },
    'a summary that is no text': { of, summary: 1, reversible },
    'no class': { of, summary },
    'another class': { of, summary, reversible: 'safe' },
    'a field more': { ...RIGHT, approved: true },
    'changes that are no list': { ...RIGHT, changes: {} },
    'a change of nothing': { ...RIGHT, changes: [{ before: 1 }] },
    'a change with a field more': { ...RIGHT, changes: [{ what: 'x', by: 1 }] },
    'more than 16 kB': { ...RIGHT, summary: 'x'.repeat(16_384) },
    'another failure': { of, failure: 'lost' },
    'a failure and a preview': { ...RIGHT, failure: 'threw' },
    neither: { of },
  }))
    it(`that has ${title} is refused`, async () => {
      const { ask, approvals, close } = await setup();
      const { status, json } = await ask({ preview });
      expect(status).to.equal(400);
      expect(json.message).to.contain('malformed').and.contain('preview');
      expect(await approvals()).to.deep.equal([]);
      await close();
    });

  it('that a client cannot make leaves the question without one, or denies it under a policy that demands it', async () => {
    const { ask, close } = await setup();
    const headers = { 'X-AEGIS-CAPABILITIES': WITHOUT };
    expect((await ask({}, headers)).json.final_decision.effect).to.equal('approval_needed');
    const drop = { tool: { name: 'drop', params: { n: 1 } } };
    for (const more of [headers, { 'X-AEGIS-CAPABILITIES': 'effective-digest' }]) {
      const { json } = await ask(drop, more);
      expect(json.final_decision).to.include({ effect: 'deny' });
      expect(json.final_decision.reason).to.contain('its guard makes none');
    }
    const failed = await ask({ ...drop, preview: { of: RIGHT.of, failure: 'timeout' } });
    expect(failed.json.final_decision.reason).to.contain('it took too long');
    expect((await ask({ ...drop, preview: RIGHT })).json.final_decision.effect).to.equal('approval_needed');
    await close();
  });

  it('that something between drops, wants again or wants of other params lets no call run', async () => {
    const { plane, key, approvals, close } = await setup();
    let meddle: (body: any, headers: IncomingMessage['headers']) => void = () => {};
    let answered: ((answer: any) => void) | undefined;
    const pass = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString();
      const body = text === '' ? undefined : JSON.parse(text);
      if (incoming.url === '/v1/decision') meddle(body, incoming.headers);
      const headers = Object.fromEntries(Object.entries(incoming.headers).filter(([name]) => name !== 'content-length')) as Record<
        string,
        string
      >;
      const request = { method: 'POST', headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
      const answer = await plane.fetch(new Request(`http://localhost${incoming.url ?? ''}`, request));
      const answerText = await answer.text();
      let json: any = answerText === '' ? undefined : JSON.parse(answerText);
      if (incoming.url === '/v1/decision') answered?.(json);
      outgoing.writeHead(answer.status, Object.fromEntries(answer.headers)).end(json === undefined ? '' : JSON.stringify(json));
    };
    const proxy = createServer((incoming, outgoing) => void pass(incoming, outgoing));
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const baseUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const module = AegisModule.create({ apiKey: key, baseUrl, agentId: 'bot' });
    const ran: unknown[] = [];
    const made: unknown[] = [];
    const tool = (toolName: string) =>
      guard(async (n: number) => ran.push(n), {
        toolName,
        params: ['n'],
        approval: 'throw',
        module,
        preview: (_self, [n]) => (made.push(n), { summary: `Does ${n}`, reversible: 'external' }),
      });
    const errorOf = async (call: Promise<unknown>): Promise<string> => {
      const { name, message } = await rejection(call);
      return `${name}: ${message}`;
    };

    // the preview, each time
    meddle = (body) => delete body.preview;
    expect(await errorOf(tool('pay')(1)))
      .to.contain('ForbiddenError')
      .and.contain('wants a preview of this call');
    expect(made).to.deep.equal([1, 1]);
    expect(await approvals()).to.deep.equal([]);
    // that the client can make one
    meddle = (_body, headers) => (headers['x-aegis-capabilities'] = WITHOUT);
    expect(await errorOf(tool('drop')(1))).to.contain('its guard makes none');
    expect(await errorOf(tool('pay')(2))).to.contain('ApprovalPendingError');
    expect(made).to.deep.equal([1, 1]);
    // what would run: its digest is that of other params
    meddle = () => {};
    answered = ({ final_decision: final }) => {
      if (final.effect === 'preview_needed') final.sanitize.params = { n: 1 };
    };
    expect(await errorOf(tool('cap')(9))).to.contain('ForbiddenError');
    expect(made).to.deep.equal([1, 1]);
    // whose call it is
    answered = (answer) => {
      if (answer.final_decision.effect === 'preview_needed') answer.tool = 'pay';
    };
    expect(await errorOf(tool('cap')(9))).to.contain('DecisionUnavailableError');
    answered = undefined;
    expect(made).to.deep.equal([1, 1]);
    expect(await errorOf(tool('cap')(9))).to.contain('ApprovalPendingError');
    expect(made).to.deep.equal([1, 1, 5]);
    expect(ran).to.deep.equal([]);
    await module.close({ graceMs: 0 });
    proxy.close();
    proxy.closeAllConnections();
    await close();
  });

  it('is not offered to the hosted service, nor made for a service that wants none', async () => {
    const { key, plane, close } = await setup();
    const made: unknown[] = [];
    const server = createServer((incoming, outgoing) => plane.node(incoming, outgoing));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const module = AegisModule.create({ apiKey: key, baseUrl, agentId: 'bot' });
    const free = guard(async () => 'done', {
      toolName: 'free',
      params: [],
      approval: 'throw',
      module,
      preview: () => (made.push(1), { summary: 'x', reversible: 'external' }),
    });
    expect(await free()).to.equal('done');
    expect((await module.decide({ toolName: 'pay', params: { n: 1 } })).effect).to.equal('approval_needed');
    expect(made).to.deep.equal([]);
    await module.close({ graceMs: 0 });
    server.close();
    server.closeAllConnections();
    await close();
  });
});
