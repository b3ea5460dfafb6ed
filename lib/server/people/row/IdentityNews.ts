import { randomUUID } from 'node:crypto';
import { DAY_MS } from '../../../common/time/SteadyClock.js';
import type { SteadyClock } from '../../../common/time/SteadyClock.js';
import { publishCallbackError } from '../../../model/diagnostics.js';
import type { IdentityChange, IdentityRows } from './identityRows.js';

/** How long it waits to be told, in milliseconds. */
const KEPT_MS = 7 * DAY_MS;

/** Keeps what admins are told of who may use a tenant: never a secret, and never what an agent sent. The server that has channels for it takes it from there. */
export class IdentityNews {
  readonly #rows: Pick<IdentityRows, 'people' | 'news'>;
  readonly #clock: SteadyClock;

  constructor(rows: Pick<IdentityRows, 'people' | 'news'>, clock: SteadyClock) {
    this.#rows = rows;
    this.#clock = clock;
  }

  /** Never rejects: what it is about was done. */
  async tell(change: Omit<IdentityChange, 'atMs' | 'byName'>): Promise<void> {
    const atMs = this.#clock.now();
    try {
      const byName = (await this.#rows.people.get(change.by))?.body.name;
      await this.#rows.news.insert(randomUUID(), { ...change, byName, atMs }, { createdAtMs: atMs, deleteAfterMs: atMs + KEPT_MS });
    } catch (error) {
      publishCallbackError('keeping what admins are told', error);
    }
  }
}
