import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { SecretString } from '../../../lib/common/SecretString.js';
import { canonicalDigest } from '../../../lib/common/data/canonical.js';
import { readDecideRequest, writeDecideRequest } from '../../../lib/decision/wire/decideRequest.js';
import type { DecideRequest } from '../../../lib/decision/wire/decideRequest.js';
import { writeDecisionAnswer } from '../../../lib/decision/wire/decisionAnswer.js';
import { readErrorAnswer, writeErrorAnswer } from '../../../lib/decision/wire/errorAnswer.js';
import { echoMismatch, readDecisionAnswer } from '../../../lib/decision/wire/readDecisionAnswer.js';
import { wireForm } from '../../../lib/decision/wire/readWire.js';
import { readStatusAnswer, writeStatusAnswer } from '../../../lib/decision/wire/statusAnswer.js';
import type { Decision, DecisionRequest, DecisionStatus } from '../../../lib/model/Decision.js';
import type { AegisError } from '../../../lib/model/AegisError.js';
import { CapacityError, ParamsError } from '../../../lib/model/errors/CallErrors.js';
import { VerdictError } from '../../../lib/model/errors/SetupErrors.js';
import { ForbiddenError, ShutdownError } from '../../../lib/model/errors/RefusalErrors.js';
import {
  AuthError,
  BadRequestError,
  NotFoundError,
  PolicyEvalError,
  StoreError,
  TimeoutError,
  TransportError,
} from '../../../lib/model/errors/ServiceErrors.js';
import { remoteRequest } from '../../support/remoteRequest.js';
import { readSource } from '../../support/sourceText.js';
import { someIdText, someJson, someParams, someToolName } from './wireValues.js';

/** The request that a client sent and the one that a server read. */
function sent(over: Partial<DecisionRequest>): { request: DecisionRequest; read: DecideRequest } {
  const request = remoteRequest(over);
  const { headers, body } = writeDecideRequest(request, true);
  return { request, read: readDecideRequest(new Headers(headers), body) };
}

const withoutCapabilities = (read: DecideRequest): DecideRequest => ({ ...read, capabilities: new Set() });
const ANSWER = { requestId: 'req-1', tenantId: 'tenant', latencyMs: 3 };

describe('A decision that a server writes', () => {
  const text = fc.string({ maxLength: 12, unit: 'binary' });
  const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });
  const fields = fc.record({
    decisionId: fc.stringMatching(/^[A-Za-z0-9_-]{1,40}$/),
    reason: maybe(text),
    violations: maybe(
      fc.array(
        fc.record({
          type: text,
          message: text,
          field: maybe(text),
          condition: maybe(text),
          actualValue: maybe(someJson.value),
          limitType: maybe(text),
        }),
        { maxLength: 2 },
      ),
    ),
    policyEvaluations: maybe(fc.array(someJson.object, { maxLength: 2 })),
    // what an answer may say of limits, by effect
    retryAtMs: maybe(fc.integer({ min: 0, max: 4_000_000_000_000 })),
    isLimited: fc.boolean(),
  });
  const calls = fc.record({ agentId: someIdText, toolName: someToolName, params: someParams });
  /** Params to remove from the call's, and others to put in. */
  const changes = fc.record({ removed: fc.array(fc.nat(4), { maxLength: 2 }), replaced: someParams });
  const limited = (decision: Decision, retryAtMs: number | undefined, isLimited: boolean): Decision => {
    if (decision.effect === 'deny') return retryAtMs === undefined ? decision : { ...decision, retryAtMs };
    return isLimited && decision.effect !== 'approval_needed' ? { ...decision, limits: [] } : decision;
  };
  const effects = fc.constantFrom('allow', 'deny', 'sanitize', 'approval_needed', 'approval_changed' as const);

  it('is read by the client as the same decision', () => {
    let removals = 0;
    const property = fc.property(calls, fields, effects, changes, maybe(text), (call, common, kind, change, message) => {
      const names = Object.keys(call.params);
      const removed = [...new Set(change.removed.flatMap((i) => names[i] ?? []))].filter((name) => !Object.hasOwn(change.replaced, name));
      const { request, read } = sent({ ...call, paramsDigest: canonicalDigest(call.params), removable: removed });
      const params = Object.fromEntries(Object.entries({ ...read.params, ...change.replaced }).filter(([name]) => !removed.includes(name)));
      const { retryAtMs, isLimited, ...plain } = common;
      const decision = limited(decisionOf(kind, plain, params, message), retryAtMs, isLimited);
      const { headers, body } = writeDecisionAnswer(decision, read, ANSWER);
      expect(echoMismatch(new Headers(headers), request)).to.equal(undefined);
      const answer = readDecisionAnswer(body);
      expect(answer).to.include({ decisionId: decision.decisionId, agentId: call.agentId, toolName: call.toolName });
      const got = answer.decisionFor(request) as Decision & { params?: object; message?: string; approvalId?: string };
      const about = { agentId: call.agentId, toolName: call.toolName, requestId: 'req-1', tenantId: 'tenant', latencyMs: 3 };
      // a server that says nothing of itself offers nothing
      const offered = decision.effect === 'approval_needed' ? { offers: [], expiresAtMs: undefined } : {};
      const want = { params: undefined, message: undefined, approvalId: undefined, ...about, ...offered, ...decision };
      const shown = ({ ...all }: typeof got): object => ({ ...all, params: all.params && wireForm(all.params) });
      expect(shown({ params: undefined, message: undefined, approvalId: undefined, ...got } as typeof got)).to.deep.equal(
        shown(want as typeof got),
      );
      if (got.params !== undefined && removed.length > 0) removals += 1;
    });
    fc.assert(property, { numRuns: 1_000 });
    expect(removals).to.be.above(20);
  });

  it('never runs with other params where the client did not declare that it checks them', () => {
    const property = fc.property(calls, fields, effects, changes, (call, common, kind, change) => {
      const names = Object.keys(call.params);
      const removed = names.filter((_, i) => change.removed.includes(i));
      const { request, read } = sent({ ...call, removable: removed });
      const params = Object.fromEntries(Object.entries({ ...read.params, ...change.replaced }).filter(([name]) => !removed.includes(name)));
      const removes = Object.keys(read.params).some((name) => !Object.hasOwn(params, name));
      const { retryAtMs: _, isLimited: __, ...plain } = common;
      const decision = decisionOf(kind, plain, params, undefined);
      const { body } = writeDecisionAnswer(decision, withoutCapabilities(read), ANSWER);
      expect(body).to.not.contain('effective_digest');
      const got = readDecisionAnswer(body).decisionFor(request);
      const refused = kind === 'approval_changed' || (kind === 'sanitize' && removes);
      expect(got?.effect).to.equal(refused ? 'deny' : decision.effect);
    });
    fc.assert(property, { numRuns: 1_000 });
  });

  it('needs neither a tenant nor an id of the approval', () => {
    const { request, read } = sent({});
    const decision: Decision = { effect: 'approval_needed', decisionId: 'd', params: { ...read.params, text: 'masked' } };
    const { body } = writeDecisionAnswer(decision, read, { requestId: 'req-1', latencyMs: 3 });
    expect(JSON.parse(body)).to.deep.include({ tenant_id: null }).and.have.nested.property('final_decision.approval_id', null);
    const got = readDecisionAnswer(body).decisionFor(request);
    expect(got).to.include({ effect: 'approval_needed', tenantId: undefined, approvalId: undefined });
    expect(got)
      .to.have.property('params')
      .that.deep.equals({ ...read.params, text: 'masked' });
  });

  it('is refused for an id that no URL can carry', () => {
    const { read } = sent({});
    for (const decisionId of ['', '..', 'a\ud800', 'x'.repeat(513)])
      expect(() => writeDecisionAnswer({ effect: 'allow', decisionId }, read, ANSWER)).to.throw(PolicyEvalError, 'id');
  });

  it('echoes nonce and digest, by which a client notices the answer for another call', () => {
    const { request, read } = sent({});
    const { headers } = writeDecisionAnswer({ effect: 'allow', decisionId: 'd' }, read, ANSWER);
    expect(headers).to.deep.equal({ 'X-AEGIS-NONCE': request.callId, 'X-AEGIS-PARAMS-DIGEST': request.paramsDigest });
    expect(echoMismatch(new Headers(headers), { ...request, callId: 'other' })).to.equal('X-AEGIS-NONCE');
    expect(echoMismatch(new Headers(headers), { ...request, paramsDigest: 'other' })).to.equal('X-AEGIS-PARAMS-DIGEST');
    expect(
      writeDecisionAnswer({ effect: 'allow', decisionId: 'd' }, { ...read, nonce: undefined, paramsDigest: undefined }, ANSWER).headers,
    ).to.deep.equal({});
  });

  function decisionOf(kind: string, common: object, params: Record<string, unknown>, message: string | undefined): Decision {
    if (kind === 'sanitize') return { ...common, effect: kind, params, message } as Decision;
    if (kind === 'approval_needed') return { ...common, effect: kind, message, approvalId: 'appr-1' } as Decision;
    if (kind === 'approval_changed') return { ...common, effect: 'approval_needed', params, message, approvalId: 'appr-2' } as Decision;
    return { ...common, effect: kind } as Decision;
  }
});

describe('A status that a server writes', () => {
  for (const [state, read] of [
    ['pending', 'pending'],
    ['approved', 'approved'],
    ['denied', 'denied'],
    // the protocol has no word for it
    ['expired', 'denied'],
  ] as const) {
    it(`as ${state} is read as ${read}`, () => {
      const property = fc.property(someIdText, (decisionId) => {
        const status: DecisionStatus = { decisionId, state, by: 'ann', reason: 'r' };
        expect(readStatusAnswer(writeStatusAnswer(status, 'req'))).to.deep.equal({ decisionId, state: read });
      });
      fc.assert(property, { numRuns: 200 });
    });
  }

  it('is refused where there is no such approval', () => {
    expect(() => writeStatusAnswer({ decisionId: 'd', state: 'invalid' }, 'req')).to.throw(NotFoundError);
  });
});

describe('An error that a server writes', () => {
  const context = { apiKey: new SecretString('s3cret-canary'), agentId: 'bot', toolName: 'pay' };
  const errors = [
    [new BadRequestError('it is malformed'), 400, 'BadRequestError'],
    [new AuthError('no such key', { code: 'invalid_api_key' }), 401, 'AuthError'],
    [new ForbiddenError('not yours'), 403, 'ForbiddenError'],
    [new NotFoundError('there is none'), 404, 'NotFoundError'],
    [new CapacityError(1, 'too many'), 429, 'TransportError'],
    [new PolicyEvalError('it cannot be evaluated'), 500, 'PolicyEvalError'],
    [new TransportError('it is overloaded'), 503, 'TransportError'],
    [new TimeoutError('it took too long'), 504, 'TimeoutError'],
  ] as const;
  for (const [error, status, name] of errors) {
    it(`as ${error.name} is HTTP ${status}, which the client reads as ${name} with its code and message`, () => {
      const answer = writeErrorAnswer(error, 'req-1');
      expect(answer.status).to.equal(status);
      expect(JSON.parse(answer.body)).to.include({
        message: error.message,
        error: error.code,
        status,
        request_id: 'req-1',
        type: 'about:blank',
      });
      const read = readErrorAnswer(answer.status, answer.body, context).error;
      expect(read).to.include({ name, code: error.code, message: error.message });
    });
  }

  for (const [error, code] of [
    [new StoreError('the file /data/canary-6 is locked'), 'store_unavailable'],
    [new ShutdownError('canary-6'), 'draining'],
  ] as const)
    it(`as ${error.name} is HTTP 503 with the protocol's code and a text of its own`, () => {
      const { status, body } = writeErrorAnswer(error, 'req-1');
      expect({ status, body: JSON.parse(body) as unknown })
        .to.deep.include({ status: 503 })
        .and.have.nested.property('body.error', code);
      expect(body).to.not.contain('canary-6');
      expect(readErrorAnswer(status, body, context).error).to.include({ name: 'TransportError', code });
    });

  it('has the status, the code and the field of an error that says its own', () => {
    const own = (status: unknown): AegisError =>
      Object.assign(new AuthError('give it once', { code: 'twice' }), { name: 'RequestError', status, field: 'limit' });
    for (const [status, title] of [
      [409, 'Conflict'],
      [422, 'Unprocessable Content'],
      [421, 'Misdirected Request'],
      [500, 'Internal Server Error'],
    ] as const) {
      const answer = writeErrorAnswer(own(status), 'req-1');
      expect(answer.status).to.equal(status);
      expect(JSON.parse(answer.body)).to.include({ error: 'twice', title, status, field: 'limit' });
    }
    for (const status of [200, 302, 399, 600, '409', undefined, Number.NaN])
      expect(writeErrorAnswer(own(status), 'r').status).to.equal(500);
    expect(writeErrorAnswer(new VerdictError(409, 'already_decided', 'd', 'it is denied'), 'r')).to.include({ status: 409 });
    expect(writeErrorAnswer(new ParamsError('/a', 'too deep'), 'r')).to.include({ status: 400 });
  });

  it('has no text of an error that may quote what it should not', () => {
    for (const error of [new TypeError('canary-5'), 'canary-5', undefined, Object.assign(new Error('canary-5'), { name: 'AuthError' })]) {
      const { status, body } = writeErrorAnswer(error, 'req-1');
      expect(body).to.not.contain('canary-5');
      expect(readErrorAnswer(status, body, context).error).to.include({ name: 'PolicyEvalError', code: 'policy_eval_failed' });
    }
  });
});

describe("The wire's names", () => {
  const SNAKE_CASE = /\b[a-z]+(?:_[a-z]+)+\b/g;
  const sources = readdirSync('lib', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => ({ file: file.split(sep).join('/'), ...readSource(readFileSync(join('lib', file), 'utf8')) }));
  const isWire = (file: string): boolean => file.startsWith('decision/wire/');
  const names = new Set(sources.filter(({ file }) => isWire(file)).flatMap(({ code }) => code.match(SNAKE_CASE) ?? []));

  /** Other protocols, with names of their own: annotations of policies, and what web hosts, models, the hooks of Claude Code, operators of a server and auditors read. */
  const OTHER_PROTOCOLS = [
    'http/',
    'adapter/',
    'server/route/',
    'server/inbox/list/ExportFormat.ts',
    'cli/server/',
    'cli/approvals/servedApprovals.ts',
    'policy/limit/readLimitTerms.ts',
  ];

  it('are those of the protocol', () => {
    expect([...names]).to.include.members(['agent_id', 'decision_id', 'final_decision', 'effective_digest', 'latency_ms', 'request_id']);
  });

  it('stand in decision/wire only, but for the columns of stores', () => {
    const elsewhere = sources
      .filter(({ file }) => !isWire(file) && !file.startsWith('store/') && !OTHER_PROTOCOLS.some((folder) => file.startsWith(folder)))
      .flatMap(({ file, code, literals }) => {
        const used = [...(code.match(SNAKE_CASE) ?? []), ...literals].filter((name) => names.has(name));
        return used.map((name) => `${file}: ${name}`);
      });
    expect(elsewhere).to.deep.equal([]);
  });
});
