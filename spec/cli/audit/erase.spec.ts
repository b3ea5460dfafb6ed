import { expect } from 'chai';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { jsonlFolder } from '../../../lib/audit/sink/jsonl/jsonlFolder.js';
import { auditLog } from '../../../lib/audit/writer/AuditLog.js';
import type { AuditLog } from '../../../lib/audit/writer/AuditLog.js';
import { AuditKey } from '../../../lib/audit/tree/AuditKey.js';
import { ownKeyFile } from '../../../lib/server/config/stateKey.js';
import { readBack } from '../../audit/sink/readBack.js';
import { failureOf, runAegis } from '../runAegis.js';

describe('aegis audit erase', () => {
  const key = AuditKey.generate();
  let folder = '';
  let running: AuditLog;
  const audit = (): string => join(folder, 'audit');
  const keyFile = (): string => join(folder, 'key.pem');
  const run = (...args: readonly string[]): ReturnType<typeof runAegis> =>
    runAegis(['audit', 'erase', audit(), '--key-file', keyFile(), ...args]);
  const left = async (): Promise<readonly string[]> =>
    (await readBack(jsonlFolder(audit()).source)).openings.map(({ decisionId }) => decisionId);

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'aegis-erase-'));
    writeFileSync(keyFile(), key.toPem(), { mode: 0o600 });
    running = auditLog({ sink: jsonlFolder(audit()), origin: 'spec.example/pay', key, checkpointEvery: { records: 1 } });
    for (const [i, requester] of ['alice', 'bob', 'alice'].entries())
      await running.write(
        { kind: 'policies', hash: `h${i}` },
        { decisionId: `dec_${i}`, requester, salt: 'AAAAAAAAAAAAAAAAAAAAAA', values: {} },
      );
    await running.flush();
  });
  afterEach(async () => {
    await running.close();
    rmSync(folder, { recursive: true });
  });

  it('erases while the log is written, and leaves a record in a log of its own', async () => {
    expect(await run('--user', 'alice', '--by', 'dpo')).to.deep.equal({ code: 0, stdout: '2 openings erased\n', stderr: '' });
    expect(await left()).to.deep.equal(['dec_1']);
    await running.write(
      { kind: 'policies', hash: 'later' },
      { decisionId: 'dec_3', requester: 'alice', salt: 'AAAAAAAAAAAAAAAAAAAAAA', values: {} },
    );
    expect(await left()).to.deep.equal(['dec_1', 'dec_3']);
    expect((await run('--decision', 'dec_1', '--by', 'dpo', '--json')).stdout).to.equal('{"erased":1,"dryRun":false}\n');
    const { lines, checkpoints } = await readBack(jsonlFolder(audit()).source, 'erase');
    const kinds = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(kinds.map(({ kind }) => kind)).to.deep.equal(['started', 'erased', 'closed', 'started', 'erased', 'closed']);
    expect(kinds[1]).to.include({ selector: 'user', by: 'dpo', count: 2 });
    expect(checkpoints.at(-1)).to.match(/^spec\.example\/pay\/erase\n6\n/);
  });

  it('only counts where that is asked for, and needs no key for it', async () => {
    const { stdout } = await runAegis(['audit', 'erase', audit(), '--before', '2100-01-01', '--dry-run']);
    expect(stdout).to.equal('3 openings would be erased\n');
    expect((await run('--user', 'bob', '--dry-run', '--json')).stdout).to.equal('{"erased":1,"dryRun":true}\n');
    expect(await left()).to.have.length(3);
    expect(existsSync(join(audit(), 'erase'))).to.equal(false);
  });

  it('erases what is older than a time', async () => {
    expect((await run('--before', '2000-01-01')).stdout).to.equal('0 openings erased\n');
    expect((await run('--before', '2100-01-01T00:00:00Z')).stdout).to.equal('3 openings erased\n');
    expect(await left()).to.deep.equal([]);
  });

  it('passes over checkpoints that are none', async () => {
    mkdirSync(join(audit(), 'a0'));
    writeFileSync(join(audit(), 'a0', 'records-000000.jsonl'), '');
    writeFileSync(join(audit(), 'a0', 'checkpoints.note'), 'none\n\n\u{2014} none\n\nother\nx\n\n\u{2014} other AAAAAAAA\n\n');
    expect((await run('--user', 'bob')).stdout).to.equal('1 opening erased\n');
  });

  it('finds the key that a server made for its log', async () => {
    const before = process.env['XDG_CONFIG_HOME'];
    process.env['XDG_CONFIG_HOME'] = join(folder, 'config');
    try {
      const own = ownKeyFile(process.env, audit(), 'audit-keys');
      mkdirSync(dirname(own), { recursive: true });
      writeFileSync(own, key.toPem(), { mode: 0o600 });
      expect((await runAegis(['audit', 'erase', audit(), '--user', 'bob'])).stdout).to.equal('1 opening erased\n');
    } finally {
      if (before === undefined) delete process.env['XDG_CONFIG_HOME'];
      else process.env['XDG_CONFIG_HOME'] = before;
    }
  });

  it('finds the key in the environment', async () => {
    const before = process.env['AEGIS_AUDIT_KEY'];
    process.env['AEGIS_AUDIT_KEY'] = key.toPem();
    try {
      expect((await runAegis(['audit', 'erase', audit(), '--user', 'bob'])).stdout).to.equal('1 opening erased\n');
    } finally {
      if (before === undefined) delete process.env['AEGIS_AUDIT_KEY'];
      else process.env['AEGIS_AUDIT_KEY'] = before;
    }
  });

  const WRONG: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['nothing to erase', [], /name exactly one of --user, --decision and --before/],
    ['two things to erase', ['--user', 'a', '--decision', 'b'], /name exactly one of/],
    ['a time that is none', ['--before', 'yesterday'], /--before: is not a time/],
    ['a time that is a number', ['--before', '5'], /--before: is not a time/],
    ['a day that does not exist', ['--before', '2025-13-45'], /--before: is not a time/],
    ['an option that does not exist', ['--all'], /unknown option/],
  ];
  for (const [what, args, message] of WRONG)
    it(`refuses ${what}, and erases nothing`, async () => {
      expect(await failureOf(['audit', 'erase', audit(), '--key-file', keyFile(), ...args])).to.match(message);
      expect(await left()).to.have.length(3);
    });

  it('refuses where there is no log, no key, or the key of another log', async () => {
    const user = ['--user', 'alice'];
    expect(await failureOf(['audit', 'erase', join(folder, 'nowhere'), ...user])).to.match(/there is no such folder or file/);
    expect(await failureOf(['audit', 'erase', audit(), ...user])).to.match(/name its file with --key-file/);
    expect(await failureOf(['audit', 'erase', audit(), ...user, '--key-file', join(folder, 'none.pem')])).to.match(
      /none\.pem|key of the audit log/,
    );
    const other = join(folder, 'other.pem');
    writeFileSync(other, AuditKey.generate().toPem());
    expect(await failureOf(['audit', 'erase', audit(), ...user, '--key-file', other])).to.match(/signed no checkpoint/);
    expect(await failureOf(['audit', 'erase', folder, ...user, '--key-file', keyFile()])).to.match(/signed no checkpoint/);
    expect(await failureOf(['audit', 'erase', keyFile(), ...user, '--key-file', keyFile()])).to.match(/sqliteSink/);
    expect(await failureOf(['audit', 'erase', 'postgres://', ...user, '--key-file', keyFile()])).to.match(/connectionString/);
    expect(await failureOf(['audit', 'erase', 'postgres://a@127.0.0.1:1/b', ...user])).to.match(/name its file with --key-file/);
    expect(await left()).to.have.length(3);
  });
});
