import { VerdictError } from '../../model/errors/SetupErrors.js';
import type { ApprovalPolicy, ApprovalRecord, Assurance } from '../../store/ApprovalStore.js';
import { deceptiveCues } from '../cue/deceptiveCues.js';

const SEVERITIES: readonly string[] = ['low', 'medium', 'high', 'critical'];
/** What a policy without `@severity` is taken for. */
const NO_SEVERITY = 'medium';

/** What each assurance is enough for: up to which severity, and whether for an approval that may deceive. */
const ENOUGH: Readonly<Record<Assurance, readonly [upTo: string, forDeceptive: boolean]>> = {
  session: ['medium', false],
  code: ['high', true],
  host: ['high', true],
  'step-up': ['critical', true],
  passkey: ['critical', true],
};

/** Whether a value is an {@link Assurance}. */
export function isAssurance(value: unknown): value is Assurance {
  return typeof value === 'string' && Object.hasOwn(ENOUGH, value);
}

/**
 * Refuses a yes whose assurance is not enough for the policies that it counts for.
 *
 * @throws VerdictError 403 `assurance_too_low` that says what would be enough
 */
export function checkAssurance(record: ApprovalRecord, policies: readonly ApprovalPolicy[], assurance: Assurance): void {
  const severity = Math.max(...policies.map((policy) => SEVERITIES.indexOf(policy.severity ?? NO_SEVERITY)));
  const deceptive = mayDeceive(record);
  const isEnough = ([upTo, forDeceptive]: readonly [string, boolean]): boolean =>
    SEVERITIES.indexOf(upTo) >= severity && (forDeceptive || !deceptive);
  if (isEnough(ENOUGH[assurance])) return;
  const enough = Object.keys(ENOUGH).filter((name) => isEnough(ENOUGH[name as Assurance]));
  const why = deceptive ? ', and something in it may deceive or was refused before' : '';
  throw new VerdictError(
    403,
    'assurance_too_low',
    record.decisionId,
    `This approval has the severity ${SEVERITIES[severity] as string}${why}: it takes ${enough.join(' or ')}, and this verdict has ${assurance}.`,
  );
}

/** Whether an approval holds what cannot be seen for what it is, or a person has lately refused this tool to this agent: see {@link deceptiveCues}. */
export function mayDeceive(record: ApprovalRecord): boolean {
  return deceptiveCues(record).length > 0;
}

/** Whether the operator of the host decides: until people are known to the server, that is one member of every group that is not empty. */
export function isHostOperator(by: string, assurance: Assurance | undefined): boolean {
  return assurance === 'host' && by.startsWith('host:');
}
