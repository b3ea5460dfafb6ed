import { ConfigError } from '../model/errors/SetupErrors.js';
import { TOOL_NAME } from '../model/names.js';
import type { Params } from '../model/Params.js';
import { type AgentConfig, AgentDirectory } from './AgentDirectory.js';
import type { CedarRecord } from './CedarValue.js';
import { CALL_TOOL } from './checkPolicies.js';
import { ACTION, TOOLSET } from './checkScope.js';
import type { CedarRequest, MakeEvaluate } from './Evaluate.js';
import { deny, fourEffects } from './fourEffects.js';
import { parsePolicies } from './parsePolicies.js';
import type { Policy } from './Policy.js';
import type { PolicyCall, PolicyEngine, PolicyOutcome } from './PolicyEngine.js';
import { policyConfigError } from './PolicyProblem.js';
import { PolicySet } from './PolicySet.js';
import type { SourceText } from './PolicySource.js';
import { toCedarRecord, toDatetime, wellFormed } from './toCedar.js';
import { wasmEvaluate } from './wasmEvaluate.js';

/** What an engine is made of. */
export interface CedarPolicyEngineOptions {
  readonly sources: readonly SourceText[];
  /** Roles and attributes of the agents, by id. Agents that are not listed have none. */
  readonly agents?: Readonly<Record<string, AgentConfig>> | undefined;
  /** The resource of every call: `Aegis::Toolset::"<toolset>"`. Default `default`. */
  readonly toolset?: string | undefined;
  /** Names of action groups that the policies use only in lists: no tool may have one. Default none. */
  readonly groups?: readonly string[] | undefined;
}

interface Parts {
  readonly set: PolicySet;
  readonly agents: AgentDirectory;
  readonly toolset: string;
  readonly groups: ReadonlySet<string>;
}

/**
 * Decides calls by Cedar policies. A request is: principal `Aegis::Agent::"<agentId>"` in its `Aegis::Role`s, action `Aegis::Action::"<toolName>"`
 * in `call_tool` and the guard's groups, resource `Aegis::Toolset::"<toolset>"`, context `{input, session, facts, system: {now}}`.
 */
export class CedarPolicyEngine implements PolicyEngine {
  readonly #parts: Parts;

  private constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Parses and checks policies, and makes a trial decision, so that the first call does not pay for cold code.
   *
   * @param makeEvaluate how policies are evaluated; default {@link wasmEvaluate}
   * @throws ConfigError naming every problem as `file:line:column`
   */
  static load(options: CedarPolicyEngineOptions, makeEvaluate: MakeEvaluate = wasmEvaluate): CedarPolicyEngine {
    const { policies, problems } = parsePolicies(options.sources);
    if (problems.length > 0) throw policyConfigError(problems);
    const set = new PolicySet(policies, makeEvaluate);
    const groups = new Set([...set.groups, ...(options.groups ?? [])]);
    const engine = new CedarPolicyEngine({
      set,
      agents: new AgentDirectory(options.agents),
      toolset: wellFormed(options.toolset ?? 'default'),
      groups,
    });
    engine.#try();
    return engine;
  }

  /** The same policies for other agents. */
  withAgents(agents: Readonly<Record<string, AgentConfig>>): CedarPolicyEngine {
    return new CedarPolicyEngine({ ...this.#parts, agents: new AgentDirectory(agents) });
  }

  /** SHA-256 over all policies; does not depend on file names or order. */
  get hash(): string {
    return this.#parts.set.hash;
  }

  /** The policies, in the order of their files. */
  get policies(): readonly Policy[] {
    return this.#parts.set.policies;
  }

  /** Decides one call. Never throws: whatever goes wrong is a deny. */
  evaluate(call: PolicyCall): PolicyOutcome {
    try {
      return this.#decide(call);
    } catch (error) {
      return deny('policy_error', [], error instanceof Error ? error.message : 'a value was thrown that is no Error');
    }
  }

  /** Frees what it holds in cedar-wasm. It can still be asked, and then takes it anew. */
  release(): void {
    this.#parts.set.release();
  }

  #decide(call: PolicyCall): PolicyOutcome {
    const { set, groups: known } = this.#parts;
    const { toolName, groups } = call;
    if (![toolName, ...groups].every((name) => TOOL_NAME.test(name))) throw new Error('the name of the tool or of a group is not allowed');
    // every action is in itself: such a tool would have whatever its group may do
    if (known.has(toolName) || groups.includes(toolName)) return deny('tool_is_group', []);
    const slice = set.slice(toolName, groups);
    const request = this.#requests(call);
    return fourEffects({ all: (params) => slice.all(request(params)), permits: (params) => slice.permits(request(params)) }, call);
  }

  /** A call's request; only the params differ from one pass to the next. */
  #requests({ agentId, toolName, groups, session, facts, nowMs }: PolicyCall): (params: Params) => CedarRequest {
    const { agents, toolset } = this.#parts;
    const agent = agents.entityOf(agentId);
    const action = { type: ACTION, id: toolName };
    const parents = [...new Set([CALL_TOOL, ...groups])].map((id) => ({ type: ACTION, id }));
    const fixed = {
      session: toCedarRecord(session ?? {}),
      facts: toCedarRecord(facts),
      system: Object.assign(empty(), { now: toDatetime(nowMs) }),
    };
    return (params) => ({
      principal: agent.uid,
      action,
      resource: { type: TOOLSET, id: toolset },
      context: Object.assign(empty(), { input: toCedarRecord(params) }, fixed),
      entities: [agent, { uid: action, attrs: empty(), parents }],
    });
  }

  /** Asks all policies at once: what traps or is refused shows now, not at a call. What it answers does not matter. */
  #try(): void {
    const { all } = this.#parts.set.whole();
    try {
      const params = { text: 'trial', number: 1, list: [0.5] };
      all(
        this.#requests({ agentId: 'trial', toolName: 'trial', groups: [], params, session: null, facts: {}, nowMs: 0, removable: [] })(
          params,
        ),
      );
    } catch (cause) {
      throw new ConfigError([{ where: 'policies', message: 'The policies cannot be evaluated; simplify the largest.' }], { cause });
    } finally {
      all.release?.();
    }
  }
}

function empty(): CedarRecord {
  return Object.create(null) as CedarRecord;
}
