import { expect } from 'chai';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findStateKey, makeStateKey, ownKeyFile } from '../../../lib/server/config/stateKey.js';

const KEY = 'k'.repeat(32);

describe('The state key of a server', () => {
  let folder: string;
  let dataFolder: string;
  let env: Record<string, string>;
  const at = (name: string): string => join(folder, name);
  const find = (file?: string, more: Record<string, string> = {}) => findStateKey({ env: { ...env, ...more }, file, dataFolder });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'aegis-key-'));
    dataFolder = at('project/.aegis');
    mkdirSync(dataFolder, { recursive: true });
    env = { XDG_CONFIG_HOME: at('config') };
    writeFileSync(at('k1'), `${KEY}\n`, { mode: 0o600 });
    writeFileSync(at('k2'), 'K'.repeat(32), { mode: 0o644 });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is made once, for the user alone, away from the data', () => {
    expect(find()).to.equal(undefined);
    const made = makeStateKey(env, dataFolder);
    expect(made.file).to.match(/config.aegis.state-keys.project-[0-9a-f]{16}\.key$/);
    expect(made.key.reveal()).to.match(/^[\w-]{43}$/);
    if (process.platform !== 'win32') expect([statSync(made.file as string).mode & 0o777, made.isExposed]).to.deep.equal([0o600, false]);
    for (const key of [find(), makeStateKey(env, dataFolder)]) expect(key?.key.reveal()).to.equal(made.key.reveal());
    // no half of a file stays
    expect(readdirSync(dirname(made.file as string))).to.have.length(1);
    const elsewhere = makeStateKey(env, at('project2/.aegis'));
    expect([elsewhere.file === made.file, elsewhere.key.reveal() === made.key.reveal()]).to.deep.equal([false, false]);
  });

  it('is that of the environment, its file, the configuration, or the folder, in this order', () => {
    makeStateKey(env, dataFolder);
    const long = 'x'.repeat(40);
    expect(find(at('k2'), { AEGIS_STATE_KEY: ` ${long} ` })).to.deep.include({ file: undefined, isExposed: false });
    expect(find(at('k2'), { AEGIS_STATE_KEY: long })?.key.reveal()).to.equal(long);
    expect(find(at('k2'), { AEGIS_STATE_KEY: '', AEGIS_STATE_KEY_FILE: at('k1') })?.key.reveal()).to.equal(KEY);
    const configured = find(at('k2'));
    expect(configured?.file).to.equal(at('k2'));
    if (process.platform !== 'win32') expect(configured?.isExposed).to.equal(true);
  });

  it('is in the home folder of the user where nothing else is said', () => {
    expect(ownKeyFile({}, dataFolder)).to.include(join('aegis', 'state-keys'));
    expect(ownKeyFile({ XDG_CONFIG_HOME: '' }, dataFolder)).to.equal(ownKeyFile({}, dataFolder));
    expect(ownKeyFile(env, at('nowhere/.aegis'))).to.include('nowhere-');
  });

  it('follows the folder through a link', () => {
    symlinkSync(at('project'), at('link'), 'dir');
    expect(ownKeyFile(env, at('link/.aegis'))).to.equal(ownKeyFile(env, dataFolder));
  });

  it('is refused where two name one, where it is short, cannot be read, or is in the data folder', () => {
    writeFileSync(at('short'), 'canary');
    writeFileSync(join(dataFolder, 'key'), KEY);
    symlinkSync(join(dataFolder, 'key'), at('linked'));
    expect(() => find(undefined, { AEGIS_STATE_KEY: KEY, AEGIS_STATE_KEY_FILE: at('k1') })).to.throw('are both set');
    expect(() => find(undefined, { AEGIS_STATE_KEY: 'canary' })).to.throw(/^AEGIS_STATE_KEY: .*at least 32 characters/);
    expect(() => find(at('short'))).to.throw(/^stateKeyFile: .*at least 32 characters(?!.*canary)/);
    expect(() => find(undefined, { AEGIS_STATE_KEY_FILE: at('none') })).to.throw(
      'AEGIS_STATE_KEY_FILE: The file of the state key cannot be read (ENOENT)',
    );
    for (const file of [join(dataFolder, 'key'), at('linked')]) expect(() => find(file)).to.throw('must not be in the data folder');
  });

  it('is refused where it cannot be written', () => {
    writeFileSync(at('config'), 'a file, not a folder');
    expect(() => makeStateKey(env, dataFolder)).to.throw(/The state key cannot be written \((?:ENOTDIR|EEXIST|ENOENT)\)/);
    expect(readFileSync(at('config'), 'utf8')).to.equal('a file, not a folder');
    chmodSync(at('k1'), 0o600);
  });
});
