import { SecretString } from '../../common/SecretString.js';
import type { SteadyClock } from '../../common/time/SteadyClock.js';
import { NotFoundError } from '../../model/errors/ServiceErrors.js';
import type { IdentityNews } from './row/IdentityNews.js';
import type { IdentityRows, TokenBody } from './row/identityRows.js';
import { checkedName, wrongField } from './personFields.js';
import type { Person } from './Person.js';
import type { Row } from './row/Rows.js';
import type { Doors, Session } from './Sessions.js';
import { hashOfSecret, secretLink } from './secretLink.js';

/** A personal token, without its secret. */
export interface PersonalToken {
  readonly id: string;
  readonly personId: string;
  readonly name: string;
  /** When it was made, in epoch milliseconds. */
  readonly createdAtMs: number;
  /** When it ends, in epoch milliseconds. */
  readonly endsAtMs: number;
}

/** A token that was made. This is the only time that its secret is known. */
export interface NewToken {
  readonly token: PersonalToken;
  /** `aegp_` and 256 random bits. */
  readonly text: SecretString;
}

/** The longest life of a personal token, in milliseconds. */
export const MAX_TOKEN_MS: number = 8 * 3_600_000;

/** How every personal token begins. */
export const TOKEN_PREFIX = 'aegp_';

/** The personal tokens of one tenant: with one, a program reads and denies as the person who made it. It approves nothing. */
export class Tokens {
  readonly #rows: Pick<IdentityRows, 'tokens'>;
  readonly #clock: SteadyClock;
  readonly #doors: Doors;

  readonly #news: IdentityNews;

  constructor(rows: Pick<IdentityRows, 'tokens'>, clock: SteadyClock, doors: Doors, news: IdentityNews) {
    this.#rows = rows;
    this.#clock = clock;
    this.#doors = doors;
    this.#news = news;
  }

  /**
   * Makes a token for the person of a session. It ends with the passkey that started the session.
   *
   * @param lifeMs in milliseconds, at most 8 hours
   * @throws RequestError 422 `invalid_person` naming the field
   * @throws NotFoundError where there is no such person
   */
  async create(
    { personId, passkeyId }: Pick<Session, 'personId' | 'passkeyId'>,
    name: string,
    lifeMs: number = MAX_TOKEN_MS,
  ): Promise<NewToken> {
    const checked = checkedName(name);
    if (!(lifeMs > 0 && lifeMs <= MAX_TOKEN_MS)) throw wrongField('lifeMs', 'A token lives at most 8 hours. Choose a shorter time.');
    const person = await this.#doors.personOf(personId);
    if (person === undefined) throw new NotFoundError('There is no such person, or they were removed. Sign in again.');
    const nowMs = this.#clock.now();
    const secret = secretLink().reveal();
    const id = hashOfSecret(secret) as string;
    const endsAtMs = Math.trunc(nowMs + lifeMs);
    const body: TokenBody = { personId, name: checked, passkeyId, epoch: person.epoch, endsAtMs };
    await this.#rows.tokens.insert(id, body, { createdAtMs: nowMs, deleteAfterMs: endsAtMs, index1: personId });
    await this.#news.tell({ what: 'token.made', by: personId, person: { id: personId, name: person.name }, name: checked });
    return { token: tokenIn({ id, version: 1, createdAtMs: nowMs, body }), text: new SecretString(`${TOKEN_PREFIX}${secret}`) };
  }

  /** Whose token this is; `undefined` for one that has ended, and for a person who was removed or lost a right since. */
  async find(text: string): Promise<{ readonly token: PersonalToken; readonly person: Person } | undefined> {
    const id = text.startsWith(TOKEN_PREFIX) ? hashOfSecret(text.slice(TOKEN_PREFIX.length)) : undefined;
    const row = id === undefined ? undefined : await this.#rows.tokens.get(id);
    if (row === undefined || !this.#isLive(row)) return undefined;
    const { personId, passkeyId, epoch } = row.body;
    const person = await this.#doors.personOf(personId);
    if (person === undefined || person.epoch !== epoch) return undefined;
    return passkeyId === undefined || (await this.#doors.isLive(passkeyId)) ? { token: tokenIn(row), person } : undefined;
  }

  /** The tokens of a person that have not ended, oldest first. */
  async list(personId: string): Promise<readonly PersonalToken[]> {
    const person = await this.#doors.personOf(personId);
    const { rows } = await this.#rows.tokens.list(personId);
    return rows.filter((row) => this.#isLive(row) && row.body.epoch === person?.epoch).map(tokenIn);
  }

  /** @throws NotFoundError where the person has no such token */
  async end(personId: string, id: string, by: string): Promise<void> {
    const endedAtMs = this.#clock.now();
    const row = await this.#rows.tokens.change(id, ({ body }) =>
      body.personId !== personId || body.endedAtMs !== undefined ? undefined : { ...body, endedAtMs, endedBy: by },
    );
    if (row?.body.personId !== personId) throw new NotFoundError('There is no such token. It may have ended already.');
  }

  #isLive({ body }: Row<TokenBody>): boolean {
    return body.endedAtMs === undefined && this.#clock.now() < body.endsAtMs;
  }
}

function tokenIn({ id, createdAtMs, body: { personId, name, endsAtMs } }: Row<TokenBody>): PersonalToken {
  return { id, personId, name, createdAtMs, endsAtMs };
}
