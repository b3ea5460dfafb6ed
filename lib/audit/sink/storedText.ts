import { isUtf8 } from 'node:buffer';

/** What stands before what is read of bytes that are not UTF-8. No record, opening or checkpoint begins like this. */
const NOT_UTF8 = '\u0000';

/**
 * The text of stored bytes. A decoder puts U+FFFD for bytes that are not UTF-8, and U+FFFD may well have been there before: so what they become is never the text of
 * a record.
 */
export function storedText(bytes: Buffer): string {
  return isUtf8(bytes) ? bytes.toString('utf8') : `${NOT_UTF8}${bytes.toString('latin1')}`;
}

/** Whether a text was not UTF-8; then it is returned as far as it can be read, else `undefined`. */
export function unreadableText(text: string): string | undefined {
  return text.startsWith(NOT_UTF8) ? text.slice(1) : undefined;
}

/** Whether bytes that are not UTF-8 may have been read as this text, by a driver that does not say so. */
export function isDoubtful(text: string): boolean {
  return text.includes('\uFFFD');
}
