import { expect } from 'chai';
import { ConfigError } from '../../lib/model/errors/SetupErrors.js';
import { LazyPart } from '../../lib/model/LazyPart.js';
import { rejection } from '../support/rejection.js';

describe('LazyPart', () => {
  it('loads once, when it is first asked for, and is there at once afterwards', async () => {
    let loads = 0;
    const part = new LazyPart(async () => ({ loads: ++loads }));
    expect(loads).to.equal(0);
    const [first, second] = [part.get(), part.get()];
    expect(first).to.equal(second);
    expect(await first).to.deep.equal({ loads: 1 });
    expect(part.get()).to.deep.equal({ loads: 1 });
  });

  it('is available in the order in which parts were asked for, however long each takes', async () => {
    const order: string[] = [];
    let finish = (): void => {};
    const slow = new LazyPart(() => new Promise<string>((resolve) => (finish = () => resolve('slow'))));
    const quick = new LazyPart(async () => 'quick');
    slow.prepare();
    const asked = Promise.resolve(quick.get()).then(() => order.push(`quick, while slow is ${typeof slow.get()}`));
    await new Promise((resolve) => setImmediate(resolve));
    expect(order).to.deep.equal([]);
    finish();
    await asked;
    expect(order).to.deep.equal(['quick, while slow is string']);
  });

  it('fails with a ConfigError that has the cause, holds up no other part, and is tried again', async () => {
    const cause = new Error('no such file');
    let broken = true;
    const part = new LazyPart(async () => {
      if (broken) throw cause;
      return 'whole';
    });
    part.prepare();
    expect(await new LazyPart(async () => 'other').get()).to.equal('other');
    const error = await rejection(Promise.resolve(part.get()));
    expect(error).to.be.instanceOf(ConfigError);
    expect(error.cause).to.equal(cause);
    expect(error.message).to.match(/^A part of aegislib cannot be loaded; .*Start the process again/);
    broken = false;
    expect(await part.get()).to.equal('whole');
    expect(part.get()).to.equal('whole');
    part.prepare();
  });
});
