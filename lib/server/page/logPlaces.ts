/** Where a record is in the audit logs. */
export interface ShownPlace {
  /** The name of the log. */
  readonly writer: string;
  readonly seq: number;
  /** What the record says. */
  readonly kind: string;
}

/**
 * Where records are, by log: `log w0 #128 #131, log w1 #7`.
 *
 * @param named with what each of them is: `log w0 #128 verdict, #131 consumed`
 */
export function logPlaces(places: readonly ShownPlace[], named = false): string {
  const byWriter = new Map<string, string[]>();
  for (const { writer, seq, kind } of places) {
    const seqs = byWriter.get(writer) ?? [];
    seqs.push(named ? `#${seq} ${kind}` : `#${seq}`);
    byWriter.set(writer, seqs);
  }
  return [...byWriter].map(([writer, seqs]) => `log ${writer} ${seqs.join(named ? ', ' : ' ')}`).join(', ');
}
