import { expect } from 'chai';
import { MemoryLogs } from '../../../lib/audit/sink/MemorySink.js';
import { verifyAudit } from '../../../lib/audit/verify/verifyAudit.js';
import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import { AUDIT_KEY, FailingSink, auditedPlane } from '../../support/auditedPlane.js';
import { until } from '../../support/until.js';

describe('The audit log of a Data Plane, verified', () => {
  it('is lawful: what two servers decided, approved, refused, withdrew and used, also after the log had failed', async function () {
    this.timeout(60_000);
    const logs = new MemoryLogs();
    const store = new MemoryStateStore();
    const sink = new FailingSink(logs);
    {
      await using first = await auditedPlane({ store, sink });
      await using second = await auditedPlane({ store, sink: new FailingSink(logs) });
      for (const plane of [first, second]) {
        await plane.decide('read', { file: 'a' });
        await plane.decide('drop');
        // a call that was refused stays refused
        const from = plane === first ? 0 : 10;
        const ids: string[] = [];
        for (let i = 0; i < 4; i++) ids.push((await plane.decide('refund', { cents: from + i })).json['decision_id'] as string);
        const other = plane === first ? second : first;
        for (const [i, id] of ids.entries()) await other.verdict(id, i === 3 ? 'deny' : 'approve', { cents: from + i });
        const [used, begun] = ids as [string, string];
        for (const what of ['consume', 'begin', 'outcome'] as const)
          expect((await plane.use(what, used, { cents: from })).status).to.be.below(300);
        for (const what of ['consume', 'begin'] as const)
          expect((await other.use(what, begun, { cents: from + 1 })).status).to.be.below(300);
      }
      const late = (await first.decide('refund', { cents: 99 })).json['decision_id'] as string;
      sink.onAppend = () => {
        throw new Error('EIO');
      };
      await first.verdict(late, 'approve', { cents: 99 }).catch(() => undefined);
      sink.onAppend = () => {};
      let used = 0;
      await until(async () => {
        // the log may have been found broken before the verdict was stored
        await first.verdict(late, 'approve', { cents: 99 }).catch(() => undefined);
        used = (await first.use('consume', late, { cents: 99 })).status;
        return used === 200;
      });
      expect(used).to.equal(200);
    }
    const report = await verifyAudit(logs, { keys: [AUDIT_KEY.publicKey] } as never);
    expect(report.integrity.findings).to.deep.equal([]);
    expect(report.completeness.findings).to.deep.equal([]);
    expect(report.law.findings).to.deep.equal([]);
    expect(report.counts).to.include({ approvals: 9 });
  });
});
