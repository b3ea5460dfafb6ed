import type { SecretString } from '../../common/SecretString.js';
import { SteadyClock } from '../../common/time/SteadyClock.js';
import type { Directory } from '../../decision/desk/Directory.js';
import { purposeKey } from '../../store/purposeKey.js';
import type { RecordStore } from '../../store/RecordStore.js';
import { Challenges } from './Challenges.js';
import { ENDING_KINDS, identityRows } from './row/identityRows.js';
import { IdentityNews } from './row/IdentityNews.js';
import { Invitations } from './Invitations.js';
import { Newcomers } from './Newcomers.js';
import { Passkeys } from './Passkeys.js';
import { People } from './People.js';
import { PeopleDirectory } from './PeopleDirectory.js';
import { LOCAL_ADMIN } from './Person.js';
import type { Person } from './Person.js';
import { localAdmin, Sessions } from './Sessions.js';
import { Setup } from './Setup.js';
import { Tokens } from './Tokens.js';

/** What an {@link Identity} needs. */
export interface IdentityOptions {
  readonly tenantId: string;
  /** Signed: a row that was written without the state key is absent. */
  readonly records: RecordStore;
  readonly stateKey: SecretString;
  /**
   * Whether the server is reached over loopback only: then, while no one is known, the setup link signs in `local-admin` without a passkey.
   *
   * @defaultValue it is not
   */
  readonly isLoopback?: (() => boolean) | undefined;
  readonly clock?: SteadyClock | undefined;
}

const PRUNE_MS = 600_000;

/** Who may use one tenant of a server: people, how they come and sign in, and what they were given. */
export class Identity {
  readonly tenantId: string;
  readonly people: People;
  readonly sessions: Sessions;
  readonly setup: Setup;
  readonly invitations: Invitations;
  readonly passkeys: Passkeys;
  readonly tokens: Tokens;
  readonly challenges: Challenges;
  readonly directory: Directory;
  readonly #records: RecordStore;
  readonly #clock: SteadyClock;
  readonly #isLoopback: () => boolean;
  /** Once someone is known, someone always is: no one is ever deleted. */
  #hasPeople = false;
  #prunedAtMs = -Infinity;

  constructor({ tenantId, records, stateKey, isLoopback = () => false, clock = new SteadyClock() }: IdentityOptions) {
    this.tenantId = tenantId;
    this.#records = records;
    this.#clock = clock;
    this.#isLoopback = isLoopback;
    const rows = identityRows(records);
    const personOf = (id: string): Promise<Person | undefined> => this.#mayEnter(id);
    const news = new IdentityNews(rows, clock);
    this.people = new People(rows, clock, news);
    this.challenges = new Challenges(rows, purposeKey(stateKey, 'challenges', tenantId), clock);
    this.passkeys = new Passkeys(rows, this.challenges, clock, { personOf, news });
    const isLive = (id: string): Promise<boolean> => this.passkeys.isLive(id);
    this.sessions = new Sessions(rows, clock, { personOf, isLive });
    this.tokens = new Tokens(rows, clock, { personOf, isLive }, news);
    const newcomers = new Newcomers(rows, this.passkeys, this.challenges, clock);
    this.setup = new Setup(rows, clock, {
      news,
      newcomers,
      sessions: this.sessions,
      hasPeople: () => this.hasPeople(),
      isDevelopment: () => this.isDevelopment(),
    });
    this.invitations = new Invitations(rows, clock, { newcomers, people: this.people, news });
    this.directory = new PeopleDirectory(this.people, clock, () => this.hasPeople());
  }

  /** Whether anyone is or was known. True too where rows of people were changed by someone without the state key: it cannot tell then. */
  async hasPeople(): Promise<boolean> {
    if (this.#hasPeople) return true;
    const { people, tampered } = await this.people.list();
    if (people.length > 0) this.#hasPeople = true;
    return this.#hasPeople || tampered || this.setup.finish();
  }

  /** Whether it is development mode: on loopback, while no one is known. Any program on the machine can act as `local-admin` then. */
  async isDevelopment(): Promise<boolean> {
    return this.#isLoopback() && !(await this.hasPeople());
  }

  /** Deletes what ended some time ago. However often it is asked for, it is done every ten minutes: each time reads all lists of records. */
  async prune(nowMs: number = this.#clock.now()): Promise<void> {
    if (nowMs - this.#prunedAtMs < PRUNE_MS) return;
    this.#prunedAtMs = nowMs;
    for (const kind of ENDING_KINDS) await this.#records.prune(kind, nowMs);
  }

  async #mayEnter(id: string): Promise<Person | undefined> {
    if (id === LOCAL_ADMIN) return (await this.isDevelopment()) ? localAdmin() : undefined;
    const person = await this.people.get(id);
    return person?.status === 'removed' ? undefined : person;
  }
}
