import { once } from 'node:events';
import { expect } from 'chai';
import { SafeEmitter } from '../../lib/model/SafeEmitter.js';
import { diagnosed } from '../support/diagnosed.js';

class Bell extends SafeEmitter<{ rung: [times: number, by: string]; error: [Error] }> {}

describe('SafeEmitter', () => {
  it('calls every listener in order, with all arguments and itself as this, and says whether there were any', () => {
    const bell = new Bell();
    const heard: unknown[] = [];
    expect(bell.emit('rung', 1, 'ann')).to.equal(false);
    bell.on('rung', function (this: unknown, ...args) {
      heard.push(this === bell, ...args);
    });
    bell.prependListener('rung', () => heard.push('first'));
    expect(bell.emit('rung', 2, 'bob')).to.equal(true);
    expect(heard).to.deep.equal(['first', true, 2, 'bob']);
  });

  it('calls the others, and whoever emitted goes on, when a listener throws or rejects; each is reported once', async () => {
    const bell = new Bell();
    const heard: string[] = [];
    bell.on('rung', () => {
      throw new TypeError('thrown');
    });
    // oxlint-disable-next-line typescript/no-misused-promises -- that is what it is about
    bell.on('rung', async () => Promise.reject(new RangeError('rejected')));
    bell.on('rung', () => {
      throw 'a text';
    });
    bell.on('rung', () => heard.push('last'));
    const seen = await diagnosed(async () => {
      bell.emit('rung', 1, 'ann');
      heard.push('emitter');
      await new Promise((resolve) => setImmediate(resolve));
    });
    expect(heard).to.deep.equal(['last', 'emitter']);
    expect(seen).to.deep.equal([
      { kind: 'callback', where: "listener of 'rung'", error: { name: 'TypeError', message: 'thrown' } },
      { kind: 'callback', where: "listener of 'rung'", error: { name: 'NonError', message: 'a value was thrown that is not an Error' } },
      { kind: 'callback', where: "listener of 'rung'", error: { name: 'RangeError', message: 'rejected' } },
    ]);
  });

  it('does not end the program for an error event that nobody listens to', () => {
    expect(new Bell().emit('error', new Error('no'))).to.equal(false);
  });

  it('calls a once listener once, also where it throws or emits again', async () => {
    const bell = new Bell();
    let called = 0;
    bell.once('rung', () => {
      called += 1;
      bell.emit('rung', 2, 'again');
      throw new Error('no');
    });
    await diagnosed(() => {
      bell.emit('rung', 1, 'ann');
      bell.emit('rung', 3, 'ann');
    });
    expect([called, bell.listenerCount('rung')]).to.deep.equal([1, 0]);
  });

  it('keeps to the listeners there were, when one of them adds or removes others', () => {
    const bell = new Bell();
    const heard: string[] = [];
    const second = (): void => void heard.push('second');
    bell.on('rung', () => {
      heard.push('first');
      bell.off('rung', second);
      bell.on('rung', () => heard.push('third'));
    });
    bell.on('rung', second);
    bell.emit('rung', 1, 'ann');
    expect(heard).to.deep.equal(['first', 'second']);
  });

  it('works with once() of node:events', async () => {
    const bell = new Bell();
    const rung = once(bell, 'rung');
    bell.emit('rung', 7, 'ann');
    expect(await rung).to.deep.equal([7, 'ann']);
  });
});
