import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { AuditRecord } from '../../../lib/audit/record/AuditRecord.js';
import { jsonlFolder } from '../../../lib/audit/sink/jsonl/jsonlFolder.js';
import { AuditKey } from '../../../lib/audit/tree/AuditKey.js';
import { verifyAudit } from '../../../lib/audit/verify/verifyAudit.js';
import { slower } from '../../support/pace.js';
import { fraction } from '../setting.js';

/** What was found after all kills. */
export interface AuditKillsEnd {
  readonly kills: number;
  readonly runs: number;
  /** Runs without a record, calls that ran twice, and all that verifying finds. */
  readonly faults: readonly string[];
  /** Entries of which a successor says that no one knows how they ended. */
  readonly unknown: number;
  /** How often a torn last line was cut off. */
  readonly torn: number;
  readonly ms: number;
}

interface Runner {
  readonly child: ChildProcess;
  /** Resolves to the name of its log, or to nothing where it ended before. */
  readonly ready: Promise<string | undefined>;
  readonly gone: Promise<unknown>;
}

const PROGRAM = fileURLToPath(new URL('runner.js', import.meta.url));
/** A kill comes at most so long after the log was open, in milliseconds. */
const LATEST_MS = 60;
/** Of so many kills one comes before the log is open. */
const EARLY = 8;

/**
 * Processes with an audit log in `required` are killed one after the other while another one, in the same folder, goes on. Then two end in order, and what is in
 * the logs is held against what ran.
 */
export async function playAuditKills(kills: number, seed: number): Promise<AuditKillsEnd> {
  const startedMs = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'aegis-audit-kills-'));
  const key = AuditKey.generate();
  writeFileSync(join(folder, 'key.pem'), key.toPem(), { mode: 0o600 });
  const faults: string[] = [];
  try {
    const bystander = start(folder, 1, 10);
    if ((await bystander.ready) !== 'w0') faults.push('the first process did not take the log w0');
    for (let i = 0; i < kills; i++) {
      const victim = start(folder, 16, 0);
      if (i % EARLY === EARLY - 1) {
        await sleep(fraction(seed, i) * 250 * slower());
      } else {
        const writer = await victim.ready;
        // the log of a process that was killed is free at once
        if (writer !== 'w1') faults.push(`process ${i} took the log ${writer}, not that of the one before`);
        await sleep(fraction(seed, i) * LATEST_MS);
      }
      victim.child.kill('SIGKILL');
      await victim.gone;
    }
    const last = start(folder, 16, 0);
    await last.ready;
    await sleep(20);
    for (const { child, gone } of [bystander, last]) {
      child.stdin?.end();
      if ((await gone) !== 0) faults.push('a process did not end in order');
    }
    return { kills, ms: performance.now() - startedMs, ...(await judged(folder, key, faults)) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function start(folder: string, lanes: number, pauseMs: number): Runner {
  const child = spawn(process.execPath, [PROGRAM, folder, String(lanes), String(pauseMs)], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.on('error', () => {});
  const gone = new Promise((resolve) => child.once('close', resolve));
  const said = new Promise<string>((resolve) => child.stdout.setEncoding('utf8').once('data', (text: string) => resolve(text.trim())));
  return { child, gone, ready: Promise.race([said, gone.then(() => undefined)]) };
}

async function judged(
  folder: string,
  key: AuditKey,
  before: readonly string[],
): Promise<Pick<AuditKillsEnd, 'runs' | 'faults' | 'unknown' | 'torn'>> {
  const faults = [...before];
  const { source } = jsonlFolder(join(folder, 'audit'));
  const entered = new Map<string, number>();
  let [unknown, torn] = [0, 0];
  for (const writer of await source.writers()) {
    for await (const lines of source.lines(writer)) {
      if ('torn' in lines) faults.push(`${writer} has a torn line`);
      else
        for (const line of lines) {
          const record = JSON.parse(line) as AuditRecord;
          if (record.kind === 'entering') entered.set(record.decisionId, 0);
          if (record.kind === 'started' && record.tornBytes !== undefined) torn += 1;
          if (record.kind !== 'settled') continue;
          if (record.bySuccessor === true) unknown += 1;
          const settled = entered.get(record.decisionId);
          if (settled !== 0) faults.push(`${record.decisionId} ended ${settled === undefined ? 'and was not entered' : 'twice'}`);
          entered.set(record.decisionId, 1);
        }
    }
  }
  for (const [id, settled] of entered) if (settled === 0) faults.push(`${id} was entered and has no end`);
  const runs = readFileSync(join(folder, 'runs'), 'utf8').split('\n').slice(0, -1);
  for (const id of runs) if (!entered.has(id)) faults.push(`${id} ran without a record`);
  if (new Set(runs).size !== runs.length) faults.push('a call ran twice');
  const report = await verifyAudit(source, { keys: [key.publicKey] });
  for (const verdict of [report.integrity, report.completeness, report.law])
    for (const { writer, seq, message } of verdict.findings) faults.push(`${writer} ${seq}: ${message}`);
  return { runs: runs.length, faults, unknown, torn };
}

/** One line on what was found. */
export function lineOf({ kills, runs, faults, unknown, torn, ms }: AuditKillsEnd): string {
  return `${kills} kills, ${runs} runs, ${unknown} entries became unknown, ${torn} torn lines, ${faults.length} faults, ${Math.round(ms / 1_000)} s`;
}
