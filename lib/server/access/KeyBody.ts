import * as v from 'valibot';
import { parseJsonStrictly } from '../../common/data/parseJsonStrictly.js';
import type { StoredRecord } from '../../store/RecordStore.js';
import type { Scope } from './Caller.js';

/** Every scope that a key may have. */
export const SCOPES: readonly Scope[] = ['decide', 'approvals:read', 'policies:read', 'keys:admin', 'metrics:read'];

/** The kind of the records of keys. */
export const KEY_KIND = 'key';

const time = v.pipe(v.number(), v.integer(), v.minValue(0));
const hash = v.pipe(v.string(), v.regex(/^[\w-]{43}$/));
const agentId = v.pipe(v.string(), v.minLength(1), v.maxLength(256));

const BODY = v.strictObject({
  name: v.pipe(v.string(), v.minLength(1), v.maxLength(128)),
  scopes: v.pipe(v.array(v.picklist(SCOPES)), v.minLength(1)),
  agents: v.optional(v.array(agentId)),
  sessionTrusted: v.boolean(),
  createdBy: v.string(),
  hash,
  previousHash: v.optional(hash),
  previousUntilMs: v.optional(time),
  rotatedBy: v.optional(v.string()),
  expiresAtMs: v.optional(time),
  revokedAtMs: v.optional(time),
  revokedBy: v.optional(v.string()),
});

/** What the record of a key says. The key itself is not in it. */
export interface KeyBody {
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** `undefined`: all of the tenant. */
  readonly agents?: readonly string[] | undefined;
  readonly sessionTrusted: boolean;
  readonly createdBy: string;
  /** HMAC of the whole key. */
  readonly hash: string;
  /** That of the secret of before the last rotation. */
  readonly previousHash?: string | undefined;
  /** Until when that one works, in epoch milliseconds. */
  readonly previousUntilMs?: number | undefined;
  /** Who rotated it last. */
  readonly rotatedBy?: string | undefined;
  readonly expiresAtMs?: number | undefined;
  readonly revokedAtMs?: number | undefined;
  readonly revokedBy?: string | undefined;
}

/** Reads the record of a key; `undefined` for what this version cannot have written. */
export function readKeyBody(record: StoredRecord): KeyBody | undefined {
  try {
    const { success, output } = v.safeParse(BODY, parseJsonStrictly(record.body));
    return success ? output : undefined;
  } catch {
    return undefined;
  }
}
