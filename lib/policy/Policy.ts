import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { AppliedPolicy } from './PolicyEngine.js';
import type { SanitizeOperation } from './sanitize/grammar.js';

/** Which actions a policy's scope names. */
export type ActionScope =
  | { readonly kind: 'any' }
  /** `action == …` */
  | { readonly kind: 'equals'; readonly id: string }
  /** `action in …`; `list` where it was written in brackets: its ids may be tools or groups. */
  | { readonly kind: 'in'; readonly ids: readonly string[]; readonly list: boolean };

/** One policy, parsed and checked. */
export interface Policy {
  /** Its `@id`. */
  readonly id: string;
  readonly effect: AppliedPolicy['effect'];
  /** What decisions tell of it. */
  readonly applied: AppliedPolicy;
  /** Its own text, without what stands around it. */
  readonly text: string;
  /** Its text as Cedar's JSON. */
  readonly json: PolicyJson;
  readonly action: ActionScope;
  /** Action groups that its conditions ask for. */
  readonly groupsAsked: readonly string[];
  /** `@sanitize`; empty for other effects. */
  readonly operations: readonly SanitizeOperation[];
  /** `@may_permit("true")`: its operations may turn a call that nothing permits into one that is permitted. */
  readonly mayPermit: boolean;
  readonly file: string;
  readonly line: number;
  readonly column: number;
}
