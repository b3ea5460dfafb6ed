import { expect } from 'chai';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { guard } from '../../../lib/guard/guard.js';
import { createDataPlane } from '../../../lib/server/createDataPlane.js';
import type { DataPlane } from '../../../lib/server/createDataPlane.js';
import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import { PageClient } from '../../support/PageClient.js';
import { CLIENT_SECRET, servedIssuer } from '../../support/servedIssuer.js';
import type { ServedIssuer } from '../../support/servedIssuer.js';
import { until } from '../../support/until.js';

const POLICIES = `
@id("all") permit (principal, action, resource);
@id("refunds") @effect("approval_needed") @severity("low") @approvers("finance") @reason("Finance looks at refunds")
forbid (principal, action == Aegis::Action::"refund", resource);
`;

describe('Signing in at an issuer to the inbox of a program', () => {
  let issuer: ServedIssuer;
  let app: Server;
  let plane: DataPlane;
  let module: AegisModule;
  let origin: string;

  before(async () => {
    issuer = await servedIssuer();
    const store = new MemoryStateStore();
    module = AegisModule.create({ policies: { text: POLICIES }, store, agentId: 'shop' });
    const oidc = {
      issuer: issuer.url,
      clientId: 'aegis',
      clientSecret: CLIENT_SECRET,
      name: 'acme-sso',
      groupsClaim: 'groups',
      trustsMail: true,
      roles: ['approver'],
    } as const;
    // as a program mounts it: below a path of its own server, beside pages of its own
    app = createServer((request, response) => {
      if (request.url?.startsWith('/aegis') === true) return plane.node(request, response);
      response.end('the shop');
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => app.once('listening', resolve));
    origin = `http://localhost:${(app.address() as AddressInfo).port}`;
    plane = createDataPlane({ module, store, oidc, basePath: '/aegis', publicUrl: `${origin}/aegis` });
    await plane.ready();
    await issuer.serve(`${origin}/aegis`);
  });
  after(async () => {
    await plane.close({ idleMs: 0 });
    await module.close();
    app.closeAllConnections();
    await new Promise((resolve) => app.close(resolve));
    await issuer.close();
  });

  /** Signs in at the issuer, from the sign-in page on. */
  async function signedIn(login: string): Promise<PageClient> {
    const client = new PageClient(origin);
    await client.open('/aegis/inbox');
    expect(client.page.text).to.include('Sign in with acme-sso');
    const start = await issuer.sent(client, '/aegis/signin/oidc?next=%2Finbox');
    await client.open(`/aegis${await issuer.signIn(start, login)}`, { 'sec-fetch-site': 'cross-site' });
    expect([...client.cookies.keys()]).to.deep.equal(['aegis-local']);
    await client.open('/aegis/inbox');
    return client;
  }

  it('lets a person of the group approve a call of the program, which then runs; who asked cannot', async () => {
    const ran: number[] = [];
    const session = { user_id: 'ben@acme.example' };
    const refund = guard(
      async (amount: number, order: string) => {
        ran.push(amount);
        return order;
      },
      { module, agentId: 'shop', toolName: 'refund', params: ['amount', 'order'], approval: 'wait', session },
    );
    const result = refund(120, 'A-1');
    await until(async () => (await module.approvals.list({ status: 'pending' })).length === 1);
    const [pending] = await module.approvals.list({ status: 'pending' });
    const path = `/aegis/a/${pending?.decisionId}`;

    const ben = await signedIn('ben');
    await ben.open(path);
    expect(ben.forms().filter(({ action }) => action.endsWith('/verdict'))).to.deep.equal([]);
    expect(ben.page.text).to.include('You cannot approve your own request');

    const ann = await signedIn('ann');
    expect(ann.page.text).to.include('refund').and.include('Finance looks at refunds');
    await ann.open(path);
    const [form] = ann.forms().filter(({ action }) => action.endsWith('/verdict'));
    expect(form?.action).to.equal(`/aegis/v1/approvals/${pending?.decisionId}/verdict`);
    expect(ran).to.deep.equal([]);
    await ann.submit(form?.action as string, { verdict: 'approve' });
    expect(await result).to.equal('A-1');
    expect(ran).to.deep.equal([120]);
    await ann.open(path);
    expect(ann.page.text).to.include('Name of ann');
    await ann.open('/aegis/me');
    await ann.submit('/aegis/signout');
    await ann.open(path);
    expect(ann.page.path).to.include('/signin');
  });
});
