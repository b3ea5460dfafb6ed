import { revealText } from '../../common/data/reveal.js';
import type { AuditRecord } from '../../audit/record/AuditRecord.js';
import type { AuditSource, Opening } from '../../audit/sink/AuditSink.js';
import { openingFault } from '../../audit/verify/line/openingFault.js';
import { readRecord } from '../../audit/verify/line/readRecord.js';
import { isRecordKind, RECORD_KINDS } from '../../audit/verify/line/recordShapes.js';
import { OpeningsInOrder } from '../../audit/verify/log/OpeningsInOrder.js';
import { didYouMean } from '../../common/didYouMean.js';
import { CliError, counted, EXIT, writeJson, writeLines } from '../CliIo.js';
import type { CliIo } from '../CliIo.js';
import { withLogs } from './withLogs.js';
import type { OpenLogs } from './withLogs.js';

/** The options of `aegis audit show`. */
export interface ShowFlags {
  readonly decision?: string | undefined;
  readonly kind?: readonly string[] | undefined;
  readonly log?: string | undefined;
  readonly limit?: string | undefined;
  readonly json?: boolean | undefined;
}

/** A record that is shown. */
interface Shown {
  readonly record: AuditRecord;
  /** What its commitments open to, as canonical text; absent where nothing opens it. */
  readonly values?: Readonly<Record<string, string>> | undefined;
}

const LIMIT = 100;
const MAX_LIMIT = 100_000;
const PLACE: readonly string[] = ['v', 'seq', 'at', 'writer', 'kind'];

/** Runs `aegis audit show`: the last records that match, oldest first. What is shown was read, not verified. */
export async function showRecords(path: string, flags: ShowFlags, io: CliIo): Promise<number> {
  const limit = flags.limit === undefined ? LIMIT : Number(flags.limit);
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT))
    throw new CliError(`--limit must be a whole number from 1 to ${MAX_LIMIT}`);
  for (const kind of flags.kind ?? [])
    if (!isRecordKind(kind))
      throw new CliError(`--kind: there is no such kind of record${didYouMean(kind, RECORD_KINDS)}. Use one of ${RECORD_KINDS.join(', ')}`);
  return withLogs(path, (logs) => shown(logs, flags, limit, io));
}

async function shown({ source, writers }: OpenLogs, flags: ShowFlags, limit: number, io: CliIo): Promise<number> {
  if (flags.log !== undefined && !writers.includes(flags.log))
    throw new CliError(`--log: there is no such log; there are ${writers.join(', ')}`);
  const most = flags.decision === undefined || flags.limit !== undefined ? limit : MAX_LIMIT;
  const found: Shown[] = [];
  let unread = 0;
  for (const writer of flags.log === undefined ? writers : [flags.log]) {
    const { matched, malformed } = await matching(source, writer, flags, most);
    found.push(...matched);
    unread += malformed;
  }
  const records = found.toSorted((a, b) => a.record.at - b.record.at).slice(-most);
  if (flags.json === true) writeJson(io, { records });
  else {
    writeLines(io.out, records.flatMap(recordLines));
    writeLines(io.out, [counted(records.length, 'record')]);
  }
  if (unread > 0) writeLines(io.err, [`aegis: ${counted(unread, 'line')} could not be read; npx aegis audit verify says why`]);
  return EXIT.ok;
}

async function matching(
  source: AuditSource,
  writer: string,
  { decision, kind }: ShowFlags,
  most: number,
): Promise<{ readonly matched: readonly Shown[]; readonly malformed: number }> {
  const openings = new OpeningsInOrder(source.openings(writer));
  let matched: Shown[] = [];
  let malformed = 0;
  let seq = 0;
  for await (const lines of source.lines(writer)) {
    if ('torn' in lines) continue;
    for (const line of lines) {
      const record = readRecord(line);
      const opening = openings.hasNone(seq) ? undefined : (await openings.find(seq)).opening;
      seq += 1;
      if (typeof record === 'string') malformed += 1;
      else if ((kind === undefined || kind.includes(record.kind)) && (decision === undefined || isOf(record, decision)))
        matched.push({ record, values: opening && valuesOf(opening, record) });
    }
    if (matched.length > most) matched = matched.slice(-most);
  }
  await openings.close();
  return { matched, malformed };
}

/** A call that was decided again has two decisions: both are of it. */
function isOf(record: AuditRecord, decisionId: string): boolean {
  if (!('decisionId' in record)) return false;
  return record.decisionId === decisionId || ('approvalId' in record && record.approvalId === decisionId);
}

function valuesOf(opening: Opening, record: AuditRecord): Readonly<Record<string, string>> | undefined {
  return openingFault(opening, record) === undefined ? opening.values : undefined;
}

/** The record on one line, and below it what it opens to. */
function recordLines({ record, values = {} }: Shown): readonly string[] {
  const { seq, at, writer, kind } = record;
  const fields = Object.entries(record).flatMap(([name, value]) =>
    PLACE.includes(name) || name in values ? [] : [`${name}=${fieldText(value)}`],
  );
  return [
    `${writer}/${seq}  ${timeOf(at)}  ${kind}  ${fields.join('  ')}`.trimEnd(),
    ...Object.entries(values).map(([name, text]) => `    ${name}: ${revealText(text, { isJson: true })}`),
  ];
}

function fieldText(value: unknown): string {
  return typeof value === 'string' ? revealText(value) : revealText(JSON.stringify(value), { isJson: true });
}

/** A number that is not a time stays a number. */
function timeOf(at: number): string {
  const time = new Date(at);
  return Number.isNaN(time.getTime()) ? String(at) : time.toISOString();
}
