/** What every record says. */
export interface RecordFields {
  /** The version of the format. */
  readonly v: 1;
  /** The position in the log of its writer, from 0: the index of its leaf in the tree. */
  readonly seq: number;
  /** When it was written, in epoch milliseconds. Never less than in the record before. */
  readonly at: number;
  /** The log's name. */
  readonly writer: string;
  /** The change of the store that it was committed with, where it was. No two records have the same. */
  readonly change?: string | undefined;
  /**
   * When that change was committed, in epoch milliseconds, where its record was written late: the process that made it has ended, or its log had failed. Such a
   * record does not stand where it happened.
   */
  readonly committedAt?: number | undefined;
}

/** What all records about one call say. */
export interface CallFields {
  /** Of a server: whose call it is. */
  readonly tenantId?: string | undefined;
  /** The decision; an approval has the same id. */
  readonly decisionId: string;
  /** The agent that calls. */
  readonly agentId: string;
  /** The tool that is called. */
  readonly toolName: string;
}
