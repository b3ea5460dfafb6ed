import { parsePointer } from '../../model/snapshot/parsePointer.js';
import type { ApprovalTerms, Escalation, GrantCeiling } from '../../model/terms/ApprovalTerms.js';
import { GROUP_NAME, parseApprovers } from './groupNames.js';

const MAX_QUORUM = 20;
const MAX_USES = 1_000;
const MAX_POINTERS = 32;
const MAX_ESCALATIONS = 8;
/** A year. */
const MAX_ESCALATE_S = 31_536_000;
const DAY_MS = 86_400_000;
const MAX_GRANT_MS = 30 * DAY_MS;
const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: DAY_MS };

type Check = readonly [name: string, check: (value: string) => string | undefined];

/** Checks the values of these annotations: undefined if one is right, else what it must be. */
export const APPROVAL_CHECKS: readonly Check[] = [
  ['quorum', (v) => (/^[1-9][0-9]?$/.test(v) && Number(v) <= MAX_QUORUM ? undefined : `a number of people from 1 to ${MAX_QUORUM}`)],
  ['distinct', isFlag],
  ['escalate', (v) => (readEscalate(v) === undefined ? ESCALATE : undefined)],
  ['grantable', (v) => (readGrantable(v) === undefined ? GRANTABLE : undefined)],
  ['editable', (v) => (readPointers(v) === undefined ? POINTERS : undefined)],
  ['editor_may_approve', isFlag],
  ['show_approver', (v) => (v === 'full' || readPointers(v) !== undefined ? undefined : `"full", or ${POINTERS}`)],
  ['needs_preview', isFlag],
];

const ESCALATE = `seconds and the groups to add, earliest first, as in "900: managers; 3600: on-call, directors": 1 to ${MAX_ESCALATIONS} steps`;
/** What {@link readGrantable} reads, in words. */
export const GRANTABLE: string = `the most uses and the longest time of a grant, as in "50 uses; 8h": 1 to ${MAX_USES} uses, up to 30d`;
const POINTERS = `1 to ${MAX_POINTERS} JSON pointers, separated by commas, each once, as in "/amount, /note"`;

/** @returns undefined for "true" or "false", else what was expected */
function isFlag(value: string): string | undefined {
  return value === 'true' || value === 'false' ? undefined : '"true" or "false"';
}

/** Reads the annotations of one approval policy. What is wrong is left out: the checks have reported it. */
export function readApprovalTerms(
  get: (name: string) => string | undefined,
  report: (message: string, annotation?: string) => void,
): ApprovalTerms {
  const quorum = get('quorum');
  const terms = {
    quorum: quorum === undefined ? undefined : Number(quorum),
    distinct: flag(get('distinct')),
    escalate: readEscalate(get('escalate')),
    grantable: readGrantable(get('grantable')),
    editable: readPointers(get('editable')),
    editorMayApprove: flag(get('editor_may_approve')),
    showApprover: get('show_approver') === 'full' ? [''] : readPointers(get('show_approver')),
    needsPreview: flag(get('needs_preview')),
  };
  if (terms.grantable !== undefined && Number(quorum ?? 1) > 1)
    report(
      '@grantable is not for a policy with @quorum above 1: such a call takes several people each time. Remove one of the two.',
      'grantable',
    );
  if (terms.grantable !== undefined && get('severity') === 'critical')
    report(
      '@grantable is not for a policy with @severity("critical"): such a call takes a person each time. Remove @grantable.',
      'grantable',
    );
  if (terms.grantable !== undefined && terms.needsPreview === true)
    report(
      '@grantable is not for a policy with @needs_preview("true"): such a call takes a person each time, who reads what it would do. Remove one of the two.',
      'grantable',
    );
  if (terms.grantable !== undefined && terms.distinct === true)
    report(
      '@grantable is not for a policy with @distinct("true"): such a call takes a person of its own each time. Remove one of the two.',
      'grantable',
    );
  if (terms.editorMayApprove !== undefined && terms.editable === undefined)
    report('@editor_may_approve is only for a policy with @editable. Add that, or remove it.', 'editor_may_approve');
  return Object.fromEntries(Object.entries(terms).filter(([, value]) => value !== undefined));
}

function flag(value: string | undefined): boolean | undefined {
  return value === undefined ? undefined : value === 'true';
}

function readPointers(value: string | undefined): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const pointers = value.split(',').map((pointer) => pointer.trim());
  const isRight = pointers.length <= MAX_POINTERS && new Set(pointers).size === pointers.length && pointers.every((p) => parsePointer(p));
  return isRight ? pointers : undefined;
}

function readEscalate(value: string | undefined): readonly Escalation[] | undefined {
  if (value === undefined) return undefined;
  const steps = value.split(';').map((step) => {
    const [, seconds, groups] = /^\s*([1-9][0-9]{0,7})\s*:([^:]+)$/.exec(step) ?? [];
    const names = parseApprovers(groups ?? '');
    const isRight = Number(seconds) <= MAX_ESCALATE_S && names.every((name) => GROUP_NAME.test(name));
    return isRight ? { afterMs: Number(seconds) * 1_000, groups: names } : undefined;
  });
  const found = steps.filter((step) => step !== undefined);
  const isOrdered = found.every(({ afterMs }, i) => i === 0 || afterMs > (found[i - 1] as Escalation).afterMs);
  return found.length === steps.length && found.length <= MAX_ESCALATIONS && isOrdered ? found : undefined;
}

/** How many uses, and for how long: `10 uses; 8h`. @returns `undefined` for anything else, and for more than any grant may have */
export function readGrantable(value: string | undefined): GrantCeiling | undefined {
  const [, uses, count, unit] = /^\s*([1-9][0-9]{0,3}) uses?\s*;\s*([1-9][0-9]{0,6})([smhd])\s*$/.exec(value ?? '') ?? [];
  const forMs = Number(count) * (UNITS[unit ?? ''] ?? NaN);
  return Number(uses) <= MAX_USES && forMs <= MAX_GRANT_MS ? { uses: Number(uses), forMs } : undefined;
}
