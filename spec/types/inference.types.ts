// What a guard's callbacks are given is inferred from the decorated method: nothing here is annotated but the methods themselves.
import { AegisAgent, AegisGuard, AegisModule, type AegisModuleView, type Guarded } from '../../lib/index.js';
import { assert, type Equal } from './expect.js';

declare const tenants: Map<string, AegisModule>;

@AegisAgent('mailer')
export class Mailer {
  readonly sid = 's1';
  readonly stop = new AbortController();
  declare readonly view: AegisModuleView;

  @AegisGuard({
    params: ['to', 'subject'],
    agentId: (self, [to]) => {
      assert<Equal<typeof self, Mailer>>();
      assert<Equal<typeof to, string>>();
      return self.sid + to;
    },
    session: (self, [to, subject]) => {
      assert<Equal<typeof self, Mailer>>();
      assert<Equal<typeof to, string>>();
      assert<Equal<typeof subject, number | undefined>>();
      return { sid: self.sid, to, subject };
    },
    signal: (self, args) => {
      assert<Equal<typeof args.length, 1 | 2>>();
      return self.stop.signal;
    },
    module: (self) => {
      assert<Equal<typeof self, Mailer>>();
      return self.view;
    },
    onSettled: (result, error) => {
      assert<Equal<typeof result, boolean | undefined>>();
      assert<Equal<typeof error, unknown>>();
    },
  })
  async optional(to: string, subject?: number): Promise<Guarded<boolean>> {
    return to.length > (subject ?? 0);
  }

  @AegisGuard({
    params: ['to', 'subject'],
    approval: 'wait',
    session: (self, [to, subject]) => {
      assert<Equal<typeof subject, string | undefined>>();
      return { sid: self.sid, to, subject };
    },
    onSettled: (result) => assert<Equal<typeof result, string | undefined>>(),
  })
  async defaulted(to: string, subject = 'hi') {
    return to + subject + this.sid;
  }

  @AegisGuard({
    params: ['to', '...cc'],
    approval: 'throw',
    session: (_self, [to, ...cc]) => {
      assert<Equal<typeof to, string>>();
      assert<Equal<typeof cc, number[]>>();
      return null;
    },
  })
  async rest(to: string, ...cc: number[]): Promise<number> {
    return to.length + cc.length;
  }

  @AegisGuard({
    approval: 'wait',
    session: (self, [order]) => {
      assert<Equal<typeof order, { id: string; amount: number }>>();
      return { sid: self.sid, id: order.id };
    },
  })
  async sole(order: { id: string; amount: number }): Promise<number> {
    return order.amount;
  }

  @AegisGuard({
    approval: 'wait',
    session: (_self, [order]) => {
      assert<Equal<typeof order, { id: string } | undefined>>();
      return { id: order?.id };
    },
  })
  async soleOptional(order?: { id: string }): Promise<string> {
    return order?.id ?? '';
  }

  @AegisGuard({
    params: ['x'],
    approval: 'wait',
    session: (self, [x]) => {
      // inside a static method `self` is the class
      assert<Equal<typeof self, typeof Mailer>>();
      assert<Equal<typeof x, string>>();
      return { name: self.name };
    },
  })
  static async ofClass(x: string): Promise<string> {
    return x;
  }

  @AegisGuard({ params: ['x'], approval: 'wait', session: (self, [x]) => ({ sid: self.sid, x: x.length }) })
  async #hidden(x: string): Promise<string> {
    return x;
  }

  callHidden(): Promise<string> {
    return this.#hidden('x');
  }

  @AegisGuard({
    params: ['n'],
    approval: 'wait',
    session: (self, [n]) => {
      assert<Equal<typeof n, number>>();
      return { sid: self.sid, n };
    },
  })
  async *stream(n: number): AsyncGenerator<number, string, boolean> {
    yield n;
    return 'end';
  }

  @AegisGuard({ params: ['x'], approval: 'wait' })
  async generic<T>(x: T): Promise<T> {
    return x;
  }

  @AegisGuard({ approval: 'wait' })
  async bounded<T extends { id: string }>(x: T): Promise<T> {
    return x;
  }

  overloaded(a: string): Promise<string>;
  overloaded(a: number): Promise<number>;
  @AegisGuard({ params: ['a'], approval: 'wait' })
  overloaded(a: string | number): Promise<string | number> {
    return Promise.resolve(a);
  }

  @AegisGuard({ approval: 'wait' })
  async nothing(): Promise<void> {}

  @AegisGuard({ params: [], approval: 'wait', session: { user_id: 'u1' }, module: () => tenants.get('a') as AegisModule })
  async stillNothing(): Promise<void> {}

  // @ts-expect-error the class has no such field
  @AegisGuard({ params: ['a'], approval: 'wait', agentId: (self) => self.nope })
  async wrongSelf(a: string): Promise<string> {
    return a;
  }

  // @ts-expect-error an agent's id is a text
  @AegisGuard({ params: ['a'], approval: 'wait', agentId: (_self, [a]) => a })
  async wrongAgent(a: number): Promise<number> {
    return a;
  }

  // @ts-expect-error there is one argument only
  @AegisGuard({ params: ['a'], approval: 'wait', session: (_self, [, b]) => ({ b }) })
  async wrongArgs(a: string): Promise<string> {
    return a;
  }

  // @ts-expect-error a session is an object
  @AegisGuard({ params: ['a'], approval: 'wait', session: (self) => self.sid })
  async textSession(a: string): Promise<string> {
    return a;
  }

  // @ts-expect-error a session is there at once
  @AegisGuard({ params: ['a'], approval: 'wait', session: async (self) => ({ sid: self.sid }) })
  async promisedSession(a: string): Promise<string> {
    return a;
  }

  // @ts-expect-error a session is no list
  @AegisGuard({ params: ['a'], approval: 'wait', session: ['u1'] })
  async listSession(a: string): Promise<string> {
    return a;
  }

  // @ts-expect-error no such option
  @AegisGuard({ params: ['a'], approval: 'wait', timeoutMs: 5 })
  async unknownOption(a: string): Promise<string> {
    return a;
  }

  // @ts-expect-error a module is no options object
  @AegisGuard({ params: ['a'], approval: 'wait', module: { policies: './policies' } })
  async wrongModule(a: string): Promise<string> {
    return a;
  }
}

interface Visitor {
  readonly user_id: string;
}
declare const visitor: Visitor;

export class Sessions {
  @AegisGuard({ approval: 'wait', session: visitor })
  async ofInterface(): Promise<void> {}

  @AegisGuard({ approval: 'wait', session: () => visitor })
  async computed(): Promise<void> {}

  @AegisGuard({ approval: 'wait', session: () => undefined })
  async none(): Promise<void> {}

  @AegisGuard({ approval: 'wait', session: null })
  async noneAtAll(): Promise<void> {}
}

// the decorated methods' own types are untouched
declare const mailer: Mailer;
assert<Equal<typeof mailer.optional, (to: string, subject?: number) => Promise<Guarded<boolean>>>>();
assert<Equal<typeof mailer.generic, <T>(x: T) => Promise<T>>>();
assert<Equal<typeof mailer.stream, (n: number) => AsyncGenerator<number, string, boolean>>>();
assert<Equal<typeof Mailer.ofClass, (x: string) => Promise<string>>>();
const text: Promise<string> = mailer.overloaded('a');
const number: Promise<number> = mailer.overloaded(1);
void [text, number];
