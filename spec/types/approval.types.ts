// Mode `defer` wants a return type that holds a PendingApproval: types do not lie.
import { AegisAgent, AegisGuard, AegisModule, type Guarded, isPending, type PendingApproval } from '../../lib/index.js';
import { assert, type Equal } from './expect.js';

export class Defer {
  @AegisGuard({})
  async byDefault(): Promise<Guarded<string>> {
    return '';
  }

  @AegisGuard({ approval: 'defer' })
  async stated(): Promise<Guarded<boolean>> {
    return true;
  }

  @AegisGuard({})
  async ofNothing(): Promise<Guarded<void>> {}

  @AegisGuard({})
  async spelledOut(): Promise<number | undefined | PendingApproval<number | undefined>> {
    return 1;
  }

  @AegisGuard({ approval: 'wait' })
  async waits(): Promise<Guarded<string>> {
    return '';
  }

  // @ts-expect-error the return type cannot hold a PendingApproval
  @AegisGuard({})
  async missing(): Promise<string> {
    return '';
  }

  // @ts-expect-error the return type cannot hold a PendingApproval
  @AegisGuard({ approval: 'defer' })
  async wrong(): Promise<string> {
    return '';
  }

  // @ts-expect-error a PendingApproval of another result
  @AegisGuard({})
  async otherHandle(): Promise<string | PendingApproval<number>> {
    return '';
  }

  // @ts-expect-error an object might hold anything
  @AegisGuard({})
  async object(): Promise<object> {
    return {};
  }

  // @ts-expect-error one of the promises cannot hold it
  @AegisGuard({})
  maybe(): Promise<Guarded<string>> | Promise<number> {
    return Promise.resolve(1);
  }
}

export class WaitOrThrow {
  @AegisGuard({ approval: 'wait' })
  async wait(): Promise<string> {
    return '';
  }

  @AegisGuard({ approval: 'throw' })
  async throw(): Promise<string> {
    return '';
  }

  // @ts-expect-error no such mode
  @AegisGuard({ approval: 'ticket' })
  async unknown(): Promise<string> {
    return '';
  }

  @AegisGuard({ approval: 'wait' })
  async *stream(): AsyncGenerator<string> {
    yield '';
  }

  // @ts-expect-error a stream cannot hold a PendingApproval
  @AegisGuard({})
  async *streamByDefault(): AsyncGenerator<string> {
    yield '';
  }

  // @ts-expect-error a stream cannot hold a PendingApproval
  @AegisGuard({ approval: 'defer' })
  async *deferredStream(): AsyncGenerator<string> {
    yield '';
  }

  // @ts-expect-error items are not what the call returns
  @AegisGuard({})
  async *streamOfHandles(): AsyncGenerator<Guarded<string>> {
    yield '';
  }
}

export class Vague {
  @AegisGuard({ approval: 'defer' })
  async anyDefer(): Promise<any> {}

  @AegisGuard({ approval: 'wait' })
  async anyWait(): Promise<any> {}

  @AegisGuard({ approval: 'defer' })
  async unknownDefer(): Promise<unknown> {
    return 1;
  }

  @AegisGuard({ approval: 'throw' })
  bare(): any {}

  // @ts-expect-error Promise<any> says nothing: state how a call waits
  @AegisGuard({})
  async any(): Promise<any> {}

  // @ts-expect-error Promise<unknown> says nothing: state how a call waits
  @AegisGuard({})
  async unknown(): Promise<unknown> {
    return 1;
  }

  // @ts-expect-error any says nothing: state how a call waits
  @AegisGuard({})
  bareAny(): any {}
}

// neither class nor module may set the mode: it is part of each method's type
// @ts-expect-error
AegisAgent('a', { approval: 'wait' });
// @ts-expect-error
AegisModule.configure({ policies: './policies', approval: 'wait' });
// @ts-expect-error
AegisModule.create({ policies: './policies', approval: 'wait' });

// what a caller sees
declare const result: Guarded<string>;
if (isPending(result)) assert<Equal<typeof result, PendingApproval<string>>>();
else assert<Equal<typeof result, string>>();
declare const nested: Guarded<{ readonly taskId: string }>;
if (!isPending(nested)) assert<Equal<typeof nested, { readonly taskId: string }>>();
// @ts-expect-error a PendingApproval is no promise
void ((handle: PendingApproval<string>) => handle.then);
