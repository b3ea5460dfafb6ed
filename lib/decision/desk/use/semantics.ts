import type { ApprovalPolicy, ApprovalRecord } from '../../../store/ApprovalStore.js';

/** What an approval may demand of the code that decides or uses it, as far as this code knows it. A name is added with the code that enforces it. */
const SEMANTICS: readonly string[] = [
  'binding',
  'begin',
  'answer',
  'amend',
  'quorum',
  'distinct',
  'escalate',
  'grant',
  'view',
  'show_approver',
  'preview',
];

/** What every approval demands that is opened now. */
export const REQUIRED_SEMANTICS: readonly string[] = Object.freeze(['binding', 'begin']);

const ANSWER_SEMANTICS: readonly string[] = Object.freeze([...REQUIRED_SEMANTICS, 'answer']);

/** Whether this code knows everything that an approval demands. */
export function isUnderstood({ requires = [] }: Pick<ApprovalRecord, 'requires'>): boolean {
  return requires.every((name) => SEMANTICS.includes(name));
}

/** What an approval demands by what its policies say. Code that does not know one of them refuses to decide or use it. */
export function semanticsOf({
  usedByAnswer,
  policies,
  sensitive,
  amendments,
  preview,
}: Pick<ApprovalRecord, 'usedByAnswer' | 'policies' | 'sensitive' | 'amendments' | 'preview'>): readonly string[] {
  const base = usedByAnswer === true ? ANSWER_SEMANTICS : REQUIRED_SEMANTICS;
  const more = Object.entries(BY_TERM).flatMap(([name, demands]) => (policies.some(demands) ? [name] : []));
  // code that knows no views shows everything to everyone
  if (sensitive !== undefined) more.push('view');
  if (amendments !== undefined) more.push('amend');
  // its binding has the digest of the preview
  if (preview !== undefined && !more.includes('preview')) more.push('preview');
  return more.length === 0 ? base : [...base, ...more];
}

/** Whether people are counted: more than one for a policy, or different ones for each. */
export function takesSeats(policies: readonly Pick<ApprovalPolicy, 'quorum' | 'distinct'>[]): boolean {
  return policies.some(({ quorum = 1, distinct }) => quorum > 1 || distinct === true);
}

const BY_TERM: Readonly<Record<string, (policy: ApprovalPolicy) => boolean>> = {
  quorum: ({ quorum = 1 }) => quorum > 1,
  distinct: ({ distinct }) => distinct === true,
  escalate: ({ escalate }) => escalate !== undefined,
  show_approver: ({ showApprover }) => showApprover !== undefined,
  preview: ({ needsPreview }) => needsPreview === true,
};
