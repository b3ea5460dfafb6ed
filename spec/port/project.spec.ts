import { expect } from 'chai';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type * as Aegis from 'aegislib';
import type { PortedId } from './inventory.js';
import { counterpart } from './worlds.js';

const { name, scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { name: string; scripts: Readonly<Record<string, string>> };
const CONTRIBUTING = readFileSync('CONTRIBUTING.md', 'utf8');

/** Specifies the counterpart of a block that is about the repository: a script that exists, and that CONTRIBUTING.md names. */
function inRepository(id: PortedId, does: string, commands: readonly string[]): void {
  it(`${id}: ${does}`, () => {
    for (const command of commands) {
      expect(CONTRIBUTING, command).to.contain(command);
      const script = /^npm (?:run )?([\w:]+)/.exec(command)?.[1];
      if (script !== undefined && script !== 'ci') expect(scripts, command).to.have.property(script);
    }
  });
}

describe('The package, as the Python SDK', () => {
  counterpart('installation/install', 'is installed under the same name, and imported or required', {}, async (world) => {
    expect(name).to.equal('aegislib');
    expect(readFileSync('README.md', 'utf8')).to.contain('npm install aegislib');
    const imported = await import('aegislib');
    const required = createRequire(import.meta.url)('aegislib') as typeof Aegis;
    expect(
      Object.keys(required)
        .filter((key) => !['default', '__esModule', 'module.exports'].includes(key))
        .sort(),
    ).to.deep.equal(
      Object.keys(imported)
        .filter((key) => key !== 'default')
        .sort(),
    );
    const { scheduler: _, ...source } = world.source;
    await using aegis = imported.AegisModule.create({ ...source, agentId: 'agent' });
    const look = imported.guard(async () => 'seen', { toolName: 'look', approval: 'wait', module: aegis });
    expect(await look()).to.equal('seen');
  });
});

describe('The repository, as that of the Python SDK', () => {
  inRepository('development/setup', 'is set up with one command', ['npm ci']);
  inRepository('development/tests', 'runs its tests, all of them or one file', ['npm test', 'npm test -- spec/guard']);
  inRepository('development/quality', 'lints, formats and checks types', ['npm run lint', 'npm run format', 'npm run check']);
  inRepository('development/build', 'builds the package and checks it', ['npm run package']);
  inRepository('testing/coverage', 'measures coverage', ['npm run coverage']);
  inRepository('development/publish', 'publishes from a tag', ['CHANGELOG.md']);

  it('has workflows that release and publish', () => {
    expect(readdirSync('.github/workflows')).to.include.members(['ci.yml', 'release.yml', 'publish.yml']);
  });
});
