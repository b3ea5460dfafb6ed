import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import { SecretString } from '../../../lib/common/SecretString.js';
import { HostSignature, signHostRequest } from '../../../lib/server/access/HostSignature.js';

describe('The signature of the operator of the host', () => {
  it('is good once, also at a server that was started again since', () => {
    const clock = useFakeTimers({ now: Date.UTC(2026, 0, 1), toFake: ['Date', 'performance'] });
    try {
      const key = new SecretString('a key of the specs of host signatures');
      const request = { method: 'POST', path: '/v1/setup-links', host: '127.0.0.1:4180', body: '' };
      const signed = (): string => signHostRequest(key, request, { user: 'ops', tenantId: 'default' }, Date.now());
      const verify = (server: HostSignature, header: string): string | undefined => server.verify(header, request, '127.0.0.1', false)?.id;
      const before = new HostSignature(key);
      clock.tick(5_000);
      const [seen, unseen] = [signed(), signed()];
      expect([verify(before, seen), verify(before, seen)]).to.deep.equal(['host:ops', undefined]);
      clock.tick(2_000);
      const again = new HostSignature(key);
      expect([verify(again, seen), verify(again, unseen)]).to.deep.equal([undefined, undefined]);
      expect(again.mayBeValid(seen, '127.0.0.1', false)).to.equal(false);
      expect(verify(again, signed())).to.equal('host:ops');
    } finally {
      clock.restore();
    }
  });
});
