import { ANNOTATION_CHECKS, ANNOTATION_EFFECTS, isEffect, parseApprovers } from './annotationChecks.js';
import type { AppliedPolicy } from '../PolicyEngine.js';
import { parseSanitize, type SanitizeOperation } from '../sanitize/grammar.js';
import { firstConflict } from '../sanitize/overlaps.js';

/** What a policy's annotations say. */
export interface AnnotationFacts {
  readonly effect: AppliedPolicy['effect'];
  readonly reason: string | undefined;
  readonly severity: string | undefined;
  readonly approvers: readonly string[] | undefined;
  readonly approvalTimeoutMs: number | undefined;
  readonly selfApproval: boolean | undefined;
  readonly mayPermit: boolean;
  readonly operations: readonly SanitizeOperation[];
}

/**
 * Checks a policy's annotations and reads them.
 *
 * @param values by name; null where an annotation was written without a value
 * @param report takes each problem, with the annotation it is about
 */
export function readAnnotations(
  cedarEffect: 'permit' | 'forbid',
  values: ReadonlyMap<string, string | null>,
  report: (message: string, annotation?: string) => void,
): AnnotationFacts {
  for (const [name, value] of values) {
    const check = ANNOTATION_CHECKS.get(name);
    if (check === undefined) report(`Unknown annotation @${name}; known are @${[...ANNOTATION_CHECKS.keys()].join(', @')}.`, name);
    const wanted = value === null ? 'a value in quotes' : check?.(value);
    if (check !== undefined && wanted !== undefined) report(`@${name} must be ${wanted}.`, name);
  }
  const get = (name: string): string | undefined => values.get(name) ?? undefined;
  if (!values.has('id')) report('Every policy needs an @id("…") of its own.');
  const effect = effectOf(cedarEffect, get('effect'), report);
  for (const [name, meant] of ANNOTATION_EFFECTS) {
    if (values.has(name) && effect !== meant) report(`@${name} only has a meaning on a forbid with @effect("${meant}").`, name);
  }
  const seconds = get('approval_timeout_s');
  const approvers = get('approvers');
  const selfApproval = get('self_approval');
  return {
    effect,
    reason: get('reason'),
    severity: get('severity'),
    approvers: approvers === undefined ? undefined : parseApprovers(approvers),
    approvalTimeoutMs: seconds === undefined ? undefined : Number(seconds) * 1000,
    selfApproval: selfApproval === undefined ? undefined : selfApproval === 'true',
    mayPermit: get('may_permit') === 'true',
    operations: effect === 'sanitize' ? operationsOf(get('sanitize'), report) : [],
  };
}

function effectOf(
  cedarEffect: 'permit' | 'forbid',
  effect: string | undefined,
  report: (message: string, annotation?: string) => void,
): AppliedPolicy['effect'] {
  if (cedarEffect === 'permit') {
    // whoever reads only annotations, or only Cedar, must see the same thing
    if (effect !== undefined)
      report('@effect cannot stand on a permit: write a forbid, which asks or changes where it would refuse.', 'effect');
    return 'permit';
  }
  return effect !== undefined && isEffect(effect) ? effect : 'deny';
}

function operationsOf(annotation: string | undefined, report: (message: string, annotation?: string) => void): SanitizeOperation[] {
  if (annotation === undefined) {
    report('@effect("sanitize") needs @sanitize("…") to say what to do.', 'effect');
    return [];
  }
  try {
    const operations = parseSanitize(annotation);
    const conflict = firstConflict(operations);
    if (conflict !== undefined) report(`@sanitize: ${conflict}.`, 'sanitize');
    return operations;
  } catch (error) {
    report((error as SyntaxError).message, 'sanitize');
    return [];
  }
}
