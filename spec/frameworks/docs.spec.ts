import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

/** This folder, and that of the pages. */
const HERE = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const PAGES = resolve(HERE, '../../docs/adapters');

/** Pages whose decorators are those of experimentalDecorators. */
const LEGACY = ['nest.ts'];

describe('The pages of the adapters', function () {
  this.timeout(120_000);
  const pages = readdirSync(PAGES).filter((file) => file.endsWith('.md'));

  it('link to what is there', () => {
    for (const page of pages) {
      const text = readFileSync(join(PAGES, page), 'utf8');
      for (const [, link = ''] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g))
        expect(existsSync(resolve(PAGES, link)), `${page}: ${link}`).to.equal(true);
    }
  });

  it('hold programs that compile against the built package and the real frameworks', () => {
    const folder = join(HERE, '.build-docs');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    const compilerOptions = { rootDir: '..', noEmit: true, noUnusedLocals: false, noUnusedParameters: false };
    const configOf = (include: readonly string[], exclude: readonly string[], more: object = {}): string =>
      JSON.stringify({
        extends: '../tsconfig.json',
        compilerOptions: { ...compilerOptions, ...more },
        include: [...include, '../express.d.ts'],
        exclude,
      });
    writeFileSync(join(folder, 'tsconfig.json'), configOf(['*.ts'], LEGACY));
    writeFileSync(
      join(folder, 'tsconfig.legacy.json'),
      configOf(LEGACY, [], { experimentalDecorators: true, emitDecoratorMetadata: true }),
    );
    let programs = 0;
    for (const page of pages) {
      const blocks = [...readFileSync(join(PAGES, page), 'utf8').matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code);
      // the blocks of a page go on from one to the next
      if (blocks.length > 0) writeFileSync(join(folder, page.replace('.md', '.ts')), `${blocks.join('\n')}\nexport {};\n`);
      programs += blocks.length;
    }
    expect(programs).to.be.above(pages.length - 1);
    const tsc = resolve(HERE, '../../node_modules/typescript/bin/tsc');
    let said = '';
    for (const config of ['tsconfig.json', 'tsconfig.legacy.json'])
      try {
        execFileSync(process.execPath, [tsc, '-p', join(folder, config)], { encoding: 'utf8' });
      } catch (error) {
        said += (error as { stdout: string }).stdout;
      }
    expect(said).to.equal('');
  });
});
