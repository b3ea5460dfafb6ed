import { createHash } from 'node:crypto';
import { canonicalText } from '../../common/data/canonical.js';
import type { SteadyClock } from '../../common/time/SteadyClock.js';
import { NotFoundError } from '../../model/errors/ServiceErrors.js';
import type { GivenProof } from '../../decision/desk/Directory.js';
import { RequestError } from '../front/RequestError.js';
import type { Challenges, ChallengeUse } from './Challenges.js';
import type { IdentityNews } from './row/IdentityNews.js';
import type { IdentityRows, PasskeyBody } from './row/identityRows.js';
import { checkedName } from './personFields.js';
import type { Person } from './Person.js';
import type { Row } from './row/Rows.js';
import { claimsOf, passkeyRefused } from './webauthn/clientData.js';
import type { Credential, CredentialHint, MadeCredential } from './webauthn/Credential.js';

/** A passkey of a person, for pages. */
export interface Passkey {
  /** What it is called here. */
  readonly id: string;
  readonly name: string;
  /** When it was registered, in epoch milliseconds. */
  readonly createdAtMs: number;
  readonly lastUsedAtMs?: number | undefined;
  /** Whether the person's other devices have it too. */
  readonly synced: boolean;
}

/** Who signs, in which session and for what. */
export interface Act {
  readonly personId: string;
  readonly sessionId: string;
  /** What is done, such as `people/remove`. */
  readonly what: string;
  /** All that it is done with: the signature counts for exactly this. JSON. */
  readonly with?: unknown;
}

/** Someone whom a passkey signed in. */
export interface PasskeySignIn {
  readonly person: Person;
  /** For the session, which ends with the passkey. */
  readonly passkeyId: string;
}

/** A verdict's proof, and what it must be about. */
export interface ProofCheck {
  readonly proof: GivenProof;
  /** What had to be signed, base64url. */
  readonly challenge: string;
  /** With its port. */
  readonly origin: string;
  /** As {@link Passkeys.credentialAt} says. */
  readonly credential: Credential;
}

/** A credential as it was valid at some time. */
export interface PersonCredential extends Credential {
  /** Whose it is. */
  readonly personId: string;
}

const MAX_PASSKEYS = 20;

/** The passkeys of one tenant. What WebAuthn needs is loaded when it is first used. */
export class Passkeys {
  readonly #rows: Pick<IdentityRows, 'passkeys' | 'people'>;
  readonly #challenges: Challenges;
  readonly #clock: SteadyClock;
  readonly #news: IdentityNews;
  readonly #personOf: (id: string) => Promise<Person | undefined>;

  constructor(
    rows: Pick<IdentityRows, 'passkeys' | 'people'>,
    challenges: Challenges,
    clock: SteadyClock,
    { personOf, news }: { readonly personOf: (id: string) => Promise<Person | undefined>; readonly news: IdentityNews },
  ) {
    this.#rows = rows;
    this.#challenges = challenges;
    this.#clock = clock;
    this.#personOf = personOf;
    this.#news = news;
  }

  /** The passkeys of a person that open something, oldest first. */
  async list(personId: string): Promise<readonly Passkey[]> {
    return (await this.#live(personId)).map(passkeyIn);
  }

  /** Whether a passkey opens something. */
  async isLive(id: string): Promise<boolean> {
    const row = await this.#rows.passkeys.get(id);
    return row !== undefined && row.body.removedAtMs === undefined;
  }

  /** What a browser needs to make another passkey of a person who is signed in. */
  async addOptions(person: Person, sessionId: string, origin: string): Promise<object> {
    const { creationOptions } = await import('./webauthn/madeCredential.js');
    const exclude = (await this.#live(person.id)).map(hintOf);
    const challenge = this.#challenges.issue(addUse(person.id, sessionId));
    return creationOptions({ origin, challenge, personId: person.id, name: person.name, exclude });
  }

  /**
   * Keeps another passkey of a person who is signed in.
   *
   * @throws RequestError 403 `passkey_refused`, 409 `passkey_known`, 409 `too_many_passkeys`, 422 `invalid_person` for the name
   */
  async add(
    person: Person,
    sessionId: string,
    { origin, response, name }: { origin: string; response: unknown; name: string },
  ): Promise<Passkey> {
    const checked = checkedName(name);
    const { made } = await this.verifyMade(response, origin, addUse(person.id, sessionId));
    if ((await this.#live(person.id)).length >= MAX_PASSKEYS)
      throw new RequestError(409, 'too_many_passkeys', `A person has at most ${MAX_PASSKEYS} passkeys. Remove one first.`);
    const body = passkeyBody(made, { personId: person.id, name: checked, origin });
    const createdAtMs = this.#clock.now();
    const id = passkeyIdOf(made.id);
    if (!(await this.#rows.passkeys.insert(id, body, { createdAtMs, index1: person.id }))) throw passkeyKnown();
    await this.#news.tell({ what: 'passkey.added', by: person.id, person: { id: person.id, name: person.name }, name: checked });
    return passkeyIn({ id, version: 1, createdAtMs, body });
  }

  /**
   * Removes a passkey, and with it the sessions and tokens that it started. The record stays: verdicts that were signed with it are verified later too.
   *
   * @throws NotFoundError where the person has no such passkey
   */
  async remove(personId: string, id: string, by: string): Promise<void> {
    const removedAtMs = this.#clock.now();
    let isRemoved = false;
    const row = await this.#rows.passkeys.change(id, ({ body }) => {
      isRemoved = body.personId === personId && body.removedAtMs === undefined;
      return isRemoved ? { ...body, removedAtMs, removedBy: by } : undefined;
    });
    if (row?.body.personId !== personId) throw new NotFoundError('There is no such passkey. It may have been removed already.');
    if (!isRemoved) return;
    const name = (await this.#rows.people.get(personId))?.body.name ?? personId;
    await this.#news.tell({ what: 'passkey.removed', by, person: { id: personId, name }, name: row.body.name });
  }

  /** What a browser needs to sign someone in. It names no one: the person chooses among the passkeys of the device. */
  async signInOptions(origin: string): Promise<object> {
    const { requestOptions } = await import('./webauthn/verifySigned.js');
    return requestOptions(origin, this.#challenges.issue(SIGN_IN));
  }

  /** Who signed in. @throws RequestError 403 `passkey_refused` */
  async signIn({ origin, response }: { readonly origin: string; readonly response: unknown }): Promise<PasskeySignIn> {
    return this.#verify(response, origin, SIGN_IN, undefined);
  }

  /** What a browser needs so that a person signs an act with a passkey. @throws RequestError 409 `no_passkey` where the person has none */
  async actOptions(act: Act, origin: string): Promise<object> {
    const { requestOptions } = await import('./webauthn/verifySigned.js');
    return requestOptions(origin, this.#challenges.issue(actUse(act)), await this.hints(act.personId));
  }

  /** Verifies that the person signed exactly this act, now and in this session. It counts once. @throws RequestError 403 `passkey_refused` */
  async verifyAct(act: Act, { origin, response }: { readonly origin: string; readonly response: unknown }): Promise<PasskeySignIn> {
    return this.#verify(response, origin, actUse(act), act.personId);
  }

  /** What a browser needs so that a person signs a challenge that was made elsewhere, such as that of a verdict. @throws RequestError 409 `no_passkey` */
  async proofOptions(personId: string, challenge: string, origin: string): Promise<object> {
    const { requestOptions } = await import('./webauthn/verifySigned.js');
    return requestOptions(origin, challenge, await this.hints(personId));
  }

  /**
   * Verifies the signature of a verdict, now or from its record years later.
   *
   * @returns what the authenticator counted, for {@link advance}
   * @throws RequestError 403 `passkey_refused`
   */
  async verifyProof({ proof, challenge, origin, credential }: ProofCheck): Promise<number> {
    const { verifySigned } = await import('./webauthn/verifySigned.js');
    const { clientDataJSON, authenticatorData, signature, credential: id } = proof;
    if (proof.kind !== 'passkey' || id !== credential.id) throw passkeyRefused();
    const response = { id, rawId: id, type: 'public-key', response: { clientDataJSON, authenticatorData, signature } };
    return verifySigned({ response, challenge, origin }, credential);
  }

  /** The credential with this id as it was valid at a time; `undefined` where it was not registered yet, or it or its person was removed by then. */
  async credentialAt(credential: string, atMs: number): Promise<PersonCredential | undefined> {
    const row = await this.#rows.passkeys.get(passkeyIdOf(credential));
    if (row === undefined || atMs < row.createdAtMs || atMs >= (row.body.removedAtMs ?? Infinity)) return undefined;
    const person = await this.#rows.people.get(row.body.personId);
    if (person === undefined || atMs >= (person.body.removedAtMs ?? Infinity)) return undefined;
    // a signature of then counted less than the passkey does now
    return { id: row.body.credential, publicKey: row.body.publicKey, counter: 0, personId: row.body.personId };
  }

  /** The credential with this id as it is now: what signs has to count on from here. */
  async credentialNow(credential: string): Promise<PersonCredential | undefined> {
    const row = await this.#rows.passkeys.get(passkeyIdOf(credential));
    if (row === undefined || row.body.removedAtMs !== undefined || (await this.#personOf(row.body.personId)) === undefined)
      return undefined;
    return { id: row.body.credential, publicKey: row.body.publicKey, counter: row.body.counter, personId: row.body.personId };
  }

  /**
   * Keeps what the authenticator counted. Resolves to false where a signature that counted as much was taken already, which a copy of the passkey would do, and
   * where the passkey was removed meanwhile. Passkeys that do not count always advance.
   */
  async advance(credential: string, counter: number): Promise<boolean> {
    const lastUsedAtMs = this.#clock.now();
    let isNext = false;
    await this.#rows.passkeys.change(passkeyIdOf(credential), ({ body }) => {
      isNext = body.removedAtMs === undefined && ((counter === 0 && body.counter === 0) || counter > body.counter);
      return isNext ? { ...body, counter, lastUsedAtMs } : undefined;
    });
    return isNext;
  }

  /** Where a browser finds the passkeys of a person. @throws RequestError 409 `no_passkey` */
  async hints(personId: string): Promise<readonly CredentialHint[]> {
    const rows = await this.#live(personId);
    if (rows.length > 0) return rows.map(hintOf);
    throw new RequestError(409, 'no_passkey', 'You have no passkey here. Add one on the page Me.');
  }

  /** A credential that a browser made for a challenge that was given out here, which is used up. @internal */
  async verifyMade(
    response: unknown,
    origin: string,
    use: ChallengeUse,
  ): Promise<{ readonly made: MadeCredential; readonly challenge: string }> {
    const { challenge } = claimsOf(response);
    if (!this.#challenges.isGood(challenge, use)) throw passkeyRefused();
    const { madeCredential } = await import('./webauthn/madeCredential.js');
    const made = await madeCredential({ response, challenge, origin });
    if ((await this.#rows.passkeys.get(passkeyIdOf(made.id))) !== undefined) throw passkeyKnown();
    if (!(await this.#challenges.use(challenge, use))) throw passkeyRefused();
    return { made, challenge };
  }

  async #verify(response: unknown, origin: string, use: ChallengeUse, personId: string | undefined): Promise<PasskeySignIn> {
    const { challenge, credential, userHandle } = claimsOf(response);
    const found = await this.credentialNow(credential);
    if (found === undefined || !this.#challenges.isGood(challenge, use)) throw passkeyRefused();
    const isTheirs = userHandle === undefined || userHandle === Buffer.from(found.personId).toString('base64url');
    if (!isTheirs || (personId !== undefined && personId !== found.personId)) throw passkeyRefused();
    const { verifySigned } = await import('./webauthn/verifySigned.js');
    const counter = await verifySigned({ response, challenge, origin }, found);
    const person = await this.#personOf(found.personId);
    if (person === undefined || !(await this.#challenges.use(challenge, use)) || !(await this.advance(credential, counter)))
      throw passkeyRefused();
    return { person, passkeyId: passkeyIdOf(credential) };
  }

  async #live(personId: string): Promise<readonly Row<PasskeyBody>[]> {
    return (await this.#rows.passkeys.list(personId)).rows.filter(({ body }) => body.removedAtMs === undefined);
  }
}

/** The id of the record of a credential: ids of credentials may be longer than those of records. */
export function passkeyIdOf(credential: string): string {
  return createHash('sha256').update(credential).digest('base64url');
}

/** What is kept of a credential that was made. @internal */
export function passkeyBody(
  { id, publicKey, counter, transports, synced }: MadeCredential,
  { personId, name, origin }: { readonly personId: string; readonly name: string; readonly origin: string },
): PasskeyBody {
  return { credential: id, personId, name, publicKey, counter, transports, rpId: new URL(origin).hostname, synced };
}

const SIGN_IN: ChallengeUse = { purpose: 'sign-in', binding: '' };

function addUse(personId: string, sessionId: string): ChallengeUse {
  return { purpose: 'add-passkey', binding: canonicalText([personId, sessionId]) };
}

function actUse({ personId, sessionId, what, with: given = null }: Act): ChallengeUse {
  return { purpose: 'act', binding: canonicalText([personId, sessionId, what, given]) };
}

function passkeyKnown(): RequestError {
  return new RequestError(409, 'passkey_known', 'This passkey is registered already. Sign in with it, or make another one.');
}

function hintOf({ body: { credential, transports } }: Row<PasskeyBody>): CredentialHint {
  return { id: credential, transports };
}

function passkeyIn({ id, createdAtMs, body: { name, lastUsedAtMs, synced } }: Row<PasskeyBody>): Passkey {
  return { id, name, createdAtMs, lastUsedAtMs, synced };
}
