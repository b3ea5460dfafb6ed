import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect } from 'chai';

const FOLDER = new URL('./samples/', import.meta.url);
const SUPPORT = new Set(['show.js', 'policies.js']);

describe('The samples of the frameworks', function () {
  this.timeout(60_000);
  const samples = readdirSync(FOLDER).filter((file) => file.endsWith('.js') && !SUPPORT.has(file));

  it('are there', () => {
    expect(samples).to.include('ai-sdk.js');
  });

  for (const sample of samples) {
    it(`${sample.replace('.js', '')} shows all four effects with the framework's own mock, offline`, async () => {
      const { stdout } = await promisify(execFile)(process.execPath, [new URL(sample, FOLDER).pathname]);
      const lines = stdout.trimEnd().split('\n');
      const told = (label: string): string => lines.findLast((line) => line.startsWith(label)) ?? '';
      expect(told('allow'), stdout).to.include('refunded 20 for order-1');
      expect(told('deny'), stdout).to.include('nobody refunds more than a thousand');
      expect(told('sanitize'), stdout).to.include('refunded 20 for order-3').and.not.include('bob@example.com');
      expect(told('approval'), stdout).to.include('refunded 250 for order-4');
      expect(lines.filter((line) => line.startsWith('person'))).to.have.length.above(0);
    });
  }
});
