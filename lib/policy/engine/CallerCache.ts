import type { BoundEvaluator } from '../Evaluator.js';
import type { PolicyCall } from '../PolicyEngine.js';

/** What makes a caller. */
export type CallerNames = Pick<PolicyCall, 'agentId' | 'toolName' | 'groups'>;

/** What is known of a caller: who answers it, or that no call of it can be allowed. */
export type KnownCaller = BoundEvaluator | 'tool_is_group';

interface Entry {
  readonly groups: readonly string[];
  readonly known: KnownCaller;
}

/** Callers kept. Beyond it all are forgotten, which costs each of them some microseconds once. */
const MAX_CALLERS = 1_024;

/** What does not change from one call of an agent to a tool to the next. A tool is nearly always in the same groups, so the last are kept. */
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
