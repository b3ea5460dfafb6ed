import { CapacityError } from '../../model/errors/CallErrors.js';
import type { Task } from '../../model/Task.js';

/** How many bytes unfinished tasks may take. */
interface ByteLimits {
  readonly maxPendingBytes: number;
  readonly maxPendingBytesPerTool: number;
}

type CountedTask = Pick<Task, 'taskId' | 'agentId' | 'toolName' | 'sizeBytes'>;

/** Counts what the unfinished tasks of this process take, in all and for each agent and tool: a count of tasks alone does not bound memory. */
export class ByteBudget {
  readonly #limits: ByteLimits;
  /** The tasks that were counted here, where other processes end tasks too. */
  readonly #counted: Set<string> | undefined;
  readonly #byTool = new Map<string, number>();
  #bytes = 0;

  constructor(limits: ByteLimits, isShared: boolean) {
    this.#limits = limits;
    this.#counted = isShared ? new Set() : undefined;
  }

  /** Counts a task. @throws CapacityError where it does not fit */
  take(task: CountedTask): void {
    const { taskId, agentId, toolName, sizeBytes = 0 } = task;
    const { maxPendingBytes, maxPendingBytesPerTool } = this.#limits;
    const key = keyOf(task);
    const ofTool = (this.#byTool.get(key) ?? 0) + sizeBytes;
    const all = this.#bytes + sizeBytes;
    const what = 'Decide or cancel some, pass references instead of data, or raise';
    if (ofTool > maxPendingBytesPerTool)
      throw new CapacityError(
        maxPendingBytesPerTool,
        `The unfinished calls of agent '${agentId}' to tool '${toolName}' would take ${ofTool} bytes, and at most ${maxPendingBytesPerTool} are allowed. ${what} tasks.maxPendingBytesPerTool.`,
      );
    if (all > maxPendingBytes)
      throw new CapacityError(
        maxPendingBytes,
        `The unfinished calls would take ${all} bytes, and at most ${maxPendingBytes} are allowed. ${what} tasks.maxPendingBytes.`,
      );
    this.#counted?.add(taskId);
    this.#set(key, ofTool, all);
  }

  /** Counts a task no longer. One that was not counted here changes nothing. */
  giveBack(task: CountedTask): void {
    if (this.#counted?.delete(task.taskId) === false) return;
    const { sizeBytes = 0 } = task;
    const key = keyOf(task);
    this.#set(key, (this.#byTool.get(key) ?? 0) - sizeBytes, this.#bytes - sizeBytes);
  }

  #set(key: string, ofTool: number, all: number): void {
    if (ofTool === 0) this.#byTool.delete(key);
    else this.#byTool.set(key, ofTool);
    this.#bytes = all;
  }
}

function keyOf({ agentId, toolName }: CountedTask): string {
  // a tool name has no space, so two pairs never have the same key
  return `${toolName} ${agentId}`;
}
