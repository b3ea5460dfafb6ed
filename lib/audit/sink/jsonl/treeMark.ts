import { CompactTree } from '../../tree/CompactTree.js';
import type { TreeState } from '../AuditSink.js';
import type { AuditFiles } from './AuditFiles.js';
import { folderLayout } from './folderLayout.js';
import { ifThere, replaceFile } from './withFile.js';

/** The tree up to a place in the files of a log: with it, no record before that place has to be read again. */
export interface TreeMark {
  readonly tree: TreeState;
  /** The segment, and how many bytes of its records are in the tree. */
  readonly segment: number;
  readonly bytes: number;
}

/** Before the first record. */
export const START: TreeMark = { tree: { size: 0, nodes: [], lastAt: 0 }, segment: 0, bytes: 0 };

/** Keeps a mark. Where it is lost, all records are read again: so nothing waits until it is on the disk. */
export function writeTreeMark(files: AuditFiles, folder: string, { tree, segment, bytes }: TreeMark): Promise<void> {
  return replaceFile(files, folderLayout.tree(folder), `${JSON.stringify({ ...tree, segment, bytes })}\n`);
}

/** The mark that was kept last; `undefined` where there is none that can be used. */
export async function readTreeMark(files: AuditFiles, folder: string): Promise<TreeMark | undefined> {
  const text = await ifThere(files.readText(folderLayout.tree(folder)), '');
  try {
    const { size, nodes, lastAt, segment, bytes } = JSON.parse(text) as TreeState & TreeMark;
    if (![lastAt, segment, bytes].every((n) => Number.isSafeInteger(n) && n >= 0)) return undefined;
    // throws where these cannot be the nodes of a tree
    CompactTree.from({ size, nodes });
    return { tree: { size, nodes, lastAt }, segment, bytes };
  } catch {
    // of a machine that lost its power, the file may be empty
    return undefined;
  }
}
