import { expect } from 'chai';
import { setTimeout as sleep } from 'node:timers/promises';
import { counted } from '../../support/assurance.js';
import { until } from '../../support/until.js';
import { sqlite } from '../stores.js';
import { KeepAliveClient } from './KeepAliveClient.js';
import type { Asked } from './KeepAliveClient.js';
import { ServedScene } from './ServedScene.js';

const STOPS = 6;
const CLIENTS = 16;
/** Answers of each server before it gets its signal, in the middle of others. */
const ANSWERS = 150;
/** As long as a server waits by default. */
const IDLE_MS = 6_000;
/** How long a client waits that found no server. */
const PAUSE_MS = 20;

/** Clients under load, each with a connection that it keeps, and what they saw. */
class Load {
  answered = 0;
  /** While no server listens: a supervisor is between two of them. */
  unserved = 0;
  readonly opened: string[] = [];
  /** What a client must never see: the code of an error, or an answer that is none. */
  readonly cut: string[] = [];
  readonly clients: readonly KeepAliveClient[];
  readonly #ended: Promise<unknown>;
  #over = false;

  constructor(url: string, apiKey: string) {
    this.clients = Array.from({ length: CLIENTS }, () => new KeepAliveClient(url, apiKey));
    this.#ended = Promise.all(this.clients.map((client, lane) => this.#repeat(client, lane)));
  }

  /** Waits until each client has a connection that it keeps, and all of them had some answers more. */
  async goesOn(): Promise<void> {
    const answered = this.answered + ANSWERS;
    const reused = this.clients.map((client) => client.reused);
    const all = (): boolean => this.answered >= answered && this.clients.every((client, lane) => client.reused > (reused[lane] as number));
    await until(() => this.cut.length > 0 || all());
  }

  async end(): Promise<void> {
    this.#over = true;
    await this.#ended;
    for (const client of this.clients) client.close();
  }

  async #repeat(client: KeepAliveClient, lane: number): Promise<void> {
    for (let n = 0; !this.#over; n++) {
      const call = { agent_id: 'chaos', tool: { name: 'pay', params: { n: n * CLIENTS + lane } }, session: null };
      const asked = await this.#read(await client.ask('POST', '/v1/decision', JSON.stringify(call)), 'approval_needed');
      if (asked === undefined) continue;
      this.opened.push(asked);
      await this.#read(await client.ask('GET', `/v1/decision/${asked}/status`), 'PENDING');
    }
  }

  /** The id of the decision in a whole answer. */
  async #read(asked: Asked, says: string): Promise<string | undefined> {
    if ('code' in asked) {
      if (asked.code === 'ECONNREFUSED') this.unserved += 1;
      else this.cut.push(asked.code);
      await sleep(PAUSE_MS);
      return undefined;
    }
    this.answered += 1;
    try {
      const { decision_id: id } = JSON.parse(asked.text) as { readonly decision_id: string };
      if (asked.status === 200 && asked.text.includes(`"${says}"`)) return id;
    } catch {
      // it is not whole
    }
    this.cut.push(`${asked.status} ${asked.text}`);
    return undefined;
  }
}

describe('A server that gets SIGTERM under load, and the next one on its port', () => {
  before(async function () {
    await sqlite.start(this);
  });

  it('answer every request that they took, whole, and reset no connection, six times', async () => {
    const scene = await ServedScene.open(sqlite.make());
    try {
      let server = scene.server(0, { idleMs: IDLE_MS });
      await server.ready;
      const load = new Load(scene.urlOf(0), scene.apiKey);
      const exits: (number | string | null)[] = [];
      const answeredThen: number[] = [];
      for (let stop = 0; stop < STOPS; stop++) {
        await load.goesOn();
        server.child.kill('SIGTERM');
        const then = load.answered;
        await server.gone;
        exits.push(server.child.signalCode ?? server.child.exitCode);
        answeredThen.push(load.answered - then);
        server = scene.server(0, { idleMs: IDLE_MS });
        await server.ready;
      }
      await load.goesOn();
      await load.end();
      const stored = new Set((await scene.records()).map(({ decisionId }) => decisionId));
      const lost = load.opened.filter((id) => !stored.has(id));
      const reused = load.clients.reduce((sum, client) => sum + client.reused, 0);
      const what = 'answers to clients with kept connections beside six SIGTERMs and new starts of their server: none cut, none lost';
      counted({ what, cases: load.answered, wrong: load.cut.length + lost.length });
      expect(load.cut).to.deep.equal([]);
      expect(lost).to.deep.equal([]);
      expect(exits, scene.crew.said).to.deep.equal(Array(STOPS).fill(0));
      // they were stopped in the middle of it, and not on connections that are made for each request
      expect(Math.max(...answeredThen)).to.be.greaterThan(0);
      expect(load.unserved).to.be.greaterThan(0);
      expect(reused).to.be.greaterThan(load.answered / 2);
      expect(new Set(load.opened).size).to.equal(load.opened.length);
    } finally {
      await scene.close();
    }
  }).timeout(120_000);
});
