import { expect } from 'chai';
import { createHmac } from 'node:crypto';
import { SecretString } from '../../lib/common/SecretString.js';
import { purposeKey } from '../../lib/store/purposeKey.js';

const stateKey = new SecretString('a state key');

describe('purposeKey', () => {
  it('is HKDF-SHA-256 of the state key for the purpose and the tenant', () => {
    const extracted = createHmac('sha256', Buffer.alloc(32)).update('a state key').digest();
    const expected = createHmac('sha256', extracted)
      .update('aegis/records/v1/acme')
      .update(Buffer.from([1]))
      .digest('base64url');
    expect(purposeKey(stateKey, 'records', 'acme').reveal()).to.equal(expected);
    expect(String(purposeKey(stateKey, 'records', 'acme'))).to.equal('[redacted]');
  });

  it('is another one for each purpose, tenant and state key', () => {
    const keys = ['records', 'approvals', 'api-keys'].flatMap((purpose) =>
      ['default', 'acme', 'Acme', 'acme.'].flatMap((tenant) =>
        [stateKey, new SecretString('another')].map((key) => purposeKey(key, purpose, tenant).reveal()),
      ),
    );
    expect(new Set(keys).size).to.equal(24);
  });

  it('refuses a purpose or a tenant that could be two', () => {
    for (const purpose of ['', 'a/v1/b', 'A', '1', 'x'.repeat(33)])
      expect(() => purposeKey(stateKey, purpose, 'acme')).to.throw(TypeError, 'purpose');
    for (const tenant of ['', 'a/b', 'a b']) expect(() => purposeKey(stateKey, 'records', tenant)).to.throw('tenantId');
  });
});
