import type { Logger } from '../common/Logger.js';
import type { SteadyClock } from '../common/time/SteadyClock.js';
import type { DecisionService } from '../decision/DecisionService.js';
import type { HaltSwitch } from '../decision/halt/HaltGate.js';
import type { Journal } from '../model/Journal.js';
import type { TaskRegistry } from './task/TaskRegistry.js';

/** How approvals are polled where the service does not push. */
export interface ApprovalPolling {
  /** Whether to poll at all. Without polling and without push, a call that needs approval is refused. */
  readonly enabled: boolean;
  /** The delay before each of the first two polls, in milliseconds. It doubles from then on. */
  readonly initialDelayMs: number;
  /** The longest delay between two polls, in milliseconds. */
  readonly maxDelayMs: number;
  /** Polls answered as pending after which a task of a polled service and a memory store times out. */
  readonly maxAttempts: number;
  /** How far a delay may be from its computed value, as a part of it: 0 … 1. */
  readonly jitterRatio: number;
}

/** What an ApprovalScheduler is made of. */
export interface ApprovalSchedulerOptions {
  /** Where approvals are asked about, used up and withdrawn. */
  readonly decisions: DecisionService;
  /** Where tasks are recorded. A registry has one scheduler. */
  readonly registry: TaskRegistry;
  /** How often the status of an approval is polled. */
  readonly polling: ApprovalPolling;
  /**
   * Status requests under way at once.
   *
   * @defaultValue 64
   */
  readonly maxConcurrentPolls?: number | undefined;
  /**
   * How long a claim holds unless it is renewed, in milliseconds.
   *
   * @defaultValue 30,000
   */
  readonly leaseMs?: number | undefined;
  /**
   * Whether pending approvals keep the process alive.
   *
   * @defaultValue true while the store is in memory
   */
  readonly keepAlive?: boolean | undefined;
  /**
   * Shared with everything that works on the same approvals, so that all of them end at the same moment.
   *
   * @defaultValue a clock of its own
   */
  readonly clock?: SteadyClock | undefined;
  /**
   * Draws a number in [0, 1), for the jitter of polls.
   *
   * @defaultValue `Math.random`
   */
  readonly random?: (() => number) | undefined;
  /** Takes log lines. */
  readonly logger?: Logger | undefined;
  /** @internal Says which calls are halted, once there can be a halt. */
  readonly halts?: HaltSwitch | undefined;
  /** @internal Gets the events of approved calls. */
  readonly journal?: Journal | undefined;
}
