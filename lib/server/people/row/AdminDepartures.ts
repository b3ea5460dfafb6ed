import { randomUUID } from 'node:crypto';
import type { SteadyClock } from '../../../common/time/SteadyClock.js';
import { publishCallbackError } from '../../../model/diagnostics.js';
import { StoreError } from '../../../model/errors/ServiceErrors.js';
import { RequestError } from '../../front/RequestError.js';
import type { Departure, IdentityRows, PersonBody } from './identityRows.js';
import type { Row } from './Rows.js';

const ID = 'admins';
/** After this time, in milliseconds, a server that announced a departure is taken for stopped. */
const STALE_MS = 30_000;

/**
 * Lets admins leave so that one always stays. Each departure is announced first, in the one record of them, by compare-and-set: of two that are announced at the
 * same instant the second one sees the first, and counts no one who is about to go.
 */
export class AdminDepartures {
  readonly #rows: Pick<IdentityRows, 'people' | 'departures'>;
  readonly #clock: SteadyClock;

  constructor(rows: Pick<IdentityRows, 'people' | 'departures'>, clock: SteadyClock) {
    this.#rows = rows;
    this.#clock = clock;
  }

  /**
   * Makes the change by which someone is no longer an admin.
   *
   * @param row of the person. The change has to be from exactly this version on: an announcement that is taken back must not be carried out later.
   * @returns what `write` resolves to
   * @throws RequestError 409 `last_admin` where no other admin would be left
   */
  async leave<T>({ id, version }: Row<PersonBody>, write: () => Promise<T>): Promise<T> {
    const mine: Departure = { key: randomUUID(), personId: id, version, atMs: this.#clock.now() };
    await this.#announce(mine);
    // where it throws, it is not known whether it was written: the announcement stays, and counts until someone has looked
    const done = await write();
    await this.#close(mine);
    return done;
  }

  async #announce(mine: Departure): Promise<void> {
    for (;;) {
      const row = await this.#read();
      const { rows: people } = await this.#rows.people.list();
      const admins = people.filter(({ body }) => isAdmin(body));
      // who is no admin any longer has left
      const going = row.body.going.filter(({ personId }) => admins.some(({ id }) => id === personId));
      const stay = admins.filter(({ id }) => id !== mine.personId && !going.some(({ personId }) => personId === id));
      if (stay.length > 0) {
        if ((await this.#rows.departures.replace(row, { going: [...going, mine] })) !== undefined) return;
        continue;
      }
      const stale = going.filter(({ atMs }) => mine.atMs - atMs >= STALE_MS);
      if (stale.length === 0) throw new RequestError(409, 'last_admin', 'This is the only admin. Make someone else an admin first.');
      await this.#takeBack(row, stale);
    }
  }

  /** Takes back what was announced and not done: with another version of the person, it can be carried out no more. */
  async #takeBack(row: Row<{ readonly going: readonly Departure[] }>, stale: readonly Departure[]): Promise<void> {
    for (const { personId, version } of stale)
      await this.#rows.people.change(personId, (found) => (found.version === version ? found.body : undefined));
    await this.#rows.departures.replace(row, { going: row.body.going.filter((one) => !stale.includes(one)) });
  }

  async #close({ key }: Departure): Promise<void> {
    try {
      await this.#rows.departures.change(ID, ({ body }) => ({ going: body.going.filter((one) => one.key !== key) }));
    } catch (error) {
      // the change was made; what stays announced is taken out by the next one
      publishCallbackError('closing the departure of an admin', error);
    }
  }

  async #read(): Promise<Row<{ readonly going: readonly Departure[] }>> {
    const found = await this.#rows.departures.get(ID);
    if (found !== undefined) return found;
    await this.#rows.departures.insert(ID, { going: [] }, { createdAtMs: this.#clock.now() });
    const made = await this.#rows.departures.get(ID);
    if (made !== undefined) return made;
    throw new StoreError(
      'The record of admins who leave was changed or deleted by someone without the state key, so no admin is removed. Check who can write the store.',
    );
  }
}

/** Whether a record is that of someone who is an admin now. */
export function isAdmin({ roles, removedAtMs, invitation }: PersonBody): boolean {
  return removedAtMs === undefined && invitation === undefined && roles.includes('admin');
}
