import type { Logger } from '../common/Logger.js';
import type { SteadyClock } from '../common/time/SteadyClock.js';
import type { DecisionService } from '../decision/DecisionService.js';
import type { TaskRegistry } from './task/TaskRegistry.js';

/** How approvals are polled where the service does not push. */
export interface ApprovalPolling {
  /** Whether to poll at all. Without polling and without push, a call that needs approval is refused. */
  readonly enabled: boolean;
  /** Before the first two polls, in milliseconds. */
  readonly initialDelayMs: number;
  readonly maxDelayMs: number;
  /** Polls after which a task of a polled service and a memory store times out. */
  readonly maxAttempts: number;
  readonly jitterRatio: number;
}

export interface ApprovalSchedulerOptions {
  readonly decisions: DecisionService;
  readonly registry: TaskRegistry;
  readonly polling: ApprovalPolling;
  /** Status questions under way at once. Default 64. */
  readonly maxConcurrentPolls?: number | undefined;
  /** How long a claim holds unless it is renewed, in milliseconds. Default 30,000. */
  readonly leaseMs?: number | undefined;
  /** Whether pending approvals keep the process alive. Default: while the store is in memory. */
  readonly keepAlive?: boolean | undefined;
  /** Shared with what works on the same approvals, so that all of them end at the same moment. Default: one of its own. */
  readonly clock?: SteadyClock | undefined;
  /** Uniform in [0, 1). */
  readonly random?: (() => number) | undefined;
  readonly logger?: Logger | undefined;
}
