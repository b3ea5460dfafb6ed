import { expect } from 'chai';
import { verifyAudit } from '../../../lib/audit/verify/verifyAudit.js';
import { allowedCall, approvedCall, askedCall, builtCall, BuiltLog, builtSource, verdict } from '../../support/builtLogs.js';

describe('verifyAudit', () => {
  it('finds nothing wrong with a log that is whole', async () => {
    const log = new BuiltLog();
    for (let i = 0; i < 20; i++) allowedCall(log);
    approvedCall(log);
    const refused = builtCall();
    verdict(askedCall(log, refused), refused, { approved: false, status: 'denied' });
    log.close();
    const report = await verifyAudit(builtSource(log), { heads: [log.head], keys: [log.key.publicKey] });
    expect(report.integrity).to.deep.equal({ ok: true, findings: [], more: 0 });
    expect(report.completeness).to.deep.equal({ ok: true, findings: [], more: 0, proven: true });
    expect(report.law).to.deep.equal({ ok: true, findings: [], more: 0 });
    expect(report.ok).to.equal(true);
    console.log(report.counts, report.logs);
  });
});
