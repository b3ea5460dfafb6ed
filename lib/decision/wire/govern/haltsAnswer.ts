import * as v from 'valibot';
import type { Halt, HaltScope } from '../../../model/halt/Halt.js';

/** What is halted, on the wire. */
export interface WireHaltScope {
  readonly all?: true | undefined;
  readonly agent?: string | undefined;
  readonly tool?: string | undefined;
  readonly group?: string | undefined;
}

/** A halt on the wire. */
export interface WireHalt {
  readonly id: string;
  readonly scope: WireHaltScope;
  readonly pending: 'freeze' | 'cancel';
  readonly by: string;
  readonly reason: string;
  readonly at: string;
  readonly until: string | null;
  readonly lifted: { readonly by: string; readonly reason: string; readonly at: string } | null;
}

/** What a halt is ordered with, on the wire. */
export interface WireHaltOrder {
  readonly scope: WireHaltScope;
  readonly reason: string;
  readonly pending?: 'freeze' | 'cancel' | undefined;
  readonly until?: string | undefined;
}

const scope = /* @__PURE__ */ (() =>
  v.strictObject({
    all: v.optional(v.literal(true)),
    agent: v.optional(v.string()),
    tool: v.optional(v.string()),
    group: v.optional(v.string()),
  }))();

/** The body of an order. */
export const haltBody: v.GenericSchema<unknown, WireHaltOrder> = /* @__PURE__ */ (() =>
  v.strictObject({
    scope,
    reason: v.string(),
    pending: v.optional(v.picklist(['freeze', 'cancel'])),
    until: v.optional(v.pipe(v.string(), v.isoTimestamp())),
  }))();

/** The body that lifts a halt. */
export const liftBody: v.GenericSchema<unknown, { readonly reason: string }> = /* @__PURE__ */ (() =>
  v.strictObject({ reason: v.string() }))();

const halt = /* @__PURE__ */ (() => ({
  id: v.string(),
  scope,
  pending: v.picklist(['freeze', 'cancel']),
  by: v.string(),
  reason: v.string(),
  at: v.string(),
  until: v.nullable(v.string()),
  lifted: v.nullable(v.strictObject({ by: v.string(), reason: v.string(), at: v.string() })),
}))();

/** The answer with one halt. */
export const haltAnswer: v.GenericSchema<unknown, WireHalt> = /* @__PURE__ */ (() => v.strictObject(halt))();

/** A halt that was just ordered, on the wire. */
export interface WireOrderedHalt extends WireHalt {
  /** What of its scope is not known, in words. */
  readonly warnings: readonly string[];
}

/** The answer to an order. */
export const orderedHaltAnswer: v.GenericSchema<unknown, WireOrderedHalt> = /* @__PURE__ */ (() =>
  v.strictObject({ ...halt, warnings: v.array(v.string()) }))();

/** The answer to the question what is halted. */
export const haltsAnswer: v.GenericSchema<unknown, { readonly halts: readonly WireHalt[] }> = /* @__PURE__ */ (() =>
  v.strictObject({ halts: v.array(haltAnswer) }))();

/** A halt for the wire. */
export function writeHalt({ id, scope: what, pending, by, reason, atMs, untilMs, lifted }: Halt): WireHalt {
  return {
    id,
    scope: writeScope(what),
    pending,
    by,
    reason,
    at: timeText(atMs),
    until: untilMs === undefined ? null : timeText(untilMs),
    lifted: lifted === undefined ? null : { by: lifted.by, reason: lifted.reason, at: timeText(lifted.atMs) },
  };
}

/** The scope of an order. */
export function readScope({ all, agent: agentId, tool: toolName, group }: WireHaltScope): HaltScope {
  return { all, agentId, toolName, group };
}

function writeScope({ all, agentId, toolName, group }: HaltScope): WireHaltScope {
  const fields = { all, agent: agentId, tool: toolName, group };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
