import { expect } from 'chai';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jsonlFolder } from '../../lib/audit/sink/jsonl/jsonlFolder.js';
import { sqliteSink } from '../../lib/audit/sink/sqlite/sqliteSink.js';
import { AuditKey } from '../../lib/audit/tree/AuditKey.js';
import { CompactTree } from '../../lib/audit/tree/CompactTree.js';
import { progressAt } from '../../lib/cli/progressAt.js';
import { runProgram } from '../../lib/cli/program.js';
import { auditedWork } from '../support/auditedWork.js';
import { allowedCall, begun, builtCall, BuiltLog, askedCall, consumed, decided, entering, opened, verdict } from '../support/builtLogs.js';
import { failureOf, runAegis } from './runAegis.js';

const WHOLE = '6 decisions, 2 approvals, 4 runs in 25 records';

describe('aegis audit', () => {
  const key = AuditKey.generate();
  let folder: string;
  const at = (name: string): string => join(folder, name);

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'aegis-cli-audit-'));
    await auditedWork(jsonlFolder(at('audit')), key);
    const heads = await runAegis(['audit', 'heads', at('audit')]);
    writeFileSync(at('heads'), heads.stdout);
    writeFileSync(at('key.pub'), key.publicKey.toString());
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Keeps a log that was built in a folder. */
  const keep = async (log: BuiltLog, name: string): Promise<string> => {
    const sink = jsonlFolder(at(name));
    await sink.open(log.writer);
    const tree = new CompactTree();
    for (const line of log.lines) tree.append(line);
    await sink.append({ lines: log.lines, openings: log.openings, tree: { ...tree.state(), lastAt: log.at } });
    for (const note of log.notes) await sink.checkpoint(note);
    await sink.close();
    return at(name);
  };
  const changed = (name: string, change: (text: string) => string): string => {
    mkdirSync(at(`${name}/w0`), { recursive: true });
    for (const file of ['records-000000.jsonl', 'openings-000000.jsonl', 'checkpoints.note']) {
      const text = readFileSync(at(`audit/w0/${file}`), 'utf8');
      writeFileSync(at(`${name}/w0/${file}`), file.startsWith('records') ? change(text) : text);
    }
    return at(name);
  };

  describe('verify', () => {
    it('says that nothing is wrong, with a head from outside', async () => {
      for (const more of [[], ['--key', at('key.pub')]]) {
        const result = await runAegis(['audit', 'verify', at('audit'), '--heads', at('heads'), ...more]);
        expect(result).to.deep.equal({ code: 0, stdout: `integrity ok, completeness ok, law ok: ${WHOLE}\n`, stderr: '' });
      }
    });

    it('does not call a log complete without one, and says what to do', async () => {
      const result = await runAegis(['audit', 'verify', at('audit')]);
      expect(result).to.include({ code: 1, stdout: `integrity ok, completeness unproven, law ok: ${WHOLE}\n` });
      expect(result.stderr).to.match(
        /end of a log was not cut off.*npx aegis audit heads.*--heads.*--allow-unproven\.\nThe keys are those that the logs name/,
      );
      const accepted = await runAegis(['audit', 'verify', at('audit'), '--allow-unproven', '--key', at('key.pub')]);
      expect(accepted).to.include({ code: 0, stderr: '' });
    });

    it('says which record was changed, after a change of one byte', async () => {
      const seq = readFileSync(at('audit/w0/records-000000.jsonl'), 'utf8')
        .split('\n')
        .findIndex((line) => line.includes('"outcome":"failed"'));
      const path = changed('one-byte', (text) => text.replace('"outcome":"failed"', '"outcome":"faileD"'));
      const result = await runAegis(['audit', 'verify', path, '--heads', at('heads')]);
      expect(result.code).to.equal(1);
      expect(result.stdout).to.contain(`integrity: w0: Record ${seq} was changed: it lacks a field of its kind`);
      expect(result.stdout)
        .to.match(/\nintegrity BROKEN, completeness ok, law ok: /)
        .and.not.contain('is being written');
    });

    it('says from where on records are missing', async () => {
      const path = changed('cut-off', (text) => text.split('\n').slice(0, 20).join('\n') + '\n');
      const { code, stdout, stderr } = await runAegis(['audit', 'verify', path, '--heads', at('heads'), '--wait', '0']);
      expect(code, stderr).to.equal(1);
      expect(stdout).to.contain('completeness: w0: 5 records from 20 on are missing: the log has 20, and its own checkpoint says 25.');
      expect(stdout).to.contain('completeness BROKEN');
    });

    it('prints the whole report as JSON', async () => {
      const { code, stdout, stderr } = await runAegis(['audit', 'verify', at('audit'), '--heads', at('heads'), '--json']);
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
      expect(JSON.parse(stdout)).to.deep.include({ ok: true, integrity: { ok: true, findings: [], more: 0 } });
    });

    it('says what else there is to know of a log that is good', async () => {
      const log = new BuiltLog('w0', { source: 'server' });
      const [call, elsewhere] = [builtCall(), builtCall()];
      decided(log, call);
      begun(consumed(verdict(askedCall(log, elsewhere), elsewhere), elsewhere), elsewhere);
      log.sign();
      const library = new BuiltLog('w1');
      const remote = builtCall();
      opened(decided(library, remote, { effect: 'approval_needed', policySetHash: undefined }), remote, {
        policies: [],
        policySetHash: undefined,
      });
      entering(library, remote).sign();
      await keep(log, 'notes');
      const path = await keep(library, 'notes');
      const { code, stdout } = await runAegis(['audit', 'verify', path, '--allow-unproven']);
      expect(code).to.equal(0);
      expect(stdout.split('\n').slice(1)).to.deep.equal([
        '  2 calls allowed, and not witnessed: no log here says whether they ran',
        '  1 run under approvals that a service elsewhere keeps: its log says who approved',
        '  1 run without an end so far',
        '',
      ]);
    });

    it('says of each log how far the heads from outside go', async () => {
      const logs = [allowedCall(new BuiltLog('w0')), allowedCall(new BuiltLog('w1')), allowedCall(new BuiltLog('w2'))] as const;
      for (const log of logs) log.sign();
      writeFileSync(at('some-heads'), `${logs[0].head}\n${logs[1].head}`);
      allowedCall(logs[0]).sign();
      for (const log of logs) await keep(log, 'covered');
      const verified = await runAegis(['audit', 'verify', at('covered'), '--heads', at('some-heads')]);
      expect(verified.code).to.equal(1);
      expect(verified.stdout.split('\n')).to.deep.equal([
        'integrity ok, completeness unproven, law ok: 4 decisions, 0 approvals, 4 runs in 18 records',
        '  w0: 3 records after the last head from outside',
        '  w2: no head from outside covers this log',
        '',
      ]);
      writeFileSync(at('all-heads'), logs.map(({ head }) => head).join('\n'));
      const complete = await runAegis(['audit', 'verify', at('covered'), '--heads', at('all-heads')]);
      expect(complete).to.include({ code: 0, stderr: '' });
    });

    it('counts findings beyond the first thousand', async () => {
      const log = new BuiltLog();
      for (let i = 0; i < 1_001; i++) entering(log, builtCall());
      const { code, stdout } = await runAegis(['audit', 'verify', await keep(log.sign(), 'many'), '--allow-unproven']);
      expect(code).to.equal(1);
      expect(stdout).to.contain('law: 1 more\n').and.contain('law BROKEN: 0 decisions');
      expect(stdout.split('\n')[0]).to.equal(
        'law: w0: Record 2 enters a method, and no decision or approval in the logs allows that call. (run_without_decision)',
      );
    });

    it('shows a terminal how far it has come', async () => {
      const log = new BuiltLog();
      for (let i = 0; i < 3_000; i++) decided(log, builtCall());
      const path = await keep(log.close(), 'long');
      const shown: string[] = [];
      const io = { out: () => {}, err: () => {}, beforeForeignCode: () => {}, progress: (text: string) => void shown.push(text) };
      const now = Date.now;
      // each look at the clock takes a second
      let looks = 0;
      Date.now = () => now() + 1_000 * looks++;
      try {
        expect(await runProgram(['audit', 'verify', path, '--allow-unproven'], io)).to.equal(0);
      } finally {
        Date.now = now;
      }
      expect(shown.at(-1)).to.equal('');
      expect(shown[0]).to.match(/^[\d,]+ records$/);
      const written: string[] = [];
      const write = (text: string): number => written.push(text);
      progressAt({ isTTY: true, write })?.('5 records');
      expect(written).to.deep.equal(['\r\u001b[K5 records']);
      expect(progressAt({ write })).to.equal(undefined);
    });

    for (const [what, args, message] of [
      [
        'a folder that is not there',
        ['no-such'],
        'aegis: there is no such folder or file; name the folder of the logs, such as .aegis/audit\n',
      ],
      ['a folder without logs', ['.'], /^aegis: there is no audit log there/],
      ['heads that are not there', ['audit', '--heads', 'no-such'], 'aegis: --heads: the file cannot be read (ENOENT)\n'],
      ['heads that are not heads', ['audit', '--heads', 'key.pub'], /^aegis: --heads: Checkpoint 1 in it cannot be read/],
      ['a key that is not there', ['audit', '--key', 'no-such'], 'aegis: --key: the file cannot be read (ENOENT)\n'],
      ['a key that is not a key', ['audit', '--key', 'heads'], /^aegis: --key: The public key of an audit log cannot be read/],
      ['a time that is not a time', ['audit', '--wait', 'long'], 'aegis: --wait must be a number of seconds from 0 to 600\n'],
      ['too long a time', ['audit', '--wait', '601'], 'aegis: --wait must be a number of seconds from 0 to 600\n'],
      ['an option that there is not', ['audit', '--head', 'heads'], /unknown option '--head'/],
    ] as const)
      it(`fails for ${what}`, async () => {
        const given = args.map((arg) => (arg.startsWith('-') || /^\d|^long$/.test(arg) ? arg : at(arg)));
        const text = await failureOf(['audit', 'verify', ...given]);
        if (typeof message === 'string') expect(text).to.equal(message);
        else expect(text).to.match(message);
      });
  });

  describe('heads', () => {
    it('prints the last checkpoint of each log, which verify takes', async () => {
      const [first, second] = [new BuiltLog('w0').sign().close(), new BuiltLog('w1').close()];
      await keep(first, 'two');
      const path = await keep(second, 'two');
      expect(await runAegis(['audit', 'heads', path])).to.deep.equal({ code: 0, stdout: `${first.head}\n${second.head}`, stderr: '' });
      await keep(new BuiltLog('w2'), 'two');
      expect(await runAegis(['audit', 'heads', path])).to.deep.include({
        code: 0,
        stderr: 'aegis: w2 has no checkpoint yet, so it has no head\n',
      });
    });

    it('prints nothing of what is not a checkpoint', async () => {
      const log = new BuiltLog().close();
      const path = await keep(log, 'not-a-head');
      writeFileSync(join(path, 'w0', 'checkpoints.note'), log.head.replace('—', '\u001b[2J'));
      for (const name of [path, await keep(new BuiltLog(), 'unsigned')])
        expect(await failureOf(['audit', 'heads', name])).to.equal(
          'aegis: w0 has no checkpoint yet, so it has no head\naegis: there is no checkpoint in any of these logs\n',
        );
      writeFileSync(join(path, 'w0', 'checkpoints.note'), `${log.head.replace('acme', '\u001b[2J')}\n`);
      expect(await failureOf(['audit', 'heads', path])).to.equal(
        'aegis: the last checkpoint of w0 cannot be read; npx aegis audit verify says more\n',
      );
      // who writes the log can sign it under any name, and U+009B begins a command of a terminal as the escape character does
      for (const hidden of ['\u009b2J', '\u202e', '\u200b']) {
        writeFileSync(join(path, 'w0', 'checkpoints.note'), `${log.head}— x${hidden} ${Buffer.alloc(68).toString('base64')}\n\n`);
        expect(await failureOf(['audit', 'heads', path])).to.equal(
          'aegis: the last checkpoint of w0 cannot be read; npx aegis audit verify says more\n',
        );
      }
    });
  });

  describe('show', () => {
    const show = async (...args: readonly string[]): Promise<string> => {
      const { code, stdout, stderr } = await runAegis(['audit', 'show', ...args]);
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
      return stdout;
    };

    it('shows the last records, and opens what can be opened', async () => {
      const text = await show(at('audit'));
      expect(text).to.match(/^w0\/0 {2}\d{4}-\d\d-\d\dT[\d:.]+Z {2}started {2}/);
      expect(text).to.match(/\n {4}original: \{"note":"yes"\}\n/);
      expect(text).to.match(/\n {4}reason: "as agreed"\n/);
      expect(text).to.match(/\n25 records\n$/);
    });

    it('shows all of one decision, of some kinds, of one log, or fewer', async () => {
      const verdicts = JSON.parse(await show(at('audit'), '--kind', 'verdict', '--json')) as {
        records: { record: { decisionId: string; kind: string }; values: object }[];
      };
      expect(verdicts.records.map(({ record }) => record.kind)).to.deep.equal(['verdict', 'verdict']);
      expect(verdicts.records[0]?.values).to.deep.equal({ reason: '"as agreed"' });
      const decision = await show(at('audit'), '--decision', verdicts.records[0]?.record.decisionId as string);
      expect(decision.match(/Z {2}\w+/g)?.map((found) => found.slice(3))).to.deep.equal([
        'decided',
        'opened',
        'verdict',
        'decided',
        'consumed',
        'begun',
        'entering',
        'settled',
      ]);
      expect(await show(at('audit'), '--kind', 'started', '--kind', 'closed', '--log', 'w0')).to.match(/\n2 records\n$/);
      expect(await show(at('audit'), '--limit', '1')).to.match(/^w0\/24 {2}\S+ {2}closed\n1 record\n$/);
      expect(await show(at('audit'), '--limit', '1', '--decision', 'no-such')).to.equal('0 records\n');
    });

    it('reveals what a record could hide or pretend, and opens nothing that is forged', async () => {
      const log = new BuiltLog();
      const evil = builtCall({ to: 'b\u202eob' }, { toolName: 'pay\u001b[2J', agentId: 'аgent' });
      decided(log, evil).open(evil, { original: { to: 'b\u202eob' } });
      log.add('closed', {}, { at: 9e15 });
      const forged = builtCall({ to: 'bob' });
      decided(log, forged).open(forged, { original: { to: 'eve' } });
      const path = await keep(log.sign(), 'evil');
      const text = await show(path);
      expect(text).to.contain('toolName=pay\\u{1b}[2J').and.contain('agentId=\\u{430}gent').and.contain('original: {"to":"b\\u{202e}ob"}');
      expect(text).to.contain('  9000000000000000  closed').and.not.contain('eve');
      // oxlint-disable-next-line no-control-regex -- that is what must not be there
      expect(text).to.not.match(/[\u001b\u202e]/);
    });

    it('says how many lines it could not read', async () => {
      const path = changed('unreadable', (text) => `${text.replace('"kind":"closed"', '"kind":"CLOSED"')}{"v":1`);
      const result = await runAegis(['audit', 'show', path]);
      expect(result).to.include({ code: 0, stderr: 'aegis: 1 line could not be read; npx aegis audit verify says why\n' });
    });

    for (const [args, message] of [
      [['--limit', '0'], '--limit must be a whole number from 1 to 100000'],
      [['--limit', 'x'], '--limit must be a whole number from 1 to 100000'],
      [['--kind', 'verdicts'], "--kind: there is no such kind of record; did you mean 'verdict'?. Use one of started, "],
      [['--log', 'w9'], '--log: there is no such log; there are w0'],
    ] as const)
      it(`fails with ${args.join(' ')}`, async () => {
        expect(await failureOf(['audit', 'show', at('audit'), ...args])).to.contain(`aegis: ${message}`);
      });
  });

  it('reads a SQLite file, and says where it cannot', async function () {
    if (process.getBuiltinModule?.('node:sqlite') === undefined) {
      expect(await failureOf(['audit', 'verify', at('heads')])).to.match(/^aegis: .*Node/);
      this.skip();
    }
    const sink = sqliteSink(at('audit.db'));
    await auditedWork(sink, key);
    const verified = await runAegis(['audit', 'verify', at('audit.db'), '--allow-unproven', '--key', at('key.pub')]);
    expect(verified).to.deep.equal({ code: 0, stdout: `integrity ok, completeness unproven, law ok: ${WHOLE}\n`, stderr: '' });
    expect((await runAegis(['audit', 'heads', at('audit.db')])).stdout).to.match(/^acme\.example\/pay\/w0\n25\n/);
    await runAegis(['audit', 'export', at('audit.db'), at('from-sqlite')]);
    expect((await runAegis(['audit', 'verify', at('from-sqlite'), '--allow-unproven'])).code).to.equal(0);
    expect(await failureOf(['audit', 'verify', at('heads')])).to.match(/^aegis: /);
  });

  it('does not wait for a database that is not there', async () => {
    expect(await failureOf(['audit', 'verify', 'postgres://127.0.0.1:1/none'])).to.match(/^aegis: /);
  });

  describe('export', () => {
    it('copies logs, which then verify as the first ones do', async () => {
      const result = await runAegis(['audit', 'export', at('audit'), at('copy')]);
      expect(result).to.deep.include({ code: 0, stderr: '' });
      expect(result.stdout).to.match(/^1 log: 25 records, \d+ openings\n$/);
      for (const file of ['records-000000.jsonl', 'openings-000000.jsonl', 'checkpoints.note'])
        expect(readFileSync(at(`copy/w0/${file}`), 'utf8')).to.equal(readFileSync(at(`audit/w0/${file}`), 'utf8'));
      expect(await runAegis(['audit', 'verify', at('copy'), '--heads', at('heads')])).to.deep.include({ code: 0 });
    });

    it('leaves out what opens the records', async () => {
      const result = await runAegis(['audit', 'export', at('audit'), at('bare'), '--without-openings']);
      expect(result).to.deep.equal({ code: 0, stdout: '1 log: 25 records, without openings\n', stderr: '' });
      expect(readFileSync(at('bare/w0/openings-000000.jsonl'), 'utf8')).to.equal('');
      expect((await runAegis(['audit', 'show', at('bare')])).stdout).to.not.contain('as agreed');
      expect(await runAegis(['audit', 'verify', at('bare'), '--heads', at('heads')])).to.deep.include({ code: 0 });
    });

    it('copies what is wrong as it is, but for a line that is not finished', async () => {
      const path = changed('torn', (text) => `${text.replace('"kind":"closed"', '"kind":"CLOSED"')}{"v":1`);
      const result = await runAegis(['audit', 'export', path, at('torn-copy')]);
      expect(result).to.deep.include({ code: 0, stderr: 'aegis: the last line of w0 is not finished, and was left out\n' });
      expect((await runAegis(['audit', 'verify', at('torn-copy'), '--wait', '0'])).stdout).to.contain('integrity BROKEN');
      const line = changed('not-json', () => 'x\n');
      expect(await runAegis(['audit', 'export', line, at('not-json-copy')])).to.deep.include({ code: 0 });
    });

    it('does not write where there is something, or where it cannot', async () => {
      expect(await failureOf(['audit', 'export', at('audit'), at('audit')])).to.contain('has something in it');
      expect(await failureOf(['audit', 'export', at('audit'), at('heads')])).to.contain('cannot be used (ENOTDIR)');
    });
  });
});
