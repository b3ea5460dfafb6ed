// The bodies of the routes of policies.
import * as v from 'valibot';
import type { LintFinding } from '../../../policy/lint/lintSources.js';
import type { ReloadablePolicies, ReloadResult } from '../../../policy/live/ReloadablePolicies.js';
import type { SourceText } from '../../../policy/PolicySource.js';

const loosened = /* @__PURE__ */ (() => v.object({ id: v.string(), file: v.string(), how: v.string(), message: v.string() }))();

/** The answer of `GET /v1/policies`. */
export const policiesAnswer: v.GenericSchema = /* @__PURE__ */ (() =>
  v.object({
    hash: v.string(),
    policies: v.array(
      v.object({ id: v.string(), effect: v.string(), file: v.string(), line: v.number(), severity: v.nullable(v.string()) }),
    ),
    held: v.nullable(v.object({ hash: v.string(), loosened: v.array(loosened) })),
  }))();

/** The answer of `POST /v1/policies/reload`. */
export const reloadAnswer: v.GenericSchema = /* @__PURE__ */ (() =>
  v.object({
    status: v.picklist(['unchanged', 'applied', 'held', 'failed']),
    hash: v.string(),
    loosened: v.optional(v.array(loosened)),
    problems: v.optional(v.array(v.object({ where: v.string(), message: v.string() }))),
  }))();

/** The body of `POST /v1/policies/confirm`. */
export const confirmBody: v.GenericSchema<unknown, { readonly hash: string }> = /* @__PURE__ */ (() =>
  v.strictObject({
    hash: v.pipe(
      v.string(),
      v.check((text) => /^[0-9a-f]{64}$/.test(text), 'a SHA-256 in 64 lower-case hex digits'),
    ),
  }))();

/** The body of `POST /v1/policies/check`. */
export const checkBody: v.GenericSchema<unknown, { readonly files: readonly SourceText[] }> = /* @__PURE__ */ (() =>
  v.strictObject({
    files: v.pipe(
      v.array(v.strictObject({ file: v.pipe(v.string(), v.minLength(1), v.maxLength(256)), text: v.string() })),
      v.minLength(1),
      v.maxLength(1_000),
    ),
  }))();

/** The answer of `POST /v1/policies/check`. */
export const checkAnswer: v.GenericSchema = /* @__PURE__ */ (() =>
  v.object({
    findings: v.array(
      v.object({
        file: v.string(),
        line: v.number(),
        column: v.number(),
        severity: v.picklist(['error', 'warning', 'info']),
        message: v.string(),
        policy_id: v.nullable(v.string()),
      }),
    ),
  }))();

/** Writes which policies are in force, and which reload is held. */
export function writePolicies({ engine, hash, pending }: Pick<ReloadablePolicies, 'engine' | 'hash' | 'pending'>): string {
  const policies = engine.policies.map(({ id, effect, file, line, applied }) => ({
    id,
    effect,
    file,
    line,
    severity: applied.severity ?? null,
  }));
  return JSON.stringify({ hash, policies, held: pending ?? null });
}

/** Writes what became of a reload. */
export function writeReload(result: ReloadResult): string {
  if (result.status !== 'failed') return JSON.stringify(result);
  const { status, hash, error } = result;
  return JSON.stringify({ status, hash, problems: error.problems });
}

/** Writes what is wrong with policies. */
export function writeFindings(findings: readonly LintFinding[]): string {
  return JSON.stringify({
    findings: findings.map(({ file, line, column, severity, message, policyId }) => ({
      file,
      line,
      column,
      severity,
      message,
      policy_id: policyId ?? null,
    })),
  });
}
