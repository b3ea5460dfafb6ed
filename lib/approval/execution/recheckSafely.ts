/** Why a call must no longer run: its caller has changed, or cannot be computed again. */
export function recheckSafely(recheck: (() => string | undefined) | undefined): string | undefined {
  try {
    return recheck?.();
  } catch {
    return 'its agent or session could not be computed again.';
  }
}
