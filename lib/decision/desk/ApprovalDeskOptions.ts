import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import type { EligibilityRules } from './eligibility.js';

export interface ApprovalDeskOptions extends EligibilityRules {
  /** Pending approvals of one agent and tool at most; beyond it, calls end in a CapacityError. Default 100,000. */
  readonly maxPendingPerTool?: number | undefined;
  /** How long the same call stays refused after a person refused it, in milliseconds. Default 300,000. */
  readonly denialTtlMs?: number | undefined;
}

/** What the desk tells its listeners. */
export interface DeskEvents {
  /** A person is needed. */
  requested: [ApprovalRecord];
  /** It was decided, expired or withdrawn. */
  settled: [ApprovalRecord];
}
