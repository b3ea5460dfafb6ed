import type { LimitDimension } from '../../model/terms/LimitTerms.js';

/** What people are shown of a counter, beside its amounts. */
export interface LimitLabel {
  /** The `@id` of the limit's policy. */
  readonly policyId: string;
  /** What is counted apart, such as `{ agent: 'ops' }`. */
  readonly by: Readonly<Record<string, string>>;
  /** `@warn_at`: from how many percent on it is nearly used up. */
  readonly warnAt?: number | undefined;
}

/** How much of a value of a session is shown. The rest of what is counted apart is shorter than that by itself, or shown whole. */
const SHOWN = 200;
/** How much is shown where there is too much of it. */
const SHOWN_LITTLE = 16;
/** What a store takes for a label. */
const MAX_LABEL = 4_000;

/** The label that is kept with a counter. @param values of the dimensions, in their order */
export function writeLimitLabel(
  policyId: string,
  by: readonly LimitDimension[],
  values: readonly string[],
  warnAt: number | undefined,
): string {
  const label = (max: number): string => {
    const apart = Object.fromEntries(by.map((dimension, i) => [dimension, shown(dimension, values[i] as string, max)]));
    return JSON.stringify({ policyId, by: apart, warnAt } satisfies LimitLabel);
  };
  const text = label(SHOWN);
  return text.length <= MAX_LABEL ? text : label(SHOWN_LITTLE);
}

/** Reads a label. What another program wrote there is not shown. */
export function readLimitLabel(label: string = '{}'): LimitLabel {
  try {
    const { policyId, by, warnAt } = JSON.parse(label) as { [K in keyof LimitLabel]?: unknown };
    const apart = typeof by === 'object' && by !== null ? Object.entries(by).filter(([, value]) => typeof value === 'string') : [];
    return {
      policyId: typeof policyId === 'string' ? policyId : '',
      by: Object.fromEntries(apart) as Record<string, string>,
      ...(typeof warnAt === 'number' && { warnAt }),
    };
  } catch {
    return { policyId: '', by: {} };
  }
}

/** The value of a session comes with its kind before it: `string ann`. */
function shown(dimension: LimitDimension, value: string, max: number): string {
  return dimension.startsWith('session/') ? value.slice(value.indexOf(' ') + 1).slice(0, max) : value;
}
