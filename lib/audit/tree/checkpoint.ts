import type { AuditKey } from './AuditKey.js';
import { readHash } from './leafHash.js';
import { signNote } from './signedNote.js';

/** How far the log of another writer had come. */
export interface OtherHead {
  readonly writer: string;
  readonly size: number;
  /** Base64. */
  readonly root: string;
}

/** What a writer says of its log at one time (C2SP tlog-checkpoint). */
export interface Checkpoint {
  /** Where the log is from, and its writer: `acme.example/pay/w0`. */
  readonly origin: string;
  /** How many records it has. */
  readonly size: number;
  /** The root over them, base64. */
  readonly root: string;
  /** The logs of the other writers, as this one sees them. */
  readonly others?: readonly OtherHead[] | undefined;
}

const SIZE = /^(?:0|[1-9]\d*)$/;
const OTHER = 'other ';

/** The text that is signed. */
export function checkpointText({ origin, size, root, others = [] }: Checkpoint): string {
  const lines = others.map((other) => `${OTHER}${other.writer} ${other.size} ${other.root}\n`);
  return `${origin}\n${size}\n${root}\n${lines.join('')}`;
}

/** Signs a checkpoint with each of these keys. Where the key changes, these are the old one and the new one. */
export function signCheckpoint(checkpoint: Checkpoint, keys: readonly AuditKey[]): string {
  return signNote(checkpointText(checkpoint), checkpoint.origin, keys);
}

/** Reads the text of a note. `undefined` where it is not a checkpoint. Lines that it does not know are passed over. */
export function readCheckpoint(text: string): Checkpoint | undefined {
  const [origin = '', sizeText = '', root = '', ...rest] = text.split('\n');
  const size = sizeOf(sizeText);
  // the last one is what follows the last line end
  if (origin === '' || size === undefined || readHash(root) === undefined || rest.pop() !== '' || rest.includes('')) return undefined;
  const others: OtherHead[] = [];
  for (const line of rest.filter((extension) => extension.startsWith(OTHER))) {
    const [writer = '', otherSize = '', otherRoot = '', more] = line.slice(OTHER.length).split(' ');
    const read = sizeOf(otherSize);
    if (writer === '' || read === undefined || readHash(otherRoot) === undefined || more !== undefined) return undefined;
    others.push({ writer, size: read, root: otherRoot });
  }
  return { origin, size, root, others };
}

/** The writer in an origin: what follows its last slash. */
export function writerOf(origin: string): string {
  return origin.slice(origin.lastIndexOf('/') + 1);
}

function sizeOf(text: string): number | undefined {
  const size = Number(text);
  return SIZE.test(text) && Number.isSafeInteger(size) ? size : undefined;
}
