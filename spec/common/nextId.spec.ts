import { expect } from 'chai';
import { bootId, nextId } from '../../lib/common/nextId.js';
import { runInChild } from '../support/runInChild.js';

describe('nextId', () => {
  it('are bootId-counter with their prefix, and never come twice', () => {
    const ids = Array.from({ length: 10_000 }, () => nextId('dec'));
    expect(new Set(ids).size).to.equal(10_000);
    for (const id of ids.slice(0, 100))
      expect(id)
        .to.match(/^dec_[\w-]{16}-[0-9a-z]+$/)
        .and.contain(bootId);
  });

  it('of another process are others', async () => {
    const { stdout } = await runInChild("console.log((await import('./lib/common/nextId.js')).bootId)", {
      cwd: new URL('../..', import.meta.url).pathname,
    });
    expect(stdout.trim()).to.have.length(16).and.not.equal(bootId);
  });
});
