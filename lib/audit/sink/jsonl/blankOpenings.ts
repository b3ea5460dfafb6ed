import type { Opening } from '../AuditSink.js';
import { openingIn } from '../openingText.js';
import { unreadableText } from '../storedText.js';
import type { AuditFile } from './AuditFiles.js';
import { placedLines, readLines } from './readLines.js';

const SPACE = 0x20;

/**
 * Overwrites openings with spaces, in their place, and waits until that is on the disk. What is on the disk is gone at once, no reader or writer of the file
 * is disturbed, and a line that was only half overwritten when the machine stopped is overwritten the next time.
 *
 * @returns how many there were, and where the whole lines end
 */
export async function blankOpenings(
  file: AuditFile,
  which: (opening: Opening) => boolean,
): Promise<{ count: number; end: number; rest: number }> {
  let count = 0;
  let isChanged = false;
  const reader = readLines(file, 0);
  let next = await reader.next();
  for (; next.done !== true; next = await reader.next()) {
    for (const { text, at, bytes } of placedLines(next.value)) {
      const opening = openingIn(text);
      if (opening === undefined ? text.trim() === '' : unreadableText(text) === undefined && !which(opening)) continue;
      await file.write(Buffer.alloc(bytes, SPACE), at);
      if (opening !== undefined) count += 1;
      isChanged = true;
    }
  }
  if (isChanged) await file.sync();
  return { count, end: next.value.end, rest: next.value.rest.length };
}

/** Blanks what a writer that died left of a batch: openings of records that are not in the log, and a torn last line. */
export async function blankOrphans(file: AuditFile, size: number): Promise<void> {
  const { end, rest } = await blankOpenings(file, ({ seq }) => seq >= size);
  if (rest === 0) return;
  await file.write(Buffer.concat([Buffer.alloc(rest, SPACE), Buffer.from('\n')]), end);
  await file.sync();
}
