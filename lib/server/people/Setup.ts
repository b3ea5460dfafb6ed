import type { SecretString } from '../../common/SecretString.js';
import type { SteadyClock } from '../../common/time/SteadyClock.js';
import { isSameMac } from '../../store/record/isSameMac.js';
import { RequestError } from '../front/RequestError.js';
import type { ChallengeUse } from './Challenges.js';
import type { IdentityNews } from './row/IdentityNews.js';
import type { IdentityRows, SetupBody } from './row/identityRows.js';
import type { Arrival, Newcomers } from './Newcomers.js';
import type { PasskeySignIn } from './Passkeys.js';
import { personIn, rightsOf } from './People.js';
import { LOCAL_ADMIN } from './Person.js';
import type { Row } from './row/Rows.js';
import type { NewSession, Sessions } from './Sessions.js';
import { hashOfSecret, secretLink } from './secretLink.js';

/** A link that was made. This is the only time that its secret is known. */
export interface NewLink {
  /** For the fragment of the URL, or to be typed. */
  readonly text: SecretString;
  /** In epoch milliseconds. */
  readonly expiresAtMs: number;
}

/** How long a setup link works, in milliseconds. */
export const SETUP_MS: number = 900_000;

/** There is one setup for each store. */
const ID = 'setup';

/** What the setup asks of the rest. */
export interface SetupParts {
  readonly news: IdentityNews;
  readonly newcomers: Newcomers;
  readonly sessions: Sessions;
  /** Whether anyone is known. */
  readonly hasPeople: () => Promise<boolean>;
  /** Whether the admin of development mode may sign in. */
  readonly isDevelopment: () => Promise<boolean>;
}

/** How the first person comes: by one link, once for each store. */
export class Setup {
  readonly #rows: Pick<IdentityRows, 'setup' | 'people'>;
  readonly #clock: SteadyClock;
  readonly #parts: SetupParts;

  constructor(rows: Pick<IdentityRows, 'setup' | 'people'>, clock: SteadyClock, parts: SetupParts) {
    this.#rows = rows;
    this.#clock = clock;
    this.#parts = parts;
  }

  /**
   * Makes the setup link, while no one is known. The one before it stops working.
   *
   * @param by who makes it, such as `serve` or `host:ann`
   * @returns `undefined` once someone is known: see {@link reopen}
   */
  async begin(by: string): Promise<NewLink | undefined> {
    if (await this.#parts.hasPeople()) return undefined;
    return this.#open(by, ({ body }) => body.used === undefined);
  }

  /** Makes a setup link though people are known: for the operator of the host, who has the state key, when no admin can sign in. The person who uses it is an admin. */
  async reopen(by: string): Promise<NewLink> {
    await this.finish();
    const link = (await this.#open(by, () => true)) as NewLink;
    await this.#parts.news.tell({ what: 'setup_link.made', by });
    return link;
  }

  /** Whether a link works now. Asking uses nothing. */
  async isGood(text: string): Promise<boolean> {
    const hash = hashOfSecret(text);
    const row = await this.#rows.setup.get(ID);
    return hash !== undefined && row !== undefined && this.#isOpenFor(row, hash);
  }

  /** What the browser needs to make the first person's passkey. @throws RequestError 410 `link_used` */
  async options(text: string, name: string, origin: string): Promise<object> {
    return this.#parts.newcomers.options(await this.#useOf(text), name, origin);
  }

  /**
   * Makes the first person, an admin and approver, with a passkey. The link is used if, and only if, the passkey is kept.
   *
   * @throws RequestError 410 `link_used`, 403 `passkey_refused`, 422 `invalid_person`
   */
  async register(text: string, arrival: Arrival): Promise<PasskeySignIn> {
    const use = await this.#useOf(text);
    const newcomer = await this.#parts.newcomers.verify(use, arrival, { roles: ['approver', 'admin'] }, 'setup');
    const used = await this.#take(text, (body) => ({ ...body, used: newcomer }));
    if (!used) throw linkUsed();
    const { passkeyId } = await this.#parts.newcomers.settle(newcomer);
    const { personId: id, person: body, atMs: createdAtMs } = newcomer;
    await this.#parts.news.tell({ what: 'person.came', by: 'setup', person: { id, name: body.name }, added: rightsOf(body) });
    return { person: personIn({ id, version: 1, createdAtMs, body }), passkeyId };
  }

  /**
   * Signs in the admin of development mode, who has no passkey. The link is used.
   *
   * @throws RequestError 410 `link_used`, 403 `not_development` off loopback and once anyone is known
   */
  async enter(text: string, client?: string): Promise<NewSession> {
    await this.#useOf(text);
    if (!(await this.#parts.isDevelopment()))
      throw new RequestError(
        403,
        'not_development',
        'Only on loopback, and while no one is known, does this link work without a passkey. Make one.',
      );
    const entered = this.#clock.now();
    if (!(await this.#take(text, (body) => ({ ...body, entered })))) throw linkUsed();
    return this.#parts.sessions.create({ personId: LOCAL_ADMIN, method: 'setup', client });
  }

  /** Makes the rows of the first person where a crash came between. Resolves to whether someone came by the link, ever. @internal */
  async finish(): Promise<boolean> {
    const row = await this.#rows.setup.get(ID);
    if (row?.body.used === undefined) return false;
    await this.#parts.newcomers.settle(row.body.used);
    return true;
  }

  async #open(by: string, mayOpen: (row: Row<SetupBody>) => boolean): Promise<NewLink | undefined> {
    const text = secretLink();
    const hash = hashOfSecret(text.reveal()) as string;
    const nowMs = this.#clock.now();
    const body: SetupBody = { madeBy: by, hash, expiresAtMs: nowMs + SETUP_MS };
    const link = { text, expiresAtMs: body.expiresAtMs };
    if (await this.#rows.setup.insert(ID, body, { createdAtMs: nowMs })) return link;
    const row = await this.#rows.setup.change(ID, (found) => (mayOpen(found) ? body : undefined));
    if (row === undefined)
      throw new RequestError(
        409,
        'setup_tampered',
        'The record of the setup was changed or deleted by someone without the state key, so no link is made. Check who can write the store.',
      );
    return row.body.hash === hash ? link : undefined;
  }

  /** Uses the link up, once. */
  async #take(text: string, next: (body: SetupBody) => SetupBody): Promise<boolean> {
    const hash = hashOfSecret(text) as string;
    let taken = false;
    await this.#rows.setup.change(ID, (row) => {
      taken = this.#isOpenFor(row, hash);
      const { hash: _, ...body } = row.body;
      return taken ? next(body) : undefined;
    });
    return taken;
  }

  async #useOf(text: string): Promise<ChallengeUse> {
    if (!(await this.isGood(text))) throw linkUsed();
    return { purpose: 'setup', binding: hashOfSecret(text) as string };
  }

  #isOpenFor({ body }: Row<SetupBody>, hash: string): boolean {
    return body.hash !== undefined && isSameMac(hash, body.hash) && this.#clock.now() < body.expiresAtMs;
  }
}

/** The same for a link that was used, has expired, was replaced or never existed. */
export function linkUsed(): RequestError {
  return new RequestError(
    410,
    'link_used',
    'This link does not work: it was used, has expired, or a newer one was made. Ask for a new one.',
  );
}
