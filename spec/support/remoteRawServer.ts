import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** A TCP server that answers in ways node:http cannot. */
export interface RemoteRawServer {
  readonly url: string;
  /** Connections that are open now. */
  readonly sockets: ReadonlySet<Socket>;
  close(): Promise<void>;
}

/** Starts one; `onRequest` is called when the first bytes of a request have come. */
export async function remoteRawServer(onRequest: (socket: Socket) => void): Promise<RemoteRawServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.once('data', () => onRequest(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sockets,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
