import { expect } from 'chai';
import sinon from 'sinon';
import { Deadline } from '../../../lib/common/transport/Deadline.js';
import { BodyError, readCapped } from '../../../lib/common/transport/readCapped.js';

/** A stream of these chunks; `cancelled` tells whether the reader gave it up. */
function stream(chunks: readonly (Uint8Array | 'stall' | Error)[]): {
  body: ReadableStream<Uint8Array>;
  state: { cancelled: boolean; pulled: number };
} {
  const state = { cancelled: false, pulled: 0 };
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const chunk = chunks[state.pulled++];
        if (chunk === undefined) controller.close();
        else if (chunk === 'stall') await new Promise(() => undefined);
        else if (chunk instanceof Error) controller.error(chunk);
        else controller.enqueue(chunk);
      },
      cancel: () => void (state.cancelled = true),
    },
    { highWaterMark: 0 },
  );
  return { body, state };
}

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail('it was read'),
    (error: unknown) => error,
  );
}

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe('readCapped', () => {
  it('reads text whose characters are split over chunks', async () => {
    const all = text('a€😀b');
    const { body } = stream(Array.from(all, (byte) => bytes(byte)));
    expect(await readCapped(body, { maxBytes: 100 })).to.equal('a€😀b');
    expect(await readCapped(stream([all]).body, { maxBytes: all.length })).to.equal('a€😀b');
  });

  it('reads an empty and an absent body as nothing', async () => {
    expect(await readCapped(stream([]).body, { maxBytes: 1 })).to.equal('');
    expect(await readCapped(null, { maxBytes: 1 })).to.equal('');
  });

  it('refuses one byte over the cap, and cancels the rest unread', async () => {
    const { body, state } = stream([new Uint8Array(6), new Uint8Array(5), new Uint8Array(1_000)]);
    const error = await failure(readCapped(body, { maxBytes: 10 }));
    expect(error).to.be.instanceOf(BodyError).with.property('problem', 'too_large');
    expect(state).to.deep.equal({ cancelled: true, pulled: 2 });
  });

  for (const bad of [bytes(0xff), bytes(0xc0, 0x80), bytes(0xed, 0xa0, 0x80), bytes(0x61, 0xe2, 0x82), bytes(0xf5, 0x80, 0x80, 0x80)]) {
    it(`refuses ${Buffer.from(bad).toString('hex')} as no UTF-8`, async () => {
      expect(await failure(readCapped(stream([bad]).body, { maxBytes: 100 }))).to.have.property('problem', 'not_utf8');
    });
  }

  it('keeps a byte order mark, for the parser to refuse', async () => {
    expect(await readCapped(stream([bytes(0xef, 0xbb, 0xbf), text('{}')]).body, { maxBytes: 100 })).to.equal('\ufeff{}');
  });

  it('passes on the failure of the stream', async () => {
    const broken = new Error('reset');
    expect(await failure(readCapped(stream([text('a'), broken]).body, { maxBytes: 100 }))).to.equal(broken);
  });

  it('cancels a stalled body when its deadline stops it, before or while reading', async () => {
    const deadline = new Deadline({ timeoutMs: 10, timeoutError: () => new Error('time is up'), abortError: () => new Error('aborted') });
    const { body, state } = stream([text('a'), 'stall']);
    await readCapped(body, { maxBytes: 100, deadline });
    expect(state.cancelled).to.equal(true);

    const late = stream(['stall']);
    await readCapped(late.body, { maxBytes: 100, deadline });
    expect(late.state.cancelled).to.equal(true);
  });

  it('leaves nothing behind at a deadline that it outlived', async () => {
    const deadline = new Deadline({
      timeoutMs: 1_000,
      timeoutError: () => new Error('time is up'),
      abortError: () => new Error('aborted'),
    });
    const { body, state } = stream([text('a')]);
    const whenStopped = sinon.spy(deadline, 'whenStopped');
    expect(await readCapped(body, { maxBytes: 100, deadline })).to.equal('a');
    expect(whenStopped.callCount).to.equal(1);
    deadline.interrupt(new Error('too late'));
    expect(state.cancelled).to.equal(false);
  });
});
