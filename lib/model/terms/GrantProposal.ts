import type { GrantCeiling } from './ApprovalTerms.js';
import type { GrantValue } from './GrantTerm.js';

/** A value that a grant could loosen. */
export interface ProposedValue {
  /** Where it is. */
  readonly in: 'params' | 'session' | 'facts';
  /** Its JSON pointer. */
  readonly path: string;
  /** What it is in this call. */
  readonly value: GrantValue;
}

/** A call of the last days that a person refused. */
export interface RefusedBefore {
  /** The approval that was refused. */
  readonly decisionId: string;
  /** Who refused it, by the name of that time where it is known. */
  readonly by: string | undefined;
  /** When, in epoch milliseconds. */
  readonly atMs: number;
}

/** What a grant would have covered of what people were asked in the last 30 days, as far as history keeps it. */
export interface GrantHistory {
  /** How many calls of this agent and tool people were asked about. */
  readonly asked: number;
  /** How many of them the grant would have covered, as far as their params and requester tell: history keeps no session and no facts. */
  readonly covered: number;
  /** Those of the covered ones that a person refused. */
  readonly refused: readonly RefusedBefore[];
  /** How many cannot be told, because history does not keep all of their params. They are not among those covered. */
  readonly unclear: number;
  /** Those of the unclear ones that a person refused: the grant may have covered them. History keeps no params of what was refused. */
  readonly unclearRefused: readonly RefusedBefore[];
  /** Set where there were more than were looked at. */
  readonly more?: true | undefined;
}

/** What a grant could be that is made with an approval. */
export interface GrantProposal {
  /** The approval whose yes would make the grant. */
  readonly decisionId: string;
  /** The digest that a yes names. */
  readonly digest: string;
  /** Why there can be none. Absent where there can be one. */
  readonly why?: string | undefined;
  /** The most that a grant may be. Absent where there can be none. */
  readonly ceiling?: GrantCeiling | undefined;
  /** The values that a grant could loosen; all others must be the same. */
  readonly values: readonly ProposedValue[];
  /** What a grant that loosens what was asked for would have covered. */
  readonly history: GrantHistory;
}
