import { randomBytes } from 'node:crypto';
import type { AuditRecord, NewRecord } from '../../lib/audit/record/AuditRecord.js';
import { canonicalLine } from '../../lib/audit/record/canonicalLine.js';
import { commitmentOf } from '../../lib/audit/record/commitment.js';
import type { AuditSource, Opening } from '../../lib/audit/sink/AuditSink.js';
import { storedText } from '../../lib/audit/sink/storedText.js';
import { AuditKey } from '../../lib/audit/tree/AuditKey.js';
import { signCheckpoint } from '../../lib/audit/tree/checkpoint.js';
import type { OtherHead } from '../../lib/audit/tree/checkpoint.js';
import { CompactTree } from '../../lib/audit/tree/CompactTree.js';
import { canonicalText, sha256 } from '../../lib/common/data/canonical.js';

type Kind = NewRecord['kind'];
type Of<K extends Kind> = Extract<NewRecord, { readonly kind: K }>;

/** What a log is built with. */
export interface BuiltLogOptions {
  readonly key?: AuditKey;
  readonly origin?: string;
  readonly source?: 'library' | 'server';
  /** Left out: the log does not say that it begins. */
  readonly starts?: boolean;
  /** After how many records it is signed; 0: not by itself. */
  readonly every?: number;
}

/** One call as a log has it. */
export interface BuiltCall {
  readonly decisionId: string;
  readonly agentId: string;
  readonly toolName: string;
  readonly salt: string;
  readonly original: string;
  readonly effective: string;
  readonly requester: string;
}

export const POLICIES = { id: 'refunds', hash: 'a'.repeat(64) };
export const GRANT = 'grt_1';
export const SET = 'b'.repeat(64);

/** A log over the format, without a writer or a sink: specs can make it say anything. */
export class BuiltLog {
  readonly writer: string;
  readonly key: AuditKey;
  readonly origin: string;
  lines: string[] = [];
  notes: string[] = [];
  openings: Opening[] = [];
  readonly tree: CompactTree = new CompactTree();
  readonly #every: number;
  #signers: AuditKey[];
  #at = 1_750_000_000_000;

  constructor(
    writer = 'w0',
    { key = AuditKey.generate(), origin = 'acme.example/pay', source = 'library', starts = true, every = 0 }: BuiltLogOptions = {},
  ) {
    this.writer = writer;
    this.key = key;
    this.origin = `${origin}/${writer}`;
    this.#every = every;
    this.#signers = [key];
    if (starts)
      this.add('started', { source, version: '1.0.0', mode: 'required', publicKey: key.publicKey.toString() }).add('policies', {
        hash: SET,
      });
  }

  /** The time of the next record. */
  get at(): number {
    return this.#at;
  }

  /** Lets time pass, in milliseconds. */
  wait(ms: number): this {
    this.#at += ms;
    return this;
  }

  /** Adds a record. `over` replaces anything, also its place. */
  add<K extends Kind>(kind: K, fields: Omit<Of<K>, 'kind'>, over: Readonly<Record<string, unknown>> = {}): this {
    this.#at += 1;
    const place = { v: 1, seq: this.lines.length, at: this.#at, writer: this.writer };
    return this.addLine(canonicalLine({ ...place, kind, ...fields, ...over } as unknown as AuditRecord));
  }

  /** Adds a line as it is. */
  addLine(line: string): this {
    this.lines.push(line);
    this.tree.append(line);
    if (this.#every > 0 && this.lines.length % this.#every === 0) this.sign();
    return this;
  }

  /** Opens the last record. */
  open(call: BuiltCall, values: Readonly<Record<string, unknown>>): this {
    const texts = Object.fromEntries(Object.entries(values).map(([field, value]) => [field, canonicalText(value)]));
    const { decisionId, requester, salt } = call;
    this.openings.push({ seq: this.lines.length - 1, at: this.#at, decisionId, requester, salt, values: texts });
    return this;
  }

  /** Signs what there is. */
  sign(others?: readonly OtherHead[]): this {
    this.notes.push(
      signCheckpoint({ origin: this.origin, size: this.tree.size, root: this.tree.root().toString('base64'), others }, this.#signers),
    );
    this.#signers = this.#signers.slice(-1);
    return this;
  }

  /** Another key signs from here on. */
  changeKey(next: AuditKey): this {
    const previous = this.#signers.at(-1) as AuditKey;
    this.#signers.push(next);
    return this.add('key', { publicKey: next.publicKey.toString(), previousPublicKey: previous.publicKey.toString() });
  }

  /** Closes it in order. */
  close(): this {
    return this.add('closed', {}).sign();
  }

  /** The last checkpoint. */
  get head(): string {
    return this.notes.at(-1) ?? '';
  }
}

let calls = 0;

/** A call with commitments of its own. */
export function builtCall(params: object = { amount: 5 }, over: Partial<BuiltCall> = {}, effective: object = params): BuiltCall {
  calls += 1;
  const salt = randomBytes(16).toString('base64url');
  return {
    decisionId: `dec-${calls}`,
    agentId: 'shop-agent',
    toolName: 'refund',
    salt,
    original: committed('original', salt, params),
    effective: committed('effective', salt, effective),
    requester: 'ann',
    ...over,
  };
}

/** A commitment to a value. */
export function committed(field: string, salt: string, value: unknown): string {
  return commitmentOf(field, salt, sha256(canonicalText(value)));
}

/** What all records of a call say. */
export function idsOf({ decisionId, agentId, toolName }: BuiltCall): Pick<BuiltCall, 'decisionId' | 'agentId' | 'toolName'> {
  return { decisionId, agentId, toolName };
}

/** The parts of a call, in order. Each may be left out, or say something else. */
export type Over = Readonly<Record<string, unknown>>;

export function decided(log: BuiltLog, call: BuiltCall, over: Over = {}): BuiltLog {
  const { salt, original, effective, requester } = call;
  return log.add(
    'decided',
    {
      ...idsOf(call),
      callId: `call-${call.decisionId}`,
      effect: 'allow',
      policies: [POLICIES],
      policySetHash: SET,
      original,
      effective,
      requester: committed('requester', salt, requester),
    },
    over,
  );
}

export function entering(log: BuiltLog, call: BuiltCall, over: Over = {}): BuiltLog {
  return log.add('entering', { ...idsOf(call), effective: call.effective }, over);
}

export function settled(log: BuiltLog, call: BuiltCall, over: Over = {}): BuiltLog {
  return log.add('settled', { ...idsOf(call), outcome: 'completed' }, over);
}

export function opened(log: BuiltLog, call: BuiltCall, over: Over = {}): BuiltLog {
  const { original, effective, salt, requester } = call;
  return log.add(
    'opened',
    {
      ...idsOf(call),
      taskId: `task-${call.decisionId}`,
      policies: [{ ...POLICIES, approvers: ['leads'] }],
      policySetHash: SET,
      expiresAt: log.at + 3_600_000,
      original,
      effective,
      requester: committed('requester', salt, requester),
    },
    over,
  );
}

export function verdict(log: BuiltLog, call: BuiltCall, over: Over = {}): BuiltLog {
  return log.add(
    'verdict',
    {
      ...idsOf(call),
      by: 'bob',
      approved: true,
      status: 'approved',
      policies: [POLICIES.id],
      assurance: 'code',
      groups: ['leads'],
      effective: call.effective,
    },
    over,
  );
}

/** An edit of what `call` has now. @returns the call as it is from then on */
export function amended(log: BuiltLog, call: BuiltCall, params: object, over: Over = {}): BuiltCall {
  const effective = committed('effective', call.salt, params);
  log.add(
    'amended',
    {
      ...idsOf(call),
      by: 'eve',
      assurance: 'code',
      from: call.effective,
      effective,
      changed: committed('changed', call.salt, ['/amount']),
      policies: [{ ...POLICIES, approvers: ['leads'] }],
      policySetHash: SET,
    },
    over,
  );
  return { ...call, effective };
}

export function consumed(log: BuiltLog, call: BuiltCall, over: Over = {}): BuiltLog {
  return log.add('consumed', { ...idsOf(call), token: `token-${call.decisionId}`, effective: call.effective }, over);
}

export function begun(log: BuiltLog, call: BuiltCall, over: Over = {}): BuiltLog {
  return log.add('begun', { ...idsOf(call), claim: `claim-${call.decisionId}` }, over);
}

/** A call that is allowed at once and runs. */
export function allowedCall(log: BuiltLog, call: BuiltCall = builtCall()): BuiltLog {
  return settled(entering(decided(log, call), call), call);
}

/** A call that a person is asked about, up to the answer. */
export function askedCall(log: BuiltLog, call: BuiltCall = builtCall()): BuiltLog {
  return opened(decided(log, call, { effect: 'approval_needed' }), call);
}

/** A call that is approved and runs. */
export function approvedCall(log: BuiltLog, call: BuiltCall = builtCall()): BuiltLog {
  verdict(askedCall(log, call), call);
  decided(log, call, { approvalId: call.decisionId });
  return ranApproved(log, call);
}

/** The end of a call that is approved. */
export function ranApproved(log: BuiltLog, call: BuiltCall): BuiltLog {
  const run = { taskId: `task-${call.decisionId}`, claim: `claim-${call.decisionId}` };
  return settled(entering(begun(consumed(log, call), call), call, run), call, { taskId: run.taskId });
}

/** A person lets the yes on a call count for more like it. */
export function grant(log: BuiltLog, call: BuiltCall, over: Over = {}): BuiltLog {
  const fields = { by: 'bob', how: 'made', grantId: GRANT, maxUses: 2, expiresAt: log.at + 3_600_000, lifts: [POLICIES] } as const;
  return log.add('grant', { ...idsOf(call), ...fields }, over);
}

/** A call that a grant answers. */
export function grantedCall(log: BuiltLog, over: Over = {}, call: BuiltCall = builtCall()): BuiltLog {
  return settled(entering(decided(log, call, { grantId: GRANT, ...over }), call), call);
}

/** Logs as a verification reads them. */
export function builtSource(...logs: readonly BuiltLog[]): AuditSource {
  return sourceOf(new Map(logs.map(({ writer, lines, notes, openings }) => [writer, { lines: () => [lines], notes, openings }])));
}

/** The parts of a log as it is stored. */
export interface StoredLog {
  readonly lines: () => Iterable<readonly string[] | { readonly torn: string }>;
  readonly notes: Iterable<string>;
  readonly openings: Iterable<Opening>;
}

/** Logs by their names. */
export function sourceOf(logs: ReadonlyMap<string, StoredLog>): AuditSource {
  return {
    writers: () => [...logs.keys()].sort(),
    async *lines(writer, from = 0) {
      let skip = from;
      for (const part of logs.get(writer)?.lines() ?? []) {
        if ('torn' in part) yield part;
        else {
          yield part.slice(skip);
          skip = Math.max(0, skip - part.length);
        }
      }
    },
    async *checkpoints(writer) {
      yield* logs.get(writer)?.notes ?? [];
    },
    async *openings(writer) {
      yield* logs.get(writer)?.openings ?? [];
    },
  };
}

/** A log as the bytes of a file. */
export function bytesOf({ lines }: BuiltLog): Buffer {
  return Buffer.from(lines.map((line) => `${line}\n`).join(''));
}

/** What a reader makes of the bytes of a file. */
export function linesOf(bytes: Buffer): readonly (readonly string[] | { readonly torn: string })[] {
  // a byte stays one character, so that lines are cut where their bytes are
  const lines = bytes
    .toString('latin1')
    .split('\n')
    .map((line) => storedText(Buffer.from(line, 'latin1')));
  const rest = lines.pop() as string;
  return rest === '' ? [lines] : [lines, { torn: rest }];
}
