// An edit of the params of an approval, and its preview, as operators and people send and read them over HTTP.
import * as v from 'valibot';
import type { ApprovalRecord } from '../../../store/ApprovalStore.js';
import { typedValues } from '../../amend/editText.js';
import type { EditInput } from '../../amend/ParamsEdit.js';
import type { EditPreview } from '../../desk/DeskVerdicts.js';
import type { EditBody } from '../approvalAnswer.js';
import { writeWire } from '../readWire.js';
import { typesOf } from '../wireTypes.js';

/** The answer to `editPreviewBody`. */
export const editPreviewAnswer: v.GenericSchema = /* @__PURE__ */ (() =>
  v.object({
    digest: v.string(),
    asking: v.string(),
    added: v.array(v.string()),
    reason: v.string(),
    message: v.nullable(v.string()),
    changes: v.array(v.object({ at: v.string(), before: v.optional(v.unknown()), after: v.optional(v.unknown()) })),
    params: v.record(v.string(), v.unknown()),
    types: v.record(v.string(), v.string()),
    policies: v.array(v.object({ id: v.string(), severity: v.nullable(v.string()) })),
    may_approve: v.boolean(),
    why_not: v.nullable(v.object({ code: v.string(), message: v.string() })),
  }))();

/** Writes what an approval would be, once it is edited. */
export function writeEditPreview({ approval, digest, asking, added, changes, standing }: EditPreview): string {
  const { params, policies, reason, message = null } = approval;
  return writeWire({
    digest,
    asking,
    added,
    reason,
    message,
    changes: changes.map(({ pointer: at, ...sides }) => ({ at, ...sides })),
    params,
    types: typesOf(params, ''),
    policies: policies.map(({ id, severity = null }) => ({ id, severity })),
    may_approve: standing.may,
    why_not: standing.why ?? null,
  });
}

/** An edit of a body, as a desk takes it. */
export function editOf(
  { edit: given }: { readonly edit?: EditBody | undefined },
  { params }: Pick<ApprovalRecord, 'params'>,
): EditInput | undefined {
  if (given === undefined) return undefined;
  const { set, remove, digest: editedDigest, asking } = given;
  return { set: set && typedValues(set, params), remove, editedDigest, asking };
}
