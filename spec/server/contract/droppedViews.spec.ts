import { expect } from 'chai';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { guard } from '../../../lib/guard/guard.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { createDataPlane } from '../../../lib/server/createDataPlane.js';
import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import { rejection } from '../../support/rejection.js';
import { until } from '../../support/until.js';

const POLICIES = `@id("all") permit (principal, action, resource);
@id("asks") @effect("approval_needed") forbid (principal, action == Aegis::Action::"pay", resource);`;

type Body = Record<string, any>;

/** What something between makes of a request or an answer. */
const MEDDLES: readonly (readonly [title: string, request: (body: Body) => void, answer?: (body: Body) => void])[] = [
  ['drops what is hidden', (body) => delete body['sensitive']],
  ['has nothing hidden', (body) => (body['sensitive'] = {})],
  ['has another place hidden', (body) => (body['sensitive'] = { '/to': body['sensitive']['/card'] })],
  ['has less of it hidden', (body) => (body['sensitive']['/card'] = { ...body['sensitive']['/card'], approver: 'full' })],
  ['drops the word of the server for it', () => {}, (body) => delete body['aegis'].views],
  [
    'drops the capability',
    () => {},
    (body) => (body['aegis'].capabilities = body['aegis'].capabilities.filter((name: string) => name !== 'views')),
  ],
  ['drops all that the server says of itself', () => {}, (body) => delete body['aegis']],
];

describe('A proxy that drops what a guard hides', () => {
  it('lets no call run, and no one goes on being asked about it', async () => {
    const store = new MemoryStateStore();
    const plane = createDataPlane({ policies: { text: POLICIES }, store });
    let meddle: (typeof MEDDLES)[number] | undefined;
    const pass = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(chunk as Buffer);
      let text = Buffer.concat(chunks).toString();
      const isDecision = incoming.url === '/v1/decision';
      if (isDecision && meddle !== undefined) {
        const body = JSON.parse(text) as Body;
        meddle[1](body);
        text = JSON.stringify(body);
      }
      const headers = Object.fromEntries(Object.entries(incoming.headers).filter(([name]) => name !== 'content-length')) as Record<
        string,
        string
      >;
      const method = incoming.method ?? 'GET';
      const answer = await plane.fetch(
        new Request(`http://localhost${incoming.url ?? ''}`, { method, headers, ...(method === 'POST' && { body: text }) }),
      );
      let answered = await answer.text();
      if (isDecision && meddle?.[2] !== undefined) {
        const body = JSON.parse(answered) as Body;
        meddle[2](body);
        answered = JSON.stringify(body);
      }
      outgoing.writeHead(answer.status, Object.fromEntries(answer.headers)).end(answered);
    };
    const proxy = createServer((incoming, outgoing) => void pass(incoming, outgoing));
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const baseUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const apiKey = (await plane.createKey({ name: 'k', scopes: ['decide'] })).key.reveal();
    const module = AegisModule.create({ apiKey, baseUrl, agentId: 'bot' });
    const ran: unknown[] = [];
    const tool = (toolName: string) =>
      guard(async (card: string, to: string) => ran.push([card, to]), {
        toolName,
        params: ['card', 'to'],
        approval: 'throw',
        module,
        sensitive: { '/card': 'secret' },
      });
    for (meddle of MEDDLES)
      for (const name of ['read', 'pay']) {
        const error = await rejection(tool(name)('4242424242424242', 'ann'));
        expect(error, `${meddle[0]}: ${name}`).to.include({ name: 'DecisionUnavailableError', reason: 'capability_missing' });
        expect(error.message, meddle[0]).to.not.contain('4242');
        await until(async () => (await store.approvals.list({ status: 'pending' })).length === 0);
        expect(await store.approvals.list({ status: 'pending' }), meddle[0]).to.deep.equal([]);
      }
    expect(ran).to.deep.equal([]);
    meddle = undefined;
    expect(await tool('read')('4242424242424242', 'ann')).to.equal(1);
    expect((await rejection(tool('pay')('4242424242424242', 'ann'))).name).to.equal('ApprovalPendingError');
    expect((await store.approvals.list({ status: 'pending' }))[0]?.sensitive?.['/card']).to.deep.include({ approver: 'last4' });
    await module.close({ graceMs: 0 });
    proxy.close();
    proxy.closeAllConnections();
    await plane.close({ idleMs: 0, graceMs: 0 });
  });
});
