import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { expect } from 'chai';
import { RemoteDecisionService } from '../../../lib/decision/remote/RemoteDecisionService.js';
import type { Diagnostic } from '../../../lib/model/diagnostics.js';
import { answerDecision, answerStatus, dataPlaneStandIn, idOf, sendJson } from '../../support/dataPlaneStandIn.js';
import type { DataPlaneStandIn } from '../../support/dataPlaneStandIn.js';
import { failureOf, KEY_CANARY, PATIENT_MS, remoteRequest } from '../../support/remoteRequest.js';

describe('RemoteDecisionService.status', () => {
  let plane: DataPlaneStandIn;
  let service: RemoteDecisionService;
  let diagnostics: Diagnostic[];
  const note = (message: unknown): void => void diagnostics.push(message as Diagnostic);
  before(async () => (plane = await dataPlaneStandIn()));
  after(() => plane.close());
  beforeEach(() => {
    service = new RemoteDecisionService({ apiKey: KEY_CANARY, baseUrl: plane.url, timeoutMs: PATIENT_MS, dataPlane: { require: [] } });
    diagnostics = [];
    subscribe('aegis:diagnostics', note);
  });
  afterEach(() => {
    unsubscribe('aegis:diagnostics', note);
    void service.close();
  });

  const table: readonly (readonly [string, unknown, string])[] = [
    ['PENDING', 'approval_needed', 'pending'],
    ['PENDING', undefined, 'pending'],
    ['PENDING', null, 'pending'],
    ['PENDING', 'allow', 'pending'],
    ['OK', 'allow', 'approved'],
    ['OK', 'deny', 'denied'],
    ['OK', 'sanitize', 'invalid'],
    ['OK', 'approval_needed', 'invalid'],
    ['OK', 'ALLOW', 'invalid'],
    ['OK', undefined, 'invalid'],
    ['OK', null, 'invalid'],
    ['ok', 'allow', 'invalid'],
    ['pending', 'allow', 'invalid'],
    ['APPROVED', 'allow', 'invalid'],
    ['', 'allow', 'invalid'],
    ['ERROR', 'deny', 'invalid'],
  ];
  for (const [status, effect, state] of table) {
    it(`takes ${JSON.stringify(status)} with ${JSON.stringify(effect)} as ${state}`, async () => {
      plane.handler = answerStatus(status, effect as string);
      expect(await service.status('dec-1')).to.deep.equal({ decisionId: 'dec-1', state });
    });
  }

  for (const body of [
    {},
    { decision_id: 'dec-1' },
    { status: 'OK', effect: 'allow' },
    { decision_id: 7, status: 'OK', effect: 'allow' },
    { decision_id: 'dec-1', status: ['OK'], effect: 'allow' },
    { decision_id: 'dec-1', status: 'OK', effect: ['allow'] },
    { decision_id: 'dec-1', status: 'OK', effect: { toString: 'allow' } },
  ]) {
    it(`refuses ${JSON.stringify(body)}`, async () => {
      plane.handler = (_request, reply) => sendJson(reply, body);
      expect(await failureOf(service.status('dec-1'))).to.include({ name: 'DecisionUnavailableError', reason: 'malformed' });
    });
  }

  it('refuses the status of another decision, and reports it (T14)', async () => {
    for (const decision_id of ['dec-2', 'DEC-1', 'dec-1 ', '']) {
      plane.handler = answerStatus('OK', 'allow', { decision_id });
      expect(await failureOf(service.status('dec-1'))).to.include({ name: 'DecisionUnavailableError', reason: 'echo_mismatch' });
      expect(diagnostics.pop()).to.deep.include({
        kind: 'security',
        code: 'echo_mismatch',
        subject: { decisionId: 'dec-1' },
        actor: { kind: 'service' },
      });
    }
  });

  it('asks for no id that would lead elsewhere', async () => {
    plane.requests.length = 0;
    for (const id of ['', '.', '..', '\ud800', 'x'.repeat(513)]) {
      expect(await service.status(id)).to.deep.equal({ decisionId: id, state: 'invalid' });
    }
    expect(plane.requests).to.have.length(0);
    plane.handler = answerStatus('PENDING');
    for (const id of ['../../admin', '%2e%2e', 'a/b?c#d', '...', '😀']) {
      expect(await service.status(id)).to.deep.equal({ decisionId: id, state: 'pending' });
      expect(plane.requests.at(-1)?.path).to.equal(`/v1/decision/${encodeURIComponent(id)}/status`);
    }
  });

  it('asks once, and leaves repeating to whoever polls', async () => {
    for (const [status, name] of [
      [429, 'TransportError'],
      [502, 'TransportError'],
      [503, 'TransportError'],
      [504, 'TimeoutError'],
    ] as const) {
      plane.requests.length = 0;
      plane.handler = (_request, reply) => sendJson(reply, '', status);
      expect(await failureOf(service.status('dec-1'))).to.include({ name, code: `HTTP_${status}` });
      expect(plane.requests).to.have.length(1);
    }
  });

  it('is a network error for the poller where the breaker is open', async () => {
    plane.handler = (_request, reply) => sendJson(reply, '', 503);
    for (let i = 0; i < 10; i++) await failureOf(service.status('dec-1'));
    plane.requests.length = 0;
    expect(await failureOf(service.status('dec-1'))).to.include({ name: 'TransportError', code: 'circuit_open' });
    expect(plane.requests).to.have.length(0);
  });

  it('calls it no change where the answer to a question of before the verdict comes after it', async () => {
    const late: (() => void)[] = [];
    let asked = 0;
    plane.handler = (request, reply) => {
      const answer = (status: string, effect: string): void =>
        sendJson(reply, { decision_id: idOf(request), status, effect, request_id: 'r' });
      if ((asked += 1) > 1) return answer('OK', 'allow');
      late.push(() => answer('PENDING', 'approval_needed'));
    };
    const before = service.status('dec-late');
    while (late.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await service.status('dec-late')).to.include({ state: 'approved' });
    for (const answer of late) answer();
    expect(await before).to.include({ state: 'approved' });
    expect(diagnostics).to.deep.equal([]);
  });

  it('names the tool of the decision in the error of one that is aborted, where it knows it', async () => {
    plane.handler = answerDecision({ effect: 'approval_needed' });
    const request = remoteRequest();
    const { decisionId } = await service.decide(request);
    for (const [id, tool] of [
      [decisionId, request.toolName],
      ['dec-of-another-process', 'unknown'],
    ] as const) {
      const error = await failureOf(service.status(id, { signal: AbortSignal.abort() }));
      expect(error).to.include({ name: 'CallAbortedError' });
      expect(error.message).to.contain(`'${tool}'`);
    }
  });

  it('keeps an invalid answer for good', async () => {
    plane.handler = answerStatus('WEIRD', 'allow');
    expect(await service.status('dec-9')).to.include({ state: 'invalid' });
    plane.handler = answerStatus('OK', 'allow');
    expect(await service.status('dec-9')).to.include({ state: 'invalid' });
    expect(diagnostics[0]).to.deep.include({ kind: 'security', code: 'status_changed', subject: { decisionId: 'dec-9' } });
  });
});
