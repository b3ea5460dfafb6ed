import { StoredHeads } from '../../server/audit/StoredHeads.js';
import { existsSync, readFileSync } from 'node:fs';
import { revealText } from '../../common/data/reveal.js';
import { AuditPublicKey } from '../../audit/tree/AuditPublicKey.js';
import type { AuditFinding, AuditReport, AuditVerdict } from '../../audit/verify/report/AuditReport.js';
import { verifyAudit } from '../../audit/verify/verifyAudit.js';
import type { VerifyProgress } from '../../audit/verify/VerifyOptions.js';
import { SecretString } from '../../common/SecretString.js';
import { DEFAULT_TENANT } from '../../store/tenant/tenantScope.js';
import { readHeads } from '../../audit/verify/VerifyOptions.js';
import { CliError, counted, EXIT, writeJson, writeLines } from '../CliIo.js';
import type { CliIo } from '../CliIo.js';
import { withLogs } from './withLogs.js';

/** The options of `aegis audit verify`. */
export interface VerifyFlags {
  readonly heads?: readonly string[] | undefined;
  readonly key?: readonly string[] | undefined;
  readonly store?: string | undefined;
  readonly allowUnproven?: boolean | undefined;
  readonly wait?: string | undefined;
  readonly json?: boolean | undefined;
}

const WAIT_S = 3;
const MAX_WAIT_S = 600;
const PROGRESS_EVERY_MS = 100;

/** Runs `aegis audit verify`: says what is wrong and where, and exits with 1 where anything is, or where completeness is not proven. */
export async function verifyLogs(path: string, flags: VerifyFlags, io: CliIo): Promise<number> {
  const { heads = [], key, allowUnproven = false, wait } = flags;
  const waitS = wait === undefined ? WAIT_S : Number(wait);
  if (!(waitS >= 0 && waitS <= MAX_WAIT_S)) throw new CliError(`--wait must be a number of seconds from 0 to ${MAX_WAIT_S}`);
  const keys = key?.map((file) => AuditPublicKey.read(read(file, '--key'), '--key'));
  const texts = heads.map((file) => read(file, '--heads'));
  for (const text of texts) readHeads(text, '--heads');
  const told = progressOf(io);
  const kept = flags.store === undefined ? undefined : await headsIn(flags.store);
  const options = { keys, heads: texts, waitMs: Math.round(waitS * 1_000), onProgress: ({ records }: VerifyProgress) => told(records) };
  const report = await withLogs(path, ({ source }) => verifyAudit(source, { ...options, ...(kept && { store: { heads: () => kept } }) }));
  io.progress?.('');
  if (flags.json === true) writeJson(io, report);
  else writeLines(io.out, reportLines(report));
  if (flags.json !== true) writeLines(io.err, adviceLines(report, allowUnproven));
  const isGood = report.integrity.ok && report.completeness.ok && report.law.ok;
  return isGood && (report.completeness.proven || allowUnproven) ? EXIT.ok : EXIT.found;
}

/** What servers have kept in their store. @throws CliError */
async function headsIn(place: string): Promise<readonly string[]> {
  const isPostgres = /^postgres(ql)?:/.test(place);
  if (!isPostgres && !existsSync(place)) throw new CliError(`--store: there is no file at ${place}`);
  const { makeStore } = await import('../server/openHost.js');
  const store = await makeStore(isPostgres ? { kind: 'postgres', url: new SecretString(place) } : { kind: 'sqlite', path: place });
  try {
    await store.open();
    return await StoredHeads.of(store.forTenant(DEFAULT_TENANT).records);
  } finally {
    await store.close();
  }
}

function reportLines(report: AuditReport): readonly string[] {
  const { integrity, completeness, law, counts } = report;
  const verdicts = [
    ['integrity', integrity],
    ['completeness', completeness],
    ['law', law],
  ] as const;
  const words = verdicts.map(([name, verdict]) => `${name} ${wordOf(verdict, name === 'completeness' && !completeness.proven)}`);
  const { decisions, approvals, runs, records } = counts;
  const size = `${counted(decisions, 'decision')}, ${counted(approvals, 'approval')}, ${counted(runs, 'run')} in ${counted(records, 'record')}`;
  return [
    ...verdicts.flatMap(([name, verdict]) => findingLines(name, verdict)),
    `${words.join(', ')}: ${size}`,
    ...noteLines(report).map((line) => `  ${line}`),
  ];
}

function wordOf({ ok }: AuditVerdict, isUnproven: boolean): string {
  if (!ok) return 'BROKEN';
  return isUnproven ? 'unproven' : 'ok';
}

function findingLines(name: string, { findings, more }: AuditVerdict): readonly string[] {
  return [...findings.map((finding) => `${name}: ${findingLine(finding)}`), ...(more > 0 ? [`${name}: ${more} more`] : [])];
}

function findingLine({ writer, code, message }: AuditFinding): string {
  return `${revealText(writer)}: ${revealText(message)} (${code})`;
}

/** What a reader of "ok" has to know, too. */
function noteLines({ counts, logs, integrity }: AuditReport): readonly string[] {
  const { notWitnessed, approvedElsewhere, grantedElsewhere, open, signatures, erasedStatements } = counts;
  // in a log that was changed, no checkpoint after that can be compared
  const later = integrity.ok ? logs.filter(({ size, signed }) => signed < size) : [];
  const isCovered = logs.some(({ covered }) => covered > 0);
  const note = (n: number, line: string): readonly string[] => (n === 0 ? [] : [line]);
  return [
    ...note(notWitnessed, `${counted(notWitnessed, 'call')} allowed, and not witnessed: no log here says whether they ran`),
    ...note(
      approvedElsewhere,
      `${counted(approvedElsewhere, 'run')} under approvals that a service elsewhere keeps: its log says who approved`,
    ),
    ...note(grantedElsewhere, `${counted(grantedElsewhere, 'call')} under grants that were made elsewhere: no log here says who made them`),
    ...note(open, `${counted(open, 'run')} without an end so far`),
    ...note(signatures, `${counted(signatures, 'verdict')} signed with a passkey`),
    ...note(erasedStatements, `${counted(erasedStatements, 'statement')} erased: those signatures prove who signed, not what`),
    ...logs.flatMap(({ writer, size, covered }) =>
      isCovered && covered < size ? [`${revealText(writer)}: ${uncovered(size, covered)}`] : [],
    ),
    ...later.map(
      ({ writer, size, signed }) => `${revealText(writer)} is being written: ${counted(size - signed, 'record')} not signed yet`,
    ),
  ];
}

function uncovered(size: number, covered: number): string {
  if (covered === 0) return 'no head from outside covers this log';
  return `${counted(size - covered, 'record')} after the last head from outside`;
}

function adviceLines({ completeness, keys }: AuditReport, allowUnproven: boolean): readonly string[] {
  const lines: string[] = [];
  if (!completeness.proven && !allowUnproven)
    lines.push(
      'Nothing here shows that the end of a log was not cut off. Keep what npx aegis audit heads prints where no one who writes the logs can write, and give it with --heads; or accept this with --allow-unproven.',
    );
  if (keys === 'own' && !completeness.proven)
    lines.push(
      'The keys are those that the logs name. Give the one that you know with --key: anyone could write a log with a key of their own.',
    );
  return lines;
}

function read(file: string, option: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CliError(`${option}: the file cannot be read (${String((error as NodeJS.ErrnoException).code)})`);
  }
}

/** Tells a terminal how far it has come, from time to time. */
function progressOf({ progress }: CliIo): (records: number) => void {
  let last = Date.now();
  return (records) => {
    const now = Date.now();
    if (progress === undefined || now - last < PROGRESS_EVERY_MS) return;
    last = now;
    progress(`${records.toLocaleString('en')} records`);
  };
}
