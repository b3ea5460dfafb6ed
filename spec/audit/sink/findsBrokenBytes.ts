import { expect } from 'chai';
import type { AuditSink } from '../../../lib/audit/sink/AuditSink.js';
import { AuditKey } from '../../../lib/audit/tree/AuditKey.js';
import { verifyAudit } from '../../../lib/audit/verify/verifyAudit.js';
import { auditLog } from '../../../lib/audit/writer/AuditLog.js';
import { canonicalText, sha256 } from '../../../lib/common/data/canonical.js';
import { commitmentOf } from '../../../lib/audit/record/commitment.js';
import { counted } from '../../support/assurance.js';

const ODD = 'ü € 𝄞 \ufffd';
const SALT = 'AAAAAAAAAAAAAAAAAAAAAA';
export const key: AuditKey = AuditKey.generate();

/** The bytes of the three kinds of things that a sink keeps, as someone reads and writes them who has the disk. */
export interface Disk {
  read(what: What): Promise<Buffer>;
  write(what: What, bytes: Buffer): Promise<void>;
}
export type What = 'record' | 'opening' | 'checkpoint';

export async function written(sink: AuditSink): Promise<void> {
  const log = auditLog({ sink, origin: 'spec.example/bytes', key });
  log.note({ kind: 'policies', hash: ODD });
  const text = canonicalText(ODD);
  const call = { decisionId: 'd', agentId: ODD, toolName: 't' };
  await log.write(
    {
      kind: 'verdict',
      ...call,
      approved: false,
      by: ODD,
      effective: 'e',
      reason: commitmentOf('reason', SALT, sha256(text)),
      status: 'denied',
    },
    { decisionId: 'd', salt: SALT, values: { reason: text } },
  );
  await log.close();
}

/** What may stand in the place of a character that has more than one byte. */
function* changed(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte < 0x80) continue;
    for (const other of [byte ^ 1, 0xff, 0x41]) {
      if (other === byte) continue;
      const copy = Buffer.from(bytes);
      copy[at] = other;
      yield copy;
    }
  }
  for (let at = bytes.indexOf('\ufffd'); at >= 0; at = bytes.indexOf('\ufffd', at + 1))
    // each of these is read as U+FFFD
    for (const other of [Buffer.of(0xff), Buffer.of(0xef, 0xbf), Buffer.of(0xc3)])
      yield Buffer.concat([bytes.subarray(0, at), other, bytes.subarray(at + 3)]);
  // the same text in another encoding
  if (!bytes.includes('\ufffd')) yield Buffer.from(bytes.toString('utf8').replace('\u2014', '-'), 'latin1');
}

/** Changes each byte of characters that have several, and verifies. Resolves to how many changes it tried. */
export async function findsAll(
  where: string,
  sink: AuditSink,
  disk: Disk,
  kinds: readonly What[] = ['record', 'opening', 'checkpoint'],
): Promise<number> {
  const isGood = async (): Promise<boolean> => (await verifyAudit(sink.source, { keys: [key.publicKey] })).integrity.ok;
  expect(await isGood()).to.equal(true);
  let cases = 0;
  const undetected: string[] = [];
  for (const what of kinds) {
    const bytes = await disk.read(what);
    for (const other of changed(bytes)) {
      await disk.write(what, other);
      cases += 1;
      if (await isGood()) undetected.push(`${what} ${other.toString('hex')}`);
    }
    await disk.write(what, bytes);
  }
  expect(await isGood()).to.equal(true);
  counted({ what: `bytes of characters that have several, changed ${where}`, cases, wrong: undetected.length });
  expect(undetected).to.deep.equal([]);
  return cases;
}
