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
    if (this.#all || holds(this.#agents, call.agentId, call) || holds(this.#tools, call.toolName, call)) return true;
    if (this.#groups.size === 0 || call.groups === undefined) return false;
    for (const group of call.groups) if (holds(this.#groups, group, call)) return true;
    return false;
  }
}

function add(index: Map<string, HaltScope[]>, name: string, scope: HaltScope): void {
  const scopes = index.get(name);
  if (scopes === undefined) index.set(name, [scope]);
  else scopes.push(scope);
}

function holds(index: ReadonlyMap<string, readonly HaltScope[]>, name: string, call: HaltableCall): boolean {
  if (index.size === 0) return false;
  const scopes = index.get(name);
  if (scopes === undefined) return false;
  for (let i = 0; i < scopes.length; i++) if (isInScope(scopes[i] as HaltScope, call)) return true;
  return false;
}
