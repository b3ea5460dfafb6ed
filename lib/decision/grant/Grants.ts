import { chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { Journal } from '../../model/Journal.js';
import { LazyPart } from '../../model/LazyPart.js';
import type { Grant, GrantAct, GrantLoosening } from '../../model/terms/Grant.js';
import type { RecordStore } from '../../store/RecordStore.js';
import type { ApprovalDesk } from '../desk/ApprovalDesk.js';
import type { AskedCall } from './GrantedScope.js';
import type { GrantDesk } from './GrantDesk.js';
import type { GrantProposal } from '../../model/terms/GrantProposal.js';
import type { GrantQuery } from './GrantRows.js';

/** What grants are kept in, and for which desk. */
export interface GrantsOptions {
  /** The desk at which people approve, and grant. */
  readonly desk: ApprovalDesk;
  /** Absent where the store is durable but its rows are not signed: anyone who can write it could make a grant. */
  readonly records: (() => Awaitable<RecordStore>) | undefined;
  /** The time, in epoch milliseconds. */
  readonly now: () => number;
  /** Is told of each grant that is made, used up or revoked. */
  readonly journal?: Journal | undefined;
}

/**
 * The standing verdicts of a module: a person who approves a call may let the yes count for later calls like it, where the policy says `@grantable`. A grant
 * answers approval policies only. It permits nothing, and lifts no forbid.
 *
 * Make one with `approvals.approve(decisionId, { …, grant: { uses: 10, forMs: 3_600_000 } })`.
 */
export class Grants {
  readonly #part: LazyPart<GrantDesk>;
  readonly #isSigned: boolean;

  constructor({ desk, records, now, journal }: GrantsOptions) {
    this.#part = new LazyPart(async () => {
      if (records === undefined) throw new ConfigError([{ where: 'stateKey', message: UNSIGNED }]);
      const { GrantDesk: Desk } = await import('./GrantDesk.js');
      return new Desk({ desk, records: await records(), now, journal });
    });
    if (records !== undefined) desk.grants = this.#part;
    this.#isSigned = records !== undefined;
  }

  /** @internal Answers a call by a grant. @returns `undefined` where a person is to be asked */
  redeem(call: AskedCall, peek: boolean): Awaitable<Grant | undefined> {
    return this.#isSigned ? chain(this.#part.get(), (grants) => grants.redeem(call, peek)) : undefined;
  }

  /**
   * What a grant made with this approval could be, and what it would have covered in the last 30 days.
   *
   * @param loosening what the grant would loosen, for what it would have covered. Default: nothing
   * @throws VerdictError 404 `approval_not_found`, 400 `invalid_grant`; ConfigError for options that do not exist
   */
  async propose(decisionId: string, loosening: GrantLoosening = {}): Promise<GrantProposal> {
    return (await this.#loaded()).propose(decisionId, loosening);
  }

  /** Lists grants, oldest first; also those that are over. */
  async list(query: GrantQuery = {}): Promise<readonly Grant[]> {
    return (await this.#loaded()).list(query);
  }

  /** Reads one grant. */
  async get(id: string): Promise<Grant | undefined> {
    return (await this.#loaded()).rows.get(id);
  }

  /**
   * Takes a grant back. It covers no call from then on, in any process.
   *
   * @returns the grant after it, also where it was revoked before
   * @throws VerdictError 404 `grant_not_found`, 400 `invalid_verdict`
   */
  async revoke(id: string, act: GrantAct): Promise<Grant> {
    return (await this.#loaded()).revokeBy(id, act);
  }

  /**
   * What a grant covers, as Cedar policies.
   *
   * @throws VerdictError 404 `grant_not_found`
   */
  async explain(id: string): Promise<string> {
    return (await this.#loaded()).explain(id);
  }

  async #loaded(): Promise<GrantDesk> {
    return this.#part.get();
  }
}

const UNSIGNED =
  'is missing, so that anyone who can write the store could make a grant: there are none. Give the module a `stateKey` (AEGIS_STATE_KEY).';
