/** What else must be so for a change, compared in its own transaction. */
export interface ChangeConditions {
  /** How often the halts of the tenant had been changed when the caller last read them: see `haltChanges` of its records. */
  readonly haltChanges?: number | undefined;
}
