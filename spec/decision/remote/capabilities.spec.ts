import { expect } from 'chai';
import { RemoteDecisionService } from '../../../lib/decision/remote/RemoteDecisionService.js';
import { canonicalDigest } from '../../../lib/common/data/canonical.js';
import { CAPABILITIES } from '../../../lib/model/Capability.js';
import type { Capability } from '../../../lib/model/Capability.js';
import { dataPlaneStandIn, sendJson, wireDecision } from '../../support/dataPlaneStandIn.js';
import type { DataPlaneStandIn } from '../../support/dataPlaneStandIn.js';
import { failureOf, KEY_CANARY, remoteRequest } from '../../support/remoteRequest.js';

describe('What a program demands of its Data Plane', () => {
  let plane: DataPlaneStandIn;
  let service: RemoteDecisionService;
  beforeEach(async () => (plane = await dataPlaneStandIn()));
  afterEach(async () => {
    await service.close();
    await plane.close();
  });
  const setup = (require?: readonly Capability[]): RemoteDecisionService =>
    (service = new RemoteDecisionService({ apiKey: KEY_CANARY, baseUrl: plane.url, retries: 0, dataPlane: { require } }));
  const answers = (effect: string, aegis?: object): void => {
    plane.handler = (request, reply) => sendJson(reply, wireDecision(request, { effect }, aegis === undefined ? {} : { aegis }));
  };

  it('is there, or no call runs: each capability, each effect', async () => {
    const required: readonly Capability[] = ['consume', 'begin', 'effective-digest', 'reevaluate', 'types'];
    for (const effect of ['allow', 'approval_needed']) {
      for (const missing of required) {
        answers(effect, { capabilities: CAPABILITIES.filter((name) => name !== missing), consumable: true });
        const failure = await failureOf(setup().decide(remoteRequest()));
        expect(failure).to.include({ name: 'DecisionUnavailableError', reason: 'capability_missing' });
        expect(failure.message).to.include(missing);
        await service.close();
      }
      answers(effect, { capabilities: CAPABILITIES, consumable: true });
      expect(await setup().decide(remoteRequest())).to.include({ effect });
      await service.close();
    }
  });

  it('is not there where the server says nothing of itself, as behind a proxy that drops fields', async () => {
    answers('allow');
    expect(await failureOf(setup().decide(remoteRequest()))).to.include({ reason: 'capability_missing' });
    await service.close();
    expect(await setup([]).decide(remoteRequest())).to.include({ effect: 'allow' });
  });

  it('includes that an approval is to be used up', async () => {
    for (const consumable of [false, null, undefined]) {
      answers('approval_needed', { capabilities: CAPABILITIES, consumable });
      expect(await failureOf(setup().decide(remoteRequest()))).to.include({ reason: 'capability_missing' });
      await service.close();
    }
  });

  it('says what was offered with each approval, and until when it can be decided', async () => {
    const aegis = { capabilities: ['reevaluate', 'future', 'consume'], consumable: true, expires_at: '2030-01-01T00:00:00.000Z' };
    answers('approval_needed', aegis);
    const decision = await setup([]).decide(remoteRequest());
    expect(decision).to.deep.include({ offers: ['consume', 'reevaluate'], expiresAtMs: Date.UTC(2030, 0, 1) });
    for (const broken of [
      { capabilities: 'all' },
      { capabilities: [7] },
      { capabilities: [], expires_at: 'soon' },
      { capabilities: [], consumable: 'yes' },
    ]) {
      answers('approval_needed', broken);
      expect(await failureOf(service.decide(remoteRequest())), JSON.stringify(broken)).to.include({ reason: 'malformed' });
    }
  });

  it('keeps types: a call with a BigInt goes to no server that would take it for text, unless its guard says so', async () => {
    answers('allow', { capabilities: ['consume'], consumable: true });
    setup([]);
    expect(await failureOf(service.decide(remoteRequest({ params: { n: 7n } })))).to.include({ reason: 'capability_missing' });
    expect(await service.decide(remoteRequest({ params: { n: 7n }, wireTypes: 'string' }))).to.include({ effect: 'allow' });
    expect(await service.decide(remoteRequest({ params: { n: 7 } }))).to.include({ effect: 'allow' });
  });

  it('keeps values hidden: a call with one goes to no server that would show it to everyone', async () => {
    const sensitive = { '/text': { approver: 'hidden', log: 'hidden', model: 'hidden', audit: 'hidden' } } as const;
    answers('allow', { capabilities: CAPABILITIES.filter((name) => name !== 'views'), consumable: true });
    setup([]);
    const failure = await failureOf(service.decide(remoteRequest({ sensitive })));
    expect(failure).to.include({ reason: 'capability_missing' });
    expect(failure.message).to.include('views');
    expect(await service.decide(remoteRequest())).to.include({ effect: 'allow' });
    // one that knows views, and was not told of these
    for (const views of [undefined, null, canonicalDigest({}), canonicalDigest({ '/other': sensitive['/text'] })]) {
      answers('allow', { capabilities: CAPABILITIES, consumable: true, views });
      expect(await failureOf(service.decide(remoteRequest({ sensitive })))).to.include({ reason: 'capability_missing' });
    }
    answers('allow', { capabilities: CAPABILITIES, consumable: true, views: canonicalDigest(sensitive) });
    expect(await service.decide(remoteRequest({ sensitive }))).to.include({ effect: 'allow' });
  });

  it('stands after the approval: a server that has lost it uses nothing up, begins nothing and decides nothing again', async () => {
    plane.handler = (_request, reply) => sendJson(reply, { message: 'no such route', error: 'resource_not_found' }, 404);
    setup();
    const use = { decisionId: 'dec-1', digest: 'a'.repeat(64), bindingBase: 'b'.repeat(64), token: 't' };
    expect(await service.consume(use)).to.equal(false);
    expect(await service.begin({ decisionId: 'dec-1', token: 't', claimToken: 'c' })).to.equal(false);
    expect(await service.reevaluate(remoteRequest(), 'dec-1')).to.include({ effect: 'deny' });
    expect(await service.status('dec-1', { offers: ['consume'] })).to.include({ state: 'denied' });
    for (const decisionId of ['', '..', '\ud800']) expect(await service.consume({ ...use, decisionId })).to.equal(false);
  });

  it('is not made up for where it fails: an error is an error of each that asked, and nothing is used up or begun', async () => {
    plane.handler = (_request, reply) => sendJson(reply, { message: 'no' }, 500);
    setup();
    const use = { decisionId: 'dec-1', digest: 'a'.repeat(64), bindingBase: 'b'.repeat(64), token: 't' };
    const offers = ['statuses'] as const;
    const asked = [
      service.consume(use),
      service.begin({ decisionId: 'dec-1', token: 't', claimToken: 'c' }),
      service.reevaluate(remoteRequest(), 'dec-1', { idempotencyKey: 'é\n' }),
      service.status('dec-1', { offers }),
      service.status('dec-2', { offers }),
      service.withdraw('dec-1'),
    ];
    for (const failure of await Promise.all(asked.map(failureOf))) expect(failure).to.include({ name: 'PolicyEvalError', status: 500 });
    const keys = plane.requests.filter(({ path }) => path.endsWith('/reevaluate')).map(({ headers }) => headers['idempotency-key']);
    expect(keys).to.have.length(1);
    expect(keys[0]).to.match(/^[0-9a-f]{64}$/);
    expect(plane.requests.filter(({ path }) => path === '/v1/decisions/status')).to.have.length(1);
  });

  it('is nothing of the hosted service: it is asked about each approval, and is not told that one is over', async () => {
    plane.handler = (request, reply) => sendJson(reply, { decision_id: request.path.split('/')[3], status: 'PENDING' });
    setup([]);
    const statuses = await service.statuses(['dec-1', 'dec-2', '..']);
    expect(statuses.map(({ state }) => state)).to.deep.equal(['pending', 'pending', 'invalid']);
    await service.withdraw('dec-1');
    expect(plane.requests.map(({ method, path }) => `${method} ${path}`)).to.have.members([
      'GET /v1/decision/dec-1/status',
      'GET /v1/decision/dec-2/status',
    ]);
  });

  it('does not make what it answers about other approvals, or to another number of calls, believable', async () => {
    const about = (decision_id: string): object => ({
      decision_id,
      status: 'PENDING',
      effect: 'approval_needed',
      outcome: 'pending',
      consumed: false,
    });
    setup();
    plane.handler = (_request, reply) => sendJson(reply, { statuses: [about('dec-1')] });
    const statuses = await service.statuses(['dec-1', '..']);
    expect(statuses.map(({ state }) => state)).to.deep.equal(['pending', 'invalid']);
    plane.handler = (_request, reply) => sendJson(reply, { statuses: [] });
    expect(await service.statuses(['..'])).to.deep.equal([{ decisionId: '..', state: 'invalid' }]);
    for (const answered of [[], ['dec-2'], ['dec-1', 'dec-2']]) {
      plane.handler = (_request, reply) => sendJson(reply, { statuses: answered.map(about) });
      expect((await failureOf(service.statuses(['dec-1']))).name, String(answered)).to.equal('DecisionUnavailableError');
    }
    for (const count of [0, 2]) {
      plane.handler = (request, reply) => {
        const [call] = (JSON.parse(request.body) as { calls: object[] }).calls;
        const one = wireDecision({ ...request, body: JSON.stringify(call) });
        sendJson(reply, { decisions: Array.from({ length: count }, () => one) });
      };
      expect(await failureOf(service.dryRun(remoteRequest()))).to.include({ reason: 'malformed' });
    }
  });
});
