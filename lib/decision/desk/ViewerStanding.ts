import type { Assurance } from '../../store/ApprovalStore.js';
import type { VerdictNeeds } from './assurance.js';
import type { ViewedSeats } from './quorum/viewedSeats.js';

/** Someone who looks at an approval. */
export interface Viewer {
  /** The id that the host authenticated. */
  readonly by: string;
  /** @defaultValue the program itself vouches for the person */
  readonly assurance?: Assurance | undefined;
  /** Whether a session alone is enough for nothing. */
  readonly mustSign?: boolean | undefined;
  /** Whether all of this version was shown to the person, with nothing cut. */
  readonly sawAll?: boolean | undefined;
}

/** How someone stands to an approval. */
export interface ViewerStanding {
  /** Whether a verdict of theirs would count now. */
  readonly may: boolean;
  /** Why not: the code of the error, such as `self_approval`, and its message. */
  readonly why: { readonly code: string; readonly message: string } | undefined;
  /** Ids of the policies that their yes would count for. */
  readonly policies: readonly string[];
  /** What their yes takes. */
  readonly needs: VerdictNeeds;
  /** Whether a no of theirs would count though a yes would not: theirs already counts. */
  readonly mayDeny: boolean;
  /** How many policies have everyone that they take. */
  readonly yesSoFar: number;
  /** The seats of each policy, in the order of the policies: how many it takes, and who counts for it now. */
  readonly seats: readonly ViewedSeats[];
  /** The seats as they would be with their yes. */
  readonly seatsAfter: readonly ViewedSeats[];
  /** Whether the call is approved with their yes. */
  readonly isLastYes: boolean;
}
