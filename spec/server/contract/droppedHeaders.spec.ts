import { expect } from 'chai';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { guard } from '../../../lib/guard/guard.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { createDataPlane } from '../../../lib/server/createDataPlane.js';
import { rejection } from '../../support/rejection.js';

const POLICIES = `@id("all") permit (principal, action, resource);
@id("params") forbid (principal, action == Aegis::Action::"count", resource) when { context.input.n == 7 };
@id("session") forbid (principal, action == Aegis::Action::"serve", resource) when { context.session has n && context.session.n == 7 };`;

/** What a request says beside its body. */
const HEADERS = [
  'idempotency-key',
  'x-aegis-nonce',
  'x-aegis-params-digest',
  'x-aegis-binding',
  'x-aegis-capabilities',
  'x-aegis-guard-key',
  'x-aegis-removable',
  'x-aegis-opaque',
  'x-aegis-types',
  'x-aegis-approval-timeout-s',
];

describe('A proxy that drops headers of requests', () => {
  it('lets no call run that the policies forbid: each header, each two of them, and all', async () => {
    const plane = createDataPlane({ policies: { text: POLICIES } });
    let dropped: readonly string[] = [];
    const proxy = createServer((incoming, outgoing) => {
      for (const name of dropped) delete incoming.headers[name];
      plane.node(incoming, outgoing);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const baseUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const apiKey = (await plane.createKey({ name: 'k', scopes: ['decide'] })).key.reveal();
    const module = AegisModule.create({ apiKey, baseUrl, agentId: 'bot' });
    const ran: unknown[] = [];
    const run = (value: unknown): Promise<unknown> => Promise.resolve(ran.push(value));
    const count = guard(run, { toolName: 'count', params: ['n'], approval: 'throw', module });
    const serve = guard(run, { toolName: 'serve', params: ['n'], approval: 'throw', module, session: () => ({ n: 7n }) });

    const pairs = HEADERS.flatMap((one, i) => HEADERS.slice(i + 1).map((other) => [one, other]));
    const combinations = [[], ...HEADERS.map((one) => [one]), ...pairs, HEADERS];
    expect(combinations).to.have.length(57);
    for (dropped of combinations) {
      for (const call of [() => count(7n), () => serve(1)])
        expect((await rejection(call())).name, dropped.join()).to.be.oneOf([
          'ForbiddenError',
          'BadRequestError',
          'DecisionUnavailableError',
        ]);
      expect(ran, dropped.join()).to.deep.equal([]);
    }
    dropped = [];
    await count(8n);
    expect(ran).to.deep.equal([8n]);

    await module.close({ graceMs: 0 });
    proxy.close();
    proxy.closeAllConnections();
    await plane.close({ idleMs: 0, graceMs: 0 });
  });
});
