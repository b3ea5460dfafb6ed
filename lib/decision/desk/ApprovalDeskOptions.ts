import type { OptionKinds } from '../../common/readOptions.js';
import type { Awaitable } from '../../common/awaitable.js';
import type { Journal } from '../../model/Journal.js';
import type { ApprovalQuery, ApprovalRecord } from '../../store/ApprovalStore.js';
import type { EventOutbox } from '../../store/record/EventOutbox.js';
import type { EligibilityRules } from './eligibility.js';

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
  /** @internal Keeps in the store what the journal has still to write. */
  readonly outbox?: EventOutbox | undefined;
  /** @internal How often halts may have been changed when an approval is used, in the same transaction. Throws where its call is halted. */
  readonly haltChanges?: ((approval: ApprovalRecord, again?: boolean) => Awaitable<number | undefined>) | undefined;
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
  directory: 'object',
  requireRequester: 'boolean',
  requireKnownRequester: 'boolean',
  maxPendingPerTool: 'count',
  denialTtlMs: 'age',
  journal: 'object|list',
  outbox: 'object',
  tenantId: 'string',
  haltChanges: 'function',
};

/** The kinds of the fields of a query. */
export const APPROVAL_QUERY: OptionKinds<ApprovalQuery> = {
  status: "'pending'|'approved'|'denied'|'expired'|'withdrawn'",
  agentId: 'string',
  toolName: 'string',
  overdueAtMs: 'number',
  overdueSinceMs: 'number',
  limit: 'count',
};
