import { expect } from 'chai';
import { createServer, request as forward } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { dataPlaneStandIn } from '../../support/dataPlaneStandIn.js';
import { runInChild } from '../../support/runInChild.js';

/** From which versions on `fetch` uses the proxy of the environment where NODE_USE_ENV_PROXY says so. */
function usesProxies(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major >= 24 || (major === 22 && minor >= 21);
}

describe('A Data Plane behind a proxy', () => {
  it('is asked through the proxy of the environment, with NODE_USE_ENV_PROXY', async function () {
    if (!usesProxies(process.versions.node)) {
      console.log('      no proxy of the environment: this Node has no NODE_USE_ENV_PROXY');
      return this.skip();
    }
    await using plane = await dataPlaneStandIn();
    const { port } = new URL(plane.url);
    const asked: string[] = [];
    const sockets = new Set<Duplex>();
    const proxy = createServer((incoming, reply) => {
      asked.push(new URL(incoming.url ?? '').host);
      const { method, headers } = incoming;
      const path = new URL(incoming.url ?? '').pathname;
      incoming.pipe(
        forward({ host: '127.0.0.1', port, path, method, headers }, (answer) => {
          reply.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(reply);
        }),
      );
    });
    proxy.on('connect', (incoming, socket: Duplex) => {
      asked.push((incoming.url ?? '').replace(/:80$/, ''));
      const tunnel = connect(Number(port), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        tunnel.pipe(socket).pipe(tunnel);
      });
      for (const end of [socket, tunnel]) sockets.add(end.on('error', () => undefined));
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    try {
      const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
      const { stdout, stderr } = await runInChild(
        `const { AegisModule } = await import('${new URL('../../../lib/index.js', import.meta.url).href}');
        const aegis = AegisModule.create({ apiKey: 'key', baseUrl: 'http://aegis.example', allowInsecureHttp: true, agentId: 'agent', dataPlane: { require: [] } });
        console.log((await aegis.decide({ toolName: 'look', params: {} })).effect);
        await aegis.close();`,
        { env: { NODE_USE_ENV_PROXY: '1', HTTP_PROXY: url, NO_PROXY: '', no_proxy: '' } },
      );
      expect(stdout.trim(), stderr).to.equal('allow');
      expect(asked).to.deep.equal(['aegis.example']);
      expect(plane.requests.map(({ headers }) => headers['x-api-key'])).to.deep.equal(['key']);
    } finally {
      for (const socket of sockets) socket.destroy();
      proxy.closeAllConnections();
      await new Promise<void>((resolve) => proxy.close(() => resolve()));
    }
  });
});
