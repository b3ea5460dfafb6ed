/** How the run under an approval ended, as the process that ran it says. */
export interface RunOutcome {
  /** `unknown`: it may have run completely, partly or not at all. */
  readonly status: 'completed' | 'failed' | 'unknown';
  /** What the method failed with, for programs. */
  readonly errorCode?: string | undefined;
  /** When it was reported, in epoch milliseconds. */
  readonly atMs: number;
}
