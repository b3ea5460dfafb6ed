import { readCheckpoint } from '../tree/checkpoint.js';
import type { Checkpoint } from '../tree/checkpoint.js';
import { CompactTree } from '../tree/CompactTree.js';
import { readNote } from '../tree/signedNote.js';
import type { TreeState } from './AuditSink.js';
import { logError } from './logError.js';

/** What a signed checkpoint says; `undefined` where it is not one. Its signatures are not verified: a sink has no keys. */
export function checkpointIn(note: string): Checkpoint | undefined {
  return readCheckpoint(readNote(note)?.text ?? '');
}

/**
 * The last checkpoint of a log that is opened.
 *
 * @throws StoreError where it cannot be read
 */
export function lastCheckpointIn(note: string | undefined, writer: string): Checkpoint | undefined {
  const checkpoint = note === undefined ? undefined : checkpointIn(note);
  if (note !== undefined && checkpoint === undefined) throw logError.damaged(writer, 'its last checkpoint cannot be read');
  return checkpoint;
}

/** Whether a tree is the one of a checkpoint, or of another size. */
export function isAsSealed(tree: CompactTree, checkpoint: Checkpoint | undefined): boolean {
  return tree.size !== checkpoint?.size || tree.root().toString('base64') === checkpoint.root;
}

/**
 * Checks a tree that was kept against the last checkpoint.
 *
 * @throws StoreError where it has fewer records, or others
 */
export function checkSealed(writer: string, state: TreeState, checkpoint: Checkpoint | undefined): void {
  if (checkpoint === undefined) return;
  if (state.size < checkpoint.size)
    throw logError.damaged(writer, `it has ${state.size} records, and its last checkpoint says ${checkpoint.size}`);
  if (!isAsSealed(CompactTree.from(state), checkpoint)) throw logError.damaged(writer, 'records before its last checkpoint have changed');
}
