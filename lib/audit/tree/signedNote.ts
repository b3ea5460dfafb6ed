import type { AuditKey } from './AuditKey.js';
import type { AuditPublicKey } from './AuditPublicKey.js';

/** A text and who signed it (C2SP signed-note). */
export interface SignedNote {
  /** What is signed; it ends with a line end. */
  readonly text: string;
  /** Nothing of them was verified. */
  readonly signatures: readonly NoteSignature[];
}

/** A signature line. */
export interface NoteSignature {
  /** The name of the key. */
  readonly name: string;
  /** The first 4 bytes of a hash over name and key. */
  readonly keyId: Buffer;
  readonly signature: Buffer;
}

const DASH = '\u{2014} ';
const KEY_ID_BYTES = 4;
/** More than one log has keys and witnesses; fewer than it takes to keep a reader busy. */
const MAX_SIGNATURES = 100;
/** A name of a key, on a signature line: it has neither spaces nor a plus. */
const SIGNATURE = /^\u{2014} ([^\s+]+) ([A-Za-z\d+/]+=*)$/u;
// eslint-disable-next-line no-control-regex -- these are what a note may not have
const FORBIDDEN = /[\u0000-\u0009\u000b-\u001f]|\p{Surrogate}/u;

/** Signs a text with each of these keys, all under one name. The text ends with a line end. */
export function signNote(text: string, name: string, keys: readonly AuditKey[]): string {
  const lines = keys.map((key) => {
    const signature = Buffer.concat([key.publicKey.keyId(name), key.sign(text)]);
    return `${DASH}${name} ${signature.toString('base64')}\n`;
  });
  return `${text}\n${lines.join('')}`;
}

/** Reads a note. `undefined` where it is not one, written in the one way in which it can be. */
export function readNote(note: string): SignedNote | undefined {
  const at = note.lastIndexOf('\n\n');
  if (at < 0 || !note.endsWith('\n') || FORBIDDEN.test(note)) return undefined;
  const lines = note.slice(at + 2, -1).split('\n');
  if (lines.length > MAX_SIGNATURES) return undefined;
  const signatures: NoteSignature[] = [];
  for (const line of lines) {
    const [, name, base64 = ''] = SIGNATURE.exec(line) ?? [];
    const bytes = Buffer.from(base64, 'base64');
    if (name === undefined || bytes.length <= KEY_ID_BYTES || bytes.toString('base64') !== base64) return undefined;
    signatures.push({ name, keyId: bytes.subarray(0, KEY_ID_BYTES), signature: bytes.subarray(KEY_ID_BYTES) });
  }
  return { text: note.slice(0, at + 1), signatures };
}

/** Whether that key signed the note under that name. A signature that names the key and is not its own makes the note invalid, also beside a good one. */
export function isSignedBy({ text, signatures }: SignedNote, name: string, key: AuditPublicKey): boolean {
  const keyId = key.keyId(name);
  const own = signatures.filter((signature) => signature.name === name && signature.keyId.equals(keyId));
  return own.length > 0 && own.every(({ signature }) => key.verifies(text, signature));
}

/** The notes in a text that has one after the other, with any number of empty lines between them: what `aegis audit heads` prints. */
export function splitNotes(text: string): readonly string[] {
  const notes: string[] = [];
  let lines: string[] = [];
  const take = (): void => {
    if (lines.some((line) => line !== '')) notes.push(`${lines.join('\n')}\n`);
    lines = [];
  };
  for (const line of text.replaceAll('\r\n', '\n').split('\n')) {
    const follows = lines.at(-1)?.startsWith(DASH) === true && !line.startsWith(DASH);
    if (follows) take();
    if (line !== '' || lines.length > 0) lines.push(line);
  }
  while (lines.at(-1) === '') lines.pop();
  take();
  return notes;
}
