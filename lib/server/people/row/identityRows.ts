import * as v from 'valibot';
import type { GenericSchema } from 'valibot';
import type { RecordStore } from '../../../store/RecordStore.js';
import { ROLES } from '../Person.js';
import type { IssuerAccount, Role, SignInMethod } from '../Person.js';
import { Rows } from './Rows.js';

const text = v.pipe(v.string(), v.minLength(1));
const time = v.pipe(v.number(), v.integer(), v.minValue(0));
const count = time;
const texts = v.array(text);
const hash = v.pipe(v.string(), v.regex(/^[\w-]{43}$/));

const account = v.strictObject({
  issuer: text,
  subject: text,
  mail: v.optional(text),
  groups: v.optional(texts),
  atMs: time,
});

const PERSON = v.strictObject({
  name: text,
  roles: v.array(v.picklist(ROLES)),
  groups: texts,
  userIds: texts,
  accounts: v.array(account),
  epoch: count,
  createdBy: text,
  changedBy: v.optional(text),
  invitation: v.optional(text),
  removedAtMs: v.optional(time),
  removedBy: v.optional(text),
});

const PASSKEY = v.strictObject({
  credential: text,
  personId: text,
  name: text,
  publicKey: text,
  counter: count,
  transports: texts,
  rpId: text,
  synced: v.boolean(),
  lastUsedAtMs: v.optional(time),
  removedAtMs: v.optional(time),
  removedBy: v.optional(text),
});

const METHODS: readonly SignInMethod[] = ['passkey', 'oidc', 'setup', 'token'];

const SESSION = v.strictObject({
  personId: text,
  method: v.picklist(METHODS),
  passkeyId: v.optional(hash),
  epoch: count,
  seenAtMs: time,
  endsAtMs: time,
  client: v.optional(v.string()),
  stepUp: v.optional(
    v.strictObject({
      decisionId: text,
      digest: text,
      version: count,
      verdict: v.literal('approve'),
      endsAtMs: time,
      used: v.optional(v.string()),
    }),
  ),
  endedAtMs: v.optional(time),
  endedBy: v.optional(text),
});

const TOKEN = v.strictObject({
  personId: text,
  name: text,
  passkeyId: v.optional(hash),
  epoch: count,
  endsAtMs: time,
  endedAtMs: v.optional(time),
  endedBy: v.optional(text),
});

const NEWCOMER = v.strictObject({ personId: text, person: PERSON, passkey: PASSKEY, atMs: time });

const SETUP = v.strictObject({
  madeBy: text,
  hash: v.optional(hash),
  expiresAtMs: time,
  used: v.optional(NEWCOMER),
  entered: v.optional(time),
});

const INVITATION = v.strictObject({
  name: text,
  roles: v.array(v.picklist(ROLES)),
  groups: texts,
  userIds: texts,
  madeBy: text,
  expiresAtMs: time,
  came: v.optional(NEWCOMER),
  confirmed: v.optional(v.strictObject({ by: text, atMs: time })),
  revoked: v.optional(v.strictObject({ by: text, atMs: time })),
});

const DEPARTURES = v.strictObject({
  going: v.array(v.strictObject({ key: text, personId: text, version: count, atMs: time })),
});

/** What admins are told of. */
export const CHANGES = [
  'person.came',
  'person.confirmed',
  'person.changed',
  'person.removed',
  'invitation.made',
  'invitation.revoked',
  'passkey.added',
  'passkey.removed',
  'token.made',
  'setup_link.made',
] as const;

const NEWS = v.strictObject({
  what: v.picklist(CHANGES),
  by: text,
  byName: v.optional(text),
  person: v.optional(v.strictObject({ id: v.optional(text), name: text })),
  added: v.optional(texts),
  removed: v.optional(texts),
  name: v.optional(text),
  atMs: time,
});

const CHALLENGE = v.strictObject({ usedAtMs: time });

/** What the record of a person says. */
export interface PersonBody {
  readonly name: string;
  readonly roles: readonly Role[];
  readonly groups: readonly string[];
  readonly userIds: readonly string[];
  readonly accounts: readonly IssuerAccount[];
  readonly epoch: number;
  readonly createdBy: string;
  readonly changedBy?: string | undefined;
  /** The invitation by which the person came, until its maker has confirmed them. */
  readonly invitation?: string | undefined;
  readonly removedAtMs?: number | undefined;
  readonly removedBy?: string | undefined;
}

/** What the record of a passkey says. It stays when the passkey is removed: verdicts that were signed with it are verified later too. */
export interface PasskeyBody {
  /** The id of the credential, base64url. */
  readonly credential: string;
  readonly personId: string;
  readonly name: string;
  /** COSE, base64url. */
  readonly publicKey: string;
  readonly counter: number;
  readonly transports: readonly string[];
  readonly rpId: string;
  readonly synced: boolean;
  readonly lastUsedAtMs?: number | undefined;
  readonly removedAtMs?: number | undefined;
  readonly removedBy?: string | undefined;
}

/** The one verdict for which a person has signed in again. */
export interface StepUpAct {
  readonly decisionId: string;
  /** Of what was shown. */
  readonly digest: string;
  /** Of the record that was shown. */
  readonly version: number;
  readonly verdict: 'approve';
}

/** What the record of a session says. */
export interface SessionBody {
  readonly personId: string;
  readonly method: SignInMethod;
  readonly passkeyId?: string | undefined;
  readonly epoch: number;
  readonly seenAtMs: number;
  readonly endsAtMs: number;
  readonly client?: string | undefined;
  /** With the key of the form that used it; empty where that had none. */
  readonly stepUp?: (StepUpAct & { readonly endsAtMs: number; readonly used?: string | undefined }) | undefined;
  readonly endedAtMs?: number | undefined;
  readonly endedBy?: string | undefined;
}

/** What the record of a personal token says. */
export interface TokenBody {
  readonly personId: string;
  readonly name: string;
  readonly passkeyId?: string | undefined;
  readonly epoch: number;
  readonly endsAtMs: number;
  readonly endedAtMs?: number | undefined;
  readonly endedBy?: string | undefined;
}

/** Someone who came by a link: written together with its use, so that the link is used if, and only if, the passkey is kept. */
export interface Newcomer {
  readonly personId: string;
  readonly person: PersonBody;
  readonly passkey: PasskeyBody;
  readonly atMs: number;
}

/** What the one record of the setup says. */
export interface SetupBody {
  readonly madeBy: string;
  /** Of the link; absent once it was used. */
  readonly hash?: string | undefined;
  readonly expiresAtMs: number;
  /** Who became the first person by it. */
  readonly used?: Newcomer | undefined;
  /** When it signed in the admin of development mode. */
  readonly entered?: number | undefined;
}

/** What the record of an invitation says. */
export interface InvitationBody {
  readonly name: string;
  readonly roles: readonly Role[];
  readonly groups: readonly string[];
  readonly userIds: readonly string[];
  readonly madeBy: string;
  readonly expiresAtMs: number;
  readonly came?: Newcomer | undefined;
  readonly confirmed?: { readonly by: string; readonly atMs: number } | undefined;
  readonly revoked?: { readonly by: string; readonly atMs: number } | undefined;
}

/** That someone is about to be no longer an admin. */
export interface Departure {
  /** Of this announcement alone. */
  readonly key: string;
  readonly personId: string;
  /** Of the person's record, from which on it is changed. */
  readonly version: number;
  /** When it was announced. */
  readonly atMs: number;
}

/** Something that admins are told of. */
export interface IdentityChange {
  readonly what: (typeof CHANGES)[number];
  /** Who did it: the id of a person, `host:<user>`, or an issuer. */
  readonly by: string;
  /** What that person was called. */
  readonly byName?: string | undefined;
  /** Whom it is about; without an id where the person has not come yet. */
  readonly person?: { readonly id?: string | undefined; readonly name: string } | undefined;
  /** What the person got, such as `role admin` or `group finance-leads`. */
  readonly added?: readonly string[] | undefined;
  /** What the person lost. */
  readonly removed?: readonly string[] | undefined;
  /** Of the passkey or the token, or the name that the person had. */
  readonly name?: string | undefined;
  readonly atMs: number;
}

/** The records of who may use a tenant. */
export interface IdentityRows {
  readonly people: Rows<PersonBody>;
  readonly passkeys: Rows<PasskeyBody>;
  readonly sessions: Rows<SessionBody>;
  readonly tokens: Rows<TokenBody>;
  readonly setup: Rows<SetupBody>;
  readonly invitations: Rows<InvitationBody>;
  readonly departures: Rows<{ readonly going: readonly Departure[] }>;
  readonly news: Rows<IdentityChange>;
  readonly challenges: Rows<{ readonly usedAtMs: number }>;
}

/** The kind of the records of what admins are told. */
export const NEWS_KIND = 'identity-news';

/** The kinds of records that are deleted some time after they have ended. The others stay. */
export const ENDING_KINDS: readonly string[] = ['session', 'token', 'invitation', 'challenge', NEWS_KIND];

/** Reads and writes the records of who may use a tenant. */
export function identityRows(records: RecordStore): IdentityRows {
  return {
    people: new Rows(records, 'person', PERSON as GenericSchema<unknown, PersonBody>),
    passkeys: new Rows(records, 'passkey', PASSKEY as GenericSchema<unknown, PasskeyBody>),
    sessions: new Rows(records, 'session', SESSION as GenericSchema<unknown, SessionBody>),
    tokens: new Rows(records, 'token', TOKEN as GenericSchema<unknown, TokenBody>),
    setup: new Rows(records, 'setup', SETUP as GenericSchema<unknown, SetupBody>),
    invitations: new Rows(records, 'invitation', INVITATION as GenericSchema<unknown, InvitationBody>),
    departures: new Rows(records, 'admin-departures', DEPARTURES),
    news: new Rows(records, NEWS_KIND, NEWS as GenericSchema<unknown, IdentityChange>),
    challenges: new Rows(records, 'challenge', CHALLENGE),
  };
}
