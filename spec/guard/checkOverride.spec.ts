import { expect } from 'chai';
import sinon from 'sinon';
import { AegisAgent, AegisGuard, AegisModule, assertGuarded, ConfigError, GuardDefinitionError } from '../../lib/index.js';
import { moduleAsking, StandInDecisions, thrown } from '../support/standInDecisions.js';

describe('An override of a guarded method', () => {
  let service: StandInDecisions;
  let module: AegisModule;
  beforeEach(() => {
    service = new StandInDecisions();
    module = moduleAsking(service);
  });
  afterEach(async () => {
    sinon.restore();
    await module.close();
    await AegisModule.close();
  });

  function family(options: object = {}) {
    class Parent {
      @AegisGuard({ params: ['to'], approval: 'wait', module, ...options })
      async send(to: string): Promise<string> {
        return to;
      }
      @AegisGuard({ params: ['to'], approval: 'wait', module })
      static async ofClass(to: string): Promise<string> {
        return to;
      }
    }
    class Child extends Parent {
      override async send(to: string): Promise<string> {
        return `${to}!`;
      }
    }
    return { Parent, Child };
  }

  it('without a guard is refused at the first construction', () => {
    const { Child } = family();
    const error = thrown(() => new Child());
    expect(error).to.be.instanceOf(GuardDefinitionError);
    expect(error.message).to.equal('Child.send overrides a guarded method, but is not guarded itself; decorate it with @AegisGuard.');
  });

  it('without a guard is refused however far down it is', () => {
    const { Child } = family();
    expect(() => new (class Grandchild extends Child {})()).to.throw(GuardDefinitionError, 'Grandchild.send');
  });

  it('without a guard is refused in a class that has no name', () => {
    const { Child } = family();
    expect(() => new (class extends Child {})()).to.throw(GuardDefinitionError, 'a subclass.send overrides a guarded method');
  });

  it('with a guard is not', () => {
    const { Parent } = family();
    class Child extends Parent {
      @AegisGuard({ params: ['to'], approval: 'wait', module })
      override async send(to: string): Promise<string> {
        return to;
      }
    }
    expect(() => new Child()).to.not.throw();
  });

  it('that is a getter is refused, and not run to find out', () => {
    const { Parent } = family();
    class Child extends Parent {}
    const get = sinon.spy(() => async () => 'x');
    Object.defineProperty(Child.prototype, 'send', { get });
    expect(() => new Child()).to.throw(GuardDefinitionError);
    expect(get.called).to.equal(false);
  });

  it('may stand in for a method in a test: stubbing the prototype passes', async () => {
    const { Parent } = family();
    sinon.stub(Parent.prototype, 'send').resolves('stubbed');
    expect(await new Parent().send('a')).to.equal('stubbed');
    class Child extends Parent {}
    expect(await new Child().send('a')).to.equal('stubbed');
  });

  it('passes where another decorator wraps the guard', () => {
    const log = (method: any): any =>
      function (this: unknown, ...args: unknown[]) {
        return Reflect.apply(method as (...args: unknown[]) => unknown, this, args);
      };
    class Logged {
      @log
      @AegisGuard({ approval: 'wait', module })
      async act(): Promise<void> {}
    }
    expect(() => new Logged()).to.not.throw();
  });

  it('is warned of where the class says so', async () => {
    const { Child } = family();
    const Warned = class Warned extends Child {};
    AegisAgent('a', { onUnguardedOverride: 'ignore' })(Warned);
    expect(() => new Warned()).to.not.throw();
    const emitWarning = sinon.stub(process, 'emitWarning');
    const Noted = class Noted extends Child {};
    AegisAgent('a', { onUnguardedOverride: 'warn' })(Noted);
    expect(emitWarning.callCount).to.equal(1);
    expect(() => new Noted()).to.not.throw();
    expect(emitWarning.callCount).to.equal(2);
    expect(String(emitWarning.lastCall.args[0])).to.include('Noted.send overrides a guarded method');
  });

  it('is what the base class says, unless the class itself says otherwise', () => {
    const { Parent, Child } = family();
    AegisAgent('a', { onUnguardedOverride: 'ignore' })(Parent);
    expect(() => AegisAgent('b')(Child)).to.not.throw();
    expect(() => new Child()).to.not.throw();
    expect(() => AegisAgent('b', { onUnguardedOverride: 'throw' })(Child)).to.throw(GuardDefinitionError);
  });

  it('is what the module of the guard says', () => {
    const lenient = moduleAsking(service, { onUnguardedOverride: 'ignore' });
    const { Child } = family({ module: lenient });
    expect(() => new Child()).to.not.throw();
  });

  it('is what the module of the class says', () => {
    const { Parent, Child } = family({ module: undefined });
    AegisAgent('a', { module: moduleAsking(service, { onUnguardedOverride: 'ignore' }) })(Parent);
    expect(() => new Child()).to.not.throw();
    expect(() => AegisAgent('b')(Child)).to.not.throw();
    expect(() => AegisAgent('b', { module: moduleAsking(service) })(Child)).to.throw(GuardDefinitionError);
  });

  it('is what the current module says, and refused while there is none', () => {
    const { Child } = family({ module: undefined });
    expect(() => new Child()).to.throw(GuardDefinitionError);
    AegisModule.configure({ decisions: service, onUnguardedOverride: 'ignore', env: false });
    expect(() => new Child()).to.not.throw();
  });

  it('is refused at definition in an @AegisAgent class', () => {
    const { Parent } = family();
    expect(() => {
      @AegisAgent('a')
      class Child extends Parent {
        override async send(to: string): Promise<string> {
          return to;
        }
      }
      return Child;
    }).to.throw(GuardDefinitionError, 'Child.send');
  });

  it('of a static method is found by assertGuarded, which names every one', () => {
    const { Parent, Child } = family();
    class Static extends Child {
      static override async ofClass(to: string): Promise<string> {
        return to;
      }
    }
    const error = thrown(() => assertGuarded(Static)) as ConfigError;
    expect(error).to.be.instanceOf(ConfigError);
    expect(error.problems.map((p) => p.where)).to.deep.equal(['Static.send', 'Static.ofClass']);
    expect(() => assertGuarded(Parent)).to.not.throw();
  });
});
