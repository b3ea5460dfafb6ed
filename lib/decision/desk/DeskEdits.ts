import { isPlainObject } from '../../common/data/plainObject.js';
import { readOptions } from '../../common/readOptions.js';
import { VerdictError } from '../../model/errors/SetupErrors.js';
import type { AmendedEvent, VerdictEvent } from '../../model/Journal.js';
import type { ParamChange } from '../../model/snapshot/paramChanges.js';
import type { Amendment, ApprovalPolicy, ApprovalRecord, Verdict, VerdictProof } from '../../store/ApprovalStore.js';
import { amendRecord, askingDigest, askingPolicies, MAX_EDITS } from '../amend/amendRecord.js';
import { applyEdit } from '../amend/applyEdit.js';
import { decideEdited } from '../amend/decideEdited.js';
import type { EditedJudgement, Judge } from '../amend/decideEdited.js';
import { editablePointers, isEditable } from '../amend/editablePointers.js';
import { readEdit } from '../amend/ParamsEdit.js';
import type { EditInput } from '../amend/ParamsEdit.js';
import { approvalPolicy } from './ApprovalRequest.js';
import type { Giver } from './eligibility.js';
import { hiddenFromApprover } from '../../model/view/viewOf.js';
import { hasDemandedPreview } from '../preview/openedPreview.js';
import { hidesFromApprover } from '../view/hidesFromApprover.js';
import { bindingDigest } from './use/bindingDigest.js';
import { semanticsOf } from './use/semantics.js';
import { readVerdict, VERDICT_FIELDS } from './verdict.js';
import type { AmendInput, VerdictInput } from './verdict.js';

/** What an approval would be, once it is edited. Nothing of it is recorded. */
export interface EditedApproval {
  /** The approval as it would be, with the params that would run and the policies that would ask. */
  readonly approval: ApprovalRecord;
  /** SHA-256 of the params that would run: what the editor approves, and signs. */
  readonly digest: string;
  /** Where the params that would run differ from those that are asked about now. */
  readonly changes: readonly ParamChange[];
  /** Ids of the policies that would ask besides those that ask now. */
  readonly added: readonly string[];
  /** Names the policies that would ask, for `asking` of the edit. */
  readonly asking: string;
}

/** Who edits, as far as it is known by then. */
export type EditorInput = Pick<Amendment, 'by' | 'name' | 'reason' | 'assurance' | 'groups' | 'groupsFrom'>;

const EDIT_FIELDS = { set: 'any', remove: 'any', editedDigest: 'string', asking: 'string' } as const;
const { edit: _edit, key: _key, ...VERDICT } = VERDICT_FIELDS;
const AMEND_FIELDS = { set: 'any', remove: 'any', editedDigest: 'any', asking: 'any', ...VERDICT } as const;

/** Makes edited approvals for one desk. It records nothing. */
export class DeskEdits {
  readonly #judge: () => Judge | undefined;
  readonly #tenantId: string | null;
  readonly #now: () => number;

  constructor({
    judge,
    tenantId,
    now,
  }: {
    readonly judge: () => Judge | undefined;
    readonly tenantId: string | null;
    readonly now: () => number;
  }) {
    this.#judge = judge;
    this.#tenantId = tenantId;
    this.#now = now;
  }

  /**
   * The approval as it would be, once it is edited so: policies have looked at the original and the edited call.
   *
   * @throws VerdictError 400 `invalid_edit`, 403 `not_editable`, 409 `edit_limit`, `edit_unavailable`, `edit_changed`, `policies_changed`, 422 `edit_denied`
   */
  async edited(record: ApprovalRecord, given: EditInput, editor: EditorInput): Promise<ApprovalRecord> {
    const { decisionId } = record;
    const refuse = (message: string): never => {
      throw new VerdictError(400, 'invalid_edit', decisionId, message);
    };
    const input = readOptions<EditInput>(given, EDIT_FIELDS, (name, message) =>
      refuse(`${name === '' ? 'The edit' : `\`${name}\` of the edit`} ${message}`),
    );
    const judge = this.#judge();
    if (judge === undefined) throw unavailable(decisionId);
    const { amendable, amendments = [] } = record;
    const editable = editablePointers(record.policies);
    // a value that is not shown must not be read out by an edit
    if (hiddenFromApprover(record).length > 0)
      throw notEditable(
        decisionId,
        'The guard of this call hides values from who decides it, so that it is not edited. Approve or deny it.',
      );
    if (amendable === undefined || editable.length === 0)
      throw notEditable(decisionId, 'The policies that ask about this call do not let its params be edited: each needs an @editable.');
    if (amendments.length >= MAX_EDITS)
      throw new VerdictError(
        409,
        'edit_limit',
        decisionId,
        `This call was edited ${MAX_EDITS} times, and no more edits are taken. Approve or deny it.`,
      );
    const steps = readEdit(input, refuse);
    for (const { pointer } of steps) checkEditable(decisionId, pointer, record.policies);
    const params = applyEdit(record.params, steps, amendable.removable, refuse);
    const call = { ...record, ...amendable, params: record.originalParams };
    const judged = await decideEdited(judge, call, params);
    const { run } = judged;
    if (run === undefined) throw denied(decisionId, judged);
    const asking = run.approvals.map(approvalPolicy);
    // what would ask about the edited call has a say in what may be edited, too
    for (const { pointer } of steps) checkEditable(decisionId, pointer, askingPolicies(record.policies, asking));
    const amended = amendRecord(record, params, run, asking, { ...editor, atMs: this.#now() });
    if (!hasDemandedPreview(record, amended.policies)) throw withoutPreview(decisionId);
    // the edited call may have a value where the guard hides one and this call has none
    if (hidesFromApprover(amended, amended.policies)) throw notShownToAll(decisionId);
    const { digest } = amended;
    const next: ApprovalRecord = {
      ...amended,
      bindingDigest: bindingDigest({ bindingBase: amendable.bindingBase, digest, previewDigest: record.preview?.digest }, this.#tenantId),
      requires: [...new Set([...(record.requires ?? []), ...semanticsOf(amended)])],
    };
    if (next.digest === record.digest) return refuse('The edit changes nothing of what would run.');
    checkShown(next, input);
    return next;
  }
}

/** Who edits, as the edit keeps it. */
export function editorOf(
  { by, assurance, person, groups }: Giver,
  { name: given, reason }: Pick<VerdictInput, 'name' | 'reason'>,
): EditorInput {
  const name = person?.name ?? given;
  return {
    by,
    ...(name !== undefined && { name }),
    ...(reason !== undefined && { reason }),
    ...(assurance && { assurance }),
    ...(groups && { groups }),
    ...(person && { groupsFrom: person.groupsFrom }),
  };
}

/**
 * What of an approval an edit changes.
 *
 * @param proof of the edit, where it was given without a verdict
 */
export function amendedFields(
  {
    params,
    digest,
    bindingDigest,
    facts,
    factsDigest,
    reason,
    message,
    policies,
    policySetHash,
    verdicts,
    amendments,
    requires,
  }: ApprovalRecord,
  proof: VerdictProof | undefined,
): Partial<ApprovalRecord> {
  const [last, ...before] = [...(amendments as readonly Amendment[])].reverse();
  const own = proof === undefined ? last : { ...(last as Amendment), proof };
  const signed = [...before.reverse(), own as Amendment];
  return {
    params,
    digest,
    bindingDigest,
    facts,
    factsDigest,
    reason,
    message,
    policies,
    policySetHash,
    verdicts,
    requires,
    amendments: signed,
  };
}

/** An edit as a verdict has it. @throws VerdictError 400 `invalid_verdict`, `invalid_edit` */
export function readAmendment(decisionId: string, given: AmendInput): VerdictInput {
  if (!isPlainObject(given)) return readVerdict(decisionId, given);
  readOptions<AmendInput>(given, AMEND_FIELDS, (name, message) => {
    throw new VerdictError(400, 'invalid_verdict', decisionId, `\`${name}\` ${message}`);
  });
  const { set, remove, editedDigest, asking, ...rest } = given;
  return readVerdict(decisionId, { ...rest, edit: { set, remove, editedDigest, asking } });
}

/** The error for a no to an edited call. */
export function noEdit(decisionId: string): VerdictError {
  return new VerdictError(400, 'invalid_edit', decisionId, 'A denial edits nothing. Leave `edit` out, or approve the edited call.');
}

/** The error for a yes of a person who was not shown the edited params. */
export function notShown({ decisionId }: ApprovalRecord): VerdictError {
  const message =
    '`editedDigest` is missing, so nothing says which edited params the person was shown. Preview the edit, and pass the digest that was shown.';
  return new VerdictError(409, 'edit_changed', decisionId, message);
}

/** What a preview says of an edited approval. */
export function previewOf(record: ApprovalRecord, approval: ApprovalRecord): EditedApproval {
  const { digest, policies, amendments = [] } = approval;
  const before = new Set(record.policies.map(({ id }) => id));
  return {
    approval,
    digest,
    changes: (amendments.at(-1) as Amendment).changes,
    added: policies.map(({ id }) => id).filter((id) => !before.has(id)),
    asking: askingDigest(policies),
  };
}

function checkEditable(decisionId: string, pointer: string, policies: readonly ApprovalPolicy[]): void {
  const against = policies.find(({ editable = [] }) => !isEditable(pointer, editable));
  if (against === undefined) return;
  throw notEditable(
    decisionId,
    `The policy ${against.id} does not let ${pointer.slice(0, 200)} be edited. Edit what its @editable names, or deny the call.`,
  );
}

function checkShown({ decisionId, digest, policies }: ApprovalRecord, { editedDigest, asking }: EditInput): void {
  if (editedDigest !== undefined && editedDigest !== digest)
    throw new VerdictError(
      409,
      'edit_changed',
      decisionId,
      'The edited call would run with other params than were shown. Preview the edit again, and decide then.',
    );
  if (asking !== undefined && asking !== askingDigest(policies))
    throw new VerdictError(
      409,
      'policies_changed',
      decisionId,
      'Other policies ask about the edited call than when it was shown. Preview the edit again, and decide then.',
    );
}

function denied(decisionId: string, { original, edited }: EditedJudgement): VerdictError {
  const { outcome } = edited ?? original;
  const why = outcome?.effect === 'deny' ? outcome.reason : 'The facts this decision needs are not available.';
  const which = edited === undefined ? 'the call as its agent made it' : 'the edited call';
  return new VerdictError(422, 'edit_denied', decisionId, `Nothing was changed. The policies deny ${which}: ${why}`);
}

function withoutPreview(decisionId: string): VerdictError {
  const message =
    'A policy that asks about the edited call demands a preview of what it would do, and this call has none. Nothing was changed.';
  return new VerdictError(422, 'edit_denied', decisionId, message);
}

function notShownToAll(decisionId: string): VerdictError {
  const message =
    'A policy that asks about the edited call demands that who decides it sees what its guard hides there. Nothing was changed.';
  return new VerdictError(422, 'edit_denied', decisionId, message);
}

function notEditable(decisionId: string, message: string): VerdictError {
  return new VerdictError(403, 'not_editable', decisionId, message);
}

function unavailable(decisionId: string): VerdictError {
  const message =
    'This process has no policies that could decide the edited call. Edit it where the call is decided: at its server, or in its program.';
  return new VerdictError(409, 'edit_unavailable', decisionId, message);
}

/** What a journal is told of a verdict. */
export function verdictEvent(approval: ApprovalRecord, approved: boolean, statement: string | undefined): VerdictEvent {
  const { agentId, toolName, decisionId, status, digest, verdicts } = approval;
  const { by, reason } = verdicts.at(-1) as Verdict;
  return { kind: 'verdict', agentId, toolName, decisionId, by, approved, status, digest, reason, approval, statement };
}

/** What a journal is told of an edit. */
export function amendedEvent(approval: ApprovalRecord, statement: string | undefined): AmendedEvent {
  const { agentId, toolName, decisionId, amendments = [] } = approval;
  const { by, reason, from, to, changes } = amendments.at(-1) as Amendment;
  const changed = changes.map(({ pointer }) => pointer);
  return { kind: 'amended', agentId, toolName, decisionId, by, from, to, changed, reason, approval, statement };
}
