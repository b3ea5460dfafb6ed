import fs, { mkdirSync, symlinkSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import sinon from 'sinon';
import { ConfigError } from '../../../lib/model/errors/SetupErrors.js';
import { ReloadablePolicies } from '../../../lib/policy/live/ReloadablePolicies.js';
import { readPolicies } from '../../../lib/policy/live/readPolicies.js';
import { withFolder } from '../../support/policyCalls.js';

describe('readPolicies', () => {
  afterEach(() => {
    sinon.restore();
    syncBuiltinESMExports();
  });

  /** Runs something after every read of a file. */
  function afterEachRead(act: (reads: number) => void): void {
    let reads = 0;
    const read = fs.readFileSync;
    sinon.stub(fs, 'readFileSync').callsFake(((...args: Parameters<typeof read>) => {
      const bytes = read(...args);
      act((reads += 1));
      return bytes;
    }) as typeof read);
    syncBuiltinESMExports();
  }

  it('reads the *.cedar files of a folder, by name', () =>
    withFolder({ 'b.cedar': 'B', 'a.cedar': '\ufeffA', 'c.txt': 'C', '.d.cedar': 'D' }, (path) => {
      const expected = [
        { file: 'a.cedar', text: 'A' },
        { file: 'b.cedar', text: 'B' },
      ];
      expect(readPolicies(path)).to.deep.equal(expected);
      expect(readPolicies(`${path}/`)).to.deep.equal(expected);
      expect(readPolicies(pathToFileURL(path))).to.deep.equal(expected);
    }));

  it('reads one file, and text', () =>
    withFolder({ 'a.cedar': 'A', 'b.cedar': 'B' }, (path) => {
      expect(readPolicies(join(path, 'b.cedar'))).to.deep.equal([{ file: 'b.cedar', text: 'B' }]);
      expect(readPolicies({ text: 'T' })).to.deep.equal([{ file: 'policies', text: 'T' }]);
    }));

  it('refuses a URL of anything but a file of this machine', () => {
    for (const url of ['https://policies.example/a', 'file:///a%2Fb', 'data:text/plain,permit'])
      for (const read of [() => readPolicies(new URL(url)), () => new ReloadablePolicies({ source: new URL(url) })])
        expect(read, url).to.throw(ConfigError, 'policies: This URL does not lead to a file of this machine.');
  });

  it('says of a text in the place of a path how a text is given', () => {
    for (const text of ['permit (principal, action, resource);', '@id("a")\npermit', '{', 'when }'])
      expect(() => readPolicies(text), text).to.throw(
        ConfigError,
        'policies: This looks like the text of policies, which is given as { text }',
      );
  });

  it('reads until two reads agree', () =>
    withFolder({ 'a.cedar': 'permit', 'b.cedar': 'forbid 1' }, (path, write) => {
      afterEachRead((reads) => {
        if (reads === 2) write('b.cedar', 'forbid 2');
        if (reads === 4) write('c.cedar', 'forbid 3');
        if (reads === 6) fs.rmSync(join(path, 'a.cedar'));
      });
      expect(readPolicies(path).map(({ text }) => text)).to.deep.equal(['forbid 2', 'forbid 3']);
    }));

  it('gives up on a folder that keeps changing', () =>
    withFolder({ 'a.cedar': '' }, (path, write) => {
      afterEachRead((reads) => write('a.cedar', String(reads)));
      expect(() => readPolicies(path)).to.throw(ConfigError, 'kept changing');
    }));

  it('refuses what is missing, empty, no file, no UTF-8 or too much', () =>
    withFolder({ 'a.txt': '' }, (path, write) => {
      expect(() => readPolicies(join(path, 'none'))).to.throw(ConfigError, 'no such file');
      expect(() => readPolicies(path)).to.throw(ConfigError, 'no *.cedar file');
      mkdirSync(join(path, 'x.cedar'));
      expect(() => readPolicies(path)).to.throw(ConfigError, 'not a regular file');
      fs.rmdirSync(join(path, 'x.cedar'));
      fs.writeFileSync(join(path, 'x.cedar'), Buffer.from([0xff, 0xfe]));
      expect(() => readPolicies(path)).to.throw(ConfigError, 'UTF-8');
      write('x.cedar', ' '.repeat(2 * 1024 * 1024));
      expect(readPolicies(path)).to.have.length(1);
      write('y.cedar', ' ');
      expect(() => readPolicies(path)).to.throw(ConfigError, 'at most');
    }));

  it('reads again without a file that vanished between being found and being read', () =>
    withFolder({ 'a.cedar': 'A', 'b.cedar': 'B' }, (path) => {
      afterEachRead((reads) => {
        if (reads === 1) fs.rmSync(join(path, 'b.cedar'));
      });
      expect(readPolicies(path)).to.deep.equal([{ file: 'a.cedar', text: 'A' }]);
    }));

  it('refuses a link that leads nowhere, or in a circle', () =>
    withFolder({ 'a.cedar': 'A' }, (path) => {
      symlinkSync('none', join(path, 'b.cedar'));
      expect(() => readPolicies(path)).to.throw(ConfigError);
      fs.rmSync(join(path, 'b.cedar'));
      symlinkSync('b.cedar', join(path, 'b.cedar'));
      expect(() => readPolicies(path)).to.throw(ConfigError, 'cannot be read');
    }));

  it('refuses a path whose links lead in a circle, and keeps the cause', () =>
    withFolder({}, (path) => {
      symlinkSync('loop', join(path, 'loop'));
      expect(() => readPolicies(join(path, 'loop')))
        .to.throw(ConfigError, 'no such file')
        .with.nested.property('cause.code', 'ELOOP');
    }));

  it('refuses a file that cannot be read, and keeps the cause', () =>
    withFolder({ 'a.cedar': 'A' }, (path) => {
      const denied = Object.assign(new Error('EACCES'), { code: 'EACCES' });
      sinon.stub(fs, 'readFileSync').throws(denied);
      syncBuiltinESMExports();
      expect(() => readPolicies(path))
        .to.throw(ConfigError, 'cannot be read')
        .with.property('cause', denied);
    }));

  it('refuses a thousand and one files', () =>
    withFolder(Object.fromEntries(Array.from({ length: 1_001 }, (_, i) => [`${i}.cedar`, ''])), (path) => {
      expect(() => readPolicies(path)).to.throw(ConfigError, 'has 1001 *.cedar files; at most 1000 are allowed');
    }));

  it('follows links that stay within the folder, as mounted volumes have them, and no others', () =>
    withFolder({ 'secret.txt': 'S' }, (outside) =>
      withFolder({}, (path) => {
        mkdirSync(join(path, '..v1'));
        fs.writeFileSync(join(path, '..v1', 'a.cedar'), 'A');
        symlinkSync('..v1', join(path, '..data'));
        symlinkSync(join('..data', 'a.cedar'), join(path, 'a.cedar'));
        expect(readPolicies(path)).to.deep.equal([{ file: 'a.cedar', text: 'A' }]);
        symlinkSync(path, join(outside, 'link'));
        expect(readPolicies(join(outside, 'link'))).to.have.length(1);
        symlinkSync(join(outside, 'secret.txt'), join(path, 'b.cedar'));
        expect(() => readPolicies(path)).to.throw(ConfigError, 'out of the folder');
      }),
    ));
});
