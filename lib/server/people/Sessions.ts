import { createHash } from 'node:crypto';
import type { SecretString } from '../../common/SecretString.js';
import { DAY_MS } from '../../common/time/SteadyClock.js';
import type { SteadyClock } from '../../common/time/SteadyClock.js';
import { NotFoundError } from '../../model/errors/ServiceErrors.js';
import type { IdentityRows, SessionBody, StepUpAct } from './row/identityRows.js';
import { LOCAL_ADMIN } from './Person.js';
import type { Person, SignInMethod } from './Person.js';
import type { Row } from './row/Rows.js';
import { hashOfSecret, secretLink } from './secretLink.js';

/** A session, without its secret. */
export interface Session {
  /** What it is called on pages: not its secret. */
  readonly id: string;
  readonly personId: string;
  readonly method: SignInMethod;
  /** The passkey that it ends with. */
  readonly passkeyId?: string | undefined;
  /** When the person signed in, in epoch milliseconds. */
  readonly createdAtMs: number;
  /** When it was last used, in epoch milliseconds; up to five minutes late. */
  readonly seenAtMs: number;
  /** When it ends at the latest, in epoch milliseconds. */
  readonly endsAtMs: number;
  /** What the browser calls itself. */
  readonly client?: string | undefined;
}

/** A session that was made. This is the only time that its secret is known. */
export interface NewSession {
  readonly session: Session;
  /** For the cookie. */
  readonly text: SecretString;
}

/** Whom a session lets in. */
export interface FoundSession {
  readonly session: Session;
  /** As the person is now. */
  readonly person: Person;
  /** What forms of this session must carry. */
  readonly formToken: string;
}

/** What a new session is for. */
export interface SessionStart {
  readonly personId: string;
  readonly method: SignInMethod;
  /** With the method `passkey`: which one it was. The session ends with it. */
  readonly passkeyId?: string | undefined;
  /** What the browser calls itself; cut to 200 characters. */
  readonly client?: string | undefined;
  /** The verdict for which the person has signed in again: it counts for five minutes, once. */
  readonly stepUp?: StepUpAct | undefined;
}

/** Who may come in now. */
export interface Doors {
  /** The person, unless they were removed; also the admin of development mode, while there is one. */
  readonly personOf: (id: string) => Promise<Person | undefined>;
  /** Whether a passkey opens something: what it started ends with it. */
  readonly isLive: (passkeyId: string) => Promise<boolean>;
}

/** How long a session is good without being used, and at most, in milliseconds. */
export const SESSION_LIMITS: { readonly idleMs: number; readonly mostMs: number } = { idleMs: 8 * 3_600_000, mostMs: DAY_MS };
/** How long a sign-in is fresh, in milliseconds. */
export const STEP_UP_MS = 300_000;
/** How late `seenAtMs` may be: not every request is a write. */
const SEEN_MS = 300_000;
const MAX_CLIENT = 200;

/** The sessions of one tenant. Each is looked up for each request, so that one that ended lets no one in on any server. */
export class Sessions {
  readonly #rows: Pick<IdentityRows, 'sessions'>;
  readonly #clock: SteadyClock;
  readonly #doors: Doors;

  constructor(rows: Pick<IdentityRows, 'sessions'>, clock: SteadyClock, doors: Doors) {
    this.#rows = rows;
    this.#clock = clock;
    this.#doors = doors;
  }

  /**
   * Starts a session with a new secret, never with one that the browser sent. End the session that it had before.
   *
   * @throws NotFoundError where no one has that id, or the person was removed
   */
  async create({ personId, method, passkeyId, client, stepUp }: SessionStart): Promise<NewSession> {
    const person = await this.#doors.personOf(personId);
    if (person === undefined) throw new NotFoundError('There is no such person, or they were removed. Ask an admin for an invitation.');
    const nowMs = this.#clock.now();
    const text = secretLink();
    const id = hashOfSecret(text.reveal()) as string;
    const endsAtMs = nowMs + SESSION_LIMITS.mostMs;
    const start = { personId, method, epoch: person.epoch, seenAtMs: nowMs, endsAtMs };
    const body: SessionBody = {
      ...start,
      passkeyId,
      client: client === undefined ? undefined : wellFormed(client.slice(0, MAX_CLIENT)),
      ...(stepUp && { stepUp: { ...stepUp, endsAtMs: nowMs + STEP_UP_MS } }),
    };
    await this.#rows.sessions.insert(id, body, { createdAtMs: nowMs, deleteAfterMs: endsAtMs, index1: personId });
    return { session: sessionIn({ id, version: 1, createdAtMs: nowMs, body }), text };
  }

  /** Whom the text of a cookie lets in; `undefined` for one that has ended, and for a person who was removed or lost a right since. */
  async find(text: string): Promise<FoundSession | undefined> {
    const id = hashOfSecret(text);
    const row = id === undefined ? undefined : await this.#rows.sessions.get(id);
    if (row === undefined || !this.#isLive(row)) return undefined;
    const person = await this.#doors.personOf(row.body.personId);
    if (person === undefined || person.epoch !== row.body.epoch) return undefined;
    if (row.body.passkeyId !== undefined && !(await this.#doors.isLive(row.body.passkeyId))) return undefined;
    return { session: sessionIn(await this.#seen(row)), person, formToken: formTokenOf(text) };
  }

  /** Whether the person signed in for this session within the last five minutes. */
  async isFresh(id: string): Promise<boolean> {
    const row = await this.#rows.sessions.get(id);
    return row !== undefined && this.#clock.now() - row.createdAtMs < STEP_UP_MS;
  }

  /** Until when a session counts as a fresh sign-in for exactly this verdict, in epoch milliseconds; `undefined` where it does not, and once it was used. */
  async stepUpEnd(id: string, act: StepUpAct): Promise<number | undefined> {
    const row = await this.#rows.sessions.get(id);
    const stepUp = row && this.#stepUpFor(row, act);
    return stepUp?.used === undefined ? stepUp?.endsAtMs : undefined;
  }

  /**
   * Uses up the fresh sign-in of a session. Resolves to true once, and only for exactly the verdict that the person has signed in for; again for the same form,
   * which is one verdict however often it is sent.
   *
   * @param key of the form
   */
  async useStepUp(id: string, act: StepUpAct, key: string = ''): Promise<boolean> {
    let isUsed = false;
    await this.#rows.sessions.change(id, (row) => {
      const stepUp = this.#stepUpFor(row, act);
      isUsed = stepUp !== undefined && (stepUp.used === undefined || (key !== '' && stepUp.used === key));
      return isUsed && stepUp !== undefined ? { ...row.body, stepUp: { ...stepUp, used: key } } : undefined;
    });
    return isUsed;
  }

  /** The sessions of a person that have not ended, oldest first. */
  async list(personId: string): Promise<readonly Session[]> {
    const person = await this.#doors.personOf(personId);
    const { rows } = await this.#rows.sessions.list(personId);
    const sessions: Session[] = [];
    for (const row of rows) {
      const { epoch, passkeyId } = row.body;
      const isOpen = this.#isLive(row) && epoch === person?.epoch && (passkeyId === undefined || (await this.#doors.isLive(passkeyId)));
      if (isOpen) sessions.push(sessionIn(row));
    }
    return sessions;
  }

  /**
   * Ends a session of a person.
   *
   * @param id of the session
   * @throws NotFoundError where the person has no such session
   */
  async end(personId: string, id: string, by: string): Promise<void> {
    const endedAtMs = this.#clock.now();
    const row = await this.#rows.sessions.change(id, ({ body }) =>
      body.personId !== personId || body.endedAtMs !== undefined ? undefined : { ...body, endedAtMs, endedBy: by },
    );
    if (row?.body.personId !== personId) throw new NotFoundError('There is no such session. It may have ended already.');
  }

  #isLive({ body }: Row<SessionBody>): boolean {
    const nowMs = this.#clock.now();
    return body.endedAtMs === undefined && nowMs < body.endsAtMs && nowMs - body.seenAtMs < SESSION_LIMITS.idleMs;
  }

  #stepUpFor(row: Row<SessionBody>, act: StepUpAct): SessionBody['stepUp'] {
    const { stepUp } = row.body;
    if (stepUp === undefined || !this.#isLive(row) || this.#clock.now() >= stepUp.endsAtMs) return undefined;
    return (['decisionId', 'digest', 'version', 'verdict'] as const).every((name) => stepUp[name] === act[name]) ? stepUp : undefined;
  }

  async #seen(row: Row<SessionBody>): Promise<Row<SessionBody>> {
    const nowMs = this.#clock.now();
    if (nowMs - row.body.seenAtMs < SEEN_MS) return row;
    const seen = await this.#rows.sessions.change(row.id, ({ body }) =>
      body.endedAtMs !== undefined || body.seenAtMs >= nowMs ? undefined : { ...body, seenAtMs: nowMs },
    );
    return seen ?? row;
  }
}

/** The admin of development mode. */
export function localAdmin(): Person {
  return {
    id: LOCAL_ADMIN,
    name: LOCAL_ADMIN,
    roles: ['approver', 'admin'],
    groups: [],
    userIds: [],
    accounts: [],
    status: 'active',
    createdAtMs: 0,
    createdBy: 'setup',
    epoch: 0,
  };
}

/** Without half of a pair, which no store keeps. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}

function formTokenOf(text: string): string {
  return createHash('sha256').update(`aegis/form/v1/${text}`).digest('base64url');
}

function sessionIn({ id, createdAtMs, body }: Row<SessionBody>): Session {
  const { personId, method, passkeyId, seenAtMs, endsAtMs, client } = body;
  return { id, personId, method, passkeyId, createdAtMs, seenAtMs, endsAtMs, client };
}
