import { expect } from 'chai';
import { RemoteDecisionService } from '../../../lib/decision/remote/RemoteDecisionService.js';
import type { RemoteDecisionServiceOptions } from '../../../lib/decision/remote/remoteSettings.js';
import { dataPlaneStandIn, sendJson, wireDecision } from '../../support/dataPlaneStandIn.js';
import type { DataPlaneStandIn } from '../../support/dataPlaneStandIn.js';
import { failureOf, KEY_CANARY, remoteRequest } from '../../support/remoteRequest.js';
import { until } from '../../support/until.js';

const GIVEN_UP = '/v1/decisions/withdraw';

describe('What a client tells its Data Plane when all is over', () => {
  let plane: DataPlaneStandIn;
  let service: RemoteDecisionService;
  beforeEach(async () => (plane = await dataPlaneStandIn()));
  afterEach(async () => {
    await service.close();
    await plane.close();
  });
  const setup = (options: Partial<RemoteDecisionServiceOptions> = {}): RemoteDecisionService =>
    (service = new RemoteDecisionService({ apiKey: KEY_CANARY, baseUrl: plane.url, retries: 0, random: () => 0, ...options }));
  const told = (path: string): Record<string, unknown>[] =>
    plane.requests.filter((seen) => seen.path === path).map(({ body }) => JSON.parse(body) as Record<string, unknown>);

  describe('how a run ended', () => {
    const path = '/v1/decision/dec-1/outcome';
    const report = { decisionId: 'dec-1', token: 't', status: 'failed' } as const;

    it('is sent a few times where the server does not answer, whatever `retries` is', async () => {
      plane.handler = (_request, reply) =>
        told(path).length < 3 ? sendJson(reply, { message: 'busy' }, 503) : void reply.writeHead(204).end();
      await setup().reportOutcome({ ...report, errorCode: 'E_DISK' });
      expect(told(path)).to.deep.equal(Array(3).fill({ token: 't', status: 'failed', error_code: 'E_DISK' }));
    });

    it('leaves out a code that the wire cannot carry', async () => {
      plane.handler = (_request, reply) => void reply.writeHead(204).end();
      setup();
      for (const errorCode of [undefined, '', 'two words', 'a'.repeat(65), 'ö']) await service.reportOutcome({ ...report, errorCode });
      expect(told(path)).to.deep.equal(Array(5).fill({ token: 't', status: 'failed' }));
    });

    it('of an approval that the server does not know is told to nobody; what it refuses is an error', async () => {
      plane.handler = (_request, reply) => sendJson(reply, { message: 'none', error: 'resource_not_found' }, 404);
      await setup().reportOutcome(report);
      await service.reportOutcome({ ...report, decisionId: '..' });
      plane.handler = (_request, reply) => sendJson(reply, { message: 'otherwise', error: 'outcome_conflict' }, 409);
      expect(await failureOf(service.reportOutcome(report))).to.include({ code: 'outcome_conflict' });
      expect(plane.requests).to.have.length(2);
    });
  });

  describe('that a request is given up', () => {
    const hangs = (): void => {
      plane.handler = ({ path }, reply) => (path === GIVEN_UP ? void reply.writeHead(204).end() : undefined);
    };

    it('after an abort', async () => {
      hangs();
      const controller = new AbortController();
      const request = remoteRequest();
      const failure = failureOf(setup().decide(request, { signal: controller.signal }));
      await until(() => plane.requests.length > 0);
      controller.abort();
      expect(await failure).to.include({ name: 'CallAbortedError' });
      await until(() => told(GIVEN_UP).length > 0);
      expect(told(GIVEN_UP)).to.deep.equal([{ agent_id: request.agentId, idempotency_key: request.callId }]);
    });

    it('after a timeout', async () => {
      hangs();
      expect(await failureOf(setup({ timeoutMs: 100 }).decide(remoteRequest()))).to.include({ name: 'TimeoutError' });
      await until(() => told(GIVEN_UP).length > 0);
    });

    it('after an answer that does not count', async () => {
      plane.handler = (request, reply) =>
        request.path === GIVEN_UP
          ? void reply.writeHead(204).end()
          : sendJson(reply, wireDecision(request, { effect: 'approval_needed' }, { aegis: { capabilities: [], consumable: true } }));
      expect(await failureOf(setup().decide(remoteRequest()))).to.include({ reason: 'capability_missing' });
      await until(() => told(GIVEN_UP).length > 0);
    });

    it('when the service closes while it is asked, before it has closed', async () => {
      hangs();
      const failure = failureOf(setup().decide(remoteRequest()));
      await until(() => plane.requests.length > 0);
      await service.close();
      expect(await failure).to.include({ name: 'ShutdownError' });
      expect(told(GIVEN_UP)).to.have.length(1);
    });

    it('not after an error of the server, which opened nothing, nor to one that is the hosted service', async () => {
      plane.handler = (_request, reply) => sendJson(reply, { message: 'no', error: 'invalid_request' }, 400);
      expect(await failureOf(setup().decide(remoteRequest()))).to.include({ name: 'BadRequestError' });
      await service.close();
      hangs();
      const hosted = setup({ dataPlane: { require: [] }, timeoutMs: 100 });
      expect(await failureOf(hosted.decide(remoteRequest()))).to.include({ name: 'TimeoutError' });
      await service.close();
      expect(told(GIVEN_UP)).to.deep.equal([]);
    });

    it('not where an open breaker sent nothing; and that it cannot be told is no other error', async () => {
      plane.handler = (_request, reply) => void reply.destroy();
      setup();
      const names = new Set<string>();
      for (let i = 0; i < 12; i++) {
        const failure = await failureOf(service.decide(remoteRequest()));
        names.add(`${failure.name} ${'reason' in failure ? String(failure.reason) : ''}`);
      }
      expect([...names]).to.deep.equal(['TransportError ', 'DecisionUnavailableError circuit_open']);
    });
  });
});
