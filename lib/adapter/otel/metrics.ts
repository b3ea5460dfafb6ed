// Every name that telemetry gets from here. Spans of tools follow the GenAI conventions of OpenTelemetry, which are in development:
// https://opentelemetry.io/docs/specs/semconv/gen-ai/. There are none for approvals yet, so the others are our own.

/** The name of the instrumentation scope. */
export const SCOPE = 'aegislib';

/** Names of spans. */
export const SPANS = {
  /** A decision on one call. */
  decide: 'aegis.decide',
  /** From the moment in which a person was asked until the call could start, or was over: the root of a trace of its own. */
  approval: 'aegis.approval',
  /** The run of a method; the name of the tool follows. */
  run: 'execute_tool',
} as const;

/** Names of attributes. */
export const ATTRIBUTES = {
  operation: 'gen_ai.operation.name',
  tool: 'gen_ai.tool.name',
  agent: 'gen_ai.agent.id',
  effect: 'aegis.effect',
  decisionId: 'aegis.decision.id',
  approvalId: 'aegis.approval.id',
  taskId: 'aegis.task.id',
  policySet: 'aegis.policy_set.hash',
  dryRun: 'aegis.dry_run',
  outcome: 'aegis.outcome',
  approved: 'aegis.approved',
  code: 'aegis.code',
  link: 'aegis.link',
  errorType: 'error.type',
} as const;

/** Names of metrics, with what a person reads beside them. */
export const METRICS = {
  decisions: { name: 'aegis.decisions', unit: '{decision}', description: 'Decisions on calls, by effect and tool.' },
  decisionDuration: { name: 'aegis.decision.duration', unit: 's', description: 'How long a decision took, by effect.' },
  approvals: {
    name: 'aegis.approvals',
    unit: '{approval}',
    description: 'Approvals that were opened or have ended, by outcome and tool.',
  },
  approvalWait: { name: 'aegis.approval.wait', unit: 's', description: 'From the question to the verdict or the end, by outcome.' },
  pending: { name: 'aegis.approvals.pending', unit: '{approval}', description: 'Approvals that wait for a person.' },
  executions: { name: 'aegis.executions', unit: '{execution}', description: 'Runs of guarded methods, by outcome and tool.' },
  executionDuration: { name: 'aegis.execution.duration', unit: 's', description: 'How long a guarded method ran, by outcome.' },
  security: { name: 'aegis.security.events', unit: '{event}', description: 'Answers and verdicts that looked forged, by code.' },
  policyChanges: { name: 'aegis.policies.changes', unit: '{change}', description: 'Policy sets that came into force.' },
  auditQueue: { name: 'aegis.audit.queued', unit: '{record}', description: 'Audit records that are not on disk yet.' },
} as const;
