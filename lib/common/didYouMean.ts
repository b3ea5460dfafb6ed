/**
 * Names the nearest of some known names, for an error message about an unknown one.
 *
 * @returns `; did you mean 'name'?`, or '' where no name is near or it is not a string
 */
export function didYouMean(unknown: unknown, known: Iterable<string>): string {
  // longer names are not typing errors, and comparing them takes quadratic time
  if (typeof unknown !== 'string' || unknown.length > 64) return '';
  let nearest: string | undefined;
  let least = Math.max(1, Math.floor(unknown.length / 3)) + 1;
  for (const name of known) {
    if (name.length > 64) continue;
    const edits = editsBetween(unknown.toLowerCase(), name.toLowerCase());
    if (edits < least) [nearest, least] = [name, edits];
  }
  return nearest === undefined ? '' : `; did you mean '${nearest}'?`;
}

/** How many letters have to be inserted, deleted or replaced to turn one name into the other. */
function editsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, replaced));
    }
    row = next;
  }
  return row[b.length] as number;
}
