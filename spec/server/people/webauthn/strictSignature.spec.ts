import { expect } from 'chai';
import { generateKeyPairSync, sign } from 'node:crypto';
import { isStrictSignature } from '../../../../lib/server/people/webauthn/strictSignature.js';

const EC2 = Uint8Array.of(0xa5, 0x01, 0x02);
const RSA = Uint8Array.of(0xa4, 0x01, 0x03);

describe('isStrictSignature', () => {
  it('takes the signatures of three curves as node:crypto writes them', () => {
    let checked = 0;
    for (const namedCurve of ['P-256', 'P-384', 'P-521']) {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve });
      for (let i = 0; i < 100; i++, checked++)
        expect(isStrictSignature(sign('sha256', Buffer.from(`${i}`), privateKey), EC2), namedCurve).to.equal(true);
    }
    expect(checked).to.equal(300);
  });

  it('refuses every other way to write the same two numbers', () => {
    const good = [0x30, 0x06, 0x02, 0x01, 0x05, 0x02, 0x01, 0x07];
    expect(isStrictSignature(Uint8Array.from(good), EC2)).to.equal(true);
    const others: readonly (readonly number[])[] = [
      [],
      [0x31, ...good.slice(1)],
      [0x30, 0x07, ...good.slice(2)],
      [0x30, 0x81, 0x06, ...good.slice(2)],
      [...good, 0x00],
      [0x30, 0x07, 0x02, 0x02, 0x00, 0x05, 0x02, 0x01, 0x07],
      [0x30, 0x06, 0x02, 0x01, 0x85, 0x02, 0x01, 0x07],
      [0x30, 0x06, 0x03, 0x01, 0x05, 0x02, 0x01, 0x07],
      [0x30, 0x05, 0x02, 0x00, 0x02, 0x01, 0x07],
      [0x30, 0x06, 0x02, 0x01, 0x05, 0x02, 0x02, 0x07],
      [0x30, 0x03, 0x02, 0x01, 0x05],
      [0x30, 0x04, 0x02, 0x80, 0x05, 0x02],
    ];
    for (const other of others) expect(isStrictSignature(Uint8Array.from(other), EC2), other.join()).to.equal(false);
  });

  it('leaves the signatures of other keys alone', () => {
    expect(isStrictSignature(Uint8Array.of(1, 2, 3), RSA)).to.equal(true);
  });
});
