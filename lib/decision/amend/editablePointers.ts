import type { ApprovalTerms } from '../../model/terms/ApprovalTerms.js';
import { hiddenFromApprover } from '../../model/view/viewOf.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import { isWithin } from './ParamsEdit.js';

/** The places that every one of these policies lets people edit: `@editable`. Without a policy, or where one has none, there is no such place. */
export function editablePointers(policies: readonly Pick<ApprovalTerms, 'editable'>[]): readonly string[] {
  const [first, ...others] = policies.map(({ editable = [] }) => editable);
  return others.reduce<readonly string[]>(
    (common, editable) => [
      ...new Set([
        ...common.filter((pointer) => editable.some((outer) => isWithin(pointer, outer))),
        ...editable.filter((pointer) => common.some((outer) => isWithin(pointer, outer))),
      ]),
    ],
    first ?? [],
  );
}

/** The places of the params of an approval that people may edit. There are none where its guard hides a value: an edit could read it out. */
export function editableIn(
  record: Pick<ApprovalRecord, 'amendable' | 'policies' | 'params' | 'originalParams' | 'sensitive'>,
): readonly string[] {
  return record.amendable === undefined || hiddenFromApprover(record).length > 0 ? [] : editablePointers(record.policies);
}

/** Whether a place is one that may be edited. */
export function isEditable(pointer: string, editable: readonly string[]): boolean {
  return editable.some((outer) => isWithin(pointer, outer));
}
