import type { Awaitable } from '../../common/awaitable.js';

/** A person as a directory knows them: one person, with all their ids. */
export interface DirectoryPerson {
  /** The id that verdicts are recorded with. */
  readonly id: string;
  /** The name, as it is now. */
  readonly name: string;
  /** Every id of this person, `id` among them: what sessions call them, mail addresses that an issuer verified, `issuer|subject`. */
  readonly ids: readonly string[];
  /** The groups, for `@approvers`. */
  readonly groups: readonly string[];
  /** Where the groups come from, such as `aegis` or the issuer. */
  readonly groupsFrom: string;
  /** Set where a source of groups has not said lately which ones: a group that is not among these cannot be ruled out now. */
  readonly groupsIncomplete?: true | undefined;
}

/** Knows people, so that who asks and who decides are compared as people, not as texts. A throw means that it cannot answer now. */
export interface Directory {
  /** The person with this id, any of their ids; `undefined` where no one has it, or the person was removed or disabled. */
  personOf(id: string): Awaitable<DirectoryPerson | undefined>;
  /** Whether it knows anyone. Until then the operator of the host counts as a member of every group. */
  hasPeople(): Awaitable<boolean>;
}
