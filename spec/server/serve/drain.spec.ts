import { expect } from 'chai';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import type { Answer } from '../../../lib/server/route/Route.js';
import { callerWith, serve } from '../../support/serve.js';
import type { Served } from '../../support/serve.js';
import { counted } from '../../support/assurance.js';
import { tenantNamed, testRoutes } from './testRoutes.js';

const callers = { agent: callerWith(['decide']) };
const open = (over: Parameters<typeof testRoutes>[0] = {}): Promise<Served> =>
  serve({ routes: testRoutes(over), callers, tenants: [tenantNamed('default')] });

/** One request on a connection of an agent. Resolves to its status, or to the code of what went wrong. */
function ask(agent: Agent, port: number): Promise<number | string> {
  return new Promise((resolve) => {
    const asking = request(
      {
        agent,
        port,
        host: '127.0.0.1',
        method: 'POST',
        path: '/v1/decision',
        headers: { 'x-api-key': 'agent', 'content-type': 'application/json' },
      },
      (answer) => {
        answer.resume();
        answer.on('end', () => resolve(answer.statusCode as number));
        answer.on('error', (error: NodeJS.ErrnoException) => resolve(error.code as string));
      },
    );
    asking.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    asking.end('{}');
  });
}

describe('A server that stops', () => {
  it('answers every request of 32 busy connections, six times', async () => {
    let answered = 0;
    const ends = new Map<number | string, number>();
    for (let round = 0; round < 6; round++) {
      const served = await open();
      const agent = new Agent({ keepAlive: true, maxSockets: 32 });
      let stopped = false;
      const client = async (): Promise<void> => {
        for (;;) {
          const end = await ask(agent, served.listener.port);
          if (end === 200) answered += 1;
          else return void ends.set(end, (ends.get(end) ?? 0) + 1);
          // a client that was told to go asks elsewhere
          if (stopped) return;
        }
      };
      let ended = 0;
      const clients = Array.from({ length: 32 }, () => client().finally(() => (ended += 1)));
      // where something else than an answer ended all of them, that is what is told
      while (answered < (round + 1) * 300 && ended < clients.length) await new Promise((resolve) => setTimeout(resolve, 5));
      const closing = served.server.close({ idleMs: 1_000, graceMs: 5_000 });
      stopped = true;
      await Promise.all(clients);
      agent.destroy();
      expect(await closing).to.equal(true);
      await served.close();
    }
    // a new connection may come too late, which a balancer sends elsewhere: nothing was cut
    const cut = [...ends.keys()].filter((end) => end !== 'ECONNREFUSED');
    counted({ what: 'answers beside six stops of a busy server', cases: answered, wrong: cut.length });
    expect(cut).to.deep.equal([]);
  });

  it('says so in its answers, takes no new connection, and answers what is in flight', async () => {
    let release: ((answer: Answer) => void) | undefined;
    const started = new Promise<void>((resolve) => {
      void open({
        decide: () =>
          new Promise<Answer>((answer) => {
            release = answer;
            resolve();
          }),
      }).then((opened) => {
        served = opened;
        pending = ask(agent, opened.listener.port);
      });
    });
    let served: Served | undefined;
    let pending: Promise<number | string> | undefined;
    const agent = new Agent({ keepAlive: true });
    await started;
    const { server, listener, url } = served as unknown as Served;
    expect(server.isDraining).to.equal(false);
    const closing = server.close({ idleMs: 50, graceMs: 5_000 });
    expect(server.isDraining).to.equal(true);
    expect(await ask(new Agent(), listener.port)).to.equal('ECONNREFUSED');
    release?.({ status: 200, body: '{"query":{},"body":"{}","caller":"k1","tenant":"default"}' });
    expect(await pending).to.equal(200);
    expect(await closing).to.equal(true);
    expect(url).to.include(String(listener.port));
    expect(await server.close()).to.equal(true);
    await (served as unknown as Served).close();
  });

  it('cuts what is in flight once the time for it is over, and says that it did', async () => {
    const started: (() => void)[] = [];
    const reached = new Promise<void>((resolve) => started.push(resolve));
    const served = await open({
      decide: () => {
        started[0]?.();
        return new Promise<Answer>(() => {});
      },
    });
    const agent = new Agent({ keepAlive: true });
    const pending = ask(agent, served.listener.port);
    await reached;
    expect(await served.server.close({ idleMs: 10, graceMs: 60 })).to.equal(false);
    expect(await pending).to.equal('ECONNRESET');
    await served.close();
  });

  it('keeps an idle connection for a while, for a request that is on its way', async () => {
    const served = await open();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect(await ask(agent, served.listener.port)).to.equal(200);
    const closing = served.server.close({ idleMs: 5_000, graceMs: 6_000 });
    expect(await ask(agent, served.listener.port)).to.equal(200);
    // that answer closed the last connection, so there is nothing to wait for
    expect(await closing).to.equal(true);
    agent.destroy();
    await served.close();
  });

  it('closes an idle connection when its time is over', async () => {
    const served = await open();
    const socket = connect(served.listener.port, '127.0.0.1');
    const ended = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.write('GET /open HTTP/1.1\r\nhost: localhost\r\n\r\n');
    await new Promise((resolve) => socket.once('data', resolve));
    expect(served.listener.connections).to.equal(1);
    await served.server.close({ idleMs: 50, graceMs: 1_000 });
    await ended;
    expect(served.listener.connections).to.equal(0);
    await served.close();
  });
});
