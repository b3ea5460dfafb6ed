/** In a COSE key, whose first entry is its type: one of an elliptic curve with two coordinates. */
const EC2: readonly number[] = [0x01, 0x02];
const SEQUENCE = 0x30;
const INTEGER = 0x02;

/**
 * Whether a signature is written in the one way in which DER writes it (X.690, 10 and 8.3). What verifies signatures reads other ways too, so that a recorded
 * proof could be changed and still be good. Only signatures of elliptic curves with two coordinates are written in DER.
 *
 * @param publicKey COSE
 */
export function isStrictSignature(signature: Uint8Array, publicKey: Uint8Array): boolean {
  if (publicKey[1] !== EC2[0] || publicKey[2] !== EC2[1]) return true;
  const [tag, length] = signature;
  // two numbers of 33 bytes at most (P-256), or of 67 (P-521), whose length takes a byte more
  const start = length === 0x81 ? 3 : 2;
  const said = length === 0x81 ? (signature[2] ?? 0) : (length ?? 0);
  if (tag !== SEQUENCE || said !== signature.length - start || (start === 3 && said < 0x80)) return false;
  const second = endOfNumber(signature, start);
  return second !== undefined && endOfNumber(signature, second) === signature.length;
}

/** Where the positive number that begins there ends; `undefined` where there is none, or it has a byte too many. */
function endOfNumber(signature: Uint8Array, at: number): number | undefined {
  const [tag, length = 0, first = 0, next = 0] = signature.subarray(at);
  const end = at + 2 + length;
  if (tag !== INTEGER || length === 0 || length > 0x7f || end > signature.length) return undefined;
  const isNegative = first >= 0x80;
  const isPadded = length > 1 && first === 0 && next < 0x80;
  return isNegative || isPadded ? undefined : end;
}
