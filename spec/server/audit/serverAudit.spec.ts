import { expect } from 'chai';
import type { AuditRecord } from '../../../lib/audit/record/AuditRecord.js';
import { auditedPlane, auditRecords } from '../../support/auditedPlane.js';
import type { FailingSink } from '../../support/auditedPlane.js';

/** What specs compare of records. */
function told(records: readonly AuditRecord[]): readonly string[] {
  return records.map((record) => {
    const { kind } = record;
    if (kind === 'decided') return `decided ${record.effect}${record.dryRun === true ? ' dry' : ''}`;
    if (kind === 'verdict') return `verdict ${record.status} by ${record.by} ${record.assurance ?? ''}`;
    if (kind === 'ended') return `ended ${record.how}`;
    if (kind === 'settled') return `settled ${record.outcome}`;
    if (kind === 'authority') return `authority ${record.act}`;
    return kind;
  });
}

describe('A Data Plane with an audit log', () => {
  it('records every decision, and the whole life of an approval, linked by equal commitments', async () => {
    await using plane = await auditedPlane();
    expect((await plane.decide('read')).status).to.equal(200);
    expect((await plane.decide('drop')).status).to.equal(200);
    const { json } = await plane.decide('refund', { cents: 7 });
    const id = json['decision_id'] as string;
    await plane.verdict(id, 'approve', { cents: 7 });
    expect((await plane.use('consume', id, { cents: 7 })).status).to.equal(200);
    expect((await plane.use('begin', id)).status).to.equal(200);
    expect((await plane.use('outcome', id)).status).to.be.oneOf([200, 204]);
    const records = await auditRecords(plane.sink.source);
    // a server sees no method entered: verify counts what ran elsewhere as not witnessed
    expect(records[0]).to.include({ kind: 'started', source: 'server' });
    expect(told(records)).to.deep.equal([
      'started',
      'policies',
      'authority key.created',
      'decided allow',
      'decided deny',
      'opened',
      'decided approval_needed',
      'verdict approved by host:ada host',
      'consumed',
      'begun',
      'settled completed',
    ]);
    const effective = records.flatMap((record) =>
      'effective' in record && 'decisionId' in record && record.decisionId === id ? [record.effective] : [],
    );
    expect(effective.length).to.equal(4);
    expect(new Set(effective).size).to.equal(1);
    expect(
      records.every(
        (record) => record.kind === 'started' || record.kind === 'security' || !('tenantId' in record) || record.tenantId === 'default',
      ),
    ).to.equal(true);
    const changes = records.flatMap(({ change }) => change ?? []);
    expect(new Set(changes).size).to.equal(changes.length);
    expect(changes.length).to.equal(6);
    expect(await auditOpenings(plane.sink)).to.include(JSON.stringify({ cents: 7 }));
    expect(JSON.stringify(records)).to.not.match(/cents|because/);
  });
});

async function auditOpenings(sink: FailingSink): Promise<readonly string[]> {
  const values: string[] = [];
  for (const writer of await sink.source.writers())
    for await (const opening of sink.source.openings(writer)) values.push(...Object.values(opening.values));
  return values;
}
