import type { PolicySupplier } from '../../lib/decision/embedded/EmbeddedDecisionServiceOptions.js';
import type { AppliedPolicy, PolicyCall, PolicyEngine, PolicyOutcome } from '../../lib/policy/PolicyEngine.js';

export function approvalPolicy(id: string, more: Partial<AppliedPolicy> = {}): AppliedPolicy {
  return { id, hash: `hash of ${id}`, effect: 'approval_needed', ...more };
}

export const ALLOW: PolicyOutcome = { effect: 'allow', policies: [] };

export function denyOutcome(reason: string): PolicyOutcome {
  return { effect: 'deny', code: 'forbidden', reason, policies: [] };
}

export function askOutcome(more: Partial<Extract<PolicyOutcome, { effect: 'approval_needed' }>> = {}): PolicyOutcome {
  const approvals = more.approvals ?? [approvalPolicy('limit')];
  return { effect: 'approval_needed', reason: 'a person decides', approvals, policies: approvals, ...more };
}

/** A policy engine of plain functions, one for each tool; what has none is denied. */
export class ScriptedPolicies implements PolicySupplier {
  /** Every call that was evaluated, oldest first. */
  readonly calls: PolicyCall[] = [];
  readonly tools: Record<string, (call: PolicyCall) => PolicyOutcome>;
  hash = 'set-1';
  closed = 0;

  constructor(tools: Record<string, (call: PolicyCall) => PolicyOutcome>) {
    this.tools = tools;
  }

  get engine(): PolicyEngine {
    return {
      hash: this.hash,
      evaluate: (call) => {
        this.calls.push(call);
        return this.tools[call.toolName]?.(call) ?? denyOutcome('no policy permits it');
      },
    };
  }

  close(): void {
    this.closed += 1;
  }
}
