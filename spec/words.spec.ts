// Plain English is held by a list of phrases that may not come back. What is read: comments and texts of lib and samples, README.md and the other pages.
import { expect } from 'chai';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { readPages } from './support/docsPages.js';
import { runInChild } from './support/runInChild.js';
import { foundWords, type Found, WORDS } from './support/words.js';

describe('The words', () => {
  const texts = [...readPages().map(({ path, text }) => ({ path, text })), ...['CONTRIBUTING.md', 'SECURITY.md'].map(read)];
  const adapters = filesIn('docs/adapters', '.md');
  const sources = [...filesIn('lib', '.ts'), ...filesIn('samples', '.ts')];

  for (const { name, instead } of WORDS)
    it(`have no "${name}": ${instead}`, () => {
      const found = [...texts, ...adapters, ...sources].flatMap(({ path, text }) =>
        foundWords(path, text).filter((hit) => hit.name === name),
      );
      expect(found.map(({ at, text }) => `${at}: ${text}`)).to.deep.equal([]);
    });

  it('are read everywhere', () => {
    expect(texts.length).to.be.greaterThan(15);
    expect(adapters.length).to.be.greaterThan(10);
    expect(sources.length).to.be.greaterThan(200);
  });

  it('begin each page with what it is for: a sentence after the title, not a list or a program', () => {
    const bare = readPages().filter(({ text }) => !/^# .+\n\n[A-Z`*[][^\n]{20,}/.test(text));
    expect(bare.map(({ path }) => path)).to.deep.equal([]);
  });
});

describe('npm run messages', () => {
  it('lists every text once, with its class, its code and its file, in the same order each time', async () => {
    const [first, second] = await Promise.all([run(), run()]);
    expect(first).to.equal(second);
    const lines = first.trimEnd().split('\n');
    expect(lines.pop()).to.equal(`${lines.length} texts`);
    expect(lines.length).to.be.greaterThan(400);
    expect(new Set(lines).size).to.equal(lines.length);
    for (const line of lines) expect(line.split(' · ').length, line).to.be.at.least(4);
    const classes = new Set(lines.map((line) => line.split(' · ')[0]));
    expect([...classes]).to.include.members([
      'ConfigError',
      'ForbiddenError',
      'ParamsError',
      'StoreError',
      'TaskStateError',
      'VerdictError',
    ]);
    expect(lines.filter((line) => line.startsWith('TaskStateError · invalid_task_state · ')).length).to.be.greaterThan(3);
  });

  it('lists those with a word in them', async () => {
    const lines = (await run('postgresql')).trimEnd().split('\n');
    expect(lines.length).to.be.greaterThan(3);
    expect(lines.slice(0, -1).filter((line) => !/postgresql/i.test(line))).to.deep.equal([]);
  });

  async function run(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await runInChild(pathToFileURL(resolve('.ci/messages.mjs')), { args });
    expect(code, stderr).to.equal(0);
    return stdout;
  }
});

describe('The search for words', () => {
  it('finds each of its phrases, in any case, and over the end of a line', () => {
    expect(names('// Whoever asks')).to.deep.equal(['whoever']);
    expect(names('/** Not needed any\n   * more. */')).to.deep.equal(['any more']);
    expect(names('  // one that is\n  // no list')).to.deep.equal(['is no list']);
    expect(names('`the value is no whole number`')).to.deep.equal(['is no list']);
  });

  it('lets look-alikes through', () => {
    expect(names('// It is no longer open. Many more. The sees; a nonesuch is nonetheless fine.')).to.deep.equal([]);
  });

  it('says in which line', () => {
    expect(foundWords('a.ts', 'x\n// whoever').map(({ at }) => at)).to.deep.equal(['a.ts:2']);
  });

  function names(text: string): string[] {
    return foundWords('a.ts', text).map((hit: Found) => hit.name);
  }
});

function read(path: string): { path: string; text: string } {
  return { path, text: readFileSync(path, 'utf8').replaceAll('\r\n', '\n') };
}

function filesIn(folder: string, end: string): { path: string; text: string }[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(end))
    .sort()
    .map((file) => read(join(folder, file).split(sep).join('/')));
}
