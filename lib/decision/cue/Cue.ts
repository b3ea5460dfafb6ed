import type { LeafPath } from '../../common/data/leaves.js';

/** What a cue is about. `original`: a param as the agent wrote it, where a policy changed it. */
export type CuePlace = 'params' | 'original' | 'facts' | 'session' | 'agent' | 'tool' | 'requester' | 'reason' | 'preview' | 'call';

/** What calls for a closer look. */
export type CueCode =
  | 'hidden'
  | 'reorders'
  | 'mixed'
  | 'lookalike'
  | 'alike_names'
  | 'cut'
  | 'many_values'
  | 'opaque'
  | 'concealed'
  | 'to_approver'
  | 'refused'
  | 'blank_lines'
  | 'changed'
  | 'edited'
  | 'first_time'
  | 'largest'
  | 'new_recipient'
  | 'new_host'
  | 'no_requester'
  | 'claimed_requester'
  | 'unknown_requester';

/** Something in an approval that calls for a closer look. It blocks nothing. */
export interface Cue {
  /** `deceptive`: what is shown may not be what it looks like, or a person refused it before; a yes then takes more than a session. `novel`: it is only new or rare. */
  readonly kind: 'deceptive' | 'novel';
  readonly code: CueCode;
  readonly place: CuePlace;
  /** Where in the params, facts or session. Its names are what the agent wrote. */
  readonly path: LeafPath;
  /** How many of them, or how often; 1 where there is nothing to count. */
  readonly count: number;
  /** The scripts of look-alikes. */
  readonly scripts: readonly string[];
  /** The largest number so far. */
  readonly before?: number | bigint | undefined;
}
