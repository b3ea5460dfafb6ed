import { expect } from 'chai';
import { runInChild } from '../support/runInChild.js';

const LIBRARY = new URL('../../lib/index.js', import.meta.url).href;

describe('runtime', () => {
  it('gives Symbol.metadata the key that all compilers agree on, and only where it is missing', async () => {
    const { code, stdout, stderr } = await runInChild(`
      const before = Symbol.metadata;
      await import('${LIBRARY}');
      const own = Object.getOwnPropertyDescriptor(Symbol, 'metadata');
      console.log(Symbol.metadata === (before ?? Symbol.for('Symbol.metadata')), own.writable, own.enumerable);`);
    expect(code, stderr).to.equal(0);
    expect(stdout.trim()).to.equal('true false false');
  });

  it('leaves a Symbol.metadata of the runtime alone', async () => {
    const { code, stdout, stderr } = await runInChild(`
      const own = Symbol('metadata');
      Object.defineProperty(Symbol, 'metadata', { value: own });
      await import('${LIBRARY}');
      console.log(Symbol.metadata === own);`);
    expect(code, stderr).to.equal(0);
    expect(stdout.trim()).to.equal('true');
  });

  for (const order of ['before', 'after'])
    it(`shares its registry with a full reflect-metadata loaded ${order} it`, async () => {
      const full = "await import('reflect-metadata');";
      const { code, stdout, stderr } = await runInChild(`
        ${order === 'before' ? full : ''}
        const { guard } = await import('${LIBRARY}');
        const fn = guard(async () => 1, { toolName: 't', approval: 'wait' });
        ${order === 'after' ? full : ''}
        console.log(Reflect.getMetadata('aegis:guard', fn).toolName, typeof Reflect.metadata);`);
      expect(code, stderr).to.equal(0);
      expect(stdout.trim()).to.equal('t function');
    });
});
