import type { Params } from '../../model/Params.js';
import type { ApprovalTerms } from '../../model/terms/ApprovalTerms.js';
import { isWithin } from '../../model/view/readSensitive.js';
import type { Sensitive } from '../../model/sensitive/Sensitive.js';
import { hiddenFromApprover } from '../../model/view/viewOf.js';

/** What of a call is kept from the person who decides it. */
export interface KeptCall {
  readonly params: Params;
  readonly originalParams: Params;
  readonly sensitive?: Sensitive | undefined;
  readonly opaque: readonly string[];
}

/** Whether the guard of a call hides what a policy demands to be shown to the person who decides: `@show_approver`. */
export function hidesFromApprover(call: KeptCall, policies: readonly Pick<ApprovalTerms, 'showApprover'>[]): boolean {
  const shown = policies.flatMap(({ showApprover = [] }) => showApprover);
  if (shown.length === 0) return false;
  const hidden = hiddenFromApprover(call);
  // the empty pointer is everything that decisions see
  if (hidden.length > 0 && shown.includes('')) return true;
  return shown.some(
    (pointer) =>
      pointer !== '' &&
      (hidden.some((one) => isWithin(one, pointer) || isWithin(pointer, one)) || call.opaque.some((name) => isWithin(pointer, `/${name}`))),
  );
}
