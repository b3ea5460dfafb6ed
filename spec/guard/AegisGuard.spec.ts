import { expect } from 'chai';
import sinon from 'sinon';
import { AegisGuard, ForbiddenError, getGuard, GuardDefinitionError, listGuards, ParamsError } from '../../lib/index.js';
import type { AegisModule } from '../../lib/index.js';
import { loadUnderLegacyEmit } from '../support/legacyEmit.js';
import { moduleAsking, rejection, StandInDecisions, thrown } from '../support/standInDecisions.js';
import * as standard from './fixtures/guardedClasses.js';

type Fixture = typeof standard;

const LooseGuard = AegisGuard as unknown as (options: unknown) => (...placed: unknown[]) => unknown;

for (const emit of ['TC39 decorators', 'experimentalDecorators'] as const) {
  describe(`@AegisGuard under ${emit}`, function () {
    this.timeout(20_000);
    let fixture: Fixture;
    let remove = (): void => {};
    let service: StandInDecisions;
    let module: AegisModule;
    let classes: ReturnType<Fixture['define']>;

    before(async () => {
      if (emit === 'TC39 decorators') fixture = standard;
      else {
        const loaded = await loadUnderLegacyEmit('guard/fixtures/guardedClasses.ts');
        fixture = loaded.module as Fixture;
        remove = () => loaded.remove();
      }
    });
    after(() => remove());

    beforeEach(() => {
      service = new StandInDecisions();
      module = moduleAsking(service);
      classes = fixture.define(module);
    });
    afterEach(() => module.close());

    it('is the emit that the name says', () => {
      const types = Reflect.getMetadata('design:paramtypes', classes.Workspace.prototype, 'post') as unknown;
      expect(types).to.deep.equal(emit === 'TC39 decorators' ? undefined : [String, Object]);
    });

    it('asks before the method runs, by the names it was given', async () => {
      expect(await new classes.Workspace().post('#a', 'b')).to.equal('#a/b/s1');
      expect(service.last).to.deep.include({ agentId: 'agent', toolName: 'post', guardKey: 'post', params: { channel: '#a', text: 'b' } });
    });

    it('leaves an omitted argument out, so that the default applies', async () => {
      expect(await new classes.Workspace().post('#a')).to.equal('#a/hi/s1');
      expect(service.last.params).to.deep.equal({ channel: '#a' });
    });

    it('takes an argument that is undefined for an omitted one', async () => {
      expect(await new classes.Workspace().post('#a', undefined)).to.equal('#a/hi/s1');
      expect(service.last.params).to.deep.equal({ channel: '#a' });
    });

    it('refuses more arguments than there are names', async () => {
      const post = new classes.Workspace().post as (...args: string[]) => Promise<string>;
      expect(await rejection(post('#a', 'b', 'c'))).to.be.instanceOf(ParamsError);
      expect(service.requests).to.be.empty;
    });

    it('does not enter a method that is denied', async () => {
      service.always({ effect: 'deny', reason: 'not today' });
      const body = sinon.spy();
      const workspace = new classes.Workspace();
      Object.defineProperty(workspace, 'sid', { get: body });
      const error = await rejection(workspace.post('#a', 'b'));
      expect(error).to.be.instanceOf(ForbiddenError).and.include({ message: "Tool 'post' is not allowed: not today" });
      expect(body.called).to.equal(false);
    });

    it('never throws at once', async () => {
      service.answer = () => {
        throw new Error('down');
      };
      const workspace = new classes.Workspace() as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
      for (const call of [
        ['post', 1, 2, 3],
        ['order', 'text'],
        ['post', () => {}],
        ['post', 'a'],
      ] as const) {
        const [method, ...args] = call;
        let promise: Promise<unknown> | undefined;
        expect(() => (promise = workspace[method]?.(...args)), method).to.not.throw();
        await rejection(promise as Promise<unknown>);
      }
    });

    it('gives guard callbacks the instance and the arguments', async () => {
      await new classes.Office().inSession('x');
      expect(service.last.session).to.deep.equal({ sid: 's2', a: 'x' });
    });

    it('guards static methods, with the class as this', async () => {
      expect(await classes.Workspace.ofClass('a', 'b', 'c')).to.equal('Workspace+a+b+c');
      expect(service.last.params).to.deep.equal({ a: 'a', more: ['b', 'c'] });
    });

    it('guards inherited methods', async () => {
      expect(await new classes.Office().post('#a')).to.equal('#a/hi/s2');
      service.always({ effect: 'deny' });
      expect(await rejection(new classes.Office().post('#a'))).to.be.instanceOf(ForbiddenError);
    });

    it('asks twice where a guarded method calls the guarded one it overrides, outer first', async () => {
      expect(await new classes.Annex().post('#a', 'b')).to.equal('annex:#a/b/s1');
      expect(service.requests.map((r) => r.toolName)).to.deep.equal(['annex.post', 'post']);
    });

    it('passes the inner denial on through super', async () => {
      service.answer = (request) => ({ effect: request.toolName === 'post' ? 'deny' : 'allow' });
      expect(await rejection(new classes.Annex().post('#a')))
        .to.be.instanceOf(ForbiddenError)
        .and.have.property('toolName', 'post');
    });

    it('takes the own keys of a sole object for names', async () => {
      expect(await new classes.Workspace().order({ id: 'o1' })).to.equal('o1/s1');
      expect(service.last.params).to.deep.equal({ id: 'o1' });
    });

    it('keeps the guard on a method that is bound, called or applied', async () => {
      service.always({ effect: 'deny' });
      const workspace = new classes.Workspace();
      const { post } = classes.Workspace.prototype;
      for (const call of [post.bind(workspace), (a: string) => post.call(workspace, a), (a: string) => post.apply(workspace, [a])])
        expect(await rejection(call('#a'))).to.be.instanceOf(ForbiddenError);
    });

    it("passes the method's own errors on as they are, thrown or rejected", async () => {
      const workspace = new classes.Workspace();
      for (const error of [await rejection(workspace.rejects('mine')), await rejection(workspace.throws('mine'))])
        expect(error).to.be.instanceOf(RangeError).and.have.property('message', 'mine');
    });

    it('keeps name and length', () => {
      const { post, count } = classes.Workspace.prototype;
      expect([post.name, post.length, count.name, count.length]).to.deep.equal(['post', 1, 'count', 1]);
      expect([classes.Workspace.ofClass.name, classes.Workspace.ofClass.length]).to.deep.equal(['ofClass', 1]);
    });

    for (const method of ['post', 'above'] as const)
      it(`keeps what another decorator left on the function, ${method === 'post' ? 'below' : 'above'} the guard`, () => {
        const fn = classes.Workspace.prototype[method] as unknown as { route: string };
        const path = method === 'post' ? '/below' : '/above';
        expect(Reflect.getMetadata('path', fn)).to.equal(path);
        expect(fn.route).to.equal(path);
      });

    it('can be read: getGuard, listGuards and metadata', () => {
      const info = getGuard(classes.Workspace, 'post');
      expect(info).to.deep.include({ method: 'post', toolName: 'post', key: 'post', approval: 'wait', params: ['channel', 'text'] });
      expect(info).to.be.frozen;
      expect(Reflect.getMetadata('aegis:guard', classes.Workspace.prototype.post)).to.equal(info);
      expect(getGuard(classes.Workspace, 'ofClass')?.toolName).to.equal('static');
      expect(getGuard(new classes.Office(), 'post')).to.equal(info);
      expect(getGuard(classes.Annex, 'post')?.toolName).to.equal('annex.post');
      expect(getGuard(classes.Workspace, 'sid')).to.equal(undefined);
      expect(
        listGuards(classes.Annex)
          .map((g) => g.toolName)
          .sort(),
      ).to.deep.equal(['above', 'annex.post', 'order', 'session.tool', 'static', 'stream', 'throws', 'throws.sync']);
    });

    describe('on an async generator', () => {
      it('asks before the first item, and once', async () => {
        const items: number[] = [];
        for await (const item of new classes.Workspace().count(3)) items.push(item);
        expect(items).to.deep.equal([0, 1, 2]);
        expect(service.requests).to.have.length(1);
      });

      it('asks nothing while nobody reads', () => {
        new classes.Workspace().count(3);
        expect(service.requests).to.be.empty;
      });

      it('gives no item when it is denied', async () => {
        service.always({ effect: 'deny' });
        const stream = new classes.Workspace().count(3);
        expect(await rejection(stream.next())).to.be.instanceOf(ForbiddenError);
        expect(await stream.next()).to.deep.equal({ value: undefined, done: true });
      });

      it('hands values in, and the return value out', async () => {
        const stream = new classes.Workspace().count(3);
        expect(await stream.next()).to.deep.equal({ value: 0, done: false });
        expect(await stream.next('stop')).to.deep.equal({ value: 'stopped', done: true });
      });
    });

    describe('with @AegisAgent on the class', () => {
      it('takes agent and module from the class, unless the guard names an agent', async () => {
        const agent = new classes.Agent();
        await agent.act();
        expect(service.last).to.include({ agentId: 'class-agent', toolName: 'act' });
        await agent.own();
        expect(service.last.agentId).to.equal('own-agent');
      });

      it('is inherited; a subclass that names another agent keeps the module', async () => {
        await new classes.Inheriting().act();
        expect(service.last.agentId).to.equal('class-agent');
        await new classes.Sub().act();
        expect(service.last.agentId).to.equal('sub-agent');
      });
    });

    describe('is refused at definition on', () => {
      for (const name of Object.keys(standard.refused))
        it(name, () => {
          const error = thrown(() => fixture.refused[name]?.());
          expect(error).to.be.instanceOf(GuardDefinitionError);
          expect(error.message).to.match(/@AegisGuard|The guard of/);
        });
    });
  });
}

describe('@AegisGuard under TC39 decorators alone', () => {
  let service: StandInDecisions;
  let module: AegisModule;
  beforeEach(() => {
    service = new StandInDecisions();
    module = moduleAsking(service);
  });
  afterEach(() => module.close());

  it('guards #private methods, instance and static', async () => {
    class Safe {
      @AegisGuard({ params: ['code'], approval: 'wait', module })
      async #open(code: string): Promise<string> {
        return `opened ${code}`;
      }
      @AegisGuard({ params: ['code'], approval: 'wait', module })
      static async #openAny(code: string): Promise<string> {
        return `${this.name} ${code}`;
      }
      open(code: string): Promise<string> {
        return this.#open(code);
      }
      static openAny(code: string): Promise<string> {
        return this.#openAny(code);
      }
    }
    expect(await new Safe().open('1')).to.equal('opened 1');
    expect(service.last).to.include({ toolName: 'open' });
    expect(await Safe.openAny('2')).to.equal('Safe 2');
    service.always({ effect: 'deny' });
    expect(await rejection(new Safe().open('1'))).to.be.instanceOf(ForbiddenError);
    expect(await rejection(Safe.openAny('1'))).to.be.instanceOf(ForbiddenError);
  });

  it('is refused on an accessor', () => {
    const error = thrown(
      () =>
        class {
          @(LooseGuard({}) as (value: unknown, context: DecoratorContext) => any)
          accessor value = 1;
        },
    );
    expect(error)
      .to.be.instanceOf(GuardDefinitionError)
      .and.have.property('message', "@AegisGuard guards methods, but it decorates an accessor ('value'); make it a method.");
  });
});

describe('@AegisGuard under experimentalDecorators alone', () => {
  const places: readonly (readonly [string, readonly unknown[], RegExp])[] = [
    ['a parameter of a method', [class {}.prototype, 'method', 0], /it decorates a parameter/],
    ['a parameter of a constructor', [class {}, undefined, 0], /it decorates a parameter/],
    ['a class', [class {}], /it decorates a class/],
    ['a field', [class {}.prototype, 'field', undefined], /it decorates a field, getter or setter \('field'\)/],
    ['a field, as Babel has it', [class {}.prototype, 'field', null], /it decorates a field/],
  ];
  for (const [name, placed, message] of places)
    it(`is refused on ${name}`, () => {
      expect(() => LooseGuard({})(...placed)).to.throw(GuardDefinitionError, message);
    });

  it('leaves the rest of the descriptor as it was', () => {
    const value = async (): Promise<void> => {};
    const descriptor = LooseGuard({ approval: 'wait' })({}, 'method', { value, enumerable: true, configurable: false, writable: false });
    expect(descriptor).to.deep.include({ enumerable: true, configurable: false, writable: false });
  });
});
