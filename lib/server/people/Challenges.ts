import { createHmac, randomBytes } from 'node:crypto';
import type { SecretString } from '../../common/SecretString.js';
import type { SteadyClock } from '../../common/time/SteadyClock.js';
import { isSameMac } from '../../store/record/isSameMac.js';
import type { IdentityRows } from './row/identityRows.js';

/** What a challenge is good for. */
export interface ChallengeUse {
  /** Such as `sign-in`: a challenge for one purpose is worth nothing for another. */
  readonly purpose: string;
  /** Whom and what it is for, such as a person, a session and an approval: it counts for exactly this. */
  readonly binding: string;
}

/** How long a challenge is good for, in milliseconds. */
export const CHALLENGE_MS: number = 300_000;

const RANDOM_BYTES = 24;
const TIME_BYTES = 6;

/**
 * Random values that are used once. One is signed when it is given out, and kept when it is used: a caller that asks for millions of them fills no store, and
 * none works twice on any server.
 */
export class Challenges {
  readonly #rows: Pick<IdentityRows, 'challenges'>;
  readonly #key: SecretString;
  readonly #clock: SteadyClock;

  constructor(rows: Pick<IdentityRows, 'challenges'>, key: SecretString, clock: SteadyClock) {
    this.#rows = rows;
    this.#key = key;
    this.#clock = clock;
  }

  /**
   * Gives out a challenge: base64url, with 192 random bits.
   *
   * @param lifeMs in milliseconds, 5 minutes where it is absent
   */
  issue(use: ChallengeUse, lifeMs: number = CHALLENGE_MS): string {
    const time = Buffer.alloc(TIME_BYTES);
    time.writeUIntBE(this.#clock.now() + lifeMs, 0, TIME_BYTES);
    const fields = Buffer.concat([randomBytes(RANDOM_BYTES), time]);
    return Buffer.concat([fields, Buffer.from(this.#macOf(fields, use), 'base64url')]).toString('base64url');
  }

  /** Whether a challenge was given out for this and its time has not passed. It may have been used. */
  isGood(text: string, use: ChallengeUse): boolean {
    const bytes = Buffer.from(text, 'base64url');
    const fields = bytes.subarray(0, RANDOM_BYTES + TIME_BYTES);
    if (bytes.length !== fields.length + 32 || bytes.toString('base64url') !== text) return false;
    const isOurs = isSameMac(bytes.subarray(fields.length).toString('base64url'), this.#macOf(fields, use));
    return isOurs && this.#clock.now() < fields.readUIntBE(RANDOM_BYTES, TIME_BYTES);
  }

  /** Uses a challenge up. Resolves to true once, ever, and only where {@link isGood} is true. */
  async use(text: string, use: ChallengeUse): Promise<boolean> {
    if (!this.isGood(text, use)) return false;
    const nowMs = this.#clock.now();
    const random = Buffer.from(text, 'base64url').subarray(0, RANDOM_BYTES + TIME_BYTES);
    const endsAtMs = random.readUIntBE(RANDOM_BYTES, TIME_BYTES);
    const id = random.toString('base64url');
    return this.#rows.challenges.insert(id, { usedAtMs: nowMs }, { createdAtMs: nowMs, deleteAfterMs: endsAtMs + CHALLENGE_MS });
  }

  #macOf(fields: Buffer, { purpose, binding }: ChallengeUse): string {
    const text = JSON.stringify(['aegis challenge 1', purpose, binding, fields.toString('base64url')]);
    return createHmac('sha256', this.#key.reveal()).update(text).digest('base64url');
  }
}
