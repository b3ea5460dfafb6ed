/** Why a call is denied, where no policy forbids it: `preview_failed` where a policy demands a preview, and the guard made none. */
export type DenialCode = 'halted' | 'halt_unknown' | 'limit_reached' | 'limit_cost' | 'limit_unavailable' | 'preview_failed';

const CODES: ReadonlySet<unknown> = /* @__PURE__ */ new Set([
  'halted',
  'halt_unknown',
  'limit_reached',
  'limit_cost',
  'limit_unavailable',
  'preview_failed',
] satisfies DenialCode[]);

/** Whether it is one that this version knows. */
export function isDenialCode(code: unknown): code is DenialCode {
  return CODES.has(code);
}
