// The bodies of the routes of staged policies.
import * as v from 'valibot';
import type { PromoteResult } from '../../../policy/live/PolicyStage.js';
import type { ReloadablePolicies } from '../../../policy/live/ReloadablePolicies.js';
import type { DifferenceKind, DifferenceReport, DifferenceRow } from '../../../policy/staged/DifferenceTable.js';
import type { StagedReport } from '../../../policy/staged/StagedPolicies.js';
import type { SourceText } from '../../../policy/PolicySource.js';
import { checkBody } from './policiesAnswer.js';

const count: v.GenericSchema<unknown, number> = /* @__PURE__ */ (() => v.pipe(v.number(), v.integer(), v.minValue(0)))();
const text: v.GenericSchema<unknown, string> = /* @__PURE__ */ (() => v.string())();
const texts: v.GenericSchema<unknown, readonly string[]> = /* @__PURE__ */ (() => v.array(v.string()))();

/** A difference between the policies in force and the staged ones. */
const row: v.GenericSchema = /* @__PURE__ */ (() =>
  v.object({ kind: text, tool: text, from: text, to: text, before: texts, after: texts, calls: count, first_at: text, last_at: text }))();

const report: v.GenericSchema = /* @__PURE__ */ (() =>
  v.object({
    hash: text,
    against: text,
    staged_at: text,
    since: text,
    sample: v.number(),
    skipped: count,
    compared: count,
    differences: v.object({ newly_allowed: count, asks_fewer: count, milder: count, changed: count, stricter: count }),
    rows: v.array(row),
    other_calls: count,
  }))();

const observed: v.GenericSchema = /* @__PURE__ */ (() =>
  v.object({ policy_id: text, tool: text, calls: count, first_at: text, last_at: text, until: text }))();

/** The report on staged policies, as it travels. */
export interface WireStagedReport extends Pick<StagedReport, 'hash' | 'against' | 'sample' | 'skipped' | 'compared'> {
  readonly differences: { readonly newly_allowed: number; readonly asks_fewer: number } & Pick<
    StagedReport['differences'],
    'milder' | 'changed' | 'stricter'
  >;
  readonly staged_at: string;
  readonly since: string;
  readonly rows: readonly WireDifference[];
  readonly other_calls: number;
}

/** A difference, as it travels. */
export interface WireDifference extends Pick<DifferenceRow, 'from' | 'to' | 'before' | 'after' | 'calls'> {
  readonly kind: keyof WireStagedReport['differences'];
  readonly tool: string;
  readonly first_at: string;
  readonly last_at: string;
}

/** How often a watched policy would have asked, as it travels. */
export interface WireObserved {
  readonly policy_id: string;
  readonly tool: string;
  readonly calls: number;
  readonly first_at: string;
  readonly last_at: string;
  readonly until: string;
}

/** The answer of `GET /v1/policies/staged`. */
export const stagedAnswer: v.GenericSchema<
  unknown,
  { readonly staged: WireStagedReport | null; readonly observed: readonly WireObserved[] }
> = /* @__PURE__ */ (() => v.object({ staged: v.nullable(report), observed: v.array(observed) }))() as never;

/** The body of `POST /v1/policies/staged`. */
export const stageBody: v.GenericSchema<unknown, { readonly files: readonly SourceText[]; readonly sample?: number | undefined }> =
  /* @__PURE__ */ (() =>
    v.strictObject({
      ...(checkBody as unknown as { readonly entries: { readonly files: v.GenericSchema<readonly SourceText[]> } }).entries,
      sample: v.optional(
        v.pipe(
          v.number(),
          v.check((share) => share > 0 && share <= 1, 'a share over 0, and at most 1'),
        ),
      ),
    }))() as never;

/** The answer of `POST /v1/policies/staged`. */
export const stageAnswer: v.GenericSchema<unknown, StageAnswer> = /* @__PURE__ */ (() =>
  v.object({
    status: v.picklist(['staged', 'failed']),
    hash: v.nullable(text),
    problems: v.optional(v.array(v.object({ where: text, message: text }))),
  }))();

/** What became of policies that were to be staged. */
export interface StageAnswer {
  readonly status: 'staged' | 'failed';
  /** `null` where they do not load. */
  readonly hash: string | null;
  readonly problems?: readonly { readonly where: string; readonly message: string }[] | undefined;
}

/** The body of `POST /v1/policies/staged/promote`. */
export const promoteBody: v.GenericSchema<
  unknown,
  { readonly hash: string; readonly max_newly_allowed?: number | undefined; readonly min_decisions?: number | undefined }
> = /* @__PURE__ */ (() =>
  v.strictObject({
    hash: v.pipe(
      v.string(),
      v.check((given) => /^[0-9a-f]{64}$/.test(given), 'a SHA-256 in 64 lower-case hex digits'),
    ),
    max_newly_allowed: v.optional(count),
    min_decisions: v.optional(count),
  }))();

/** The answer of `POST /v1/policies/staged/promote`. */
export const promoteAnswer: v.GenericSchema<unknown, Exclude<PromoteResult, { status: 'refused' }>> = /* @__PURE__ */ (() =>
  v.object({
    status: v.picklist(['applied', 'held']),
    hash: text,
    loosened: v.optional(v.array(v.object({ id: text, file: text, how: text, message: text }))),
  }))() as never;

/** Writes what is staged, and what watched policies would have asked. */
export function writeStaged(policies: Pick<ReloadablePolicies, 'staged' | 'observed'>): string {
  const found = policies.staged?.report();
  const { newlyAllowed = 0, asksFewer = 0, ...differences } = found?.differences ?? {};
  const staged = found && {
    hash: found.hash,
    against: found.against,
    staged_at: timeOf(found.stagedAtMs),
    since: timeOf(found.sinceMs),
    sample: found.sample,
    skipped: found.skipped,
    compared: found.compared,
    differences: { newly_allowed: newlyAllowed, asks_fewer: asksFewer, ...differences },
    rows: found.rows.map(({ kind, toolName, from, to, before, after, calls, firstAtMs, lastAtMs }) => {
      return {
        kind: WIRE_KINDS[kind],
        tool: toolName,
        from,
        to,
        before,
        after,
        calls,
        first_at: timeOf(firstAtMs),
        last_at: timeOf(lastAtMs),
      };
    }),
    other_calls: found.otherCalls,
  };
  const watched = policies.observed().map(({ policyId, toolName, calls, firstAtMs, lastAtMs, untilMs }) => {
    return { policy_id: policyId, tool: toolName, calls, first_at: timeOf(firstAtMs), last_at: timeOf(lastAtMs), until: timeOf(untilMs) };
  });
  return JSON.stringify({ staged: staged ?? null, observed: watched });
}

const KINDS: Readonly<Record<WireDifference['kind'], DifferenceKind>> = {
  newly_allowed: 'newlyAllowed',
  asks_fewer: 'asksFewer',
  milder: 'milder',
  changed: 'changed',
  stricter: 'stricter',
};

const WIRE_KINDS: Readonly<Record<DifferenceKind, WireDifference['kind']>> = {
  newlyAllowed: 'newly_allowed',
  asksFewer: 'asks_fewer',
  milder: 'milder',
  changed: 'changed',
  stricter: 'stricter',
};

/** The differences in an answer, as this library has them. */
export function differencesIn({ compared, differences, rows, other_calls: otherCalls }: WireStagedReport): DifferenceReport {
  const { newly_allowed: newlyAllowed, asks_fewer: asksFewer, ...others } = differences;
  return {
    compared,
    differences: { newlyAllowed, asksFewer, ...others },
    otherCalls,
    rows: rows.map(({ kind, tool, first_at: first, last_at: last, ...row }) => {
      const times = { firstAtMs: Date.parse(first), lastAtMs: Date.parse(last) };
      return { ...row, ...times, kind: KINDS[kind], toolName: tool };
    }),
  };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
