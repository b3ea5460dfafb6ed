import { expect } from 'chai';
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { counted, volume } from '../../support/assurance.js';
import { until } from '../../support/until.js';

/** `npm run fuzz` has all of them; a suite stays far below the limits of open files. */
const isFull = volume(1) >= 10;
const SILENT = isFull ? 10_000 : 200;
const DRIPS = SILENT / 20;
/** Of what the clients get without them. Beside all of them the server also cuts, and accepts again, 2,000 connections a second, on the cores of its clients. */
const LEAST = isFull ? 0.1 : 1 / 3;
const CLIENTS = 8;
const WINDOW_MS = 200;
const WINDOWS = 4;

describe('Hostile connections beside normal clients', () => {
  let url: URL;
  const children: ChildProcess[] = [];
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  const child = (script: string, ...args: string[]): ChildProcess => {
    const started = fork(new URL(`./${script}`, import.meta.url), args, { execArgv: ['--no-warnings'] });
    children.push(started);
    return started;
  };
  before(async function () {
    this.timeout(30_000);
    url = new URL(String((await once(child('servedAlone.js'), 'message'))[0]));
  });
  after(() => {
    agent.destroy();
    for (const started of children) started.kill('SIGKILL');
  });

  /** A server that is too busy says so at once: then it serves less, which is what counts here. */
  let shed = 0;
  const ask = (nth: number): Promise<number> =>
    new Promise((resolve, reject) => {
      const headers = { 'x-api-key': `agent${nth}`, 'content-type': 'application/json', 'content-length': 2 };
      const asked = request(new URL('/v1/decision', url), { method: 'POST', agent, headers }, (answer) => {
        answer.resume();
        answer.once('end', () => resolve(answer.statusCode ?? 0));
      });
      asked.once('error', reject);
      asked.end('{}');
    });
  /** How many requests of the normal clients are answered in a window. */
  const answered = async (wrong: number[]): Promise<number> => {
    const endMs = performance.now() + WINDOW_MS;
    let count = 0;
    const client = async (nth: number): Promise<void> => {
      while (performance.now() < endMs) {
        const status = await ask(nth);
        if (status === 200) count += 1;
        else if (status === 503) shed += 1;
        else wrong.push(status);
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, (_, nth) => client(nth)));
    return count;
  };

  it('leave them a share of what they get without them, and no error', async function () {
    this.timeout(120_000);
    const wrong: number[] = [];
    shed = 0;
    const windows = async (): Promise<readonly number[]> => {
      const counts: number[] = [];
      for (let i = 0; i < WINDOWS; i++) counts.push(await answered(wrong));
      return counts;
    };
    await answered([]); // warm
    const alone = await windows();
    const crowd = child('hostileCrowd.js', url.port, String(SILENT), String(DRIPS));
    await once(crowd, 'message');
    // so many at once is a load of its own, for a moment
    await until(async () => (await ask(0)) === 200);
    const beside = await windows();
    const [best, bestBeside] = [Math.max(...alone), Math.max(...beside)];
    const share = bestBeside / best;
    counted({
      what: `requests answered beside ${(SILENT + 2 * DRIPS).toLocaleString('en')} hostile connections`,
      cases: beside.reduce((sum, n) => sum + n, 0),
      wrong: wrong.length,
      beside: { 'of what is answered without them': `${Math.round(share * 100)} %`, shed },
    });
    expect(wrong).to.deep.equal([]);
    expect(share).to.be.greaterThan(LEAST);
  });
});
