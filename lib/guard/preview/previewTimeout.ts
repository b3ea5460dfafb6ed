/** How long a preview may take unless its guard says otherwise, in milliseconds. */
export const PREVIEW_TIMEOUT_MS = 2_000;
const MAX_MS = 30_000;

/** What is wrong with a `previewTimeoutMs`; `undefined` where it is right, or not given. */
export function previewTimeoutProblem(given: unknown): string | undefined {
  if (given === undefined || (typeof given === 'number' && given > 0 && given <= MAX_MS)) return undefined;
  return '`previewTimeoutMs` must be a number of milliseconds above 0, and 30000 at most: the call waits for it before a person is asked.';
}
