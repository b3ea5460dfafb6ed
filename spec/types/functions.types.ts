// guard() and guardSync(): the types of a function, its names and what a mode makes of its return type.
import { type Guarded, guard, guardSync, type PendingApproval } from '../../lib/index.js';
import { assert, type Equal } from './expect.js';

const send = async (to: string, n = 1): Promise<number> => to.length + n;
async function* count(to: number): AsyncGenerator<number, string, boolean> {
  yield to;
  return 'end';
}

const deferred = guard(send, { agentId: 'a', params: ['to', 'n'] });
assert<Equal<typeof deferred, (this: unknown, to: string, n?: number) => Promise<number | PendingApproval<number>>>>();
const stated = guard(send, { agentId: 'a', params: ['to', 'n'], approval: 'defer' });
assert<Equal<ReturnType<typeof stated>, Promise<Guarded<number>>>>();
const waiting = guard(send, { agentId: 'a', params: ['to', 'n'], approval: 'wait' });
assert<Equal<ReturnType<typeof waiting>, Promise<number>>>();
const throwing = guard(send, { agentId: 'a', params: ['to', 'n'], approval: 'throw' });
assert<Equal<ReturnType<typeof throwing>, Promise<number>>>();

declare const mode: 'wait' | 'defer';
const either = guard(send, { agentId: 'a', params: ['to', 'n'], approval: mode });
assert<Equal<ReturnType<typeof either>, Promise<Guarded<number>>>>();

// a function that holds it already is not wrapped twice
const holding = guard(async (): Promise<Guarded<string>> => '', { agentId: 'a', toolName: 't' });
assert<Equal<ReturnType<typeof holding>, Promise<string | PendingApproval<string>>>>();

const streaming = guard(count, { agentId: 'a', params: ['to'], approval: 'wait' });
assert<Equal<ReturnType<typeof streaming>, AsyncGenerator<number, string, boolean>>>();
// @ts-expect-error a stream cannot return a PendingApproval
guard(count, { agentId: 'a', params: ['to'] });
// @ts-expect-error a stream cannot return a PendingApproval
guard(count, { agentId: 'a', params: ['to'], approval: 'defer' });

declare const vague: () => Promise<any>;
guard(vague, { agentId: 'a', approval: 'defer' });
// @ts-expect-error Promise<any> would hide the PendingApproval
guard(vague, { agentId: 'a' });
declare const unknown: () => Promise<unknown>;
// @ts-expect-error Promise<unknown> would hide the PendingApproval
guard(unknown, { agentId: 'a' });

// @ts-expect-error too few names
guard(send, { agentId: 'a', params: ['to'] });
// @ts-expect-error no names
guard(send, { agentId: 'a' });
// @ts-expect-error synchronous
guard((x: number) => x, { agentId: 'a', toolName: 't', params: ['x'] });
// @ts-expect-error no such mode
guard(send, { agentId: 'a', params: ['to', 'n'], approval: 'ticket' });
// @ts-expect-error no such option
guard(send, { agentId: 'a', params: ['to', 'n'], timeoutMs: 5 });
// @ts-expect-error no options
guard(send);

guard(async (to: string, n: number = 1) => to + n, { toolName: 't', params: ['to', 'n'], session: (_self, [to]) => ({ l: to.length }) });
// the names of an inline arrow with an untyped default are checked where the guard is defined: its parameters are not known yet when options are
guard(async (to: string, n = 1) => to + n, { toolName: 't', params: ['to', 'n'] });

guard(
  async function (this: { readonly sid: string }, to: string) {
    return this.sid + to;
  },
  {
    toolName: 't',
    params: ['to'],
    agentId: (self, [to]) => {
      assert<Equal<typeof self, { readonly sid: string }>>();
      assert<Equal<typeof to, string>>();
      return self.sid;
    },
    onSettled: (result) => assert<Equal<typeof result, string | undefined>>(),
  },
);

const add = (a: number, b: number): number => a + b;
const sum = guardSync(add, { agentId: 'a', params: ['a', 'b'] });
assert<Equal<typeof sum, (this: unknown, a: number, b: number) => number>>();
guardSync(add, { agentId: 'a', params: ['a', 'b'], approval: 'throw', session: (_self, [a]) => ({ a: a.toFixed() }) });
guardSync((x: any): any => x, { agentId: 'a', toolName: 't', params: ['x'] });
// @ts-expect-error there is nothing to wait in
guardSync(add, { agentId: 'a', params: ['a', 'b'], approval: 'wait' });
// @ts-expect-error there is nothing to wait in
guardSync(add, { agentId: 'a', params: ['a', 'b'], waitMs: 5 });
// @ts-expect-error too few names
guardSync(add, { agentId: 'a', params: ['a'] });
// @ts-expect-error asynchronous
guardSync(send, { agentId: 'a', params: ['to', 'n'] });
// @ts-expect-error asynchronous at times
guardSync((): number | Promise<number> => 1, { agentId: 'a', toolName: 't' });
// @ts-expect-error a thenable
guardSync((): PromiseLike<number> => Promise.resolve(1), { agentId: 'a', toolName: 't' });
// @ts-expect-error a stream
guardSync(count, { agentId: 'a', params: ['to'] });
