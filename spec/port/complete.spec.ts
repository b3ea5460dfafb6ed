import { expect } from 'chai';
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { counted } from '../support/assurance.js';
import { parsePage, tablesOf } from '../support/docsPages.js';
import { BLOCKS, PORTED, ROWS } from './inventory.js';

/** Where counterparts are. Read from their sources, so that one that is skipped or commented out is missed. */
const SPECS = [
  ...readdirSync('spec/port').flatMap((file) => (file.endsWith('.spec.ts') ? [posix.join('spec/port', file)] : [])),
  'spec/frameworks/port.spec.ts',
];
const MIGRATION = 'docs/migration-from-python.md';

/** Blocks that the page shows no pair for: they are about the repository, and CONTRIBUTING.md is their place. */
const OF_THE_REPOSITORY = Object.keys(BLOCKS).filter((id) => id.startsWith('development/') || id.startsWith('testing/'));

describe('The port of the Python SDK', () => {
  const found = SPECS.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/^ {2}(?:counterpart|inRepository)\(\s*'([^']+)'/gm)].map(([, id = '']) => id),
  );
  const page = parsePage(MIGRATION, readFileSync(MIGRATION, 'utf8').replaceAll('\r\n', '\n'));
  const pairs = [...page.text.matchAll(/^<!-- pair: ([^>]+) -->$/gm)].map(([comment, ids = ''], i, all) => {
    const start = page.text.indexOf(comment);
    const next = all[i + 1]?.[0];
    return { ids: ids.split(', '), text: page.text.slice(start, next === undefined ? undefined : page.text.indexOf(next)) };
  });

  it('has a counterpart of every block and row, and of nothing else', () => {
    const missing = PORTED.filter((id) => !found.includes(id));
    const unknown = found.filter((id) => !(PORTED as readonly string[]).includes(id));
    counted({ what: 'C3 blocks and rows of the Python SDK without a counterpart', cases: PORTED.length, wrong: missing.length });
    expect(missing).to.deep.equal([]);
    expect(unknown).to.deep.equal([]);
    expect(new Set(found).size).to.equal(found.length);
  });

  it('skips none of them', () => {
    for (const file of SPECS) expect(readFileSync(file, 'utf8'), file).to.not.match(/\.skip\(|\.only\(|this\.skip|\bxit\(/);
  });

  it('knows as many as the README has', () => {
    expect(Object.keys(BLOCKS)).to.have.length(24);
    expect(Object.values(ROWS).map((rows) => rows.length)).to.deep.equal([12, 11, 3, 5, 5, 9, 7, 10, 5]);
  });

  it('has a pair on the migration page for every block', () => {
    const shown = pairs.flatMap(({ ids }) => ids);
    expect([...shown].sort()).to.deep.equal(
      Object.keys(BLOCKS)
        .filter((id) => !OF_THE_REPOSITORY.includes(id))
        .sort(),
    );
  });

  it('shows both sides of each pair', () => {
    for (const { ids, text } of pairs) {
      const languages = [...text.matchAll(/^```(\w+)/gm)].map(([, language]) => language);
      expect(languages[0], ids.join()).to.be.oneOf(['python', 'sh']);
      expect(languages[1], ids.join()).to.be.oneOf(['ts', 'js', 'sh']);
    }
  });

  it('has only programs on the migration page that run', () => {
    const programs = page.blocks.filter(({ language }) => language === 'ts');
    expect(programs).to.have.length.above(9);
    expect(programs.filter(({ marks }) => !marks.includes('run') && !marks.includes('continued')).map(({ line }) => line)).to.deep.equal(
      [],
    );
  });

  it('has a row on the migration page for every row', () => {
    const cells = tablesOf(page)
      .flatMap(({ head, rows }) => (head[0] === 'Python' ? rows.map(([cell]) => cell) : []))
      .join(' ');
    // what the decorator returns has no name
    const names = Object.values(ROWS)
      .flat()
      .filter((row) => row !== 'returns');
    expect(names.filter((row) => !new RegExp(`\\b${row}\\b`).test(cells))).to.deep.equal([]);
  });
});
