import { expect } from 'chai';
import { RemoteDecisionService } from '../../../lib/decision/remote/RemoteDecisionService.js';
import { AegisError } from '../../../lib/model/AegisError.js';
import { dataPlaneStandIn, sendJson } from '../../support/dataPlaneStandIn.js';
import type { DataPlaneStandIn } from '../../support/dataPlaneStandIn.js';
import { everythingShownOf, failureOf, KEY_CANARY, PARAM_CANARY, PATIENT_MS, remoteRequest } from '../../support/remoteRequest.js';

describe('The errors of a Data Plane', () => {
  let plane: DataPlaneStandIn;
  let service: RemoteDecisionService;
  before(async () => (plane = await dataPlaneStandIn()));
  after(() => plane.close());
  // a new one each time: its breaker would open
  beforeEach(
    () =>
      (service = new RemoteDecisionService({
        apiKey: KEY_CANARY,
        baseUrl: plane.url,
        retries: 0,
        timeoutMs: PATIENT_MS,
        dataPlane: { require: [] },
      })),
  );
  afterEach(() => service.close());

  const ask = {
    decide: () => failureOf(service.decide(remoteRequest())),
    status: () => failureOf(service.status('dec-1')),
  };

  const statuses: Readonly<Record<number, string>> = {
    400: 'BadRequestError',
    401: 'AuthError',
    402: 'UnknownServiceError',
    403: 'ForbiddenError',
    404: 'NotFoundError',
    405: 'UnknownServiceError',
    408: 'UnknownServiceError',
    409: 'UnknownServiceError',
    413: 'UnknownServiceError',
    418: 'UnknownServiceError',
    422: 'UnknownServiceError',
    429: 'TransportError',
    500: 'PolicyEvalError',
    501: 'UnknownServiceError',
    502: 'TransportError',
    503: 'TransportError',
    504: 'TimeoutError',
    505: 'UnknownServiceError',
    599: 'UnknownServiceError',
  };
  for (const kind of ['decide', 'status'] as const) {
    for (const [status, name] of Object.entries(statuses)) {
      it(`${kind}: HTTP ${status} is ${name} with code HTTP_${status}`, async () => {
        plane.handler = (_request, reply) => sendJson(reply, { message: 'because' }, Number(status));
        const error = await ask[kind]();
        expect(error).to.include({ name, code: `HTTP_${status}`, message: 'because' });
        expect(error.status).to.equal(Number(status));
        expect(AegisError.is(error)).to.equal(true);
      });
    }
  }

  const codes: Readonly<Record<string, string>> = {
    idempotency_mismatch: 'BadRequestError',
    scope_missing: 'AuthError',
    agent_not_covered: 'AuthError',
    auth_failed: 'AuthError',
    invalid_api_key: 'AuthError',
    forbidden: 'ForbiddenError',
    policy_violation: 'ForbiddenError',
    invalid_request: 'BadRequestError',
    resource_not_found: 'NotFoundError',
    policy_eval_failed: 'PolicyEvalError',
    timeout: 'TimeoutError',
  };
  for (const [code, name] of Object.entries(codes)) {
    for (const status of [400, 403, 418, 500, 503]) {
      it(`the code ${code} is ${name}, whatever the status (${status})`, async () => {
        plane.handler = (_request, reply) => sendJson(reply, { message: 'because', error: code }, status);
        expect(await ask.decide()).to.include({ name, code });
      });
    }
  }

  it('a code that is unknown leaves the class to the status, and stays the code', async () => {
    plane.handler = (_request, reply) => sendJson(reply, { message: 'no', error: 'quota_exceeded' }, 403);
    expect(await ask.decide()).to.include({ name: 'ForbiddenError', code: 'quota_exceeded', agentId: 'ops-agent', decision: undefined });
    plane.handler = (_request, reply) => sendJson(reply, { message: 'no', error: 'quota_exceeded' }, 418);
    expect(await ask.decide()).to.include({ name: 'UnknownServiceError', code: 'quota_exceeded' });
  });

  for (const error of [
    '',
    'a b',
    'x\u0000y',
    'y'.repeat(65),
    7,
    null,
    { code: 'timeout' },
    '__proto__',
    'constructor',
    `x-${KEY_CANARY}`,
  ]) {
    it(`a code ${JSON.stringify(error)} that is no plain word is dropped or kept harmlessly`, async () => {
      plane.handler = (_request, reply) => sendJson(reply, { message: 'no', error }, 403);
      const failure = await ask.decide();
      expect(failure.name).to.equal('ForbiddenError');
      expect(failure.code).to.be.oneOf(['HTTP_403', '__proto__', 'constructor']);
      expect(everythingShownOf(failure)).to.not.contain(KEY_CANARY);
    });
  }

  describe('say', () => {
    const says: readonly (readonly [string, string, string])[] = [
      ['the message of the body', '{"message":"not today"}', 'not today'],
      ['plain text', 'not today\n', 'not today'],
      ['the status where there is no body', '', 'The decision service answered HTTP 403.'],
      ['the status instead of HTML', '<html><body>Forbidden</body></html>', 'The decision service answered HTTP 403.'],
      ['the status instead of broken JSON', '{"message":"not', 'The decision service answered HTTP 403.'],
      ['the status where the message is no text', '{"message":{"a":1}}', 'The decision service answered HTTP 403.'],
      ['the status for a body of another kind', '[1]', 'The decision service answered HTTP 403.'],
      ['the message with control characters escaped', '{"message":"a\\u001b[2Jb\\nc\\u202ed"}', 'a\\u{1b}[2Jb\\u{a}c\\u{202e}d'],
      ['500 characters at most', JSON.stringify({ message: 'x'.repeat(501) }), `${'x'.repeat(500)}…`],
      ['500 characters in full', JSON.stringify({ message: 'x'.repeat(500) }), 'x'.repeat(500)],
      ['500 whole characters of any plane', JSON.stringify({ message: '😀'.repeat(900) }), `${'😀'.repeat(500)}…`],
      ['never the key', JSON.stringify({ message: `bad key ${KEY_CANARY}!` }), 'bad key [redacted]!'],
    ];
    for (const [what, body, message] of says) {
      it(what, async () => {
        plane.handler = (_request, reply) => sendJson(reply, body, 403);
        expect((await ask.decide()).message).to.equal(message);
      });
    }

    it('no value that the guard of the call hides, also where the message is cut within it', async () => {
      const card = 'canary-of-the-card-0017';
      const sensitive = { '/card': { approver: 'full', log: 'hidden', model: 'hidden', audit: 'hidden' } } as const;
      const service = new RemoteDecisionService({ apiKey: KEY_CANARY, baseUrl: plane.url, retries: 0 });
      for (const [message, told] of [
        [`no to ${card}!`, 'no to (hidden)!'],
        [`${'x'.repeat(490)}${card}`, `${'x'.repeat(490)}(hidden)`],
      ]) {
        plane.handler = (_request, reply) => sendJson(reply, JSON.stringify({ message }), 403);
        expect((await failureOf(service.decide({ ...remoteRequest(), params: { card }, sensitive }))).message).to.equal(told);
      }
      await service.close();
    });

    it('the status where the body is not UTF-8 or too large', async () => {
      for (const body of [Buffer.from([0xff, 0xfe]), Buffer.alloc(1_100_000, 'x')]) {
        plane.handler = (_request, reply) => void reply.writeHead(403).end(body);
        expect(await ask.decide()).to.include({ name: 'ForbiddenError', message: 'The decision service answered HTTP 403.' });
      }
    });

    it('nothing of the request (trap E)', async () => {
      for (const status of Object.keys(statuses)) {
        plane.handler = (_request, reply) => sendJson(reply, '', Number(status));
        const error = await failureOf(
          new RemoteDecisionService({ apiKey: KEY_CANARY, baseUrl: plane.url, retries: 0, dataPlane: { require: [] } }).decide(
            remoteRequest(),
          ),
        );
        expect(everythingShownOf(error)).to.not.contain(KEY_CANARY).and.not.contain(PARAM_CANARY);
        expect(error.cause).to.equal(undefined);
      }
    });
  });
});
