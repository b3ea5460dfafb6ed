import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { LimitTerms } from '../model/terms/LimitTerms.js';
import type { AppliedPolicy } from './PolicyEngine.js';
import type { SanitizeOperation } from './sanitize/operations.js';

/** Which actions a policy's scope names. */
export type ActionScope =
  | { readonly kind: 'any' }
  /** `action == …` */
  | { readonly kind: 'equals'; readonly id: string }
  /** `action in …`; `list` if it was written in brackets: then its ids may be tools or groups. */
  | { readonly kind: 'in'; readonly ids: readonly string[]; readonly list: boolean };

/** One policy, parsed and checked. */
export interface Policy {
  /** Its `@id`. */
  readonly id: string;
  readonly effect: AppliedPolicy['effect'];
  /** What a decision says about it. */
  readonly applied: AppliedPolicy;
  /** Its own text, without the rest of the file. */
  readonly text: string;
  /** Its text as Cedar's JSON. */
  readonly json: PolicyJson;
  readonly action: ActionScope;
  /** The action groups that its conditions test for. */
  readonly groupsAsked: readonly string[];
  /** `@sanitize`; empty for other effects. */
  readonly operations: readonly SanitizeOperation[];
  /** `@may_permit("true")`: its operations may turn a call that nothing permits into one that is permitted. */
  readonly mayPermit: boolean;
  /** `@limit` and what goes with it; absent for other effects. */
  readonly limit: LimitTerms | undefined;
  /** `@observe("true")`: until this time, in epoch milliseconds, it is only watched and asks no one. */
  readonly observeUntilMs: number | undefined;
  readonly file: string;
  readonly line: number;
  readonly column: number;
}
