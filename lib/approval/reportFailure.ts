import { callSafely } from '../common/callSafely.js';
import { publishCallbackError } from '../model/diagnostics.js';

/** Reports what failed on `aegis:diagnostics`. What was thrown may throw again when it is looked at: that changes nothing either. */
export function reportFailure(where: string, error: unknown): void {
  callSafely(publishCallbackError, [where, error], () => {});
}
