import { LruMap } from '../../common/LruMap.js';
import { digestOfSession } from '../../model/bindingBase.js';
import type { Params, Session } from '../../model/Params.js';
import { parsePointer, valueAt } from '../../model/snapshot/parsePointer.js';
import { AMOUNT_PARTS, amountOf } from '../../model/terms/LimitTerms.js';
import type { LimitDimension, LimitTerms } from '../../model/terms/LimitTerms.js';

/** A call, as limits count it. */
export interface CallToCount {
  readonly tenantId: string;
  readonly agentId: string;
  readonly toolName: string;
  /** The params that would run. */
  readonly params: Params;
  readonly session: Session | null;
  /** Whether its caller's word for the session is believed. */
  readonly sessionTrusted: boolean;
}

/** How much a call counts for a limit, and for what. */
export interface CallCount {
  /** In ten-thousandths. */
  readonly cost: number;
  /** Of its dimensions, in their order. */
  readonly values: readonly string[];
}

/** Counts a call for a limit; says what is missing where that cannot be done. */
export function countCall(
  { cost: pointer, by }: Pick<LimitTerms, 'cost' | 'by'>,
  call: CallToCount,
): CallCount | 'limit_cost' | 'limit_unavailable' {
  const cost = pointer === undefined ? AMOUNT_PARTS : amountOf(valueAt(call.params, pathOf(pointer)));
  if (cost === undefined) return 'limit_cost';
  const values: string[] = [];
  for (const dimension of by) {
    const value = valueOf(dimension, call);
    if (value === undefined) return 'limit_unavailable';
    values.push(value);
  }
  return { cost, values };
}

/** The pointers of policies, read: there are few of them, and calls are many. */
const paths = new LruMap<string, readonly string[]>(1_000);

function pathOf(pointer: string): readonly string[] {
  let path = paths.get(pointer);
  // policies were checked when they were read
  if (path === undefined) paths.set(pointer, (path = parsePointer(pointer) as readonly string[]));
  return path;
}

function valueOf(dimension: LimitDimension, { tenantId, agentId, toolName, session, sessionTrusted }: CallToCount): string | undefined {
  if (dimension === 'tenant') return tenantId;
  if (dimension === 'agent') return agentId;
  if (dimension === 'tool') return toolName;
  // a caller that may say anything of its session would have a counter of its own each time
  if (!sessionTrusted || session === null) return undefined;
  if (dimension === 'session') return digestOfSession(session);
  const value = valueAt(session, pathOf(dimension.slice('session'.length)));
  return ['string', 'number', 'boolean', 'bigint'].includes(typeof value) ? `${typeof value} ${String(value)}` : undefined;
}

/** What the caller is told of a call that cannot be counted. */
export const UNCOUNTED = {
  limit_cost: 'What this call counts for a limit is missing, or is not an amount.',
  limit_unavailable: 'What a limit counts apart is missing in the session of this call, or cannot be believed.',
} as const;
