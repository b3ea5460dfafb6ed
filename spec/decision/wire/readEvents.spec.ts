import { expect } from 'chai';
import { readEvents } from '../../../lib/decision/wire/readEvents.js';
import type { StreamEvent } from '../../../lib/decision/wire/readEvents.js';
import { failureOf } from '../../support/remoteRequest.js';

async function eventsOf(bytes: Buffer, cuts: readonly number[], maxBytes = 1_000): Promise<StreamEvent[]> {
  const edges = [0, ...cuts, bytes.length];
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (const [i, from] of edges.slice(0, -1).entries()) yield Promise.resolve(bytes.subarray(from, edges[i + 1]));
  }
  const events: StreamEvent[] = [];
  for await (const event of readEvents(chunks(), maxBytes)) events.push(event);
  return events;
}

const STREAM = Buffer.from(
  'retry: 2000\nid: b-0\n\n: still here\n\nid: b-1\nevent: status\ndata: {"é":1}\n\r\nevent:bye\r\ndata: a\r\ndata: b\r\n\r\nid: x\0y\ndata\n\ndata: half',
);
const EVENTS: readonly StreamEvent[] = [
  { id: 'b-0', type: 'place', data: '' },
  { id: 'b-1', type: 'status', data: '{"é":1}' },
  { id: undefined, type: 'bye', data: 'a\nb' },
  { id: undefined, type: 'message', data: '' },
];

describe('readEvents', () => {
  it('reads the same events wherever the stream is cut, and none that has not ended', async () => {
    for (let a = 0; a <= STREAM.length; a++) {
      expect(await eventsOf(STREAM, [a]), `cut at ${a}`).to.deep.equal(EVENTS);
      expect(await eventsOf(STREAM, [a, Math.min(a + 1, STREAM.length)]), `cut at ${a} and after it`).to.deep.equal(EVENTS);
    }
  });

  it('refuses an event that is too large, and what is not UTF-8', async () => {
    expect(await failureOf(eventsOf(Buffer.from(`data: ${'x'.repeat(2_000)}`), []))).to.include({ reason: 'too_large' });
    expect(await failureOf(eventsOf(Buffer.from([0x64, 0xff, 0x0a, 0x0a]), []))).to.include({ reason: 'malformed' });
  });
});
