import { createHash } from 'node:crypto';
import type { SteadyClock } from '../../common/time/SteadyClock.js';
import type { Challenges, ChallengeUse } from './Challenges.js';
import type { IdentityRows, Newcomer } from './row/identityRows.js';
import { passkeyBody, passkeyIdOf } from './Passkeys.js';
import type { Passkeys } from './Passkeys.js';
import { newPersonBody, newPersonId } from './People.js';
import type { NewPerson } from './People.js';
import { checkedName } from './personFields.js';

/** What someone who comes by a link sends. */
export interface Arrival {
  /** What the person is called. */
  readonly name: string;
  /** What the passkey is called. @defaultValue `first passkey` */
  readonly passkeyName?: string | undefined;
  /** Where the page is, with its port. */
  readonly origin: string;
  /** What `navigator.credentials.create()` gave, as JSON. */
  readonly response: unknown;
}

/** People who come by a link and make a passkey before anything else. */
export class Newcomers {
  readonly #rows: Pick<IdentityRows, 'people' | 'passkeys'>;
  readonly #passkeys: Passkeys;
  readonly #challenges: Challenges;
  readonly #clock: SteadyClock;

  constructor(rows: Pick<IdentityRows, 'people' | 'passkeys'>, passkeys: Passkeys, challenges: Challenges, clock: SteadyClock) {
    this.#rows = rows;
    this.#passkeys = passkeys;
    this.#challenges = challenges;
    this.#clock = clock;
  }

  /** What the browser needs to make the passkey. Nothing is kept. */
  async options(use: ChallengeUse, name: string, origin: string): Promise<object> {
    const { creationOptions } = await import('./webauthn/madeCredential.js');
    const challenge = this.#challenges.issue(use);
    return creationOptions({ origin, challenge, personId: personIdFor(challenge), name: checkedName(name), exclude: [] });
  }

  /**
   * Verifies the passkey. Nothing but the use of its challenge is kept yet.
   *
   * @throws RequestError 403 `passkey_refused`, 409 `passkey_known`, 422 `invalid_person`
   */
  async verify(
    use: ChallengeUse,
    { name, passkeyName = 'first passkey', origin, response }: Arrival,
    given: Omit<NewPerson, 'name'>,
    by: string,
  ): Promise<Newcomer> {
    const person = newPersonBody({ ...given, name }, by);
    const keyName = checkedName(passkeyName, 'passkeyName');
    const { made, challenge } = await this.#passkeys.verifyMade(response, origin, use);
    const personId = personIdFor(challenge);
    return { personId, person, passkey: passkeyBody(made, { personId, name: keyName, origin }), atMs: this.#clock.now() };
  }

  /** Makes the rows of someone whose coming was recorded. It can be repeated: after a crash it goes on where it was. */
  async settle({ personId, person, passkey, atMs }: Newcomer): Promise<{ readonly passkeyId: string }> {
    const passkeyId = passkeyIdOf(passkey.credential);
    await this.#rows.passkeys.insert(passkeyId, passkey, { createdAtMs: atMs, index1: personId });
    await this.#rows.people.insert(personId, person, { createdAtMs: atMs });
    return { passkeyId };
  }
}

/** The passkey has to know the id of its person before there is one. */
function personIdFor(challenge: string): string {
  return newPersonId(createHash('sha256').update(`aegis/newcomer/v1/${challenge}`).digest());
}
