import { didYouMean } from '../common/didYouMean.js';
import { ConfigError } from '../model/errors/SetupErrors.js';
import type { DecisionService } from './DecisionService.js';

/** Every member of the port. A member that is missing here is a compile error, because a wrapper would silently drop it. */
const MEMBERS: Readonly<Record<keyof DecisionService, true>> = {
  decide: true,
  dryRun: true,
  status: true,
  statuses: true,
  watch: true,
  reevaluate: true,
  verify: true,
  consume: true,
  begin: true,
  reportOutcome: true,
  release: true,
  amends: true,
  withdraw: true,
  expire: true,
  ready: true,
  close: true,
  requires: true,
};

/**
 * Wraps a decision service: what `overrides` has replaces the inner service's, everything else that the inner service has is forwarded to it.
 * A class that implements the port and leaves out `consume` would silently lose one-time use of approvals. With `decide` in `overrides`, the inner
 * service's `dryRun` is not forwarded: `aegis.decide()` asks the new `decide` instead.
 *
 * @param inner the service that answers
 * @param overrides methods to use instead; those that are absent or undefined are forwarded
 * @throws ConfigError for an override that no decision service has
 * @returns a service with the optional methods that `inner` or `overrides` has, and no others
 * @example
 * const logged = forwardingService(inner, {
 *   async decide(request, options) {
 *     const decision = await inner.decide(request, options);
 *     console.log(request.toolName, decision.effect);
 *     return decision;
 *   },
 * });
 */
export function forwardingService(inner: DecisionService, overrides: Partial<DecisionService> = {}): DecisionService {
  for (const [name, method] of Object.entries(overrides))
    // an instance may have fields of its own
    if (typeof method === 'function' && !Object.hasOwn(MEMBERS, name))
      throw new ConfigError([
        {
          where: `forwardingService(): ${name}`,
          message: `is not a method of a decision service${didYouMean(name, Object.keys(MEMBERS)) || '.'}`,
        },
      ]);
  const members = (Object.keys(MEMBERS) as (keyof DecisionService)[]).flatMap((name) => {
    const owner: Partial<DecisionService> = overrides[name] === undefined ? inner : overrides;
    // the inner service's dry run would not tell what another `decide` answers
    const stale = name === 'dryRun' && owner === inner && overrides.decide !== undefined;
    return owner[name] === undefined || stale ? [] : [[name, forwarded(owner, name)] as const];
  });
  return Object.fromEntries(members) as unknown as DecisionService;
}

/** Looks the method up at each call, as a caller of the owner itself would. */
function forwarded(owner: Partial<DecisionService>, name: keyof DecisionService): (...args: unknown[]) => unknown {
  return (...args) => Reflect.apply(owner[name] as (...given: unknown[]) => unknown, owner, args);
}
