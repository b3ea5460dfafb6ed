import { isInScope } from '../../model/halt/Halt.js';
import type { Halt, HaltableCall, HaltScope } from '../../model/halt/Halt.js';

/** Halts by what their calls are called, so that a call is compared with those that name something of it, and not with all. */
export class HaltIndex {
  /** Oldest first. */
  readonly halts: readonly Halt[];
  /** Whether one of them is for every call. */
  readonly #all: boolean;
  readonly #agents = new Map<string, HaltScope[]>();
  readonly #tools = new Map<string, HaltScope[]>();
  readonly #groups = new Map<string, HaltScope[]>();
  /** What the latest call is called, if no halt names any of it: most calls are like the one before. */
  #unnamed: Required<HaltableCall> | undefined;

  constructor(halts: readonly Halt[]) {
    this.halts = halts;
    let all = false;
    for (const { scope } of halts) {
      const { agentId, toolName, group } = scope;
      // under one of its names: a call that it is about has them all
      if (scope.all === true) all = true;
      else if (agentId !== undefined) add(this.#agents, agentId, scope);
      else if (toolName !== undefined) add(this.#tools, toolName, scope);
      else if (group !== undefined) add(this.#groups, group, scope);
      else all = true;
    }
    this.#all = all;
  }

  /** Whether a call is in the scope of any of them, in force or over. */
  has(call: HaltableCall): boolean {
    if (this.halts.length === 0) return false;
    if (this.#all) return true;
    const { agentId, toolName, groups = NONE } = call;
    const before = this.#unnamed;
    if (before !== undefined && before.agentId === agentId && before.toolName === toolName && isSame(before.groups, groups)) return false;
    const isNamed = this.#agents.has(agentId) || this.#tools.has(toolName) || groups.some((group) => this.#groups.has(group));
    if (!isNamed) {
      // a copy: the caller's own list may change
      this.#unnamed = { agentId, toolName, groups: [...groups] };
      return false;
    }
    return (
      holds(this.#agents, agentId, call) || holds(this.#tools, toolName, call) || groups.some((group) => holds(this.#groups, group, call))
    );
  }
}

const NONE: readonly string[] = Object.freeze([]);

function isSame(a: readonly string[] | undefined = NONE, b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function add(index: Map<string, HaltScope[]>, name: string, scope: HaltScope): void {
  const scopes = index.get(name);
  if (scopes === undefined) index.set(name, [scope]);
  else scopes.push(scope);
}

function holds(index: ReadonlyMap<string, readonly HaltScope[]>, name: string, call: HaltableCall): boolean {
  const scopes = index.get(name);
  if (scopes === undefined) return false;
  for (let i = 0; i < scopes.length; i++) if (isInScope(scopes[i] as HaltScope, call)) return true;
  return false;
}
