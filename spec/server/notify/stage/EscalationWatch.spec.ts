import { expect } from 'chai';
import sinon from 'sinon';
import { SteadyClock } from '../../../../lib/common/time/SteadyClock.js';
import { ApprovalDesk } from '../../../../lib/decision/desk/ApprovalDesk.js';
import type { EscalatedEvent, JournalEvent } from '../../../../lib/model/Journal.js';
import { EscalationWatch } from '../../../../lib/server/notify/stage/EscalationWatch.js';
import { toldStages } from '../../../../lib/server/notify/stage/toldStages.js';
import { MemoryApprovalStore } from '../../../../lib/store/memory/MemoryApprovalStore.js';
import { MemoryRecordStore } from '../../../../lib/store/memory/MemoryRecordStore.js';
import { openingOf, policyOf } from '../../../support/approvalRecords.js';
import { diagnosed } from '../../../support/diagnosed.js';

const MINUTE = 60_000;
const DAY = 1_440 * MINUTE;
const ESCALATE = [
  { afterMs: 10 * MINUTE, groups: ['managers'] },
  { afterMs: 20 * MINUTE, groups: ['on-call', 'managers'] },
  { afterMs: 90 * MINUTE, groups: ['never'] },
];

describe('EscalationWatch', () => {
  let clock: sinon.SinonFakeTimers;
  let desk: ApprovalDesk;
  let steady: SteadyClock;
  let records: MemoryRecordStore;
  let told: JournalEvent[];
  let store: MemoryApprovalStore;
  const watches: EscalationWatch[] = [];

  beforeEach(() => {
    clock = sinon.useFakeTimers({ now: 1_000_000_000_000 });
    steady = new SteadyClock();
    store = new MemoryApprovalStore();
    desk = new ApprovalDesk(store, { approverGroups: { leads: ['rita'] } }, steady);
    records = new MemoryRecordStore();
    told = [];
  });
  afterEach(async () => {
    await Promise.all(watches.splice(0).map((watch) => watch.close()));
    clock.restore();
  });

  const started = async (of: ApprovalDesk = desk): Promise<EscalationWatch> => {
    const watch = new EscalationWatch({ desk: of, records, now: () => steady.now(), journal: { note: (event) => void told.push(event) } });
    watches.push(watch);
    await watch.start();
    return watch;
  };
  let asked = 0;
  const ask = async (escalate: typeof ESCALATE | null = ESCALATE, timeoutMs = 60 * MINUTE): Promise<string> => {
    const policies = [policyOf('p', { approvers: ['leads'], ...(escalate && { escalate }) }), policyOf('q', { approvers: ['leads'] })];
    const outcome = await desk.open(openingOf({ params: { amount: asked++ }, timeoutMs, policies }));
    if (outcome.kind !== 'opened') throw new Error(outcome.kind);
    return outcome.record.decisionId;
  };
  const pass = async (ms: number): Promise<void> => void (await clock.tickAsync(ms));
  const steps = (): readonly (readonly [string, number, readonly string[]])[] =>
    told.map((event) => {
      const { decisionId, afterMs, groups } = event as EscalatedEvent;
      return [decisionId, afterMs / MINUTE, groups];
    });

  it('journals each step when its time has come, once, and no reminder', async () => {
    await started();
    const id = await ask();
    await pass(10 * MINUTE - 1);
    expect(told).to.deep.equal([]);
    await pass(100);
    expect(told).to.deep.equal([
      { kind: 'escalated', agentId: 'bot', toolName: 'refund', decisionId: id, groups: ['managers'], afterMs: 10 * MINUTE },
    ]);
    await pass(10 * MINUTE);
    expect(steps()).to.deep.equal([
      [id, 10, ['managers']],
      [id, 20, ['on-call', 'managers']],
    ]);
    await pass(80 * MINUTE);
    expect(told).to.have.length(2);
    expect(await toldStages(records, id)).to.deep.equal([
      { atMs: 1_000_000_000_000 + 10 * MINUTE, event: told[0] },
      { atMs: 1_000_000_000_000 + 20 * MINUTE, event: told[1] },
    ]);
  });

  it('looks at the earliest of several, also of one that is asked later', async () => {
    await started();
    const late = await ask([{ afterMs: 30 * MINUTE, groups: ['x'] }]);
    const early = await ask([{ afterMs: MINUTE, groups: ['y'] }]);
    await pass(MINUTE + 10);
    expect(steps()).to.deep.equal([[early, 1, ['y']]]);
    await pass(29 * MINUTE);
    expect(steps().at(-1)).to.deep.equal([late, 30, ['x']]);
  });

  it('journals nothing of what was decided, here or elsewhere, or has no step', async () => {
    await started();
    const [decided, elsewhere] = [await ask(), await ask()];
    await ask(null);
    await desk.deny(decided, { by: 'rita' });
    const record = await store.get(elsewhere);
    if (record !== undefined) store.replace({ ...record, status: 'withdrawn', version: 2 }, 1);
    await pass(50 * MINUTE);
    expect(told).to.deep.equal([]);
    expect((await records.list({ kind: 'notice-stage' })).records).to.deep.equal([]);
  });

  it('journals on one of several servers, and late where none ran', async () => {
    const id = await ask();
    await pass(15 * MINUTE);
    await Promise.all([started(), started(new ApprovalDesk(store, {}, steady)), started(new ApprovalDesk(store, {}, steady))]);
    await pass(10);
    expect(steps()).to.deep.equal([[id, 10, ['managers']]]);
  });

  it('waits for a time beyond the longest timer, and looks no more once it is closed', async () => {
    const watch = await started();
    const id = await ask([{ afterMs: 30 * DAY, groups: ['x'] }], 40 * DAY);
    await pass(26 * DAY);
    expect(told).to.deep.equal([]);
    await pass(4 * DAY + 10);
    expect(steps()).to.deep.equal([[id, 30 * 1_440, ['x']]]);
    await ask([{ afterMs: MINUTE, groups: ['y'] }]);
    await watch.close();
    await ask([{ afterMs: MINUTE, groups: ['z'] }]);
    await pass(5 * MINUTE);
    expect(told).to.have.length(1);
  });

  it('goes on after the store has failed', async () => {
    await started();
    const id = await ask();
    const insert = sinon.stub(records, 'insert').throws(new Error('the disk is full'));
    const reports = await diagnosed(() => pass(10 * MINUTE + 10));
    expect(JSON.stringify(reports)).to.contain('noticing escalations');
    expect(told).to.deep.equal([]);
    insert.restore();
    await pass(5_000);
    expect(steps()).to.deep.equal([[id, 10, ['managers']]]);
  });
});
