import { expect } from 'chai';
import { VERSION } from '../../../lib/common/version.js';
import { ServerMetrics } from '../../../lib/server/front/ServerMetrics.js';

describe('The metrics of a server', () => {
  it('are text of Prometheus, with tenants, routes and results, and those of Node', async () => {
    const metrics = await ServerMetrics.open();
    const text = (): Promise<string> =>
      metrics.text({
        pending: () => new Map([['default', 2]]),
        streams: () => 3,
        halts: () => new Map([['default', { active: 1, refused: 7 }]]),
      });
    const before = await text();
    expect(before).to.include('aegis_shed_total{reason="loop"} 0\n').and.include('aegis_store_errors_total 0\n');
    metrics.answered('decide', 200);
    metrics.answered(undefined, 404);
    metrics.decided('default', 'allow', 3);
    metrics.settled('default', 'approved', 60_000);
    metrics.settled('default', 'denied', -5);
    metrics.recorded(2);
    metrics.shed('loop');
    metrics.reloaded('default', 'held');
    metrics.reloaded('default', 'applied');
    metrics.loaded('other');
    metrics.storeFailed();
    const lines = (await text()).split('\n');
    expect(lines).to.include.members([
      'aegis_http_requests_total{route="decide",code="200"} 1',
      'aegis_http_requests_total{route="none",code="404"} 1',
      'aegis_decisions_total{tenant="default",effect="allow"} 1',
      'aegis_decision_duration_seconds_bucket{le="0.0025"} 0',
      'aegis_decision_duration_seconds_bucket{le="0.005"} 1',
      'aegis_approval_wait_seconds_sum 60',
      'aegis_verdicts_total{tenant="default",verdict="approved"} 1',
      'aegis_verdicts_total{tenant="default",verdict="denied"} 1',
      'aegis_audit_sync_seconds_count 1',
      'aegis_shed_total{reason="loop"} 1',
      'aegis_policy_reloads_total{tenant="default",result="held"} 1',
      'aegis_policy_reloads_total{tenant="default",result="applied"} 1',
      'aegis_store_errors_total 1',
      'aegis_approvals_pending{tenant="default"} 2',
      'aegis_event_streams 3',
      'aegis_halts_active{tenant="default"} 1',
      'aegis_halts_refused_total{tenant="default"} 7',
      `aegis_build_info{version="${VERSION}"} 1`,
    ]);
    const nowS = Date.now() / 1_000;
    for (const tenant of ['default', 'other']) {
      const line = lines.find((one) => one.startsWith(`aegis_policy_last_success_timestamp_seconds{tenant="${tenant}"} `));
      expect(Number(line?.split(' ')[1])).to.be.within(nowS - 60, nowS);
    }
    expect(lines.some((line) => line.startsWith('nodejs_heap_size_total_bytes '))).to.equal(true);
  });

  it('of several servers in one process are apart, but for those of the process', async () => {
    const [one, two] = [await ServerMetrics.open(), await ServerMetrics.open()];
    one.storeFailed();
    const gauges = { pending: () => new Map<string, number>(), streams: () => 0, halts: () => new Map() };
    expect(await two.text(gauges))
      .to.include('aegis_store_errors_total 0\n')
      .and.include('process_cpu_seconds_total');
  });
});
