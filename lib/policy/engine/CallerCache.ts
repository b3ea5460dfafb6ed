import type { BoundEvaluator } from '../Evaluator.js';
import type { PolicyCall } from '../PolicyEngine.js';

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
