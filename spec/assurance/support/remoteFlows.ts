import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import type { AegisOptions } from '../../../lib/guard/module/AegisOptions.js';
import { guardCall } from '../../../lib/guard/guardCall.js';
import { ended, params, watched } from './embeddedFlows.js';
import type { Sinks } from './sinks.js';
import {
  answerDecision,
  answerStatus,
  dataPlaneStandIn,
  sendJson,
  type StandInHandler,
  wireDecision,
} from '../../support/dataPlaneStandIn.js';
import { CANARIES } from '../../support/outputCanaries.js';

const { apiKey, envApiKey, urlSecret, wireBody, wireHeader, wireMessage, actualValue, approverReason } = CANARIES;

/** On every answer, where services and proxies put theirs. */
const HEADERS = { 'set-cookie': `session=${wireHeader}`, 'x-request-id': wireHeader, server: wireHeader, 'retry-after': '0' };
const violations = [
  { type: 'parameter', message: 'holds an address', field: 'text', condition: 'none', actual_value: { text: actualValue } },
];

/** One answer to a decision request, each kind of them. */
const ANSWERS: readonly StandInHandler[] = [
  answerDecision(),
  answerDecision({ effect: 'deny', reason: 'not today', violations }),
  answerDecision({ effect: 'sanitize', sanitize: { message: 'masked', params: { text: '[masked]' } }, violations }),
  answerDecision({ effect: 'sanitize', sanitize: { params: { text: { constructor: wireBody } } } }),
  answerDecision({ effect: 'sanitize', sanitize: { params: { text: '' }, effective_digest: wireBody } }),
  answerDecision({ effect: wireBody }),
  answerDecision({ effect: ['allow', wireBody] }),
  answerDecision({ effect: 'allow' }, { agent_id: wireBody }),
  answerDecision({ effect: 'allow' }, { decision_id: `..${wireBody}`.repeat(30), latency_ms: wireBody, tenant_id: [wireBody] }),
  (request, reply) => sendJson(reply, wireDecision(request), 200, { 'x-aegis-nonce': wireHeader, ...HEADERS }),
  (_, reply) => sendJson(reply, `{"request_id":"${wireBody}","request_id":"${wireBody}"}`, 200, HEADERS),
  (_, reply) => sendJson(reply, `{"request_id": ${wireBody}`, 200, HEADERS),
  (_, reply) => sendJson(reply, `<html>${wireBody}</html>`, 200, HEADERS),
  (_, reply) => sendJson(reply, `<html>${wireBody}</html>`, 400, HEADERS),
  (_, reply) => sendJson(reply, { message: [wireBody], error: { code: wireBody } }, 403, HEADERS),
  (_, reply) => sendJson(reply, wireBody.repeat(100_000), 200, HEADERS),
  (_, reply) => sendJson(reply, '', 302, { ...HEADERS, location: `https://example.org/?token=${wireHeader}` }),
  (_, reply) => sendJson(reply, wireBody, 206, HEADERS),
  (_, reply) => void reply.destroy(),
  (_, reply) =>
    void reply.writeHead(200, { ...HEADERS, 'content-length': '500' }).write(`{"request_id":"${wireBody}"`, () => reply.destroy()),
  (_, reply) => void reply.writeHead(200, { ...HEADERS, 'content-encoding': 'gzip' }).end(wireBody),
  () => undefined,
  ...[400, 401, 403, 404, 409, 418, 429, 500, 502, 503, 504].flatMap((status): StandInHandler[] => [
    (_, reply) => sendJson(reply, { message: wireMessage, error: 'a_code' }, status, HEADERS),
    (request, reply) => sendJson(reply, `The key ${apiKey} is none: ${String(request.headers['x-api-key'])}`, status, HEADERS),
    (_, reply) => sendJson(reply, { message: apiKey, error: apiKey }, status, HEADERS),
  ]),
];

const STATUSES: readonly StandInHandler[] = [
  answerStatus('PENDING'),
  answerStatus('OK', 'deny', { reason: approverReason }),
  answerStatus(wireBody, wireBody),
  answerStatus('OK', 'allow', { decision_id: wireBody }),
  (_, reply) => sendJson(reply, `{"status": "OK", "status": ${wireBody}`, 200, HEADERS),
  (_, reply) => sendJson(reply, { message: wireMessage }, 404, HEADERS),
  (_, reply) => void reply.destroy(),
  answerStatus('OK', 'allow'),
];

/** Drives everything a module with a Data Plane does, with an answer of each kind. Gives what the Data Plane was told. */
export async function remoteFlows(sinks: Sinks): Promise<string> {
  await using plane = await dataPlaneStandIn();
  const options: AegisOptions = { apiKey, baseUrl: plane.url, timeoutMs: 300, retries: 1, dataPlane: { require: [] } };
  for (const answer of ANSWERS) {
    // one of its own each: a breaker that is open would hide the later ones
    const aegis = watched(sinks, options);
    plane.handler = answer;
    await oneCall(sinks, aegis);
    sinks.module(aegis);
    await aegis.close();
    await oneCall(sinks, aegis);
  }
  for (const status of STATUSES) {
    const aegis = watched(sinks, options);
    const ask = answerDecision({ effect: 'approval_needed', reason: 'a person decides', violations });
    plane.handler = (request, reply) => (request.method === 'POST' ? ask : status)(request, reply);
    await oneCall(sinks, aegis);
    sinks.value('tasks', await aegis.tasks.listTasks());
    await aegis.close();
  }
  await untilTheBreakerOpens(sinks, watched(sinks, { ...options, baseUrl: 'http://127.0.0.1:9', retries: 0 }));
  await badSettings(sinks, plane.url);
  plane.handler = answerDecision();
  await fromTheEnvironment(sinks, plane.url);
  return JSON.stringify(plane.requests);
}

async function oneCall(sinks: Sinks, aegis: AegisModule): Promise<void> {
  const call = { agentId: 'bot', toolName: 'tool', params: params(), session: { user_id: CANARIES.requester, token: CANARIES.session } };
  const outcome = await guardCall(aegis, call, () => CANARIES.result);
  if (outcome.kind === 'denied') sinks.error(outcome.error);
  if (outcome.kind !== 'pending') return;
  sinks.value('handle', outcome.pending);
  await ended(sinks, () => outcome.resume());
  sinks.value('handle', outcome.pending);
  await outcome.cancel();
  await ended(sinks, () => outcome.pending.completed);
}

async function untilTheBreakerOpens(sinks: Sinks, aegis: AegisModule): Promise<void> {
  for (let n = 0; n < 12; n++) await oneCall(sinks, aegis);
  await aegis.close();
}

async function badSettings(sinks: Sinks, url: string): Promise<void> {
  const bad: AegisOptions[] = [
    { apiKey: `${apiKey}\n`, baseUrl: url },
    { apiKey: ` ${apiKey}`, baseUrl: url },
    { apiKey, baseUrl: `https://user:${urlSecret}@example.org` },
    { apiKey, baseUrl: `https://${urlSecret}@example.org` },
    { apiKey, baseUrl: `https://example.org/?token=${urlSecret}` },
    { apiKey, baseUrl: `https://example.org/#${urlSecret}` },
    { apiKey, baseUrl: `http://user:${urlSecret}@example.org:99999` },
    { apiKey, baseUrl: `ftp://${urlSecret}` },
    { apiKey, userAgent: `${urlSecret}\n` },
    { apiKey, timeoutMs: urlSecret as never },
    { apiKey, policies: { text: CANARIES.policyText } },
    { apikey: apiKey, apiKey } as never,
    { apiKey: { key: apiKey } as never },
  ];
  for (const options of bad) await ended(sinks, async () => AegisModule.create(options).close());
}

async function fromTheEnvironment(sinks: Sinks, url: string): Promise<void> {
  const environments = [
    { AEGIS_API_KEY: envApiKey, AEGIS_BASE_URL: url },
    { AEGIS_API_KEY: envApiKey, AEGIS_BASE_URL: `https://user:${urlSecret}@example.org` },
    { AEGIS_API_KEY: envApiKey, AEGIS_TIMEOUT_S: urlSecret, AEGIS_DEBUG: urlSecret, AEGIS_LOG_LEVEL: urlSecret },
    { AEGIS_API_KEY: `${envApiKey}\n` },
    { AEGIS_API_KEY: envApiKey, AEGIS_POLICIES: urlSecret },
  ];
  for (const environment of environments) {
    const before = { ...process.env };
    Object.assign(process.env, environment);
    try {
      await ended(sinks, async () => {
        const aegis = AegisModule.configure({ agentId: 'bot', debug: true, logger: sinks.logger, replace: true });
        await oneCall(sinks, aegis);
        sinks.module(aegis);
        sinks.value('inside', AegisModule.current);
        await aegis.close();
      });
    } finally {
      for (const name of Object.keys(environment)) {
        if (before[name] === undefined) delete process.env[name];
        else process.env[name] = before[name];
      }
    }
  }
}
