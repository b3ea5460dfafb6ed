import { ConfigError } from '../model/errors/SetupErrors.js';
import type { Params, Session } from '../model/Params.js';
import { takeSnapshot } from '../model/snapshot/takeSnapshot.js';
import type { AgentConfig } from '../policy/engine/AgentDirectory.js';
import { CedarPolicyEngine } from '../policy/engine/CedarPolicyEngine.js';
import type { PolicyEngine, PolicyOutcome } from '../policy/PolicyEngine.js';
import type { PolicySource } from '../policy/PolicySource.js';
import { readPolicies } from '../policy/live/readPolicies.js';

/** Policies to ask: a path, URL or `{ text }`, an engine, or what has one, such as `aegis.policies`. */
export type PoliciesUnderTest = PolicySource | PolicyEngine | { readonly engine: PolicyEngine };

/** A call that policies are asked about. */
export interface TestCall extends AgentConfig {
  /** The agent that calls. */
  readonly agentId: string;
  /** The tool that is called. */
  readonly toolName: string;
  /** Copied as a guard copies them. Default none. */
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  /** Default none. */
  readonly session?: Session | null | undefined;
  /** What the module's facts hook would say. Default none. */
  readonly facts?: Readonly<Record<string, unknown>> | undefined;
  /** The guard's action groups. Default none. */
  readonly groups?: readonly string[] | undefined;
  /** Params that a sanitize may remove: those of a guard with a schema. Default none. */
  readonly removable?: readonly string[] | undefined;
  /** `context.system.now`, in epoch milliseconds. Default now. */
  readonly nowMs?: number | undefined;
}

/** What policies say, and of which params. */
export interface TestedCall {
  readonly outcome: PolicyOutcome;
  readonly params: Params;
}

/** A function that asks the policies, loaded once. @throws ConfigError for policies that do not load */
export function policyAsker(policies: PoliciesUnderTest): (call: TestCall) => TestedCall {
  const engine = engineOf(policies);
  return (call) => {
    const { agentId, toolName, params = {}, session = null, facts = {}, groups = [], removable = [], nowMs = Date.now() } = call;
    const taken = takeSnapshot(params).value as Params;
    const outcome = engineFor(engine, call).evaluate({ agentId, toolName, groups, params: taken, session, facts, nowMs, removable });
    return { outcome, params: taken };
  };
}

function engineOf(policies: PoliciesUnderTest): PolicyEngine {
  if (typeof policies === 'object' && 'evaluate' in policies) return policies;
  if (typeof policies === 'object' && 'engine' in policies) return policies.engine;
  return CedarPolicyEngine.load({ sources: readPolicies(policies) });
}

/** An engine knows its agents; a call that says what its agent is, says it instead. */
function engineFor(engine: PolicyEngine, { agentId, roles, attributes }: TestCall): PolicyEngine {
  if (roles === undefined && attributes === undefined) return engine;
  // also an engine of another copy of this package
  if ('withAgents' in engine) return (engine as CedarPolicyEngine).withAgents(Object.fromEntries([[agentId, { roles, attributes }]]));
  throw new ConfigError([{ where: 'roles, attributes', message: 'are for Cedar policies; an engine of your own knows its agents.' }]);
}
