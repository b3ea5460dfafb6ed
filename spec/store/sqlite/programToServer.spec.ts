import { expect } from 'chai';
import { SecretString } from '../../../lib/common/SecretString.js';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import { guard } from '../../../lib/guard/guard.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { isPending } from '../../../lib/model/PendingApproval.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { signedTenantStore } from '../../../lib/store/signing/signedTenantStore.js';
import type { ServerStore } from '../../../lib/store/StateStore.js';
import { diagnosed, securityCodes } from '../../support/diagnosed.js';
import { ASK_ALWAYS } from '../../support/durableModules.js';
import { recordOf } from '../../support/approvalRecords.js';
import { until } from '../../support/until.js';
import { needsSqlite, sqliteFiles } from './sqliteFiles.js';

const KEY = 'a state key that is long enough, and kept elsewhere';
const HOUR = 3_600_000;

describe('A program whose file is opened by a server', () => {
  needsSqlite();
  const { open, bare } = sqliteFiles();
  let modules: AegisModule[] = [];
  afterEach(async () => {
    for (const module of modules.splice(0)) await module.close();
    modules = [];
  });

  /** A process of the program, with a handle of its own. */
  function program(ran: string[]) {
    const module = AegisModule.create({
      policies: { text: ASK_ALWAYS },
      agentId: 'bot',
      store: open(),
      stateKey: KEY,
      env: false,
      recovery: { leaseMs: 1_000, sweepMs: 100 },
    });
    modules.push(module);
    const refund = guard(async (order: string): Promise<unknown> => void ran.push(order), {
      module,
      toolName: 'refund',
      params: ['order'],
      approval: 'defer',
    });
    return { module, refund };
  }
  const server = (store: ServerStore) => {
    const rows = signedTenantStore(store.forTenant('default', { forOthers: true }), {
      stateKey: new SecretString(KEY),
      tenantId: 'default',
    });
    return { ...rows, desk: new ApprovalDesk(rows.approvals) };
  };
  const orderOf = ({ params }: ApprovalRecord): unknown => params['order'];

  it('loses nothing, and asks nothing twice: what people decide at the server runs in the program, once, also after it was started again', async () => {
    const ran: string[] = [];
    const first = program(ran);
    for (const order of ['one', 'two', 'three', 'four']) expect(isPending(await first.refund(order))).to.equal(true);
    const codes = securityCodes(
      await diagnosed(async () => {
        const { desk } = server(open());
        const pending = await desk.list();
        expect(pending.map(orderOf)).to.deep.equal(['one', 'two', 'three', 'four']);
        const [one, two, three, four] = pending as [ApprovalRecord, ApprovalRecord, ApprovalRecord, ApprovalRecord];

        // while the program runs
        await desk.approve(one.decisionId, { by: 'ann', digest: one.digest });
        await desk.deny(two.decisionId, { by: 'ann', digest: two.digest });
        await until(() => ran.length > 0);
        // the same call again joins the one that waits
        expect(isPending(await first.refund('three'))).to.equal(true);
        expect(await desk.list()).to.have.length(2);

        // while it does not run, and after it was started again
        await first.module.close();
        await desk.approve(three.decisionId, { by: 'ann', digest: three.digest });
        const again = program(ran);
        await again.module.ready();
        await until(() => ran.length > 1);
        expect((await desk.list()).map(orderOf)).to.deep.equal(['four']);
        await desk.approve(four.decisionId, { by: 'ann', digest: four.digest });
        await until(() => ran.length > 2);
        await again.module.close();
        expect((await desk.list({ status: 'approved' })).map(({ consumed }) => consumed !== undefined)).to.deep.equal([true, true, true]);
        expect((await desk.list({ status: 'denied' })).map(orderOf)).to.have.length(1);
        for (const status of ['withdrawn', 'expired', 'pending'] as const) expect(await desk.list({ status }), status).to.deep.equal([]);
      }),
    );
    expect(ran).to.deep.equal(['one', 'three', 'four']);
    expect(codes).to.deep.equal([]);
    expect(bare().prepare('SELECT count(*) AS n FROM approval').get()).to.include({ n: 4 });
  });

  it('keeps what was asked by others when the process is gone that asked for them, and withdraws what is its own', async () => {
    const store = open();
    // a server that runs tools of its own as well
    bare().exec(`UPDATE owner SET has_tasks = 1`);
    const own = recordOf({ createdAtMs: Date.now(), expiresAtMs: Date.now() + HOUR });
    const others = ['default', 'acme'].map((tenantId) => {
      const record = recordOf({ createdAtMs: Date.now(), expiresAtMs: Date.now() + HOUR });
      void store.forTenant(tenantId, { forOthers: true }).approvals.insert(record);
      return { tenantId, record };
    });
    await store.approvals.insert(own);
    const another = open();
    // its process is dead, and the minute is over in which a task could still be recorded
    await another.tasks.sweep({ nowMs: Date.now() + HOUR / 2, maxRuns: 1, limit: 10 });
    expect((await another.approvals.get(own.decisionId))?.status).to.equal('withdrawn');
    for (const { tenantId, record } of others)
      expect(await another.forTenant(tenantId).approvals.get(record.decisionId), tenantId).to.deep.equal(record);
  });
});
