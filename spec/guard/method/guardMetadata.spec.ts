import { expect } from 'chai';
import sinon from 'sinon';
import { AegisAgent, AegisGuard, assertGuarded, getGuard, guard, guardSync, listGuards } from '../../../lib/index.js';
import type { AegisModule } from '../../../lib/index.js';
import { moduleAsking, StandInDecisions } from '../../support/standInDecisions.js';

describe('What a guard says of itself', () => {
  let module: AegisModule;
  beforeEach(() => (module = moduleAsking(new StandInDecisions())));
  afterEach(async () => {
    sinon.restore();
    await module.close();
  });

  it('is the agent it was given, if that is a text and not computed', () => {
    const infoOf = (agentId: unknown) => getGuard((guard as any)(async () => 1, { toolName: 't', module, agentId }) as object);
    expect(infoOf('mailer')?.agentId).to.equal('mailer');
    expect(infoOf(() => 'mailer')?.agentId).to.equal(undefined);
    expect(infoOf(undefined)?.agentId).to.equal(undefined);
  });

  it('is that it is not idempotent, unless it was said to be', () => {
    expect(getGuard(guard(async () => 1, { toolName: 't', module }))?.idempotent).to.equal(false);
    expect(getGuard(guard(async () => 1, { toolName: 't', module, idempotent: true }))?.idempotent).to.equal(true);
  });

  it('is its tool, for the method of a function that has no name', () => {
    expect(getGuard(guard(async () => 1, { toolName: 't', module }))?.method).to.equal('t');
    expect(getGuard(guardSync(() => 1, { toolName: 't', module }))?.method).to.equal('t');
  });

  it('is a name and a length that tools may change, as those of any function', () => {
    const guarded = guard(async (n: number) => n, { toolName: 't', params: ['n'], module });
    for (const key of ['name', 'length'])
      expect(Object.getOwnPropertyDescriptor(guarded, key)).to.include({ configurable: true, writable: false, enumerable: false });
  });

  it('is the agent of the module, for an object that has no class', async () => {
    const service = new StandInDecisions();
    const asking = moduleAsking(service);
    const send = guard(async () => 1, { toolName: 't', module: asking, approval: 'wait' });
    const bare = (more: object): object => Object.assign(Object.create(null) as object, more);
    for (const self of [bare({}), bare({ constructor: 'mailer' }), { constructor: { agentId: 'mailer' } }, { constructor: null }])
      expect(await Reflect.apply(send, self, [])).to.equal(1);
    expect(service.requests.map(({ agentId }) => agentId)).to.deep.equal(['agent', 'agent', 'agent', 'agent']);
    await asking.close();
  });

  it('is, for a class, what frameworks read by reflect-metadata', () => {
    class Mailer {}
    AegisAgent('mailer', { module })(Mailer);
    expect(Reflect.getMetadata('aegis:agent', Mailer)).to.include({ agentId: 'mailer', module });
  });
});

describe('A guarded override of a guarded method', () => {
  class Parent {
    @AegisGuard({ toolName: 'send', approval: 'wait' })
    async send(): Promise<void> {}
    @AegisGuard({ toolName: 'ofClass', approval: 'wait' })
    static async ofClass(): Promise<void> {}
  }
  class Child extends Parent {
    @AegisGuard({ toolName: 'send2', approval: 'wait' })
    override async send(): Promise<void> {}
    @AegisGuard({ toolName: 'ofClass2', approval: 'wait' })
    static override async ofClass(): Promise<void> {}
  }

  it('undoes nothing: classes that have them are fine', () => {
    expect(() => assertGuarded(Child)).to.not.throw();
    expect(() => AegisAgent('a')(Child)).to.not.throw();
  });

  it('is the one that is listed', () => {
    expect(listGuards(Child).map(({ toolName }) => toolName)).to.have.members(['send2', 'ofClass2']);
  });

  it('is found where a class inherits from nothing, too', () => {
    const Bare = class extends (null as unknown as typeof Parent) {};
    Object.defineProperty(Bare.prototype, 'send', { value: Parent.prototype.send });
    expect(listGuards(Bare).map(({ toolName }) => toolName)).to.deep.equal(['send']);
  });
});

describe('An unguarded override of a guarded method', () => {
  it('is found in a constructor from before there were classes, whose prototype names none', () => {
    class Parent {
      @AegisGuard({ toolName: 'send', approval: 'wait' })
      async send(): Promise<void> {}
    }
    const family = (more: object): typeof Parent => {
      function Old(): void {}
      Old.prototype = Object.assign(Object.create(Parent.prototype) as object, more);
      return Old as unknown as typeof Parent;
    };
    expect(() => assertGuarded(family({}))).to.not.throw();
    expect(() => assertGuarded(family({ send: async () => {} }))).to.throw('Old.send: overrides a guarded method');
  });

  it('is not spoken of where that is to be ignored', () => {
    const emitWarning = sinon.stub(process, 'emitWarning');
    class Parent {
      @AegisGuard({ toolName: 'send', approval: 'wait' })
      async send(): Promise<void> {}
    }
    AegisAgent('a', { onUnguardedOverride: 'ignore' })(Parent);
    class Child extends Parent {
      override async send(): Promise<void> {}
    }
    AegisAgent('a')(Child);
    expect(() => new Child()).to.not.throw();
    expect(emitWarning.callCount).to.equal(0);
    sinon.restore();
  });
});
