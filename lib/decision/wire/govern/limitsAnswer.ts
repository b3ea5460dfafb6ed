// Limits as operators and people read them over HTTP.
import * as v from 'valibot';
import type { LimitState } from '../../limit/LimitState.js';

/** What one counter of a limit holds, on the wire. */
export interface WireCounter {
  readonly id: string;
  readonly policy_id: string;
  readonly by: Readonly<Record<string, string>>;
  readonly kind: 'fixed' | 'sliding';
  readonly window_s: number;
  readonly used: number;
  readonly limit: number;
  readonly level: 'free' | 'near' | 'full';
  readonly ends_at: string;
}

/** A limit in force, on the wire. */
export interface WireLimit {
  readonly policy_id: string;
  readonly limit: number;
  readonly window_s: number;
  readonly kind: 'fixed' | 'sliding';
  readonly by: readonly string[];
  readonly cost: string | null;
  readonly over: 'deny' | 'approval_needed';
  readonly warn_at: number | null;
  readonly observed: boolean;
}

/** The answer of `GET /v1/limits`. */
export interface WireLimits {
  readonly counters: readonly WireCounter[];
}

/** The answer of `GET /v1/limits/{id}`. */
export interface WireOneLimit extends WireLimits {
  readonly in_force: WireLimit | null;
}

/** The limit that a notice is about, as receivers get it. */
export function writeNoticedLimit(of: {
  readonly policyId: string;
  readonly agentId: string;
  readonly toolName: string;
  readonly windowMs?: number | undefined;
}): object {
  const { policyId, agentId, toolName, windowMs } = of;
  return { policy: policyId, agent: agentId, tool: toolName, ...(windowMs !== undefined && { window_s: windowMs / 1_000 }) };
}

const kind = /* @__PURE__ */ (() => v.picklist(['fixed', 'sliding']))();
const counters = /* @__PURE__ */ (() =>
  v.array(
    v.object({
      id: v.string(),
      policy_id: v.string(),
      by: v.record(v.string(), v.string()),
      kind,
      window_s: v.number(),
      used: v.number(),
      limit: v.number(),
      level: v.picklist(['free', 'near', 'full']),
      ends_at: v.pipe(v.string(), v.isoTimestamp()),
    }),
  ))();

/** The answer of `GET /v1/limits`: the fullest first. */
export const limitsAnswer: v.GenericSchema<unknown, WireLimits> = /* @__PURE__ */ (() => v.object({ counters }))();

/** The answer of `GET /v1/limits/{id}`. */
export const limitAnswer: v.GenericSchema<unknown, WireOneLimit> = /* @__PURE__ */ (() =>
  v.object({
    counters,
    in_force: v.nullable(
      v.object({
        policy_id: v.string(),
        limit: v.number(),
        window_s: v.number(),
        kind,
        by: v.array(v.string()),
        cost: v.nullable(v.string()),
        over: v.picklist(['deny', 'approval_needed']),
        warn_at: v.nullable(v.number()),
        observed: v.boolean(),
      }),
    ),
  }))();

/** A counter for the wire. */
export function writeCounter({ key: id, policyId, by, kind: how, windowMs, used, limit, level, endsAtMs }: LimitState): WireCounter {
  return {
    id,
    policy_id: policyId,
    by,
    kind: how,
    window_s: windowMs / 1_000,
    used,
    limit,
    level,
    ends_at: new Date(endsAtMs).toISOString(),
  };
}

/** A counter from the wire. */
export function readCounter({ id: key, policy_id: policyId, window_s: windowS, ends_at: endsAt, ...same }: WireCounter): LimitState {
  return { ...same, key, policyId, windowMs: windowS * 1_000, endsAtMs: Date.parse(endsAt) };
}
