/** What is halted: `all`, or the calls that match every field that is given. */
export interface HaltScope {
  /** Every call. No other field goes with it. */
  readonly all?: true | undefined;
  /** Calls of this agent. */
  readonly agentId?: string | undefined;
  /** Calls of this tool. */
  readonly toolName?: string | undefined;
  /** Calls of tools in this group. */
  readonly group?: string | undefined;
}

/** An order to let no call of a scope run. */
export interface Halt {
  /** Identifies the halt. */
  readonly id: string;
  /** What is halted. */
  readonly scope: HaltScope;
  /** What happens to calls that wait for a person: they go on waiting (`freeze`), or end (`cancel`). */
  readonly pending: 'freeze' | 'cancel';
  /** Who ordered it. */
  readonly by: string;
  /** Why, in that person's words. */
  readonly reason: string;
  /** When it was ordered, in epoch milliseconds. */
  readonly atMs: number;
  /** When it ends by itself, in epoch milliseconds; absent where it holds until it is lifted. */
  readonly untilMs?: number | undefined;
  /** Who lifted it, why and when; absent while it holds. */
  readonly lifted?: HaltLift | undefined;
}

/** How a halt ended before its time. */
export interface HaltLift {
  /** Who lifted it. */
  readonly by: string;
  /** Why, in that person's words. */
  readonly reason: string;
  /** When, in epoch milliseconds. */
  readonly atMs: number;
}

/** A call, as far as halts tell calls apart. */
export interface HaltableCall {
  readonly agentId: string;
  readonly toolName: string;
  readonly groups?: readonly string[] | undefined;
}

/** Whether a scope has this call in it. */
export function isInScope({ all, agentId, toolName, group }: HaltScope, call: HaltableCall): boolean {
  if (all === true) return true;
  return (
    (agentId === undefined || agentId === call.agentId) &&
    (toolName === undefined || toolName === call.toolName) &&
    (group === undefined || call.groups?.includes(group) === true)
  );
}

/** Whether a halt holds at that time, in epoch milliseconds. */
export function isInForce({ lifted, untilMs = Infinity }: Pick<Halt, 'lifted' | 'untilMs'>, nowMs: number): boolean {
  return lifted === undefined && nowMs < untilMs;
}
