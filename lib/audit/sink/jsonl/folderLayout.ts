import { join } from 'node:path';
import type { AuditFiles } from './AuditFiles.js';
import { ifThere } from './withFile.js';

/** The two kinds of files that a log is cut into. */
export type SegmentKind = 'records' | 'openings';

const SEGMENT = /^(records|openings)-(\d{6,})\.jsonl$/;

/** Where things are in the folder of one log. */
export const folderLayout = {
  segment: (folder: string, kind: SegmentKind, number: number): string => join(folder, `${kind}-${String(number).padStart(6, '0')}.jsonl`),
  checkpoints: (folder: string): string => join(folder, 'checkpoints.note'),
  tree: (folder: string): string => join(folder, 'tree.json'),
} as const;

/** The numbers of the segments of a log, in order. */
export async function segmentsIn(files: AuditFiles, folder: string, kind: SegmentKind): Promise<readonly number[]> {
  const found = (await ifThere(files.list(folder), [])).map((name) => SEGMENT.exec(name));
  return found.flatMap((match) => (match?.[1] === kind ? [Number(match[2])] : [])).sort((a, b) => a - b);
}
