/** How full a limit is, for one of what it counts apart. */
export interface LimitState {
  /** Names the counter: the same for the same limit and what it counts apart. */
  readonly key: string;
  /** The `@id` of the limit's policy. */
  readonly policyId: string;
  /** What is counted apart, such as `{ agent: 'ops' }`. */
  readonly by: Readonly<Record<string, string>>;
  /** `fixed` or `sliding`. */
  readonly kind: 'fixed' | 'sliding';
  /** How long the window is, in milliseconds. */
  readonly windowMs: number;
  /** How much has run in it. */
  readonly used: number;
  /** How much may, as of the last call that was counted. */
  readonly limit: number;
  /** When all of it may run again, in epoch milliseconds. */
  readonly endsAtMs: number;
  /** `full`: nothing more fits. `near`: as many percent as `@warn_at` says are used, 80 where it says nothing. */
  readonly level: 'free' | 'near' | 'full';
}
