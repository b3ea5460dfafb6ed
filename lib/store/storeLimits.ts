/** Bounds and times that are the same in every store. */
export const storeLimits = {
  /** How many tasks or approvals a list has at most, where its query names no limit. */
  listed: 1_000,
  /** How many records a page has at most, where its query names no limit. */
  listedRecords: 200,
  /** How many approvals a page has at most, where its query names no limit. */
  listedCards: 50,
  /** How many of the newest refusals of one agent and tool are listed. */
  listedDenied: 1_000,
  /** How long a handle counts as alive before its first heartbeat, in milliseconds. As long as a lease lasts by default. */
  firstLeaseMs: 30_000,
  /** How long an approval may wait for the task that its process was about to record, in milliseconds. */
  orphanAfterMs: 60_000,
  /** After how long a row that somebody else changed is looked at again, in milliseconds. */
  tamperedAgainMs: 600_000,
  /** How long a dead handle is remembered, in milliseconds: seven days. */
  ownerKeptMs: 604_800_000,
} as const;
