import type { StateStore } from '../../lib/store/StateStore.js';

/** Where a scenario keeps its state: a file of SQLite, or a connection string. */
export interface StoreAt {
  readonly kind: 'sqlite' | 'postgres';
  readonly at: string;
  /** Of Postgres: the schema, and whether pg-boss hands approved tasks out. */
  readonly schema?: string;
  readonly queue?: boolean;
}

/** What one process of a scenario is told when it starts, as JSON. */
export interface Setting {
  readonly who: string;
  readonly store: StoreAt;
  /** The file of the {@link History}. */
  readonly history: string;
  readonly seed: number;
  readonly leaseMs: number;
  readonly sweepMs: number;
  readonly approvalTimeoutMs?: number;
  /** How long a method sleeps at most. */
  readonly methodMs?: number;
  /** Every so manieth call throws, or is denied. */
  readonly throwEvery?: number;
  readonly denyEvery?: number;
  /** Three of four calls are edited before they are approved: see {@link editedOf}. */
  readonly edits?: boolean;
  /** Where the process gets its signal, and the how manieth time. */
  readonly point?: string | undefined;
  readonly nth?: number | undefined;
  readonly signal?: 'SIGKILL' | 'SIGSTOP';
}

/** What a worker is told over its channel. */
export type Order = { readonly do: 'call'; readonly tool: Tool; readonly ns: readonly number[] } | { readonly do: 'leave' };

export type Tool = 'once' | 'idempotent';

/** Every call of the tools is asked about. */
export const POLICIES = {
  text: `
@id("allow-tools") permit (principal, action, resource);
@id("ask-a-person") @effect("approval_needed") @reason("a person decides") forbid (principal, action, resource);
`,
};

/** The same, and people may edit the calls. */
export const EDITABLE = {
  text: POLICIES.text.replace('@reason', '@editable("/n") @editor_may_approve("true") @reason'),
};

const EDITED = 1_000_000;

/** What a person makes of a call; `undefined` where it is approved as it is, or was edited already. */
export function editedOf(n: number): number | undefined {
  return n >= EDITED || n % 4 === 0 ? undefined : n + EDITED;
}

/** A handle on the state, not yet open. The stores are loaded when they are needed: one wants a driver that not every machine has. */
export async function stateStore({ kind, at, schema, queue }: StoreAt): Promise<StateStore> {
  if (kind === 'sqlite') return (await import('../../lib/store/sqlite/index.js')).sqliteStore(at);
  return (await import('../../lib/store/postgres/index.js')).postgresStore({ connectionString: at, schema, queue });
}

/** What differs between two seeds, between 0 and 1: the same for the same seed and number. */
export function fraction(seed: number, n: number): number {
  let x = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(n + 1, 0xc2b2ae35)) >>> 0;
  x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d);
  x = Math.imul(x ^ (x >>> 12), 0x297a2d39);
  return ((x ^ (x >>> 15)) >>> 0) / 2 ** 32;
}
