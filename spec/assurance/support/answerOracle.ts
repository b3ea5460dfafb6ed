import { createHash } from 'node:crypto';
import { type Json, strictJson, Unreadable } from './strictJson.js';

/** The call an answer has to be for. */
export interface Asked {
  readonly agentId: string;
  readonly toolName: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** What a decision lets run: at once, after an approval, or not at all. */
export interface Believed {
  readonly when: 'now' | 'approved' | 'never';
  readonly decisionId: string;
  readonly params: Readonly<Record<string, unknown>>;
}

const FORBIDDEN = ['__proto__', 'constructor', 'prototype', '__entity', '__extn', '__expr'];

/**
 * What docs/remote.md says of an answer, written without the library: what may run, or undefined for a text that is no answer. A text is judged,
 * not a value, so that what JSON.parse makes of it plays no part.
 */
export function believedDecision(body: string, asked: Asked): Believed | undefined {
  try {
    return decision(strictJson(body), asked);
  } catch (error) {
    if (error instanceof Unreadable) return undefined;
    throw error;
  }
}

/** Whether a status answer says, beyond doubt, that this approval was given. */
export function believedApproval(body: string, decisionId: string): boolean {
  try {
    const answer = strictJson(body);
    if (!(answer instanceof Map)) return false;
    return answer.get('decision_id') === decisionId && answer.get('status') === 'OK' && answer.get('effect') === 'allow';
  } catch (error) {
    if (error instanceof Unreadable) return false;
    throw error;
  }
}

function decision(answer: Json, { agentId, toolName, params }: Asked): Believed | undefined {
  const fields = object(answer);
  const final = object(need(fields.get('final_decision')));
  const decisionId = id(need(fields.get('decision_id')));
  id(need(fields.get('request_id')));
  if (given(fields, 'tenant_id')) id(fields.get('tenant_id') as Json);
  if (fields.get('agent_id') !== agentId || fields.get('tool') !== toolName) return undefined;
  if (/^\.{0,2}$|\p{Surrogate}/u.test(decisionId)) return undefined;
  if (!Number.isInteger(fields.get('latency_ms'))) return undefined;
  if (given(fields, 'policy_evaluations')) list(fields.get('policy_evaluations') as Json);
  text(final, 'reason');
  if (given(final, 'approval_id')) id(final.get('approval_id') as Json);
  if (given(final, 'violations')) list(final.get('violations') as Json).forEach(violation);
  const change = given(final, 'sanitize') ? object(final.get('sanitize') as Json) : new Map<string, Json>();
  text(change, 'message');
  text(change, 'effective_digest');
  if (given(change, 'removed')) list(change.get('removed') as Json).forEach(word);
  if (given(change, 'params')) object(change.get('params') as Json);
  const effect = word(need(final.get('effect')));
  const never = { when: 'never', decisionId, params } as const;
  if (!['allow', 'sanitize', 'approval_needed'].includes(effect)) return never;
  // no guard here has a schema, so that no param may go
  if (given(change, 'removed') && list(change.get('removed') as Json).length > 0) return undefined;
  const overlay = given(change, 'params') ? (param(object(change.get('params') as Json), 0) as Record<string, unknown>) : undefined;
  if (Object.keys(overlay ?? {}).some((name) => !Object.hasOwn(params, name))) return undefined;
  const effective = { ...params, ...overlay };
  if (given(change, 'effective_digest') && change.get('effective_digest') !== digestOf(effective)) return undefined;
  if (effect === 'approval_needed') return { when: 'approved', decisionId, params: effective };
  // an allow changes nothing, a sanitize something
  return (effect === 'allow') === (overlay === undefined) ? { when: 'now', decisionId, params: effective } : undefined;
}

/** SHA-256 over JSON with sorted keys: what `sanitize.effective_digest` means for params that are JSON. */
export function digestOf(params: unknown): string {
  const sorted = (_: string, value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value;
  return createHash('sha256').update(JSON.stringify(params, sorted)).digest('hex');
}

function object(value: Json): Map<string, Json> {
  if (!(value instanceof Map)) throw new Unreadable();
  return value;
}

function list(value: Json): Json[] {
  if (!Array.isArray(value)) throw new Unreadable();
  return value;
}

function need(value: Json | undefined): Json {
  if (value === undefined) throw new Unreadable();
  return value;
}

function given(fields: Map<string, Json>, name: string): boolean {
  return (fields.get(name) ?? null) !== null;
}

function text(fields: Map<string, Json>, name: string): void {
  if (given(fields, name) && typeof fields.get(name) !== 'string') throw new Unreadable();
}

function word(value: Json): string {
  if (typeof value !== 'string') throw new Unreadable();
  return value;
}

function id(value: Json): string {
  if (typeof value !== 'string' || value.length > 512) throw new Unreadable();
  return value;
}

function violation(value: Json): void {
  const fields = object(value);
  for (const name of ['type', 'message']) if (typeof fields.get(name) !== 'string') throw new Unreadable();
  for (const name of ['field', 'condition', 'limit_type']) text(fields, name);
}

/** A param as a call may have it: no forbidden key at any depth, finite numbers, -0 as 0, at most 32 levels. */
function param(value: Json, depth: number): unknown {
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new Unreadable();
    return value === 0 ? 0 : value;
  }
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= 32) throw new Unreadable();
  if (Array.isArray(value)) return value.map((item) => param(item, depth + 1));
  if (FORBIDDEN.some((key) => value.has(key))) throw new Unreadable();
  return Object.fromEntries([...value].map(([key, item]) => [key, param(item, depth + 1)]));
}
