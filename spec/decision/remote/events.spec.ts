import { expect } from 'chai';
import { RemoteEvents } from '../../../lib/decision/remote/RemoteEvents.js';
import { remoteSettings } from '../../../lib/decision/remote/remoteSettings.js';
import type { WatchedStatus } from '../../../lib/decision/DecisionService.js';
import { dataPlaneStandIn, sendJson } from '../../support/dataPlaneStandIn.js';
import type { DataPlaneStandIn } from '../../support/dataPlaneStandIn.js';
import { everythingShownOf, failureOf, KEY_CANARY, PATIENT_MS } from '../../support/remoteRequest.js';

const APPROVED = { decision_id: 'dec-1', status: 'OK', effect: 'allow', outcome: 'approved', consumed: false };
const STATUS = `id: a-1\nevent: status\ndata: ${JSON.stringify(APPROVED)}\n\n`;

describe('RemoteEvents', () => {
  let plane: DataPlaneStandIn;
  let events: RemoteEvents;
  beforeEach(async () => {
    plane = await dataPlaneStandIn();
    events = new RemoteEvents(remoteSettings({ apiKey: KEY_CANARY, baseUrl: plane.url, timeoutMs: PATIENT_MS }), (status) => status);
  });
  afterEach(async () => {
    events.close();
    await plane.close();
  });

  /** What the next connection is sent, and whether it ends then. */
  const sends = (text: string, ends = true): void => {
    plane.handler = (_request, reply) => {
      reply.writeHead(200, { 'content-type': 'text/event-stream' });
      if (ends) reply.end(text);
      else reply.write(text);
    };
  };
  const seen: WatchedStatus[] = [];
  const read = async (signal: AbortSignal = new AbortController().signal, onStatus = (): void => {}): Promise<readonly WatchedStatus[]> => {
    seen.length = 0;
    for await (const status of events.watch(signal)) {
      seen.push(status);
      onStatus();
    }
    return [...seen];
  };
  const places = (): readonly unknown[] => plane.requests.map(({ headers }) => headers['last-event-id']);

  it('begin with what was missed, unless they go on where they ended', async () => {
    const approved = { decisionId: 'dec-1', state: 'approved', reason: undefined };
    sends(`${STATUS}event: resync\ndata: {}\n\nevent: later\ndata: {}\n\nevent: bye\ndata: {"retry_ms":1}\n\n`);
    expect(await read()).to.deep.equal(['resync', approved, 'resync']);
    // what cannot be sent back as a header is no place to go on from
    sends('id: é\n\nevent: bye\ndata: at once\n\n');
    expect(await read()).to.deep.equal([]);
    expect(await read()).to.deep.equal(['resync']);
    expect(places()).to.deep.equal([undefined, 'a-1', undefined]);
  });

  it('fail where the connection is lost, or says what is no status', async () => {
    sends(STATUS);
    expect(await failureOf(read())).to.include({ name: 'TransportError' });
    expect(seen).to.have.length(2);
    plane.handler = (_request, reply) => {
      reply.writeHead(200, { 'content-type': 'text/event-stream' });
      reply.write(STATUS, () => reply.destroy());
    };
    expect(await failureOf(read())).to.include({ name: 'TransportError' });
    sends('event: status\ndata: {"decision_id":7}\n\n');
    const failure = await failureOf(read());
    expect(failure).to.include({ name: 'DecisionUnavailableError', reason: 'malformed' });
    expect(failure.message).to.include('An event of the decision service is malformed');
    const secure = remoteSettings({ apiKey: KEY_CANARY, baseUrl: plane.url.replace('http:', 'https:') });
    const toOther = new RemoteEvents(secure, (status) => status).watch(new AbortController().signal);
    expect(await failureOf(toOther.next())).to.include({ name: 'TransportError' });
    await plane.close();
    expect(await failureOf(read())).to.include({ name: 'TransportError' });
  });

  it('fail with what the server answers where that is no stream, and do not show the key', async () => {
    const answers = [
      [200, { name: 'DecisionUnavailableError', reason: 'malformed' }],
      [302, { name: 'DecisionUnavailableError', reason: 'redirect' }],
      [401, { name: 'AuthError' }],
      [500, { name: 'PolicyEvalError', status: 500 }],
    ] as const;
    for (const [status, error] of answers) {
      plane.handler = (_request, reply) => sendJson(reply, { message: 'x'.repeat(status === 500 ? 500_000 : 5) }, status);
      const failure = await failureOf(read());
      expect(failure, String(status)).to.include(error);
      expect(everythingShownOf(failure)).to.not.include(KEY_CANARY);
    }
  });

  it('end without an error when they are not wanted: by a signal, also while the server is away, or by close()', async () => {
    sends(STATUS, false);
    const controller = new AbortController();
    expect(await read(controller.signal, () => seen.length === 2 && controller.abort())).to.have.length(2);
    sends('event: resync\ndata: {}\n\nevent: bye\ndata: {"retry_ms":3600000}\n\n', false);
    const away = new AbortController();
    expect(await read(away.signal, () => void setTimeout(() => away.abort(), 50))).to.deep.equal(['resync']);
    sends(STATUS, false);
    expect(await read(undefined, () => events.close())).to.have.length(1);
    expect(await read()).to.deep.equal([]);
    expect(plane.requests).to.have.length(3);
  });
});
