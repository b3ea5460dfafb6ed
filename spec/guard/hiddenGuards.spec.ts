import { expect } from 'chai';
import sinon from 'sinon';
import { AegisAgent, AegisGuard, AegisModule, assertGuarded, getGuard, guard, GuardDefinitionError } from '../../lib/index.js';
import { expectGuarded } from '../../lib/testing/index.js';
import { counted } from '../support/assurance.js';
import { rejection } from '../support/standInDecisions.js';

const FORBID = { text: '@id("none") forbid (principal, action, resource);' };

interface Store {
  drop(table: string): Promise<unknown>;
  read(): Promise<unknown>;
}
type StoreClass = new () => Store;

/** A class with two guarded methods, and what ran of those that hide them. */
interface Family {
  readonly Base: StoreClass;
  readonly ran: string[];
}

const EMITS: Readonly<Record<string, (module: AegisModule, agent?: string) => Family>> = {
  'TC39 decorators': (module) => {
    const ran: string[] = [];
    class Base {
      @AegisGuard({ params: ['table'], approval: 'wait', module })
      async drop(table: string): Promise<unknown> {
        return ran.push(table);
      }
      @AegisGuard({ approval: 'wait', module })
      async read(): Promise<unknown> {
        return ran.push('read');
      }
    }
    return { Base, ran };
  },
  experimentalDecorators: (module) => {
    const ran: string[] = [];
    class Base {
      async drop(table: string): Promise<unknown> {
        return ran.push(table);
      }
      async read(): Promise<unknown> {
        return ran.push('read');
      }
    }
    for (const [name, params] of [
      ['drop', ['table']],
      ['read', []],
    ] as const) {
      const decorate = AegisGuard({ params, approval: 'wait', module } as never) as unknown as (...given: unknown[]) => PropertyDescriptor;
      Object.defineProperty(Base.prototype, name, decorate(Base.prototype, name, Object.getOwnPropertyDescriptor(Base.prototype, name)));
    }
    return { Base, ran };
  },
};

const later =
  (run: (table: string) => unknown): ((table: string) => Promise<unknown>) =>
  async (table) =>
    run(table);

/** Ways to hide `drop`. `text`: whether the text of the class shows it, so that it is found before there is an instance. */
const FORMS: Readonly<Record<string, { readonly text: boolean; readonly make: (family: Family) => StoreClass }>> = {
  'an arrow field': {
    text: true,
    make: ({ Base, ran }) =>
      class Sub extends Base {
        override drop = async (table: string): Promise<unknown> => ran.push(table);
      },
  },
  'a field with a function': {
    text: true,
    make: ({ Base, ran }) =>
      class Sub extends Base {
        override drop = async function (table: string): Promise<unknown> {
          return ran.push(table);
        };
      },
  },
  'a field of a class below': {
    text: true,
    make: ({ Base, ran }) =>
      class Sub extends class Middle extends Base {
        override drop = async (table: string): Promise<unknown> => ran.push(table);
      } {},
  },
  'a field that hides what a class below guards again': {
    text: true,
    make: ({ Base, ran }) => {
      class Middle extends Base {
        override drop = async (table: string): Promise<unknown> => ran.push(table);
      }
      return class Sub extends Middle {};
    },
  },
  'an assignment in the constructor': {
    text: true,
    make: ({ Base, ran }) =>
      class Sub extends Base {
        constructor() {
          super();
          this.drop = async (table) => ran.push(table);
        }
      },
  },
  'defineProperty in the constructor': {
    text: true,
    make: ({ Base, ran }) =>
      class Sub extends Base {
        constructor() {
          super();
          Object.defineProperty(this, 'drop', { value: async (table: string) => ran.push(table) });
        }
      },
  },
  'Object.assign in the constructor': {
    text: true,
    make: ({ Base, ran }) =>
      class Sub extends Base {
        constructor() {
          super();
          Object.assign(this, { drop: async (table: string) => ran.push(table) });
        }
      },
  },
  'a field with a function from elsewhere': {
    text: false,
    make: ({ Base, ran }) =>
      class Sub extends Base {
        override drop = later((table) => ran.push(table));
      },
  },
  'a field whose name is computed': {
    text: false,
    make: ({ Base, ran }) => {
      const name = ['dr', 'op'].join('') as 'drop';
      return class Sub extends Base {
        override [name] = async (table: string): Promise<unknown> => ran.push(table);
      };
    },
  },
  'an accessor of the instance': {
    text: false,
    make: ({ Base, ran }) =>
      class Sub extends Base {
        constructor() {
          super();
          Object.defineProperty(this, 'drop', { get: () => later((table) => ran.push(table)) });
        }
      },
  },
  'properties that a mixin copies': {
    text: false,
    make: ({ Base, ran }) => {
      const mixin = { drop: later((table) => ran.push(table)) };
      return class Sub extends Base {
        constructor() {
          super();
          Object.assign(this, mixin);
        }
      };
    },
  },
};

describe('A guarded method that an instance hides', () => {
  let module: AegisModule;
  beforeEach(() => (module = AegisModule.create({ policies: FORBID, agentId: 'bot' })));
  afterEach(async () => {
    sinon.restore();
    await module.close();
  });

  let cases = 0;
  let wrong = 0;
  after(() => counted({ what: 'A9 guarded methods that fields, assignments or accessors hide', cases, wrong }));
  /** Each must be true. */
  const holds = (...facts: readonly boolean[]): void => {
    cases += facts.length;
    wrong += facts.filter((fact) => !fact).length;
    expect(facts).not.to.include(false);
  };
  const refuses = (fn: () => unknown): boolean => {
    try {
      fn();
      return false;
    } catch (error) {
      return /drop/.test(String(error));
    }
  };
  /** An instance where construction itself looks away. */
  const built = (Sub: StoreClass): Store => {
    AegisAgent('bot', { onUnguardedOverride: 'ignore' })(Sub);
    const instance = new Sub();
    Reflect.deleteProperty(Sub, Symbol.for('aegis.agent'));
    return instance;
  };

  for (const [emit, familyOf] of Object.entries(EMITS))
    for (const [form, { text, make }] of Object.entries(FORMS))
      it(`is found (${emit}: ${form})`, async () => {
        const family = familyOf(module);
        const Sub = make(family);
        if (text) {
          holds(
            refuses(() => assertGuarded(Sub)),
            refuses(() => expectGuarded(Sub)),
            refuses(() => AegisAgent('bot')(Sub)),
          );
          if (emit.startsWith('TC39')) holds(refuses(() => new (make(family))()));
        }
        const instance = built(make(family));
        const error = await rejection(instance.read());
        holds(
          refuses(() => expectGuarded(instance)),
          refuses(() => module.register(instance)),
          error instanceof GuardDefinitionError && /drop/.test(error.message),
          family.ran.length === 0,
        );
      });

  it('is named together with what to do', () => {
    const { Base } = (EMITS['TC39 decorators'] as (module: AegisModule) => Family)(module);
    class Sub extends Base {
      override drop = async (): Promise<unknown> => 0;
    }
    const message =
      'Sub.drop is a function of the instance itself, from a field or an assignment, and hides a guarded method; make it a method and decorate it with @AegisGuard.';
    expect(() => new Sub()).to.throw(GuardDefinitionError, message);
    expect(() => assertGuarded(Sub)).to.throw(message.replace('drop is', 'drop: is'));
    expect(() => AegisAgent('bot')(Sub)).to.throw(GuardDefinitionError, message);
    expect(() => expectGuarded(Sub)).to.throw('drop: a field of the instance hides the guarded method');
  });

  it('is reported once for each class where the module says warn, and not where it says ignore', async () => {
    const warn = sinon.stub(process, 'emitWarning');
    for (const [onUnguardedOverride, warnings] of [
      ['warn', 1],
      ['ignore', 0],
    ] as const) {
      warn.resetHistory();
      const lenient = AegisModule.create({ policies: FORBID, agentId: 'bot', onUnguardedOverride });
      const { Base, ran } = (EMITS['experimentalDecorators'] as (module: AegisModule) => Family)(lenient);
      class Sub extends Base {
        override drop = later((table) => ran.push(table));
        other = 1;
      }
      for (let i = 0; i < 3; i++) expect(await rejection(new Sub().read())).to.have.property('name', 'ForbiddenError');
      expect(warn.callCount).to.equal(warnings);
      await lenient.close();
    }
  });

  it('is what the class says, before the module', async () => {
    const { Base, ran } = (EMITS['experimentalDecorators'] as (module: AegisModule) => Family)(module);
    class Lenient extends Base {
      override drop = later((table) => ran.push(table));
    }
    AegisAgent('bot', { onUnguardedOverride: 'ignore' })(Lenient);
    expect(await rejection(new Lenient().read())).to.have.property('name', 'ForbiddenError');
    class Silent extends Base {
      override drop = later((table) => ran.push(table));
    }
    AegisAgent('bot')(Silent);
    expect(await rejection(new Silent().read())).to.be.instanceOf(GuardDefinitionError);
    expect(ran).to.deep.equal([]);
  });

  it('is found on a class, too: a static field', async () => {
    class Base {
      @AegisGuard({ approval: 'wait', module })
      static async drop(): Promise<void> {}
      @AegisGuard({ approval: 'wait', module })
      static async read(): Promise<void> {}
    }
    class Sub extends Base {
      static override drop = async (): Promise<void> => {};
    }
    expect(await rejection(Sub.read())).to.be.instanceOf(GuardDefinitionError);
    expect(() => assertGuarded(Sub)).to.throw('drop');
    expect(await rejection(Base.read())).to.have.property('name', 'ForbiddenError');
  });

  describe('is left alone', () => {
    const store = (): Store => new ((EMITS['TC39 decorators'] as (module: AegisModule) => Family)(module).Base)();

    it('where the property is guarded itself, or the bound method', async () => {
      const { Base, ran } = (EMITS['TC39 decorators'] as (module: AegisModule) => Family)(module);
      class Sub extends Base {
        override drop = guard(async (table: string): Promise<unknown> => ran.push(table), {
          toolName: 'drop',
          params: ['table'],
          approval: 'wait',
          module,
        });
        constructor() {
          super();
          this.read = this.read.bind(this);
        }
      }
      const sub = new Sub();
      expect(await rejection(sub.drop('a'))).to.have.property('name', 'ForbiddenError');
      const { read } = sub;
      expect(await rejection(read())).to.have.property('name', 'ForbiddenError');
      expect(getGuard(sub.read)?.toolName).to.equal('read');
      expect(ran).to.deep.equal([]);
      expectGuarded(sub);
    });

    it('where a test has put a stand-in there', async () => {
      const doubles = [
        sinon.stub().resolves(1),
        Object.assign(async () => 1, { _isMockFunction: true }),
        Object.assign(async () => 1, { mock: {} }),
      ];
      for (const double of doubles) {
        const one = store();
        one.drop = double as never;
        expect(await rejection(one.read())).to.have.property('name', 'ForbiddenError');
        expect(() => expectGuarded(one)).to.throw('drop');
      }
    });

    it('where there is no prototype, and no object', async () => {
      const read = (EMITS['TC39 decorators'] as (module: AegisModule) => Family)(module).Base.prototype.read as (
        this: unknown,
      ) => Promise<unknown>;
      for (const self of [undefined, null, 1, 'text', Object.create(null)])
        expect(await rejection(Reflect.apply(read, self, []) as Promise<unknown>)).to.have.property('name', 'ForbiddenError');
    });
  });
});
