import { expect } from 'chai';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { guard } from '../../../lib/guard/guard.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { servedInbox } from '../../support/servedInbox.js';
import type { ServedInbox, SpecPerson } from '../../support/servedInbox.js';
import { until } from '../../support/until.js';
import { SLOW_POLLS } from './contractWorlds.js';

const POLICIES = `@id("all") permit (principal, action, resource);
@id("ask") @effect("approval_needed") @approvers("payers") forbid (principal, action == Aegis::Action::"pay", resource);`;

/** What an approved call asks of its server on its way to run. */
const STEPS = ['consume', 'begin'] as const;
/** What a server says, or does, that has no time now. */
const AWAY = ['503', 'no answer', '503 after it was done'] as const;

describe('An approved call whose server has no time', function () {
  this.timeout(20_000);
  let inbox: ServedInbox;
  let rita: SpecPerson;
  let server: Server;
  let module: AegisModule;
  let refuse: { readonly step: string; readonly how: (typeof AWAY)[number]; left: number };
  let seen: string[];

  beforeEach(async () => {
    inbox = await servedInbox({ policies: { text: POLICIES } as never });
    rita = await inbox.person('Rita', { roles: ['approver'], groups: ['payers'] });
    refuse = { step: 'none', how: '503', left: 0 };
    seen = [];
    server = createServer((incoming, outgoing) => {
      const step = /[^/]+$/.exec(incoming.url ?? '')?.[0] ?? '';
      seen.push(step);
      if (step !== refuse.step || refuse.left === 0) return inbox.plane.node(incoming, outgoing);
      refuse.left -= 1;
      if (refuse.how === '503') return void outgoing.writeHead(503, { 'content-type': 'application/json' }).end('{}');
      if (refuse.how === 'no answer') return void incoming.socket.destroy();
      // what it answers is lost on the way
      outgoing.writeHead = () => outgoing;
      outgoing.end = (() => incoming.socket.destroy()) as never;
      inbox.plane.node(incoming, outgoing);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const apiKey = (await inbox.plane.createKey({ name: 'k', scopes: ['decide'] })).key.reveal();
    module = AegisModule.create({ apiKey, baseUrl, agentId: 'bot', retries: 0, approvalPolling: SLOW_POLLS });
  });
  afterEach(async () => {
    await module.close({ graceMs: 0 });
    server.close();
    server.closeAllConnections();
    await inbox.close();
  });

  for (const step of STEPS)
    for (const how of AWAY)
      it(`is tried again soon, not with the next poll, and runs once: ${how}, at its ${step}`, async () => {
        const runs: number[] = [];
        const pay = guard(async (amount: number) => runs.push(amount), { toolName: 'pay', params: ['amount'], approval: 'wait', module });
        const result = pay(5);
        await until(async () => (await inbox.store.approvals.list({ status: 'pending' })).length > 0);
        const [record] = await inbox.store.approvals.list({ status: 'pending' });
        if (record === undefined) throw new Error('nothing was asked');
        refuse = { step, how, left: 3 };
        const { decisionId, digest, version } = record;
        const verdict = { verdict: 'approve', digest, version: String(version) };
        expect((await rita.post(`/v1/approvals/${decisionId}/verdict`, verdict)).status).to.equal(303);
        // with the next polls that would take longer than this spec may
        await result;
        expect([runs, refuse.left]).to.deep.equal([[5], 0]);
        expect(seen.filter((one) => one === step)).to.have.length(4);
      });
});
