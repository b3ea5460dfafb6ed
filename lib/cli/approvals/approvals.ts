import { revealText } from '../../common/data/reveal.js';
import { describeApproval } from '../../decision/desk/describeApproval.js';
import { grantLines } from '../../decision/terminal/grantLines.js';
import { editLines } from '../../decision/terminal/typedEdit.js';
import { wrapRows } from '../../decision/terminal/wrapRows.js';
import { hiddenFromApprover } from '../../model/view/viewOf.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import { CliError, type CliIo, counted, EXIT, writeJson, writeLines } from '../CliIo.js';
import { grantIdOf } from '../../decision/grant/draftGrant.js';
import type { Act, ApprovalAccess, ApprovalEntry, ApprovalView } from './ApprovalAccess.js';
import { editFlags } from './editFlags.js';
import type { EditFlags } from './editFlags.js';
import { grantFlags } from './grantFlags.js';
import type { GrantFlags } from './grantFlags.js';
import { approvalsOf } from './approvalsOf.js';
import { shownJson } from './shownJson.js';
import { openHost } from '../server/openHost.js';
import type { HostFlags } from '../server/openHost.js';

/** The options of `aegis approvals list`. */
export interface ListApprovalsFlags extends HostFlags {
  readonly status?: string | undefined;
  readonly agent?: string | undefined;
  readonly tool?: string | undefined;
  readonly limit?: string | undefined;
}

/** The options of `aegis approvals show`. */
export type ShowFlags = HostFlags & EditFlags;

/** The options of `aegis approvals approve`, `edit` and `deny`. */
export interface VerdictFlags extends HostFlags, EditFlags, GrantFlags {
  readonly code?: string | undefined;
  readonly reason?: string | undefined;
  readonly acknowledgeHidden?: string | undefined;
}

const STATUSES: readonly ApprovalRecord['status'][] = ['pending', 'approved', 'denied', 'expired', 'withdrawn'];
/** As the terminal approver asks for them. */
const TYPED_CHARACTERS = 4;
const WAITS = 'recorded; the call still waits for other people';
const EDITED = 'edited; the call waits for somebody to approve it';

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

/** Runs `aegis approvals show`: all that the person who decides is shown, also as an edit would make it. */
export async function showApproval(id: string, flags: ShowFlags, io: CliIo): Promise<number> {
  await withApprovals(flags, async (access) => {
    const record = await found(access, id);
    const edit = editFlags(flags, record);
    const preview = edit && (await access.preview(record, edit));
    const { view } = preview ?? { view: record };
    if (flags.json === true) writeJson(io, shownJson(view, preview));
    else
      writeLines(io.out, [
        ...describeApproval(view),
        ...(record.status === 'pending' && record.editable.length > 0
          ? [`Editable  ${record.editable.map((at) => revealText(at)).join(', ')}`]
          : []),
        ...(preview === undefined ? [] : editLines(preview)),
        `Status    ${record.status}${preview === undefined ? verdictsOf(record) : ', and not edited yet'}`,
      ]);
  });
  return EXIT.ok;
}

/**
 * Runs `aegis approvals approve`, `edit` and `deny`: shows what would run, and goes on only for the first four characters of its digest, typed at the terminal or
 * given as `--code`, which say that it was looked at. A denial takes none.
 */
export async function decideApproval(id: string, act: Act, flags: VerdictFlags, io: CliIo): Promise<number> {
  const grant = grantFlags(flags);
  return withApprovals(flags, async (access) => {
    const record = await found(access, id);
    if (record.status !== 'pending') throw new CliError(`this approval is already ${record.status}${verdictsOf(record)}`);
    const edit = editFlags(flags, record);
    if (act === 'amend' && edit === undefined) throw new CliError('nothing says what to edit; give --set or --remove');
    if (grant !== undefined && edit !== undefined)
      throw new CliError('a yes to an edited call counts for that call alone; leave --grant out, or approve the call as it is');
    const preview = edit && (await access.preview(record, edit));
    if (act === 'approve' && preview?.whyNot !== undefined)
      throw new CliError(`${preview.whyNot} npx aegis approvals edit changes it for somebody else to approve.`);
    const proposal = grant && (await access.propose(id, grant));
    if (proposal?.why !== undefined) throw new CliError(proposal.why);
    const lines = [
      ...(preview === undefined ? [] : editLines(preview)),
      ...(grant && proposal ? grantLines(grant, proposal, record.policies) : []),
    ];
    const acknowledgeHidden = act === 'deny' ? undefined : await checkCode(preview?.view ?? record, { act, lines, flags }, io);
    const { reason } = flags;
    const shown = preview && { ...edit, editedDigest: preview.view.digest, asking: preview.asking };
    const decided = await access.decide(id, act, { digest: record.digest, reason, acknowledgeHidden, edit: shown, grant });
    const grantId = grant && grantIdOf(id);
    if (flags.json === true) writeJson(io, { ...decided, grantId });
    else {
      writeLines(io.out, [act === 'amend' ? EDITED : decided.status === 'pending' ? WAITS : decided.status]);
      if (grantId !== undefined) writeLines(io.out, [`grant ${grantId}`]);
    }
    return EXIT.ok;
  });
}

/** What is asked for a code. */
interface CodeQuestion {
  readonly act: Act;
  /** What is shown below the approval. */
  readonly lines: readonly string[];
  readonly flags: VerdictFlags;
}

/** @returns how many values the person knows to be hidden */
async function checkCode(record: ApprovalView, { act, lines, flags }: CodeQuestion, io: CliIo): Promise<number> {
  const { code: given, acknowledgeHidden, json } = flags;
  const code = record.digest.slice(0, TYPED_CHARACTERS);
  const hidden = hiddenFromApprover(record).length;
  const wanted = hidden === 0 ? code : `${code} ${hidden}`;
  const shown = [...describeApproval(record), ...lines].flatMap((line) => wrapRows(line, process.stdout.columns));
  if (json !== true) writeLines(io.out, shown);
  if (given === undefined && io.ask === undefined)
    throw new CliError(
      `there is no terminal to ask at; look at the approval with npx aegis approvals show${lines.length > 0 ? ', with the same --set and --remove' : ''}, then give --code with the first ${TYPED_CHARACTERS} characters of its digest`,
    );
  const note = hidden === 0 ? '' : ', with how many values are hidden from you';
  if (given !== undefined && hidden > 0 && acknowledgeHidden !== String(hidden))
    throw new CliError(
      `${counted(hidden, 'value')} of this approval ${hidden === 1 ? 'is' : 'are'} hidden from you; look at it, and confirm that with --acknowledge-hidden ${hidden}`,
    );
  const what = act === 'amend' ? 'edit it so' : 'approve';
  const typed =
    given === undefined
      ? await io.ask?.(`Type ${wanted} to ${what}${note}, anything else to leave it undecided [No]: `)
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
