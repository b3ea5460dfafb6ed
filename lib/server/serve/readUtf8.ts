import { isUtf8 } from 'node:buffer';
import { BadRequestError } from '../../model/errors/ServiceErrors.js';

/** @throws BadRequestError where the bytes are not UTF-8: replaced by other characters they would be another text */
export function readUtf8(chunks: readonly Uint8Array[]): string {
  const [first] = chunks;
  // most bodies come in one piece
  const bytes = first instanceof Buffer && chunks.length === 1 ? first : Buffer.concat(chunks);
  if (!isUtf8(bytes)) throw new BadRequestError('The body is not valid UTF-8. Encode it as UTF-8.');
  return bytes.toString();
}
