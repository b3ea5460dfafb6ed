import { VerdictError } from '../../model/errors/SetupErrors.js';
import type { ApprovalPolicy, ApprovalRecord, Assurance } from '../../store/ApprovalStore.js';
import { deceptiveCues } from '../cue/deceptiveCues.js';

const SEVERITIES: readonly string[] = ['low', 'medium', 'high', 'critical'];
/** What a policy without `@severity` is taken for. */
const NO_SEVERITY = 'medium';
const HIGH = SEVERITIES.indexOf('high');
const CODE_CHARACTERS = 4;

/** What each assurance is enough for: up to which severity, and whether for an approval that may deceive. */
const ENOUGH: Readonly<Record<Assurance, readonly [upTo: string, forDeceptive: boolean]>> = {
  session: ['medium', false],
  code: ['high', true],
  host: ['high', true],
  'step-up': ['critical', true],
  passkey: ['critical', true],
};

/** What a yes takes. */
export interface VerdictNeeds {
  /** The least that is enough. */
  readonly assurance: 'session' | 'code' | 'passkey';
  /** Whether the person types the first four characters of the digest. */
  readonly code: boolean;
  /** Whether the person says why. */
  readonly reason: 'needed' | 'optional';
  /** Whether the person signs this verdict with a passkey. */
  readonly passkey: boolean;
}

/** What else is known of who gives a verdict. */
export interface VerdictStress {
  /** The person decides faster than anyone reads. */
  readonly isHurried?: boolean | undefined;
  /** A session alone is not enough for anything, because others could have it. */
  readonly mustSign?: boolean | undefined;
  /** The person was shown all of this version of the approval, with nothing cut. */
  readonly sawAll?: boolean | undefined;
}

/** Whether a value is an {@link Assurance}. */
export function isAssurance(value: unknown): value is Assurance {
  return typeof value === 'string' && Object.hasOwn(ENOUGH, value);
}

/** What a person types to approve. */
export function codeOf({ digest }: Pick<ApprovalRecord, 'digest'>): string {
  return digest.slice(0, CODE_CHARACTERS);
}

/** The highest severity of these policies. */
export function severityOf(policies: readonly Pick<ApprovalPolicy, 'severity'>[]): string {
  return SEVERITIES[rankOf(policies)] as string;
}

/** Whether one of these policies has the severity high or more. */
export function isGrave(policies: readonly Pick<ApprovalPolicy, 'severity'>[]): boolean {
  return rankOf(policies) >= HIGH;
}

/** What a yes for these policies takes of a person who is signed in. */
export function requiredFor(
  record: ApprovalRecord,
  policies: readonly Pick<ApprovalPolicy, 'severity'>[],
  { isHurried = false, mustSign = false, sawAll }: VerdictStress = {},
): VerdictNeeds {
  const severity = rankOf(policies);
  const isGrave = severity >= HIGH || mayDeceive(record, sawAll);
  const passkey = mustSign || severity > HIGH;
  const code = !passkey && (isGrave || isHurried);
  return { assurance: passkey ? 'passkey' : code ? 'code' : 'session', code, reason: isGrave ? 'needed' : 'optional', passkey };
}

/**
 * Refuses a yes whose assurance is not enough for the policies that it counts for.
 *
 * @throws VerdictError 403 `assurance_too_low` that says what would be enough
 */
export function checkAssurance(
  record: ApprovalRecord,
  policies: readonly ApprovalPolicy[],
  assurance: Assurance,
  { isHurried = false, mustSign = false, sawAll }: VerdictStress = {},
): void {
  const severity = rankOf(policies);
  const deceptive = mayDeceive(record, sawAll);
  const isEnough = (name: Assurance): boolean => {
    const [upTo, forDeceptive] = ENOUGH[name];
    return (
      SEVERITIES.indexOf(upTo) >= severity &&
      (forDeceptive || !deceptive) &&
      (name !== 'session' || !isHurried) &&
      (name === 'passkey' || !mustSign)
    );
  };
  if (isEnough(assurance)) return;
  const enough = Object.keys(ENOUGH).filter((name) => isEnough(name as Assurance));
  const why = deceptive ? ', and something in it may deceive or was refused before' : '';
  throw new VerdictError(
    403,
    'assurance_too_low',
    record.decisionId,
    `This approval has the severity ${SEVERITIES[severity] as string}${why}: it takes ${enough.join(' or ')}, and this verdict has ${assurance}.`,
  );
}

/** Whether an assurance is enough for a yes for these policies, as far as their severity goes. */
export function isAssuranceFor(assurance: Assurance, policies: readonly Pick<ApprovalPolicy, 'severity'>[]): boolean {
  return SEVERITIES.indexOf(ENOUGH[assurance][0]) >= rankOf(policies);
}

/**
 * Whether an approval holds what cannot be seen for what it is, or a person has lately refused this tool to this agent: see {@link deceptiveCues}.
 *
 * @param sawAll whether the person who decides was shown all of it
 */
export function mayDeceive(record: ApprovalRecord, sawAll = false): boolean {
  return deceptiveCues(record, { sawAll }).length > 0;
}

function rankOf(policies: readonly Pick<ApprovalPolicy, 'severity'>[]): number {
  const ranks = policies.map((policy) => SEVERITIES.indexOf(policy.severity ?? NO_SEVERITY));
  // one that this code does not know is the highest
  return Math.max(...ranks.map((rank) => (rank < 0 ? SEVERITIES.length - 1 : rank)));
}
