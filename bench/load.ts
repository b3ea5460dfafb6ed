import { setTimeout as sleep } from 'node:timers/promises';
import { RawConnection } from './RawConnection.js';

export async function connections(port: number, count: number): Promise<readonly RawConnection[]> {
  return Promise.all(Array.from({ length: count }, () => RawConnection.open(port)));
}

/** Whether it was decided. On a machine with more to do than it can, a server refuses some decisions, as it should. */
async function decided(connection: RawConnection, request: Buffer): Promise<boolean> {
  const { status, body } = await connection.send(request);
  if (status === 200) return true;
  if (status !== 503) throw new Error(`a decision is answered ${status}: ${body}`);
  await sleep(20);
  return false;
}

/** Has each connection ask one request after another for so long. */
export async function load(
  open: readonly RawConnection[],
  requests: readonly Buffer[],
  forMs: number,
): Promise<{ readonly perSecond: number; readonly p99Ms: number; readonly answered: number }> {
  const times: number[] = [];
  const start = performance.now();
  await Promise.all(
    open.map(async (connection, i) => {
      for (let sent = performance.now(); sent - start < forMs; sent = performance.now()) {
        if (await decided(connection, requests[i] as Buffer)) times.push(performance.now() - sent);
      }
    }),
  );
  const seconds = (performance.now() - start) / 1_000;
  return { perSecond: times.length / seconds, p99Ms: quantile(times, 0.99), answered: times.length };
}

export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN;
}
