import { expect } from 'chai';
import { verifyAudit } from '../../../lib/audit/verify/verifyAudit.js';
import type { VerifyOptions } from '../../../lib/audit/verify/VerifyOptions.js';
import { AuditKey } from '../../../lib/audit/tree/AuditKey.js';
import { counted, seed, volume } from '../../support/assurance.js';
import {
  allowedCall,
  approvedCall,
  builtCall,
  BuiltLog,
  bytesOf,
  decided,
  entering,
  linesOf,
  settled,
  sourceOf,
} from '../../support/builtLogs.js';
import type { StoredLog } from '../../support/builtLogs.js';

const key = AuditKey.generate();

/** A log of so many records at least, with openings. */
function wholeLog(records: number, writer = 'w0', every = 16): BuiltLog {
  const log = new BuiltLog(writer, { key, every });
  while (log.lines.length < records - 1) {
    const params = { amount: log.lines.length, note: `für \ufffd ${log.lines.length}` };
    const call = builtCall(params);
    decided(log, call).open(call, { original: params, effective: params, requester: call.requester });
    settled(entering(log, call), call);
    if (log.lines.length % 5 === 0) approvedCall(log);
    if (log.lines.length % 7 === 0) allowedCall(log);
  }
  return log.close();
}

/** Parts of logs as they are stored, to be changed. */
interface Stored {
  lines: (string | Buffer)[];
  notes: string[];
  openings: BuiltLog['openings'];
}

function storedOf({ lines, notes, openings }: BuiltLog): Stored {
  return { lines: [...lines], notes: [...notes], openings: [...openings] };
}

function asLog({ lines, notes, openings }: Stored): StoredLog {
  return { lines: () => [lines as string[]], notes, openings };
}

async function isUnnoticed(logs: Readonly<Record<string, StoredLog>>, options: VerifyOptions): Promise<boolean> {
  return (await verifyAudit(sourceOf(new Map(Object.entries(logs))), { keys: [key.publicKey], ...options })).ok;
}

describe('A log that was changed', () => {
  it('is noticed for every byte of its records', async function () {
    this.timeout(600_000);
    // many short logs: each change takes a verification
    const logs = Array.from({ length: 72 }, () => wholeLog(10, 'w0', 0));
    const step = Math.max(1, Math.round(4_000 / volume(1_000)));
    let [cases, wrong] = [0, 0];
    for (const log of logs) {
      const bytes = bytesOf(log);
      expect(await isUnnoticed({ w0: { ...log, lines: () => linesOf(bytes) } }, { heads: [log.head] })).to.equal(true);
      for (let i = cases % step; i < bytes.length; i += step) {
        const changed = Buffer.from(bytes);
        changed[i] = (changed[i] as number) ^ (1 << (i % 8));
        cases += 1;
        // without a head from outside: the checkpoint of the log itself tells
        const source = sourceOf(new Map([['w0', { lines: () => linesOf(changed), notes: log.notes, openings: [] }]]));
        const { integrity, completeness, law } = await verifyAudit(source, { openings: false });
        if (integrity.ok && completeness.ok && law.ok) wrong += 1;
      }
    }
    counted({
      what: 'bytes of 1,000 records flipped',
      cases,
      wrong,
      beside: { records: logs.reduce((sum, { lines }) => sum + lines.length, 0) },
    });
    expect(wrong).to.equal(0);
  });

  it('is noticed for every bit of a checkpoint, and of an opening', async () => {
    const log = wholeLog(12, 'w0', 6);
    const options = { heads: [log.head] };
    let [cases, wrong] = [0, 0];
    for (const [n, note] of log.notes.entries()) {
      const bytes = Buffer.from(note);
      for (let i = 0; i < bytes.length; i++) {
        const changed = Buffer.from(bytes);
        changed[i] = (changed[i] as number) ^ (1 << (i % 8));
        cases += 1;
        const { lines, openings, notes } = storedOf(log);
        if (await isUnnoticed({ w0: asLog({ lines, openings, notes: notes.with(n, changed.toString()) }) }, options)) wrong += 1;
      }
    }
    for (const [n, opening] of log.openings.entries())
      for (const changed of [
        { ...opening, seq: opening.seq + 1 },
        { ...opening, at: opening.at + 1 },
        { ...opening, decisionId: 'dec-other' },
        { ...opening, requester: 'eve' },
        { ...opening, salt: opening.salt.replace(/^./, (first) => (first === 'A' ? 'B' : 'A')) },
        { ...opening, salt: 'short' },
        ...Object.keys(opening.values).flatMap((field) => [
          { ...opening, values: { ...opening.values, [field]: '{"amount":1}' } },
          { ...opening, values: { ...opening.values, other: opening.values[field] as string } },
        ]),
      ]) {
        cases += 1;
        const { lines, notes, openings } = storedOf(log);
        if (await isUnnoticed({ w0: asLog({ lines, notes, openings: openings.with(n, changed) }) }, options)) wrong += 1;
      }
    counted({ what: 'checkpoints and openings changed', cases, wrong });
    expect(wrong).to.equal(0);
  });

  it('is noticed where records are dropped, swapped, inserted, repeated, cut off, or moved from another log', async () => {
    const [log, other] = [wholeLog(40), wholeLog(40, 'w1')];
    const options = { heads: [log.head, other.head] };
    let [cases, wrong] = [0, 0];
    const check = async (change: (stored: Stored, i: number) => void, i: number): Promise<void> => {
      const stored = storedOf(log);
      change(stored, i);
      cases += 1;
      if (await isUnnoticed({ w0: asLog(stored), w1: asLog(storedOf(other)) }, options)) wrong += 1;
    };
    for (let i = 0; i < log.lines.length; i++) {
      await check(({ lines }) => lines.splice(i, 1), i);
      await check(({ lines }) => lines.splice(i, 0, lines[i] as string), i);
      await check(({ lines }) => lines.splice(i, 0, other.lines[i] as string), i);
      await check(({ lines }) => lines.splice(i, 1, other.lines[i] as string), i);
      await check(({ lines }) => lines.splice(i), i);
      await check(({ lines }) => lines.push(lines[i] as string), i);
      await check((stored) => {
        // cut off together with what says how long it was
        stored.lines.splice(i);
        stored.notes = stored.notes.slice(0, Math.floor(i / 16));
      }, i);
      if (i + 1 < log.lines.length) await check(({ lines }) => lines.splice(i, 2, lines[i + 1] as string, lines[i] as string), i);
    }
    counted({ what: 'records dropped, swapped, inserted, cut off and spliced', cases, wrong });
    expect(wrong).to.equal(0);
    expect(await isUnnoticed({ w0: asLog(storedOf(log)), w1: asLog(storedOf(other)) }, options)).to.equal(true);
  });

  it('is noticed where checkpoints are replaced by older ones or those of another log, and where files are gone', async () => {
    const [log, other] = [wholeLog(64), wholeLog(64, 'w1')];
    const options = { heads: [log.head, other.head] };
    let [cases, wrong] = [0, 0];
    const check = async (logs: Readonly<Record<string, StoredLog>>): Promise<void> => {
      cases += 1;
      if (await isUnnoticed(logs, options)) wrong += 1;
    };
    const w1 = asLog(storedOf(other));
    for (let i = 0; i < log.notes.length; i++)
      for (let older = 0; older < log.notes.length; older++) {
        const { lines, openings, notes } = storedOf(log);
        if (older < i) await check({ w0: asLog({ lines, openings, notes: notes.with(i, notes[older] as string).slice(0, i + 1) }), w1 });
        await check({ w0: asLog({ lines, openings, notes: notes.with(i, other.notes[older] as string) }), w1 });
      }
    for (const [lines, notes] of [
      [[], []],
      [[], log.notes],
      [log.lines, []],
      [log.lines, log.notes.slice(0, -1)],
      [other.lines, log.notes],
      [log.lines, other.notes],
      [other.lines, other.notes],
    ] as const)
      await check({ w0: asLog({ lines: [...lines], notes: [...notes], openings: [] }), w1 });
    await check({ w1 });
    await check({ w0: asLog(storedOf(log)) });
    await check({});
    await check({ w0: w1, w1: asLog(storedOf(log)) });
    counted({ what: 'checkpoints replaced, and files gone or swapped', cases, wrong });
    expect(wrong).to.equal(0);
  });

  it('is noticed after any of 10,000 random changes', async function () {
    this.timeout(600_000);
    const [log, other] = [wholeLog(60), wholeLog(60, 'w1')];
    const options = { heads: [log.head, other.head] };
    const cases = volume(10_000);
    let wrong = 0;
    let state = seed;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
      return Math.floor((state / 0x80000000) * below);
    };
    for (let n = 0; n < cases; n++) {
      const stored = [storedOf(log), storedOf(other)] as const;
      for (let changes = 1 + random(3); changes > 0; changes--)
        changeAnything(stored[random(2)] as Stored, stored[random(2)] as Stored, random);
      if (!isChanged(stored, [log, other])) continue;
      if (await isUnnoticed({ w0: asLog(stored[0]), w1: asLog(stored[1]) }, options)) wrong += 1;
    }
    counted({ what: 'random changes of two logs', cases, wrong });
    expect(wrong).to.equal(0);
  });
});

function changeAnything(log: Stored, other: Stored, random: (below: number) => number): void {
  const i = random(log.lines.length);
  const line = String(log.lines[i] ?? '');
  switch (random(9)) {
    case 0:
      log.lines[i] = line.slice(0, random(line.length)) + String.fromCharCode(32 + random(95)) + line.slice(random(line.length));
      break;
    case 1:
      log.lines.splice(i, 1 + random(3));
      break;
    case 2:
      log.lines.splice(i, 0, other.lines[random(other.lines.length)] ?? '');
      break;
    case 3:
      log.lines.splice(random(log.lines.length));
      break;
    case 4: {
      const text = line.replace(
        /"(?:agentId|toolName|effect|by|outcome)":"\w/,
        (found) => `${found.slice(0, -1)}${random(2) === 0 ? 'x' : 'y'}`,
      );
      log.lines[i] = text;
      break;
    }
    case 5: {
      const count = random(4);
      const [from, to] = [random(log.lines.length), random(log.lines.length)];
      log.lines.splice(to, 0, ...log.lines.splice(from, count));
      break;
    }
    case 6:
      log.notes[random(log.notes.length)] = other.notes[random(other.notes.length)] ?? '';
      break;
    case 7:
      [log.lines, other.lines] = [other.lines, log.lines];
      break;
    default: {
      const opening = log.openings[random(log.openings.length)];
      if (opening !== undefined)
        log.openings[log.openings.indexOf(opening)] = { ...opening, values: { ...opening.values, original: `{"amount":${random(99)}}` } };
    }
  }
}

/** A checkpoint that is there twice, and one that is not there, change nothing of the records: the later ones cover them. */
function isChanged(stored: readonly Stored[], logs: readonly BuiltLog[]): boolean {
  return stored.some(({ lines, notes, openings }, i) => {
    const log = logs[i] as BuiltLog;
    return (
      JSON.stringify(lines) !== JSON.stringify(log.lines) ||
      JSON.stringify(openings) !== JSON.stringify(log.openings) ||
      notes.some((note) => !log.notes.includes(note))
    );
  });
}
