import type { ClientRequest, IncomingMessage } from 'node:http';
import { clampTimeout } from '../../common/time/SteadyClock.js';
import { AegisError } from '../../model/AegisError.js';
import type { DecisionStatus } from '../../model/Decision.js';
import { DecisionUnavailableError, TransportError } from '../../model/errors/ServiceErrors.js';
import type { WatchedStatus } from '../DecisionService.js';
import { readGoodbye, readStatusEvent } from '../wire/approvalStatus.js';
import { readErrorAnswer } from '../wire/errorAnswer.js';
import { readEvents } from '../wire/readEvents.js';
import { isHeaderValue, writeWireHeaders } from '../wire/wireHeaders.js';
import type { RemoteSettings } from './remoteSettings.js';

/** A server says something at least every 15 seconds, so that a connection that is silent for longer is dead, in milliseconds. */
const SILENT_MS = 45_000;
/** A server that says when to come back is gone until then, but no longer than this, in milliseconds. */
const MAX_AWAY_MS = 10_000;

/**
 * Reads `GET /v1/events`. It uses node:http, not fetch: a connection that fetch has open keeps the process alive, and what waits in a durable store need not
 * be waited for.
 */
export class RemoteEvents {
  readonly #settings: RemoteSettings;
  readonly #onStatus: (status: DecisionStatus) => DecisionStatus;
  readonly #open = new Set<ClientRequest>();
  #lastEventId: string | undefined;
  #closed = false;

  /** @param onStatus gets each status, and says what it counts as */
  constructor(settings: RemoteSettings, onStatus: (status: DecisionStatus) => DecisionStatus) {
    this.#settings = settings;
    this.#onStatus = onStatus;
  }

  /**
   * Reads one connection to its end. Begins with `resync`, unless it goes on where the last one ended.
   *
   * @throws TransportError where the server cannot be reached, or the connection is lost; the error of its answer
   */
  async *watch(signal: AbortSignal): AsyncGenerator<WatchedStatus, void, undefined> {
    const resumed = this.#lastEventId !== undefined;
    let request: ClientRequest | undefined;
    try {
      const connection = await this.#connect(signal);
      request = connection.request;
      if (!resumed) yield 'resync';
      for await (const { id, type, data } of readEvents(connection.answer, this.#settings.maxBodyBytes)) {
        if (id !== undefined) this.#lastEventId = isHeaderValue(id) ? id : undefined;
        if (type === 'status') yield this.#onStatus(readStatusEvent(data));
        else if (type === 'resync') yield 'resync';
        else if (type === 'bye') return await sleep(Math.min(readGoodbye(data), MAX_AWAY_MS), signal);
      }
      throw lost();
    } catch (error) {
      if (!signal.aborted && !this.#closed) throw AegisError.is(error) ? error : lost();
    } finally {
      request?.destroy();
    }
  }

  /** Ends every connection. */
  close(): void {
    this.#closed = true;
    for (const request of this.#open) request.destroy();
  }

  async #connect(signal: AbortSignal): Promise<{ readonly request: ClientRequest; readonly answer: IncomingMessage }> {
    const { baseUrl, apiKey, userAgent, timeoutMs } = this.#settings;
    const { request: start } = await (baseUrl.startsWith('https:') ? import('node:https') : import('node:http'));
    // closed while it was loading
    if (this.#closed) throw lost();
    const lastEventId = this.#lastEventId;
    const resume = lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId };
    const headers = { ...writeWireHeaders(apiKey, userAgent), ...resume, Accept: 'text/event-stream' };
    return new Promise((resolve, reject) => {
      let isAnswered = false;
      const request = start(`${baseUrl}/v1/events`, { headers, signal });
      this.#open.add(request);
      const late = setTimeout(() => request.destroy(), clampTimeout(timeoutMs));
      late.unref();
      request.on('socket', (socket) => socket.unref());
      request.on('close', () => {
        clearTimeout(late);
        this.#open.delete(request);
        // an answer that refuses is read to its end, and says more
        if (!isAnswered) reject(lost());
      });
      // 'close' follows
      request.on('error', () => {});
      request.on('response', (answer) => {
        isAnswered = true;
        clearTimeout(late);
        request.setTimeout(SILENT_MS, () => request.destroy());
        if (answer.statusCode === 200 && answer.headers['content-type']?.startsWith('text/event-stream') === true)
          return resolve({ request, answer });
        this.#refusal(answer).then(reject, reject);
      });
      request.end();
    });
  }

  async #refusal(answer: IncomingMessage): Promise<Error> {
    const status = answer.statusCode as number;
    let body = '';
    answer.setEncoding('utf8');
    for await (const text of answer) {
      body += text as string;
      if (body.length > 65_536) break;
    }
    if (status < 400)
      return new DecisionUnavailableError(
        status < 300 ? 'malformed' : 'redirect',
        `The decision service answered GET /v1/events with HTTP ${status}; expected a stream of events. Check baseUrl.`,
      );
    return readErrorAnswer(status, body, { apiKey: this.#settings.apiKey, toolName: 'unknown' }).error;
  }
}

function lost(): TransportError {
  return new TransportError('The stream of events from the decision service was lost. Until it is back, statuses are polled.');
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, ms);
    timer.unref();
    signal.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}
