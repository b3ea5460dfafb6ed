import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { expect } from 'chai';
import sinon from 'sinon';
import { OutcomeReports } from '../../../lib/approval/task/OutcomeReports.js';
import type { RunReport } from '../../../lib/decision/DecisionService.js';
import type { Task } from '../../../lib/model/Task.js';

const taskOf = (fields: object): Task => ({ taskId: 't', decisionId: 'd', ...fields }) as unknown as Task;

describe('OutcomeReports', () => {
  const failures: unknown[] = [];
  const note = (message: unknown): void => void failures.push(message);
  beforeEach(() => {
    failures.length = 0;
    subscribe('aegis:diagnostics', note);
  });
  afterEach(() => unsubscribe('aegis:diagnostics', note));

  function setup(reportOutcome?: (report: RunReport) => void | Promise<void>) {
    const told: RunReport[] = [];
    const service = { reportOutcome: reportOutcome ?? ((report: RunReport) => void told.push(report)) };
    return { told, reports: new OutcomeReports(service) };
  }

  it('tell how runs ended, with the code or else the name of the error', async () => {
    const { told, reports } = setup();
    reports.report(taskOf({ status: 'completed' }));
    reports.report(taskOf({ status: 'failed', error: { name: 'DiskError', code: 'E_DISK', message: 'secret' } }));
    reports.report(taskOf({ status: 'failed', error: { name: 'DiskError', message: 'secret' } }));
    reports.report(taskOf({ status: 'unknown', error: { name: 'OutcomeUnknownError', message: 'secret' } }));
    await reports.close();
    const of = (status: string, errorCode?: string) => ({ decisionId: 'd', token: 't', status, errorCode });
    expect(told).to.deep.equal([of('completed'), of('failed', 'E_DISK'), of('failed', 'DiskError'), of('unknown')]);
  });

  it('tell nothing of what goes on, nor to a service that did not offer it or has no way to be told', () => {
    const { told, reports } = setup();
    for (const status of ['approved', 'executing', 'pending']) reports.report(taskOf({ status }));
    reports.report(taskOf({ status: 'completed', offers: ['consume'] }));
    expect(told).to.deep.equal([]);
    reports.report(taskOf({ status: 'completed', offers: ['outcome'] }));
    expect(told).to.have.length(1);
    new OutcomeReports({}).report(taskOf({ status: 'completed' }));
  });

  it('that fail change nothing, and are reported to the program', async () => {
    const thrown = setup(() => {
      throw new Error('no');
    });
    const rejected = setup(() => Promise.reject(new Error('no')));
    for (const { reports } of [thrown, rejected]) {
      reports.report(taskOf({ status: 'completed' }));
      await reports.close();
    }
    expect(failures).to.have.length(2);
  });

  it('are waited for while they are on their way, for a second at most', async () => {
    const time = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      let arrive: (() => void) | undefined;
      const { reports } = setup(() => new Promise((resolve) => (arrive = resolve)));
      reports.report(taskOf({ status: 'completed' }));
      let closed = false;
      const closing = reports.close().then(() => (closed = true));
      await time.tickAsync(999);
      expect(closed).to.equal(false);
      await time.tickAsync(1);
      await closing;
      const again = reports.close();
      arrive?.();
      await again;
      expect(time.countTimers()).to.equal(0);
    } finally {
      time.restore();
    }
  });
});
