import { expect } from 'chai';
import { AegisGuard } from '../../../lib/guard/AegisGuard.js';
import { bindingOf } from '../../../lib/guard/method/guardIndex.js';
import type { GuardInfo } from '../../../lib/guard/method/guardMetadata.js';
import { getGuard } from '../../../lib/guard/method/guardMetadata.js';
import { registerGuards } from '../../../lib/guard/method/registerGuards.js';
import { ConfigError } from '../../../lib/model/errors/SetupErrors.js';
import type { PendingApproval } from '../../../lib/model/PendingApproval.js';

let keys = 0;

describe('registerGuards', () => {
  function define() {
    const key = `register-${(keys += 1)}`;
    class Till {
      @AegisGuard({ toolName: 'refund', key })
      async refund(): Promise<void | PendingApproval<void>> {}
      @AegisGuard({ toolName: 'shut', key: `${key}-static` })
      static async shut(): Promise<void | PendingApproval<void>> {}
    }
    const of = (method: string) => bindingOf(getGuard(Till, method) as GuardInfo);
    return { Till, refund: of('refund'), shut: of('shut') };
  }

  it('binds the guards of a class to it, without an instance', () => {
    const { Till, refund, shut } = define();
    registerGuards(Till);
    expect([refund?.class, refund?.sole]).to.deep.equal([Till, { kind: 'none' }]);
    expect(shut?.sole).to.deep.equal({ kind: 'sole', self: Till });
  });

  it('binds them to an instance that was made without its constructor', () => {
    const { Till, refund } = define();
    const till = Object.create(Till.prototype) as object;
    registerGuards(till);
    expect([refund?.class, refund?.sole]).to.deep.equal([Till, { kind: 'sole', self: till }]);
  });

  it('refuses what has no guards', () => {
    class Plain {}
    for (const target of [Plain, new Plain(), {}, Object.create(null), null, () => 1, { constructor: 'a text' }])
      expect(() => registerGuards(target as object)).to.throw(ConfigError, 'register(): takes a class');
  });
});
