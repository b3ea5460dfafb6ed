import type { ApprovalPolicy } from '../../store/ApprovalStore.js';
import { html } from './html.js';
import type { Html } from './html.js';

const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const;

/** How much a wrong yes would cost, as policies say it. */
export type Severity = (typeof SEVERITIES)[number];

/** The highest severity of these policies; a policy without one is medium. */
export function severityOf(policies: readonly Pick<ApprovalPolicy, 'severity'>[]): Severity {
  const places = policies.map(({ severity = 'medium' }) => (SEVERITIES as readonly string[]).indexOf(severity));
  // one that this code does not know is not taken for a small one
  return places.includes(-1) ? 'critical' : (SEVERITIES[Math.max(...places)] ?? 'critical');
}

/** A severity by shape, word and colour. */
export function severityTag(severity: Severity): Html {
  if (severity === 'critical') return html`<span class="tag critical"><span aria-hidden="true">▲</span> Critical</span>`;
  if (severity === 'high') return html`<span class="tag high"><span aria-hidden="true">△</span> High</span>`;
  return html`<span class="tag">${severity === 'medium' ? 'Medium' : 'Low'}</span>`;
}
