// The same import under experimentalDecorators and emitDecoratorMetadata, as NestJS uses it. There `self` of AegisGuard's callbacks is unknown;
// LegacyAegisGuard is the same function, typed for this emit alone.
import { AegisAgent, AegisGuard, type Guarded, LegacyAegisGuard } from '../../lib/index.js';
import { assert, type Equal } from '../types/expect.js';

declare function Get(path: string): MethodDecorator;
declare function Query(name: string): ParameterDecorator;
declare function Injectable(): ClassDecorator;

class OrderDto {
  id = '';
}

@Injectable()
@AegisAgent('mailer')
export class Mailer {
  readonly sid = 's1';

  @LegacyAegisGuard({
    params: ['to', 'subject'],
    approval: 'wait',
    session: (self, [to, subject]) => {
      assert<Equal<typeof self, Mailer>>();
      assert<Equal<typeof to, string>>();
      assert<Equal<typeof subject, string | undefined>>();
      return { sid: self.sid };
    },
    onSettled: (result) => assert<Equal<typeof result, number | undefined>>(),
  })
  async legacy(to: string, subject = 'hi'): Promise<number> {
    return to.length + subject.length;
  }

  @AegisGuard({
    params: ['to'],
    approval: 'wait',
    session: (self, [to]) => {
      assert<Equal<typeof self, unknown>>();
      assert<Equal<typeof to, string>>();
      return { to };
    },
  })
  async standard(to: string): Promise<number> {
    return to.length;
  }

  @Get('/above')
  @AegisGuard({ params: ['q'] })
  async above(@Query('q') q: string): Promise<Guarded<string>> {
    return q;
  }

  @AegisGuard({ params: ['q'] })
  @Get('/below')
  async below(@Query('q') q: string): Promise<Guarded<string>> {
    return q;
  }

  @AegisGuard({ params: ['order'], plain: ['order'], approval: 'wait' })
  async dto(order: OrderDto): Promise<string> {
    return order.id;
  }

  @AegisGuard({ params: ['x'], approval: 'wait' })
  async generic<T>(x: T): Promise<T> {
    return x;
  }

  @AegisGuard({ params: ['x'], approval: 'wait' })
  async *stream(x: number): AsyncGenerator<number> {
    yield x;
  }

  @AegisGuard({ params: ['x'], approval: 'wait' })
  static async ofClass(x: number): Promise<number> {
    return x;
  }

  @LegacyAegisGuard({ params: ['x'], approval: 'wait', session: (self) => ({ name: self.name }) })
  static async legacyOfClass(x: number): Promise<number> {
    return x;
  }

  overloaded(a: string): Promise<string>;
  overloaded(a: number): Promise<number>;
  @AegisGuard({ params: ['a'], approval: 'wait' })
  overloaded(a: string | number): Promise<string | number> {
    return Promise.resolve(a);
  }

  // @ts-expect-error too few names
  @AegisGuard({ params: ['to'], approval: 'wait' })
  async few(to: string, subject?: string): Promise<string> {
    return to + subject;
  }

  // @ts-expect-error too few names
  @LegacyAegisGuard({ params: ['to'], approval: 'wait' })
  async legacyFew(to: string, subject?: string): Promise<string> {
    return to + subject;
  }

  // @ts-expect-error the return type cannot hold a PendingApproval
  @AegisGuard({ params: ['a'] })
  async deferred(a: string): Promise<number> {
    return a.length;
  }

  // @ts-expect-error the return type cannot hold a PendingApproval
  @LegacyAegisGuard({ params: ['a'], approval: 'defer' })
  async legacyDeferred(a: string): Promise<number> {
    return a.length;
  }

  // @ts-expect-error the class has no such field
  @LegacyAegisGuard({ params: ['a'], approval: 'wait', agentId: (self) => self.nope })
  async wrongSelf(a: string): Promise<number> {
    return a.length;
  }

  // @ts-expect-error a built-in class needs a name
  @AegisGuard({ approval: 'wait' })
  async date(at: Date): Promise<number> {
    return at.getTime();
  }

  // @ts-expect-error synchronous
  @AegisGuard({ params: ['x'], approval: 'wait' })
  sync(x: number): number {
    return x;
  }

  // @ts-expect-error a getter
  @AegisGuard({ approval: 'wait' })
  get getter(): Promise<number> {
    return Promise.resolve(1);
  }

  // @ts-expect-error a field
  @AegisGuard({ approval: 'wait' })
  field = async (): Promise<void> => {};

  // @ts-expect-error legacy decorators cannot be put on #private methods at all
  @AegisGuard({ approval: 'wait' })
  async #hidden(): Promise<void> {}

  callHidden(): Promise<void> {
    return this.#hidden();
  }

  // @ts-expect-error a parameter
  async parameter(@AegisGuard({ approval: 'wait' }) x: string): Promise<string> {
    return x;
  }
}

// @ts-expect-error a class
@AegisGuard({ approval: 'wait' })
export class OnClass {}

export class Parent {
  @AegisGuard({ params: ['x'], approval: 'wait' })
  protected async inner(x: string): Promise<string> {
    return x;
  }
}

declare const mailer: Mailer;
assert<Equal<typeof mailer.generic, <T>(x: T) => Promise<T>>>();
assert<Equal<typeof mailer.above, (q: string) => Promise<Guarded<string>>>>();
const text: Promise<string> = mailer.overloaded('a');
void text;
