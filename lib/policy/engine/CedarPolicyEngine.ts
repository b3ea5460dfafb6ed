import { inOneGo, type Steps } from '../../common/time/inSlices.js';
import { silentLogger, type Logger } from '../../common/Logger.js';
import { publishDiagnostic } from '../../model/diagnostics.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import { TOOL_NAME } from '../../model/Params.js';
import { type AgentConfig, AgentDirectory } from './AgentDirectory.js';
import { CallEvaluator } from './CallEvaluator.js';
import { CALL_TOOL } from '../parse/checkPolicySet.js';
import { ACTION, TOOLSET } from '../parse/scope.js';
import { EMPTY_RECORD, EntityValue, wellFormed } from '../value/Value.js';
import { compiledEvaluator } from '../compile/compiledEvaluator.js';
import { compilePolicy } from '../compile/compilePolicy.js';
import { EntityGraph } from '../value/EntityGraph.js';
import type { Caller, MakeEvaluator, BoundEvaluator } from '../Evaluator.js';
import { deny, decideEffect, decideLimiting, decideObserving } from './decideEffect.js';
import { parsePolicies, type ParsedPolicies } from '../parse/parsePolicies.js';
import type { Policy } from '../Policy.js';
import type { PolicyCall, PolicyEngine, PolicyOutcome } from '../PolicyEngine.js';
import { policyConfigError, type SourceText } from '../PolicySource.js';
import { indexPolicies, PolicySet } from './PolicySet.js';
import { StepBudget } from '../value/StepBudget.js';
import { EvaluationMismatch, verifiedEvaluator } from './verifiedEvaluator.js';
import { wasmEvaluator } from '../wasm/wasmEvaluator.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import type { OptionKinds } from '../../common/readOptions.js';

/** Options of {@link CedarPolicyEngine}. */
export interface CedarPolicyEngineOptions {
  /** The policies, file by file. */
  readonly sources: readonly SourceText[];
  /** Roles and attributes of the agents, by id. Agents that are not listed have none. @defaultValue none */
  readonly agents?: Readonly<Record<string, AgentConfig>> | undefined;
  /** The resource of every call: `Aegis::Toolset::"<toolset>"`. @defaultValue `'default'` */
  readonly toolset?: string | undefined;
  /** Names of action groups that the policies use in lists only. No tool may have one of these names. @defaultValue none */
  readonly groups?: readonly string[] | undefined;
  /**
   * Evaluates every n-th decision by cedar-wasm too, which takes about 100 µs each time. A difference denies the call, is reported as
   * `compiled_policy_mismatch`, and from then on cedar-wasm decides for that tool. 0 never does so.
   *
   * @defaultValue 0
   */
  readonly verify?: number | undefined;
  /** Takes log lines. Default: none. */
  readonly logger?: Logger | undefined;
}

const ENGINE_OPTIONS: OptionKinds<CedarPolicyEngineOptions> = {
  sources: 'list!',
  agents: 'record',
  toolset: 'string',
  groups: 'strings',
  verify: 'any',
  logger: 'object',
};

interface Parts {
  readonly set: PolicySet;
  readonly agents: AgentDirectory;
  readonly toolset: string;
  readonly groups: ReadonlySet<string>;
  readonly uncompiled: readonly string[];
  readonly sampling: { readonly every: number; count: number; due: boolean };
  readonly logger: Logger;
}

/**
 * Decides calls by Cedar policies. A request is: principal `Aegis::Agent::"<agentId>"` in its `Aegis::Role`s, action `Aegis::Action::"<toolName>"`
 * in `call_tool` and the guard's groups, resource `Aegis::Toolset::"<toolset>"`, context `{input, session, facts, system: {now}}`.
 */
export class CedarPolicyEngine implements PolicyEngine {
  readonly #parts: Parts;
  readonly #callers = new CallerCache();

  private constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Parses and checks policies, and makes a trial decision, so that policies that cannot be evaluated are refused now.
   *
   * @throws ConfigError naming every problem as `file:line:column`
   */
  static load(options: CedarPolicyEngineOptions): CedarPolicyEngine;
  /** @internal With another way to evaluate policies than {@link compiledEvaluator}. */
  static load(options: CedarPolicyEngineOptions, makeEvaluator?: MakeEvaluator): CedarPolicyEngine;
  static load(given: CedarPolicyEngineOptions, makeEvaluator: MakeEvaluator = compiledEvaluator): CedarPolicyEngine {
    const options = checkedOptions('CedarPolicyEngine', given, ENGINE_OPTIONS);
    checkVerify(options.verify);
    return inOneGo(CedarPolicyEngine.building(options, parsePolicies(options.sources), makeEvaluator));
  }

  /**
   * @internal What {@link load} does once the policies are parsed, in steps of a few policies.
   *
   * @throws ConfigError
   */
  static *building(
    options: Omit<CedarPolicyEngineOptions, 'sources'>,
    { policies, problems }: ParsedPolicies,
    makeEvaluator: MakeEvaluator = compiledEvaluator,
  ): Steps<CedarPolicyEngine> {
    const { verify = 0, logger = silentLogger } = options;
    if (problems.length > 0) throw policyConfigError(problems);
    const uncompiled: string[] = [];
    if (makeEvaluator === compiledEvaluator) {
      for (const policy of policies) {
        if (compilePolicy(policy) === undefined) uncompiled.push(policy.id);
        yield;
      }
    }
    const sampling = { every: verify, count: 0, due: false };
    const make = verify === 0 ? makeEvaluator : verifiedEvaluator(makeEvaluator, wasmEvaluator, sampling);
    const set = new PolicySet(policies, make, yield* indexPolicies(policies));
    const engine = new CedarPolicyEngine({
      set,
      agents: new AgentDirectory(options.agents),
      toolset: wellFormed(options.toolset ?? 'default'),
      groups: new Set([...set.groups, ...(options.groups ?? [])]),
      uncompiled,
      sampling,
      logger,
    });
    yield* engine.#try();
    return engine;
  }

  /**
   * The same policies for other agents.
   *
   * @param agents roles and attributes, by agent id
   * @throws ConfigError if an agent's roles or attributes cannot be read
   */
  withAgents(agents: Readonly<Record<string, AgentConfig>>): CedarPolicyEngine {
    return new CedarPolicyEngine({ ...this.#parts, agents: new AgentDirectory(agents) });
  }

  /** SHA-256 over all policies. It does not depend on file names or order. */
  get hash(): string {
    return this.#parts.set.hash;
  }

  /** Whether a policy is a limit. */
  get hasLimits(): boolean {
    return this.#parts.set.limits;
  }

  /** @internal The policies, in the order of their files. */
  get policies(): readonly Policy[] {
    return this.#parts.set.policies;
  }

  /** Ids of the policies that are not compiled. cedar-wasm decides the calls that one of them can matter to, in about 100 µs. */
  get uncompiledPolicies(): readonly string[] {
    return this.#parts.uncompiled;
  }

  /**
   * Decides one call. Never throws: anything that goes wrong is a deny.
   *
   * @returns the effect, and the policies that mattered for it
   */
  evaluate(call: PolicyCall): PolicyOutcome {
    try {
      const { sampling } = this.#parts;
      if (sampling.every > 0) {
        sampling.count = (sampling.count + 1) % sampling.every;
        sampling.due = sampling.count === 0;
      }
      let known = this.#callers.get(call);
      if (known === undefined) {
        known = this.#know(call);
        this.#callers.set(call, known);
      }
      if (known === 'tool_is_group') return deny(known, []);
      const { observes, limits } = this.#parts.set;
      const decide = observes ? decideObserving : decideEffect;
      const evaluator = new CallEvaluator(known, call);
      return limits ? decideLimiting(evaluator, call, decide) : decide(evaluator, call);
    } catch (error) {
      if (error instanceof EvaluationMismatch) this.#reportMismatch(call);
      return deny('policy_error', [], error instanceof Error ? error.message : 'a value was thrown that is not an Error');
    }
  }

  /** Frees the memory it holds in cedar-wasm. It can still decide, and then allocates again. */
  release(): void {
    this.#parts.set.release();
  }

  #know(names: CallerNames): KnownCaller {
    const { set, groups: known } = this.#parts;
    const { toolName, groups } = names;
    if (![toolName, ...groups].every((name) => TOOL_NAME.test(name)))
      throw new Error('the name of the tool, or of one of its groups, is not allowed');
    // every action is in itself: such a tool would be permitted everything that its group is
    if (known.has(toolName) || groups.includes(toolName)) return 'tool_is_group';
    return set.slice(toolName, groups).evaluator.forCaller(this.#callerOf(names));
  }

  #callerOf({ agentId, toolName, groups }: CallerNames): Caller {
    const { agents, toolset } = this.#parts;
    const agent = agents.entityOf(agentId);
    const action = new EntityValue(ACTION, toolName);
    const parents = [...new Set([CALL_TOOL, ...groups])].map((id) => new EntityValue(ACTION, id));
    return {
      principal: agent.uid,
      action,
      resource: new EntityValue(TOOLSET, toolset),
      entities: new EntityGraph([agent, { uid: action, attributes: EMPTY_RECORD, parents }]),
    };
  }

  #reportMismatch({ agentId, toolName }: PolicyCall): void {
    const message =
      'Compiled policies and cedar-wasm disagree on a call. The call is denied; cedar-wasm decides for this tool from now on.';
    publishDiagnostic({ kind: 'security', code: 'compiled_policy_mismatch', message, agentId, toolName });
    this.#parts.logger.error({ code: 'compiled_policy_mismatch', agentId, toolName, hash: this.hash }, message);
  }

  /** Evaluates all policies once, some at a time, so that a trap or a refusal shows now and not at a call. The result does not matter. */
  *#try(): Steps<void> {
    try {
      const caller = this.#callerOf(TRIAL);
      const budget = new StepBudget();
      for (const { evaluator } of this.#parts.set.parts(TRIED_TOGETHER)) {
        try {
          new CallEvaluator(evaluator.forCaller(caller), TRIAL, budget).evaluate(TRIAL.params);
        } finally {
          evaluator.release?.();
        }
        yield;
      }
    } catch (cause) {
      throw new ConfigError(
        [{ where: 'policies', message: 'The policies cannot be evaluated: a trial decision failed. Simplify the largest policy.' }],
        { cause },
      );
    }
  }
}

/** What cedar-wasm parses in 2 ms. */
const TRIED_TOGETHER = 16;
const TRIAL: PolicyCall = {
  agentId: 'trial',
  toolName: 'trial',
  groups: [],
  params: { text: 'trial', number: 1, list: [0.5] },
  session: null,
  facts: {},
  nowMs: 0,
  removable: [],
};

function checkVerify(verify = 0): void {
  if (!Number.isSafeInteger(verify) || verify < 0)
    throw new ConfigError([
      { where: 'verify', message: 'must be a whole number, 0 or more: n verifies every n-th decision, 0 verifies none.' },
    ]);
}

/** The names that tell one caller from another. */
export type CallerNames = Pick<PolicyCall, 'agentId' | 'toolName' | 'groups'>;

/** What is known of a caller: the policies bound to it, or that none of its calls can be allowed. */
export type KnownCaller = BoundEvaluator | 'tool_is_group';

interface Entry {
  readonly groups: readonly string[];
  readonly known: KnownCaller;
}

/** How many callers are kept. Beyond that all are forgotten, which costs each of them some microseconds once. */
const MAX_CALLERS = 1_024;

/** Keeps what does not change between calls of one agent to one tool. A tool is nearly always in the same groups, so only the last are kept. */
export class CallerCache {
  readonly #byTool = new Map<string, Map<string, Entry>>();
  #size = 0;

  get({ agentId, toolName, groups }: CallerNames): KnownCaller | undefined {
    const entry = this.#byTool.get(toolName)?.get(agentId);
    return entry !== undefined && sameGroups(entry.groups, groups) ? entry.known : undefined;
  }

  set({ agentId, toolName, groups }: CallerNames, known: KnownCaller): void {
    if (this.#size >= MAX_CALLERS) {
      this.#byTool.clear();
      this.#size = 0;
    }
    const ofTool = this.#byTool.get(toolName) ?? new Map<string, Entry>();
    if (!ofTool.has(agentId)) this.#size += 1;
    // a copy: the caller's own list may change
    this.#byTool.set(toolName, ofTool.set(agentId, { groups: [...groups], known }));
  }
}

function sameGroups(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
