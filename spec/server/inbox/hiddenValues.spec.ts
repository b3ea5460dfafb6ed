import { expect } from 'chai';
import { RemoteDecisionService } from '../../../lib/decision/remote/RemoteDecisionService.js';
import { readDecideRequest, writeDecideRequest, writeDryRunRequest, readDryRunRequest } from '../../../lib/decision/wire/decideRequest.js';
import type { DecisionRequest } from '../../../lib/model/Decision.js';
import type { Sensitive } from '../../../lib/model/sensitive/Sensitive.js';
import { rejection } from '../../support/rejection.js';
import { remoteRequest } from '../../support/remoteRequest.js';
import { servedInbox } from '../../support/servedInbox.js';
import type { ServedInbox } from '../../support/servedInbox.js';

const CARD = 'canary4242424242424242';
const SECRET: Sensitive = { '/card/number': { approver: 'last4', log: 'hidden', model: 'hidden', audit: 'hidden' } };

describe('Values that a remote guard hides', () => {
  let inbox: ServedInbox;
  before(async () => (inbox = await servedInbox()));
  after(() => inbox.close());

  const ask = (body: object) =>
    inbox.call('POST', '/v1/decision', {
      agent_id: 'bot',
      tool: { name: 'read', params: { card: { number: CARD }, amount: 5 } },
      session: { user_id: 'ann' },
      ...body,
    });

  it('are not on the page, and a yes without their number is not recorded', async () => {
    const { json } = await ask({ sensitive: SECRET });
    const id = json['decision_id'] as string;
    const bob = await inbox.person('Bob');
    for (const path of [`/a/${id}`, `/a/${id}?all`, '/inbox']) expect((await bob.get(path)).text, path).to.not.contain(CARD);
    const { page } = await bob.get(`/a/${id}`);
    expect(page.text('.params')).to.contain('Hidden from you by the program, but for …4242');
    expect(page.text('label.check')).to.contain('1 value is hidden from me');
    const record = await inbox.plane.fetch(
      new Request(`http://localhost/v1/approvals/${id}`, { headers: { host: 'localhost', cookie: bob.cookie } }),
    );
    const shown = (await record.json()) as { digest: string; version: number; hidden: unknown; params: unknown };
    expect(shown.hidden).to.deep.equal(['/card/number']);
    expect(shown.params).to.deep.equal({ amount: 5, card: { number: '(hidden, but for the end: …4242)' } });
    const form = {
      verdict: 'approve',
      digest: shown.digest,
      version: String(shown.version),
      code: shown.digest.slice(0, 4),
      reason: 'known',
    };
    const refused = await bob.post(`/v1/approvals/${id}/verdict`, form);
    expect(refused.status).to.equal(428);
    expect(refused.page.text('#hidden-error')).to.contain('1 value of this approval is not shown in full');
    const given = await bob.post(`/v1/approvals/${id}/verdict`, { ...form, acknowledge_hidden: '1' });
    expect([given.status, given.location]).to.deep.equal([303, `/a/${id}`]);
  });

  it('are refused where they are not said as a guard says them', async () => {
    for (const sensitive of ['x', { card: 'secret' }, { '/card': 'secrets' }, { '/card': { approver: 'none' } }]) {
      const { status, json } = await ask({ sensitive });
      expect(status).to.equal(400);
      expect(JSON.stringify(json)).to.contain('malformed at sensitive').and.not.contain(CARD);
    }
  });

  it('reach the server as the client has them, in the body, and not in a request without any', () => {
    const request: DecisionRequest = { ...remoteRequest(), sensitive: SECRET };
    const { headers, body } = writeDecideRequest(request, false);
    expect(readDecideRequest(new Headers(headers), body).sensitive).to.deep.equal(SECRET);
    expect(readDryRunRequest(new Headers(headers), writeDryRunRequest([request]))[0]?.sensitive).to.deep.equal(SECRET);
    expect(writeDecideRequest(remoteRequest(), false).body).to.not.contain('sensitive');
  });

  it('are not sent to a service of which nothing says that it hides them', async () => {
    // nothing listens there: a request that is sent ends in a TransportError
    const service = new RemoteDecisionService({ baseUrl: 'http://127.0.0.1:9', apiKey: 'key', dataPlane: { require: [] } } as never);
    const request: DecisionRequest = { ...remoteRequest(), sensitive: SECRET };
    for (const asked of [service.decide(request), service.dryRun(request), service.reevaluate(request, 'd1')]) {
      const error = await rejection(asked);
      expect(error).to.include({ name: 'DecisionUnavailableError', reason: 'capability_missing' });
      expect(error.message).to.contain("dataPlane: { require: ['views'] }");
    }
    await service.close();
  });
});
