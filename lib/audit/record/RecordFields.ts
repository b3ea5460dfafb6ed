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
  /** Of a server: the change of its store that it was committed with. No two records have the same. */
  readonly change?: string | undefined;
}
