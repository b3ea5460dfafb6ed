import { types } from 'node:util';
import { attempt, isThenable } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { clampTimeout } from '../../common/time/SteadyClock.js';
import type { DecisionRequest } from '../../model/Decision.js';
import { frozenCopy } from '../../model/snapshot/copyData.js';
import type { Params, Session } from '../../model/Params.js';
import { takeSnapshot } from '../../model/snapshot/takeSnapshot.js';

/** What a `facts` hook is told. */
export interface FactsCall {
  readonly agentId: string;
  readonly toolName: string;
  readonly params: Params;
  readonly session: Session | null;
}

/** Computes `context.facts`: what policies need to know but cannot compute, such as a normalised SQL verb or a call count. */
export type FactsHook = (call: FactsCall) => Awaitable<object>;

/** Facts, or why there are none; without facts the call is denied. */
export type FactsOutcome =
  { readonly ok: true; readonly facts: Readonly<Record<string, unknown>> } | { readonly ok: false; readonly detail: string };

/** What a service without a hook has. */
export const NO_FACTS: FactsOutcome = { ok: true, facts: Object.freeze({}) };

/** Asks the hook, waits at most `timeoutMs`, and copies what it says. */
export function computeFacts(hook: FactsHook | undefined, request: DecisionRequest, timeoutMs: number): Awaitable<FactsOutcome> {
  if (hook === undefined) return NO_FACTS;
  const { agentId, toolName, params, session } = request;
  return attempt<object, FactsOutcome>(
    () => {
      // copies: a Date in them can be changed, and what is decided on is what runs
      const facts = hook({ agentId, toolName, params: frozenCopy(params), session: frozenCopy(session) });
      return isThenable(facts) ? withTimeout(facts, timeoutMs) : facts;
    },
    (facts) => {
      try {
        const { value } = takeSnapshot(facts);
        if (typeof value !== 'object' || value === null || Array.isArray(value) || types.isDate(value))
          return { ok: false, detail: 'the facts hook gave no object' };
        return { ok: true, facts: frozenCopy(value) as Record<string, unknown> };
      } catch (error) {
        return { ok: false, detail: `the facts hook gave what cannot be copied: ${(error as Error).message}` };
      }
    },
    (error) => ({ ok: false, detail: `the facts hook failed: ${error instanceof Error ? error.name : 'a value was thrown'}` }),
  );
}

class FactsTimeout extends Error {
  override readonly name = 'FactsTimeout';
}

function withTimeout<T>(promise: PromiseLike<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new FactsTimeout()), clampTimeout(timeoutMs));
    promise.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error as Error);
      },
    );
  });
}
