/** Groups that may decide as well, once an approval has been open for some time: `@escalate`. */
export interface Escalation {
  /** How long the approval has been open by then, in milliseconds. */
  readonly afterMs: number;
  /** The groups that may decide from then on, besides those of `@approvers`. */
  readonly groups: readonly string[];
}

/** The most that one grant may allow: `@grantable`. */
export interface GrantCeiling {
  /** How often. */
  readonly uses: number;
  /** For how long, in milliseconds. */
  readonly forMs: number;
}

/** What the annotations of an approval policy say about who decides, and what they may change. Each is absent where its annotation is. */
export interface ApprovalTerms {
  /** `@quorum`: how many different people must approve for this policy. One where it is absent. */
  readonly quorum?: number | undefined;
  /** `@distinct("true")`: who counts for another policy of the same call does not count for this one. */
  readonly distinct?: boolean | undefined;
  /** `@escalate`: the groups that may decide as well after some time, earliest first. */
  readonly escalate?: readonly Escalation[] | undefined;
  /** `@grantable`: a yes may count for later calls like this one, as often and as long as this at most. */
  readonly grantable?: GrantCeiling | undefined;
  /** `@editable`: JSON pointers of the params that an approver may change. */
  readonly editable?: readonly string[] | undefined;
  /** `@editor_may_approve("true")`: who edited the params may approve them too, below severity high. */
  readonly editorMayApprove?: boolean | undefined;
  /** `@show_approver`: JSON pointers of what no guard may hide from the approver; the empty pointer means everything. */
  readonly showApprover?: readonly string[] | undefined;
  /** `@needs_preview("true")`: without a preview of what the call would do, it is denied. */
  readonly needsPreview?: boolean | undefined;
}
