import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { GuardBinding } from '../../../lib/guard/method/GuardBinding.js';
import { readGuardOptions } from '../../../lib/guard/method/readGuardOptions.js';

class Till {}

describe('GuardBinding', () => {
  const binding = (bare = false): GuardBinding => new GuardBinding(readGuardOptions('refund', 1, { params: ['a'] }), async () => {}, bare);

  it('knows no instance at first, and none is needed for a bare function', () => {
    expect(binding().sole).to.deep.equal({ kind: 'none' });
    expect(binding(true).sole).to.deep.equal({ kind: 'sole', self: undefined });
  });

  it('has the sole instance until there is another, and says which one was the first', () => {
    const under = binding();
    const [one, two] = [new Till(), new Till()];
    expect([under.seenOn(one), under.seenOn(one)]).to.deep.equal([true, false]);
    expect(under.sole).to.deep.equal({ kind: 'sole', self: one });
    expect([under.seenOn(two), under.seenOn(one), under.seenOn(new Till())]).to.deep.equal([false, false, false]);
    expect(under.sole).to.deep.equal({ kind: 'several' });
  });

  it('keeps the first instance though nobody else does, and no instance where there are several', async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    // a WeakRef holds what was read of it until the turn ends
    const collect = async (): Promise<void> => {
      for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(() => (gc(), resolve(undefined))));
    };
    const under = binding();
    const seen: WeakRef<object>[] = [];
    const construct = (): void => {
      const till = new Till();
      under.seenOn(till);
      seen.push(new WeakRef(till));
    };
    construct();
    await collect();
    expect(under.sole.kind).to.equal('sole');
    expect(seen[0]?.deref()).to.not.equal(undefined);
    construct();
    await collect();
    expect([under.sole.kind, ...seen.map((ref) => ref.deref())]).to.deep.equal(['several', undefined, undefined]);
  });

  it('is seen on nothing that is no object', () => {
    const under = binding(true);
    for (const self of [undefined, null, 5, 'text']) expect(under.seenOn(self)).to.equal(false);
    expect(under.sole).to.deep.equal({ kind: 'sole', self: undefined });
  });

  it('belongs to the class it was registered with, else to that of its first instance; a static method to the class it runs on', () => {
    class Other {}
    const registered = binding();
    registered.belongsTo(Till);
    registered.belongsTo(Other);
    registered.seenOn(new Other());
    expect([registered.class, String(registered)]).to.deep.equal([Till, 'Till.refund']);
    const seen = binding();
    expect([seen.class, String(seen)]).to.deep.equal([undefined, 'refund']);
    seen.seenOn(new Other());
    expect(seen.class).to.equal(Other);
    const onClass = binding();
    onClass.seenOn(Till);
    expect([onClass.class, onClass.sole]).to.deep.equal([Till, { kind: 'sole', self: Till }]);
  });

  it('believes whoever hands over an object for a private method, which nobody can see, and nobody else', () => {
    const hidden = new GuardBinding(readGuardOptions('#refund', 1, { params: ['a'] }), async () => {}, false);
    expect([hidden.isOf({}), binding().isOf({ refund: async () => {} }), binding().isOf(Object.create(null) as object)]).to.deep.equal([
      true,
      false,
      false,
    ]);
  });
});
