/** What a person may do on a server. Approvers decide where their groups let them; an admin decides nothing without being one. */
export type Role = 'viewer' | 'approver' | 'auditor' | 'admin';

/** How a person signed in. `setup`: with the one-time link of development mode, without a passkey. `token`: with a personal token, which reads and denies. */
export type SignInMethod = 'passkey' | 'oidc' | 'setup' | 'token';

/** Every role that a person may have. */
export const ROLES: readonly Role[] = ['viewer', 'approver', 'auditor', 'admin'];

/** An account of a person at an issuer of identities. */
export interface IssuerAccount {
  /** The URL of the issuer. */
  readonly issuer: string;
  /** What the issuer calls the person. */
  readonly subject: string;
  /** The mail address, where the issuer verified it and is believed. */
  readonly mail?: string | undefined;
  /** The groups that the issuer named; absent where it names none. */
  readonly groups?: readonly string[] | undefined;
  /** When it said so, in epoch milliseconds. */
  readonly atMs: number;
}

/** A person whom a server knows. */
export interface Person {
  /** The id that verdicts are recorded with. It never changes, and is never given to someone else. */
  readonly id: string;
  readonly name: string;
  readonly roles: readonly Role[];
  /** The groups that admins gave the person here; those of an issuer are in {@link Person.accounts}. */
  readonly groups: readonly string[];
  /** What sessions of agents call the person, such as a `user_id`. */
  readonly userIds: readonly string[];
  readonly accounts: readonly IssuerAccount[];
  /** `unconfirmed`: came by an invitation whose maker has not said yet that it is the right person. */
  readonly status: 'active' | 'unconfirmed' | 'removed';
  readonly createdAtMs: number;
  /** Who made it: a person, `host:<user>`, or how the person came. */
  readonly createdBy: string;
  readonly removedAtMs?: number | undefined;
  readonly removedBy?: string | undefined;
  /** One higher whenever something is taken from the person: what was given out before, such as a session, has ended. */
  readonly epoch: number;
}

/** Whom the one-time link of development mode signs in. There is no row for this person, and none once anyone is known. */
export const LOCAL_ADMIN = 'local-admin';
