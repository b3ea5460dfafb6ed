import { expect } from 'chai';
import { RemoteDecisionService } from '../../../lib/decision/remote/RemoteDecisionService.js';
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
});
