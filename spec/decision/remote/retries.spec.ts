import { expect } from 'chai';
import { RemoteDecisionService } from '../../../lib/decision/remote/RemoteDecisionService.js';
import type { RemoteDecisionServiceOptions } from '../../../lib/decision/remote/remoteSettings.js';
import { answerDecision, dataPlaneStandIn, sendJson, wireDecision } from '../../support/dataPlaneStandIn.js';
import type { DataPlaneStandIn, StandInHandler } from '../../support/dataPlaneStandIn.js';
import { failureOf, KEY_CANARY, PATIENT_MS, remoteRequest } from '../../support/remoteRequest.js';
import { remoteRawServer } from '../../support/remoteRawServer.js';
import { waited } from '../../support/pace.js';

describe('The retries of RemoteDecisionService', () => {
  let plane: DataPlaneStandIn;
  beforeEach(async () => (plane = await dataPlaneStandIn()));
  let undo: (() => void) | undefined;
  afterEach(async () => {
    undo?.();
    undo = undefined;
    await plane.close();
  });

  function setup(options: Partial<RemoteDecisionServiceOptions> = {}): RemoteDecisionService {
    return new RemoteDecisionService({
      apiKey: KEY_CANARY,
      baseUrl: plane.url,
      timeoutMs: PATIENT_MS,
      random: () => 0.2,
      dataPlane: { require: [] },
      ...options,
    });
  }

  /** Fails this often in a given way, then allows. */
  function failing(times: number, fail: StandInHandler): StandInHandler {
    return (request, reply) => (plane.requests.length <= times ? fail(request, reply) : answerDecision()(request, reply));
  }

  for (const status of [429, 502, 503, 504]) {
    it(`are made for ${status}, with one Idempotency-Key and one body (T19)`, async () => {
      plane.handler = failing(2, (_request, reply) => sendJson(reply, '', status));
      const request = remoteRequest();
      expect(await setup().decide(request)).to.include({ effect: 'allow' });
      expect(plane.requests.map((r) => r.headers['idempotency-key'])).to.deep.equal([request.callId, request.callId, request.callId]);
      expect(new Set(plane.requests.map((r) => r.body + String(r.headers['x-aegis-nonce']))).size).to.equal(1);
    });
  }

  for (const status of [400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 422, 425, 500, 501, 505, 507]) {
    it(`are not made for ${status}`, async () => {
      plane.handler = (_request, reply) => sendJson(reply, '', status, { 'retry-after': '0' });
      await failureOf(setup().decide(remoteRequest()));
      expect(plane.requests).to.have.length(1);
    });
  }

  it('are not made where a known code says that it is no passing trouble', async () => {
    for (const [error, requests] of [
      ['auth_failed', 1],
      ['policy_eval_failed', 1],
      ['timeout', 3],
      ['never_heard_of', 3],
    ] as const) {
      plane.requests.length = 0;
      plane.handler = (_request, reply) => sendJson(reply, { error }, 503);
      await failureOf(setup().decide(remoteRequest()));
      expect(plane.requests, error).to.have.length(requests);
    }
  });

  for (const [what, fail] of [
    ['drops the connection', (_request, reply) => void reply.destroy()],
    [
      'drops it after the headers',
      (_request, reply) => void reply.writeHead(200, { 'content-length': '99' }).write('{', () => reply.destroy()),
    ],
  ] as readonly (readonly [string, StandInHandler])[]) {
    it(`are made where the service ${what}`, async () => {
      plane.handler = failing(2, fail);
      expect(await setup().decide(remoteRequest())).to.include({ effect: 'allow' });
      expect(plane.requests).to.have.length(3);
    });
  }

  it('let a service that committed but could not answer recognise the call (T19)', async () => {
    const rows = new Map<string, unknown>();
    plane.handler = (request, reply) => {
      const key = String(request.headers['idempotency-key']);
      const known = rows.get(key);
      if (known !== undefined) return sendJson(reply, known);
      rows.set(key, wireDecision(request, { effect: 'approval_needed' }));
      return void reply.destroy();
    };
    expect(await setup().decide(remoteRequest())).to.include({ effect: 'approval_needed' });
    expect(rows.size).to.equal(1);
  });

  it('end after `retries`, with the last error', async () => {
    for (const retries of [0, 1, 3]) {
      plane.requests.length = 0;
      plane.handler = (_request, reply) => sendJson(reply, { message: `at capacity ${plane.requests.length}` }, 503);
      const error = await failureOf(setup({ retries }).decide(remoteRequest()));
      expect(error).to.include({ name: 'TransportError', message: `at capacity ${retries + 1}` });
      expect(plane.requests).to.have.length(retries + 1);
    }
  });

  for (const after of ['-5', '0', 'Thu, 01 Jan 1970 00:00:00 GMT']) {
    it(`wait at least 100 ms for Retry-After: ${after} (trap D)`, async () => {
      const times: number[] = [];
      plane.handler = (_request, reply) => {
        times.push(performance.now());
        sendJson(reply, '', 503, { 'retry-after': after });
      };
      await failureOf(setup({ random: () => 0 }).decide(remoteRequest()));
      expect(times).to.have.length(3);
      for (const i of [1, 2]) expect((times[i] as number) - (times[i - 1] as number)).to.be.at.least(98);
    });
  }

  for (const after of ['99999999', '60', 'Fri, 31 Dec 9999 23:59:59 GMT']) {
    it(`do not outlast the deadline for Retry-After: ${after}: the caller learns at once (trap D)`, async () => {
      plane.handler = (_request, reply) => sendJson(reply, '', 503, { 'retry-after': after });
      const { ms } = await waited(async () =>
        expect(await failureOf(setup().decide(remoteRequest()))).to.include({ name: 'TransportError', code: 'HTTP_503' }),
      );
      expect(ms).to.be.lessThan(1_000);
      expect(plane.requests).to.have.length(1);
    });
  }

  for (const after of ['1e300', 'NaN', 'soon']) {
    it(`ignore Retry-After: ${after}`, async () => {
      plane.handler = failing(1, (_request, reply) => sendJson(reply, '', 503, { 'retry-after': after }));
      expect(await setup().decide(remoteRequest())).to.include({ effect: 'allow' });
    });
  }

  it('share one deadline', async () => {
    plane.handler = async (_request, reply) => {
      await new Promise((resolve) => setTimeout(resolve, 120));
      sendJson(reply, '', 503);
    };
    const { ms } = await waited(async () => {
      const error = await failureOf(setup({ timeoutMs: 300, retries: 10 }).decide(remoteRequest()));
      expect(error.name).to.be.oneOf(['TimeoutError', 'TransportError']);
    });
    expect(ms).to.be.lessThan(450);
  });

  it('stop when the breaker opens: nothing is sent, then one probe, then all is well', async () => {
    // no time passes but what is said here: on a busy machine the breaker would have its probe before these calls are refused
    const { now } = performance;
    let nowMs = now.call(performance);
    performance.now = () => nowMs;
    undo = () => void (performance.now = now);
    plane.handler = (_request, reply) => sendJson(reply, '', 503);
    const service = setup({ retries: 0 });
    for (let i = 0; i < 10; i++) await failureOf(service.decide(remoteRequest()));
    plane.requests.length = 0;
    expect(await failureOf(service.decide(remoteRequest(), { signal: AbortSignal.abort() }))).to.include({ name: 'CallAbortedError' });
    const refused = await Promise.all(Array.from({ length: 50 }, () => failureOf(service.decide(remoteRequest()))));
    for (const error of refused) {
      expect(error).to.include({ name: 'DecisionUnavailableError', reason: 'circuit_open', code: 'decision_unavailable_circuit_open' });
      expect(error.message).to.match(/^Circuit open after 10 failures; retrying in [12] s\. /);
    }
    expect(plane.requests).to.have.length(0);
    plane.handler = answerDecision();
    nowMs += 1_300;
    const probed = await Promise.all(Array.from({ length: 10 }, () => service.decide(remoteRequest()).catch(() => undefined)));
    expect(probed.filter((d) => d !== undefined)).to.have.length(1);
    const after = await Promise.all(Array.from({ length: 10 }, () => service.decide(remoteRequest())));
    expect(after.every((d) => d.effect === 'allow')).to.equal(true);
  });

  it('cost a dead service no more than the budget of 50', async function () {
    this.timeout(20_000);
    let connections = 0;
    const dead = await remoteRawServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    const service = setup({ baseUrl: dead.url, random: () => 0 });
    await Promise.all(Array.from({ length: 100 }, () => failureOf(service.decide(remoteRequest()))));
    expect(connections).to.be.at.most(150);
    await dead.close();
  });
});
