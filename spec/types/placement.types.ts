// A guard stands on methods that return a promise, and on async generators; nowhere else.
import { AegisAgent, AegisGuard, type Guarded } from '../../lib/index.js';

// @ts-expect-error a class
@AegisGuard({ approval: 'wait' })
export class Placement {
  // @ts-expect-error synchronous
  @AegisGuard({ params: ['x'], approval: 'wait' })
  sync(x: number): number {
    return x;
  }

  // @ts-expect-error synchronous
  @AegisGuard({ approval: 'wait' })
  nothing(): void {}

  // @ts-expect-error synchronous at times
  @AegisGuard({ approval: 'wait' })
  maybe(): number | Promise<number> {
    return 1;
  }

  // @ts-expect-error a generator that is not async
  @AegisGuard({ params: ['x'], approval: 'wait' })
  *generator(x: number): Generator<number> {
    yield x;
  }

  // @ts-expect-error a getter
  @AegisGuard({ approval: 'wait' })
  get getter(): Promise<number> {
    return Promise.resolve(1);
  }

  // @ts-expect-error a getter of a function
  @AegisGuard({ approval: 'wait' })
  get functionGetter(): () => Promise<number> {
    return async () => 1;
  }

  // @ts-expect-error a setter
  @AegisGuard({ params: ['x'], approval: 'wait' })
  set setter(_x: number) {}

  // @ts-expect-error a field
  @AegisGuard({ approval: 'wait' })
  field: () => Promise<void> = async () => {};

  // @ts-expect-error an accessor
  @AegisGuard({ approval: 'wait' })
  accessor accessor: () => Promise<void> = async () => {};

  @AegisGuard({ approval: 'wait' })
  static async ofClass(): Promise<void> {}

  @AegisGuard({ approval: 'wait' })
  async ['computed'](): Promise<void> {}

  @AegisGuard({ approval: 'wait', toolName: 'symbol' })
  async [Symbol.asyncDispose](): Promise<void> {}

  // the options are no option
  // @ts-expect-error
  @AegisGuard()
  async noOptions(): Promise<Guarded<void>> {}

  // @ts-expect-error not called
  @AegisGuard
  async bare(): Promise<Guarded<void>> {}
}

// @ts-expect-error an agent needs an id
@AegisAgent()
export class Nobody {}

export class Method {
  // @ts-expect-error an agent is a class
  @AegisAgent('a')
  async method(): Promise<void> {}
}

@AegisAgent('a', { onUnguardedOverride: 'warn' })
export class Agent {}

// @ts-expect-error no such way
AegisAgent('a', { onUnguardedOverride: 'log' });
