import type { OptionKinds } from '../../common/readOptions.js';
import type { Journal } from '../../model/Journal.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import type { EligibilityRules } from './verdict.js';

/** Options of an ApprovalDesk. */
export interface ApprovalDeskOptions extends EligibilityRules {
  /**
   * Pending approvals that one agent and tool may have at a time; further calls end in a CapacityError.
   *
   * @defaultValue 100,000
   */
  readonly maxPendingPerTool?: number | undefined;
  /**
   * How long the same call stays refused after a person denied it, in milliseconds.
   *
   * @defaultValue 300,000 (5 minutes)
   */
  readonly denialTtlMs?: number | undefined;
  /** @internal Receives a `verdict` event for each verdict that was recorded. */
  readonly journal?: Journal | undefined;
  /** @internal The tenant in the binding of its approvals, where a server has several. */
  readonly tenantId?: string | undefined;
}

/** The events of an ApprovalDesk. */
export interface DeskEvents {
  /** A new approval needs a person. */
  requested: [ApprovalRecord];
  /** An approval was approved, denied, expired or withdrawn. */
  settled: [ApprovalRecord];
  /** There is more to know of an approval: a verdict that was not the last one, or what became of it after it was settled. */
  changed: [ApprovalRecord];
}

/** The kinds of the options of a desk. */
export const DESK_OPTIONS: OptionKinds<ApprovalDeskOptions> = {
  approverGroups: 'record',
  mayApprove: 'function',
  requireRequester: 'boolean',
  maxPendingPerTool: 'count',
  denialTtlMs: 'age',
  journal: 'object|list',
  tenantId: 'string',
};
