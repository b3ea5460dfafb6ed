/** How many callers are kept. Beyond that all are forgotten, which costs each of them some microseconds once. */
const MAX_CALLERS = 1_000;
/** How long the names of a caller may be that is kept. */
const MAX_LENGTH = 1_000;

/** What is known by agent and tool. The latest caller is found without a look at the map: most calls are like the one before. */
export class CallerMap<T> {
  readonly #byAgent = new Map<string, Map<string, T>>();
  #size = 0;
  #agentId = '';
  #toolName = '';
  #latest: T | undefined;

  get(agentId: string, toolName: string): T | undefined {
    if (agentId === this.#agentId && toolName === this.#toolName) return this.#latest;
    const found = this.#byAgent.get(agentId)?.get(toolName);
    if (found !== undefined) this.#setLatest(agentId, toolName, found);
    return found;
  }

  set(agentId: string, toolName: string, value: T): void {
    if (agentId.length + toolName.length > MAX_LENGTH) return;
    if (this.#size >= MAX_CALLERS) {
      this.#byAgent.clear();
      this.#size = 0;
    }
    let byTool = this.#byAgent.get(agentId);
    if (byTool === undefined) this.#byAgent.set(agentId, (byTool = new Map()));
    if (!byTool.has(toolName)) this.#size += 1;
    byTool.set(toolName, value);
    this.#setLatest(agentId, toolName, value);
  }

  #setLatest(agentId: string, toolName: string, value: T): void {
    this.#agentId = agentId;
    this.#toolName = toolName;
    this.#latest = value;
  }
}
