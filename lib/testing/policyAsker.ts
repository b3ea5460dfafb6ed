import { ConfigError } from '../model/errors/SetupErrors.js';
import type { Params, Session } from '../model/Params.js';
import { takeSnapshot } from '../model/snapshot/takeSnapshot.js';
import type { AgentConfig } from '../policy/engine/AgentDirectory.js';
import { CedarPolicyEngine } from '../policy/engine/CedarPolicyEngine.js';
import { TestedLimits, usedProblems } from '../policy/limit/TestedLimits.js';
import type { TestedOutcome, UsedLimits } from '../policy/limit/TestedLimits.js';
import type { PolicyEngine } from '../policy/PolicyEngine.js';
import type { PolicySource } from '../policy/PolicySource.js';
import { readPolicies } from '../policy/live/readPolicies.js';
import { checkedOptions } from '../model/checkedOptions.js';
import type { OptionKinds } from '../common/readOptions.js';

/** The policies to ask: a path, URL or `{ text }`, an engine, or an object that has one, such as `aegis.policies`. */
export type PoliciesUnderTest = PolicySource | PolicyEngine | { readonly engine: PolicyEngine };

/** A call that policies are asked about. */
export interface TestCall extends AgentConfig {
  /** The agent that calls. */
  readonly agentId: string;
  /** The tool that is called. */
  readonly toolName: string;
  /**
   * The params, which are copied as a guard copies them.
   *
   * @defaultValue no params
   */
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  /**
   * The session.
   *
   * @defaultValue no session
   */
  readonly session?: Session | null | undefined;
  /**
   * The facts that the module's facts hook would return.
   *
   * @defaultValue no facts
   */
  readonly facts?: Readonly<Record<string, unknown>> | undefined;
  /**
   * The guard's action groups.
   *
   * @defaultValue no groups
   */
  readonly groups?: readonly string[] | undefined;
  /**
   * The params that a sanitize may remove; only guards with a schema allow that.
   *
   * @defaultValue no params
   */
  readonly removable?: readonly string[] | undefined;
  /**
   * The time that policies see as `context.system.now`, in milliseconds since 1970.
   *
   * @defaultValue the current time
   */
  readonly nowMs?: number | undefined;
  /**
   * How much of limits is used already, by the ids of their policies, such as `{ 'refund-budget': { used: 950 } }`.
   *
   * @defaultValue nothing
   */
  readonly limits?: UsedLimits | undefined;
}

/** The kinds of a call. */
export const TEST_CALL: OptionKinds<TestCall> = {
  agentId: 'text!',
  toolName: 'text!',
  params: 'object',
  session: 'object|null',
  facts: 'object',
  groups: 'strings',
  removable: 'strings',
  nowMs: 'number',
  limits: 'record',
  roles: 'any',
  attributes: 'any',
};

/** The decision of policies, and the params that they decided on. */
export interface TestedCall {
  readonly outcome: TestedOutcome;
  readonly params: Params;
  /** How much it counts for each limit, in ten-thousandths, by the id of its policy. */
  readonly counts: ReadonlyMap<string, number>;
}

/** Loads policies once and returns a function that asks them. @throws ConfigError for policies that do not load */
export function policyAsker(policies: PoliciesUnderTest): (call: TestCall) => TestedCall {
  const engine = engineOf(policies);
  return (given) => {
    const call = checkedOptions('call', given, TEST_CALL);
    const { agentId, toolName, params = {}, session = null, facts = {}, groups = [], removable = [], nowMs = Date.now() } = call;
    const taken = takeSnapshot(params).value as Params;
    const asked = { agentId, toolName, groups, params: taken, session, facts, nowMs, removable };
    const outcome = engineFor(engine, call).evaluate(asked);
    const limits = new TestedLimits(call.limits);
    // an engine of one's own may know its limits by other names
    const problems = 'policies' in engine ? usedProblems(call.limits ?? {}, (engine as CedarPolicyEngine).policies, 'limits') : [];
    if (problems.length > 0) throw new ConfigError(problems);
    return { outcome: limits.outcomeOf(outcome, asked), params: taken, counts: limits.costsOf(outcome, asked) };
  };
}

function engineOf(policies: PoliciesUnderTest): PolicyEngine {
  if (typeof policies === 'object' && 'evaluate' in policies) return policies;
  if (typeof policies === 'object' && 'engine' in policies) return policies.engine;
  return CedarPolicyEngine.load({ sources: readPolicies(policies) });
}

/** The engine to ask: the roles and attributes of a call replace what the engine knows of its agent. */
function engineFor(engine: PolicyEngine, { agentId, roles, attributes }: TestCall): PolicyEngine {
  if (roles === undefined && attributes === undefined) return engine;
  // true also for an engine of another copy of this package
  if ('withAgents' in engine) return (engine as CedarPolicyEngine).withAgents(Object.fromEntries([[agentId, { roles, attributes }]]));
  throw new ConfigError([
    { where: 'roles, attributes', message: 'work with Cedar policies only; define the agents in your own engine instead.' },
  ]);
}
