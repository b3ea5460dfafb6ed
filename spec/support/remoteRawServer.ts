import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** A TCP server that answers in ways node:http cannot. */
export interface RemoteRawServer {
  readonly url: string;
  /** Connections that are open now and have brought a request. (fetch replaces one that it drops by an idle one.) */
  readonly asking: ReadonlySet<Socket>;
  close(): Promise<void>;
}

/** Starts one; `onRequest` is called when the first bytes of a request have come. */
export async function remoteRawServer(onRequest: (socket: Socket) => void): Promise<RemoteRawServer> {
  const sockets = new Set<Socket>();
  const asking = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      asking.delete(socket);
    });
    // stays attached, so that the socket flows and its end is seen
    socket.on('data', () => {
      if (asking.has(socket)) return;
      asking.add(socket);
      onRequest(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asking,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
