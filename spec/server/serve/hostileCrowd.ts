// Hostile connections in a process of their own: ones that say nothing, and ones that send headers and bodies in drips. One that is cut comes again.
import { connect } from 'node:net';
import type { Socket } from 'node:net';

const [port, silent, drips] = process.argv.slice(2).map(Number) as [number, number, number];
const AT_ONCE = 100;
const dripping = new Set<Socket>();

function dial(first: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.once('close', () => {
      dripping.delete(socket);
      resolve();
      setTimeout(() => void dial(first), 1_000 + Math.random() * 4_000);
    });
    socket.once('connect', () => {
      if (first !== '') {
        socket.write(first);
        dripping.add(socket);
      }
      resolve();
    });
    socket.resume();
  });
}

setInterval(() => {
  for (const socket of dripping) socket.write('a');
}, 100);
const firsts = [
  ...Array<string>(drips).fill('POST /v1/decision HTTP/1.1\r\nhost: localhost\r\nx-drip: '),
  ...Array<string>(drips).fill('POST /v1/decision HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n{'),
  ...Array<string>(silent).fill(''),
];
for (let i = 0; i < firsts.length; i += AT_ONCE) await Promise.all(firsts.slice(i, i + AT_ONCE).map(dial));
process.send?.('ready');
process.on('disconnect', () => process.exit(0));
