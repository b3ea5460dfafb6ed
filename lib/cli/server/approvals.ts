import { revealText } from '../../common/data/reveal.js';
import { describeApproval } from '../../decision/desk/describeApproval.js';
import { wrapRows } from '../../decision/terminal/wrapRows.js';
import { hiddenFromApprover } from '../../model/view/viewOf.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import { CliError, type CliIo, counted, EXIT, writeJson, writeLines } from '../CliIo.js';
import type { ApprovalAccess, ApprovalEntry, ApprovalView } from './ApprovalAccess.js';
import { approvalsOf } from './approvalsOf.js';
import { openHost } from './openHost.js';
import type { HostFlags } from './openHost.js';

/** The options of `aegis approvals list`. */
export interface ListApprovalsFlags extends HostFlags {
  readonly status?: string | undefined;
  readonly agent?: string | undefined;
  readonly tool?: string | undefined;
  readonly limit?: string | undefined;
}

/** The options of `aegis approvals approve` and `deny`. */
export interface VerdictFlags extends HostFlags {
  readonly code?: string | undefined;
  readonly reason?: string | undefined;
  readonly acknowledgeHidden?: string | undefined;
}

const STATUSES: readonly ApprovalRecord['status'][] = ['pending', 'approved', 'denied', 'expired', 'withdrawn'];
/** As the terminal approver asks for them. */
const TYPED_CHARACTERS = 4;

/** Runs `aegis approvals list`: by default the pending ones, oldest first. */
export async function listApprovals(flags: ListApprovalsFlags, io: CliIo): Promise<number> {
  const status = STATUSES.find((known) => known === (flags.status ?? 'pending'));
  if (status === undefined) throw new CliError(`--status must be one of ${STATUSES.join(', ')}`);
  const limit = flags.limit === undefined ? 100 : Number(flags.limit);
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= 1_000)) throw new CliError('--limit must be a whole number from 1 to 1000');
  const query = { status, agentId: flags.agent, toolName: flags.tool, limit };
  const approvals = await withApprovals(flags, (access) => access.list(query));
  if (flags.json === true) writeJson(io, { approvals });
  else {
    writeLines(io.out, approvals.map(entryLine));
    writeLines(io.out, [
      `${counted(approvals.length, `${status} approval`)}${approvals.length === limit ? ', or more: raise --limit' : ''}`,
    ]);
    if (status === 'pending' && approvals.length > 0) writeLines(io.err, ['npx aegis approvals show <id>, approve <id> or deny <id>']);
  }
  return EXIT.ok;
}

/** Runs `aegis approvals show`: all that the person who decides is shown. */
export async function showApproval(id: string, flags: HostFlags, io: CliIo): Promise<number> {
  const record = await withApprovals(flags, (access) => found(access, id));
  if (flags.json === true) writeJson(io, record);
  else writeLines(io.out, [...describeApproval(record), `Status    ${record.status}${verdictsOf(record)}`]);
  return EXIT.ok;
}

/**
 * Runs `aegis approvals approve` and `deny`: shows the approval, and approves only for the first four characters of its digest, typed at the terminal or given
 * as `--code`, which say that it was looked at.
 */
export async function decideApproval(id: string, approve: boolean, flags: VerdictFlags, io: CliIo): Promise<number> {
  return withApprovals(flags, async (access) => {
    const record = await found(access, id);
    if (record.status !== 'pending') throw new CliError(`this approval is already ${record.status}${verdictsOf(record)}`);
    const acknowledgeHidden = approve ? await checkCode(record, flags, io) : undefined;
    const { reason } = flags;
    const decided = await access.decide(id, approve, { digest: record.digest, reason, acknowledgeHidden });
    if (flags.json === true) writeJson(io, decided);
    else writeLines(io.out, [decided.status === 'pending' ? 'recorded; the call still waits for other people' : decided.status]);
    return EXIT.ok;
  });
}

/** @returns how many values the person knows to be hidden */
async function checkCode(record: ApprovalView, { code: given, acknowledgeHidden, json }: VerdictFlags, io: CliIo): Promise<number> {
  const code = record.digest.slice(0, TYPED_CHARACTERS);
  const hidden = hiddenFromApprover(record).length;
  const wanted = hidden === 0 ? code : `${code} ${hidden}`;
  const shown = describeApproval(record).flatMap((line) => wrapRows(line, process.stdout.columns));
  if (json !== true) writeLines(io.out, shown);
  if (given === undefined && io.ask === undefined)
    throw new CliError(
      `there is no terminal to ask at; look at the approval with npx aegis approvals show, then give --code with the first ${TYPED_CHARACTERS} characters of its digest`,
    );
  const note = hidden === 0 ? '' : ', with how many values are hidden from you';
  if (given !== undefined && hidden > 0 && acknowledgeHidden !== String(hidden))
    throw new CliError(
      `${counted(hidden, 'value')} of this approval ${hidden === 1 ? 'is' : 'are'} hidden from you; look at it, and confirm that with --acknowledge-hidden ${hidden}`,
    );
  const typed =
    given === undefined
      ? await io.ask?.(`Type ${wanted} to approve${note}, anything else to leave it undecided [No]: `)
      : `${given.trim()}${wanted.slice(code.length)}`;
  if (typed?.trim() !== wanted) throw new CliError('the code is not that of this approval, so nothing was decided');
  return hidden;
}

async function found(access: ApprovalAccess, id: string): Promise<ApprovalView> {
  const record = await access.get(id);
  if (record === undefined) throw new CliError('there is no approval with this id; list the pending ones with npx aegis approvals list');
  return record;
}

async function withApprovals<T>(flags: HostFlags, use: (access: ApprovalAccess) => Promise<T>): Promise<T> {
  const host = await openHost(flags);
  try {
    return await use(approvalsOf(host));
  } finally {
    await host.close();
  }
}

function entryLine({ decisionId, agentId, toolName, requester, expiresAtMs, reason }: ApprovalEntry): string {
  const minutes = Math.max(0, Math.round((expiresAtMs - Date.now()) / 60_000));
  const left = minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
  return `${decisionId}  ${revealText(toolName)}  by ${revealText(agentId)} for ${revealText(requester)}  ${left} left  ${revealText(reason)}`;
}

function verdictsOf({ verdicts }: ApprovalView): string {
  const last = verdicts.at(-1);
  return last === undefined ? '' : ` by ${revealText(last.by)}`;
}
