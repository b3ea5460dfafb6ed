import { BadRequestError } from '../../model/errors/ServiceErrors.js';
import type { ApprovalPageQuery } from '../../store/ApprovalStore.js';
import type { Answer, CallerInput } from '../route/Route.js';
import type { Tenant } from '../tenant/Tenant.js';
import { EXPORT_FORMATS, exportCut, exportHead, exportLine } from './list/ExportFormat.js';
import type { ExportFormat } from './list/ExportFormat.js';
import { historyQuery } from './list/historyQuery.js';

/** How many approvals an export has at most. */
export const MAX_EXPORTED = 50_000;
/** How many are read at a time. */
const PAGE = 200;
const TYPES: Readonly<Record<ExportFormat, string>> = { csv: 'text/csv; charset=utf-8', jsonl: 'application/jsonl; charset=utf-8' };

/**
 * Answers with the approvals that the history would show for the same fields, newest first, as a file. It is read page by page while it is sent.
 *
 * @param most how many approvals it has at most; then its last line says that there are more
 * @throws BadRequestError for a field that cannot be right: it would select more than was asked for
 */
export function historyExport(
  { tenant, query: params, signal }: Pick<CallerInput, 'tenant' | 'query' | 'signal'>,
  nowMs: number,
  most: number = MAX_EXPORTED,
): Answer {
  const format = EXPORT_FORMATS.find((one) => one === (params.get('format') ?? 'csv'));
  if (format === undefined) throw new BadRequestError(`\`format\` must be ${EXPORT_FORMATS.join(' or ')}.`);
  const { errors, query } = historyQuery(params);
  const [wrong] = Object.entries(errors);
  if (wrong !== undefined) throw new BadRequestError(`\`${wrong[0]}\`: ${wrong[1]}`);
  const day = new Date(nowMs).toISOString().slice(0, 10);
  return {
    status: 200,
    headers: { 'content-type': TYPES[format], 'content-disposition': `attachment; filename="aegis-history-${day}.${format}"` },
    body: linesOf(tenant, query, { format, nowMs, signal, most }),
    isPaced: true,
  };
}

interface Export {
  readonly format: ExportFormat;
  readonly nowMs: number;
  readonly signal: AbortSignal;
  readonly most: number;
}

async function* linesOf(
  { desk }: Pick<Tenant, 'desk'>,
  query: ApprovalPageQuery,
  { format, nowMs, signal, most }: Export,
): AsyncGenerator<string> {
  yield exportHead(format);
  let rows = 0;
  let cursor = query.cursor;
  do {
    const limit = Math.min(PAGE, most - rows);
    if (limit === 0) return yield exportCut(format, rows);
    const page = await desk.page({ ...query, cursor, limit });
    rows += page.cards.length;
    yield page.cards.map((card) => exportLine(format, card, nowMs)).join('');
    cursor = page.cursor;
  } while (cursor !== undefined && !signal.aborted);
}
