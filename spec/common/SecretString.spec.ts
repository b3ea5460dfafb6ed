import { expect } from 'chai';
import { format, inspect } from 'node:util';
import { SecretString } from '../../lib/common/SecretString.js';

describe('SecretString', () => {
  const secret = new SecretString('CANARY');

  it('reveals itself where it is asked to', () => expect(secret.reveal()).to.equal('CANARY'));

  const ways: readonly (readonly [string, () => unknown])[] = [
    ['String()', () => String(secret)],
    ['a template', () => `${secret as unknown as string}`],
    ['toString()', () => secret.toString()],
    ['+', () => 'key: ' + (secret as unknown as string)],
    ['Number()', () => Number(secret)],
    ['JSON', () => JSON.stringify({ secret, list: [secret] })],
    ['inspect', () => inspect({ secret }, { showHidden: true, depth: 9, getters: true })],
    ['inspect in a Map', () => inspect(new Map([[secret, secret]]), { showHidden: true })],
    ['format', () => format('%s %o %O %j', secret, secret, secret, secret)],
    ['its keys', () => [Reflect.ownKeys(secret), Object.entries(secret)]],
    ['a clone', () => inspect(structuredClone(secret), { showHidden: true })],
    ['an error', () => inspect(new Error('x', { cause: secret }), { showHidden: true })],
  ];
  for (const [name, look] of ways) it(`shows nothing through ${name}`, () => expect(inspect(look())).to.not.include('CANARY'));

  it('says that something is hidden', () => {
    expect(String(secret)).to.equal('[redacted]');
    expect(inspect(secret)).to.equal('SecretString([redacted])');
  });
});
