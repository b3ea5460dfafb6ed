import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { getEventListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { expect } from 'chai';
import { SecretString } from '../../../lib/common/SecretString.js';
import { RemoteDecisionService } from '../../../lib/decision/remote/RemoteDecisionService.js';
import type { RemoteDecisionServiceOptions } from '../../../lib/decision/remote/remoteSettings.js';
import type { Diagnostic } from '../../../lib/model/diagnostics.js';
import { answerDecision, answerStatus, dataPlaneStandIn, sendJson, wireDecision } from '../../support/dataPlaneStandIn.js';
import type { DataPlaneStandIn } from '../../support/dataPlaneStandIn.js';
import { everythingShownOf, failureOf, KEY_CANARY, PARAM_CANARY, PATIENT_MS, remoteRequest } from '../../support/remoteRequest.js';
import { runInChild } from '../../support/runInChild.js';
import { waited } from '../../support/pace.js';
import { until } from '../../support/until.js';

describe('RemoteDecisionService', () => {
  let plane: DataPlaneStandIn;
  let diagnostics: Diagnostic[];
  const note = (message: unknown): void => void diagnostics.push(message as Diagnostic);
  beforeEach(async () => {
    plane = await dataPlaneStandIn();
    diagnostics = [];
    subscribe('aegis:diagnostics', note);
  });
  afterEach(async () => {
    unsubscribe('aegis:diagnostics', note);
    await plane.close();
  });

  function setup(options: Partial<RemoteDecisionServiceOptions> = {}): RemoteDecisionService {
    return new RemoteDecisionService({
      apiKey: KEY_CANARY,
      baseUrl: plane.url,
      timeoutMs: PATIENT_MS,
      dataPlane: { require: [] },
      ...options,
    });
  }

  function reported(): string[] {
    return diagnostics.map((d) => (d.kind === 'security' ? d.code : d.kind));
  }

  describe('asks', () => {
    it('with every header of the protocol, and the body to the letter', async () => {
      const request = remoteRequest({ session: { user_id: 'user-123' } });
      await setup().decide(request);
      const [seen] = plane.requests;
      expect(seen).to.include({ method: 'POST', path: '/v1/decision' });
      expect(seen?.headers).to.include({
        'x-api-key': KEY_CANARY,
        'x-decision-source': 'typescript_client',
        'user-agent': 'aegis-typescript-sdk/0.1.0',
        accept: 'application/json',
        'content-type': 'application/json',
        'idempotency-key': request.callId,
        'x-aegis-nonce': request.callId,
        'x-aegis-params-digest': request.paramsDigest,
        'x-aegis-capabilities': 'effective-digest, types, consume, begin, reevaluate, events, statuses, outcome, views, amend',
        'x-aegis-approval-timeout-s': '60',
      });
      expect(JSON.parse(seen?.body ?? '')).to.deep.equal({
        agent_id: 'ops-agent',
        tool: { name: 'slack.post_message', params: { channel: '#support', text: PARAM_CANARY } },
        session: { user_id: 'user-123' },
      });
    });

    it('for a status, with every header of the protocol and no body', async () => {
      plane.handler = answerStatus('PENDING', 'approval_needed');
      await setup({ apiKey: new SecretString(KEY_CANARY), userAgent: 'mine/1' }).status('dec/1 ü?#');
      const [seen] = plane.requests;
      expect(seen).to.include({ method: 'GET', path: '/v1/decision/dec%2F1%20%C3%BC%3F%23/status', body: '' });
      expect(seen?.headers).to.include({
        'x-api-key': KEY_CANARY,
        'x-decision-source': 'typescript_client',
        'user-agent': 'mine/1',
        accept: 'application/json',
        'content-type': 'application/json',
      });
      expect(seen?.headers).to.not.have.any.keys('idempotency-key', 'x-aegis-nonce', 'x-aegis-params-digest');
    });

    it('below the path of the base URL', async () => {
      await setup({ baseUrl: `${plane.url}/base/` }).decide(remoteRequest());
      expect(plane.requests[0]?.path).to.equal('/base/v1/decision');
    });

    it('with null where there is no session, and one wire form each for Date and BigInt', async () => {
      const params = { at: new Date(0), n: 12345678901234567890n, deep: [{ n: -1n }], none: null };
      await setup().decide(remoteRequest({ params, session: null }));
      expect(plane.requests[0]?.body).to.equal(
        '{"agent_id":"ops-agent","tool":{"name":"slack.post_message","params":{"at":"1970-01-01T00:00:00.000Z","n":"12345678901234567890",' +
          '"deep":[{"n":"-1"}],"none":null}},"session":null}',
      );
    });

    it('with text of any kind unharmed', async () => {
      const params = { text: 'ü€😀\u2028\u0000\ud800"\\' };
      await setup().decide(remoteRequest({ params }));
      expect((JSON.parse(plane.requests[0]?.body ?? '') as { tool: { params: object } }).tool.params).to.deep.equal(params);
    });

    it('nothing before the first question, and loads ky only then', () => {
      void setup().close();
      expect(plane.requests).to.have.length(0);
      for (const file of [
        'decision/remote/RemoteDecisionService',
        'decision/remote/RemoteClient',
        'common/transport/HttpTransport',
        'common/transport/HttpExchange',
      ]) {
        expect(readFileSync(`lib/${file}.ts`, 'utf8')).to.not.match(/^import (?!type).*'ky'/m);
      }
    });

    it('never with ids that no header can carry', async () => {
      for (const over of [{ callId: 'a\r\nX-Evil: 1' }, { callId: '' }, { paramsDigest: 'ü' }, { callId: 'x'.repeat(513) }]) {
        expect(await failureOf(setup().decide(remoteRequest(over)))).to.include({ name: 'BadRequestError' });
      }
      expect(plane.requests).to.have.length(0);
    });
  });

  describe('decide', () => {
    it('gives each of the four effects', async () => {
      const service = setup();
      expect(await service.decide(remoteRequest())).to.include({ effect: 'allow', latencyMs: 3 });
      plane.handler = answerDecision({ effect: 'deny', reason: 'no' });
      expect(await service.decide(remoteRequest())).to.include({ effect: 'deny', reason: 'no' });
      plane.handler = answerDecision({ effect: 'sanitize', sanitize: { params: { text: '[masked]' } } });
      expect(await service.decide(remoteRequest())).to.deep.include({
        effect: 'sanitize',
        params: { channel: '#support', text: '[masked]' },
      });
      plane.handler = answerDecision({ effect: 'approval_needed', approval_id: 'a1' });
      expect(await service.decide(remoteRequest())).to.include({ effect: 'approval_needed', approvalId: 'a1' });
    });

    it('keeps 200 calls at once apart', async () => {
      plane.handler = async (request, reply) => {
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
        const { tool } = JSON.parse(request.body) as { tool: { params: { n: number } } };
        sendJson(reply, wireDecision(request, { effect: 'sanitize', sanitize: { params: { seen: tool.params.n } } }));
      };
      const service = setup();
      const decisions = await Promise.all(Array.from({ length: 200 }, (_, n) => service.decide(remoteRequest({ params: { n } }))));
      decisions.forEach((decision, n) => expect(decision).to.deep.include({ params: { n, seen: n } }));
    });
  });

  describe('refuses an answer', () => {
    const swaps: readonly (readonly [string, object])[] = [
      ['for another agent', { agent_id: 'other-agent' }],
      ['for another tool', { tool: 'slack.delete' }],
      ['for the agent in other letters', { agent_id: 'OPS-AGENT' }],
    ];
    for (const [what, more] of swaps) {
      it(`${what}, and reports it (T14)`, async () => {
        plane.handler = answerDecision({ effect: 'allow' }, more);
        const error = await failureOf(setup().decide(remoteRequest()));
        expect(error).to.include({ name: 'DecisionUnavailableError', reason: 'echo_mismatch', code: 'decision_unavailable_echo_mismatch' });
        expect(reported()).to.deep.equal(['echo_mismatch']);
      });
    }

    for (const header of ['X-AEGIS-NONCE', 'x-aegis-params-digest']) {
      it(`that echoes another ${header}, and takes one that echoes ours`, async () => {
        plane.handler = (request, reply) => sendJson(reply, wireDecision(request), 200, { [header]: 'other' });
        expect(await failureOf(setup().decide(remoteRequest()))).to.include({ reason: 'echo_mismatch' });
        plane.handler = (request, reply) => {
          const ours = String(request.headers[header.toLowerCase()]);
          sendJson(reply, wireDecision(request), 200, { [header]: `${ours}, ${ours}` });
        };
        expect(await failureOf(setup().decide(remoteRequest()))).to.include({ reason: 'echo_mismatch' });
        expect(reported()).to.deep.equal(['echo_mismatch', 'echo_mismatch']);
        plane.handler = (request, reply) =>
          sendJson(reply, wireDecision(request), 200, { [header]: String(request.headers[header.toLowerCase()]) });
        expect(await setup().decide(remoteRequest())).to.include({ effect: 'allow' });
      });
    }

    it('meant for a call that runs at the same time, whichever way they are swapped', async () => {
      const waiting: (() => void)[] = [];
      const bodies: unknown[] = [];
      plane.handler = (request, reply) => {
        const at = bodies.push(wireDecision(request)) - 1;
        waiting.push(() => sendJson(reply, bodies[1 - at]));
        if (waiting.length === 2) waiting.forEach((answer) => answer());
      };
      const service = setup();
      const errors = await Promise.all([
        failureOf(service.decide(remoteRequest({ toolName: 'a' }))),
        failureOf(service.decide(remoteRequest({ toolName: 'b' }))),
      ]);
      expect(errors.map((e) => e.reason)).to.deep.equal(['echo_mismatch', 'echo_mismatch']);
    });

    it('with the id of a decision on other params, and reports it', async () => {
      plane.handler = answerDecision({ effect: 'allow' }, { decision_id: 'dec-x' });
      const service = setup();
      const first = remoteRequest({ params: { amount: 1 } });
      expect(await service.decide(first)).to.include({ decisionId: 'dec-x' });
      expect(await failureOf(service.decide(remoteRequest({ params: { amount: 1_000_000 } })))).to.include({ reason: 'replayed_decision' });
      expect(reported()).to.deep.equal(['replayed_decision']);
      expect(diagnostics[0]).to.deep.include({
        kind: 'security',
        subject: { decisionId: 'dec-x', agentId: 'ops-agent', toolName: 'slack.post_message' },
        actor: { kind: 'service' },
      });
      expect(await service.decide(remoteRequest({ params: { amount: 1 } }))).to.include({ decisionId: 'dec-x' });
    });

    it('whose digest is not that of our effective params, and reports it', async () => {
      plane.handler = answerDecision({ effect: 'sanitize', sanitize: { params: { text: 'x' }, effective_digest: 'f'.repeat(64) } });
      expect(await failureOf(setup().decide(remoteRequest()))).to.include({ reason: 'echo_mismatch' });
      expect(reported()).to.deep.equal(['echo_mismatch']);
    });

    for (const [reason, body] of [
      ['duplicate_key', '{"effect":"deny","effect":"allow"}'],
      ['malformed', '[]'],
      ['malformed', '"allow"'],
      ['malformed', '{"final_decision":{"effect":"allow"}}'],
      ['malformed', `${'['.repeat(65)}${']'.repeat(65)}`],
    ] as const) {
      it(`like ${body.slice(0, 40)} (${reason})`, async () => {
        plane.handler = (_request, reply) => sendJson(reply, body);
        const service = setup();
        expect(await failureOf(service.decide(remoteRequest()))).to.include({ name: 'DecisionUnavailableError', reason });
        expect(await failureOf(service.status('dec-1'))).to.include({ name: 'DecisionUnavailableError', reason });
        expect(plane.requests, 'not retried').to.have.length(2);
      });
    }
  });

  describe('when aborted', () => {
    it('rejects with the reason, asks no more, and leaves no listener', async () => {
      let closed = 0;
      plane.handler = (_request, reply) => void reply.once('close', () => (closed += 1));
      const controller = new AbortController();
      const service = setup();
      const asked = [
        service.decide(remoteRequest(), { signal: controller.signal }),
        service.status('dec-1', { signal: controller.signal }),
      ];
      const failures = Promise.all(asked.map(failureOf));
      while (plane.requests.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
      expect(getEventListeners(controller.signal, 'abort')).to.have.length(2);
      const reason = new Error('user left');
      controller.abort(reason);
      for (const error of await failures) expect(error).to.include({ name: 'CallAbortedError', code: 'call_aborted', cause: reason });
      expect(getEventListeners(controller.signal, 'abort')).to.have.length(0);
      await until(() => closed === 2);
      expect(closed, 'the connections were dropped').to.equal(2);
      await new Promise((resolve) => setTimeout(resolve, 250));
      expect(plane.requests).to.have.length(2);
    });

    it('rejects without asking where it was aborted before', async () => {
      const error = await failureOf(setup().decide(remoteRequest(), { signal: AbortSignal.abort('why') }));
      expect(error).to.include({ name: 'CallAbortedError', cause: 'why' });
      expect(plane.requests).to.have.length(0);
    });

    it('rejects while it waits between attempts', async () => {
      plane.handler = (_request, reply) => sendJson(reply, '', 503, { 'retry-after': '3' });
      const controller = new AbortController();
      const failure = failureOf(setup().decide(remoteRequest(), { signal: controller.signal }));
      while (plane.requests.length < 1) await new Promise((resolve) => setTimeout(resolve, 5));
      await new Promise((resolve) => setTimeout(resolve, 50));
      const { ms } = await waited(async () => {
        controller.abort();
        expect(await failure).to.include({ name: 'CallAbortedError' });
      });
      expect(ms).to.be.lessThan(100);
      expect(plane.requests).to.have.length(1);
    });

    it('rejects while a body is stalled', async () => {
      plane.handler = (_request, reply) => void reply.writeHead(200).write('{"request_id":');
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 80);
      expect(await failureOf(setup().decide(remoteRequest(), { signal: controller.signal }))).to.include({ name: 'CallAbortedError' });
    });

    it('leaves no listener on a signal that served 300 calls, nor makes Node warn of a leak', async () => {
      const warnings: Error[] = [];
      const warn = (warning: Error): void => void warnings.push(warning);
      process.on('warning', warn);
      const { signal } = new AbortController();
      const service = setup();
      for (let i = 0; i < 10; i++) await Promise.all(Array.from({ length: 30 }, () => service.decide(remoteRequest(), { signal })));
      expect(getEventListeners(signal, 'abort')).to.have.length(0);
      process.off('warning', warn);
      expect(warnings).to.deep.equal([]);
    });
  });

  describe('when closed', () => {
    it('ends what is in flight with ShutdownError, at once, and takes no more', async () => {
      plane.handler = () => undefined;
      const service = setup();
      const failures = [failureOf(service.decide(remoteRequest())), failureOf(service.status('dec-1'))];
      while (plane.requests.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
      void service.close();
      void service.close();
      for (const failure of failures) expect(await failure).to.include({ name: 'ShutdownError' });
      expect(await failureOf(service.decide(remoteRequest()))).to.include({ name: 'ShutdownError' });
      expect(await failureOf(service.status('dec-1'))).to.include({ name: 'ShutdownError' });
      expect(plane.requests).to.have.length(2);
    });

    it('while it loads asks nothing', async () => {
      const service = setup();
      const failures = [failureOf(service.decide(remoteRequest())), failureOf(service.status('dec-1'))];
      void service.close();
      for (const failure of failures) expect(await failure).to.include({ name: 'ShutdownError' });
      expect(plane.requests).to.have.length(0);
    });
  });

  it('lets the process end: an idle connection holds nothing', async () => {
    const file = new URL('../../../lib/decision/remote/RemoteDecisionService.js', import.meta.url).href;
    const request = JSON.stringify(remoteRequest());
    const pace = new URL('../../support/pace.js', import.meta.url).href;
    const child = await runInChild(
      `import { RemoteDecisionService } from ${JSON.stringify(file)};
       import { stopwatch } from ${JSON.stringify(pace)};
       const service = new RemoteDecisionService({ apiKey: 'k', baseUrl: ${JSON.stringify(plane.url)}, dataPlane: { require: [] } });
       console.log((await service.decide(${request}, {})).effect);
       void service.close();
       const sinceClosed = stopwatch();
       process.on('exit', () => console.log(sinceClosed() < 1000 ? 'promptly' : 'late'));`,
    );
    expect(child).to.deep.equal({ code: 0, stdout: 'allow\npromptly\n', stderr: '' });
  });

  describe('shows no secret', () => {
    it('of its own, in any inspection', async () => {
      const service = setup();
      await service.decide(remoteRequest());
      const shown = everythingShownOf(service) + String(JSON.stringify(service)) + inspect(service, { showProxy: true, compact: false });
      expect(shown).to.not.contain(KEY_CANARY).and.not.contain(PARAM_CANARY);
    });

    it('to its logger, and survives one that throws', async () => {
      const records: unknown[] = [];
      const log = (fields: object, message: string): void => {
        records.push(fields, message);
        throw new Error('logger is broken');
      };
      plane.handler = (request, reply) =>
        plane.requests.length === 1 ? sendJson(reply, '', 503) : sendJson(reply, wireDecision(request, { effect: 'allow' }, { tool: 'x' }));
      const error = await failureOf(setup({ logger: { debug: log, info: log, warn: log, error: log } }).decide(remoteRequest()));
      expect(error).to.include({ reason: 'echo_mismatch' });
      expect(records).to.have.length(4);
      expect(inspect(records, { depth: 9 }))
        .to.not.contain(KEY_CANARY)
        .and.not.contain(PARAM_CANARY);
      expect(reported()).to.deep.equal(['callback', 'echo_mismatch', 'callback']);
    });

    it('to a third party: a redirect is not followed (trap A)', async () => {
      const other = await dataPlaneStandIn();
      for (const status of [300, 301, 302, 303, 304, 305, 307, 308]) {
        plane.handler = (_request, reply) => sendJson(reply, '', status, { location: `${other.url}/v1/decision` });
        expect(await failureOf(setup().decide(remoteRequest()))).to.include({ name: 'DecisionUnavailableError', reason: 'redirect' });
        expect(await failureOf(setup().status('dec-1'))).to.include({ name: 'DecisionUnavailableError', reason: 'redirect' });
      }
      expect(other.requests).to.have.length(0);
      expect(plane.requests, 'nor retried').to.have.length(16);
      await other.close();
    });
  });
});
