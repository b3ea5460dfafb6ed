import { expect } from 'chai';
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { SecretString } from '../../../lib/common/SecretString.js';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import type { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { isPending } from '../../../lib/model/PendingApproval.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { signedTenantStore } from '../../../lib/store/signing/signedTenantStore.js';
import type { ServerStore } from '../../../lib/store/StateStore.js';
import { diagnosed, securityCodes } from '../../support/diagnosed.js';
import { recordOf } from '../../support/approvalRecords.js';
import { until } from '../../support/until.js';
import { Billing, configureProgram, STATE_KEY } from './refundingProgram.js';
import { needsSqlite, sqliteFiles } from './sqliteFiles.js';

const HOUR = 3_600_000;

describe('A program whose file is opened by a server', () => {
  needsSqlite();
  const { open, bare, path } = sqliteFiles();
  const children: ChildProcess[] = [];
  const modules: AegisModule[] = [];
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    for (const module of modules.splice(0)) await module.close();
  });

  /** The program as a process of its own, and what it tells. */
  function program(): { readonly told: string[]; readonly ask: (order: string) => unknown; readonly kill: () => Promise<unknown> } {
    const child = fork(new URL('./refundingProgram.js', import.meta.url), ['refund', path()], { execArgv: ['--no-warnings'] });
    children.push(child);
    const told: string[] = [];
    child.on('message', (text) => void told.push(text as string));
    const kill = async (): Promise<unknown> => {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      return exited;
    };
    return { told, ask: (order) => child.send(order), kill };
  }
  const server = (store: ServerStore) => {
    const rows = signedTenantStore(store.forTenant('default', { forOthers: true }), {
      stateKey: new SecretString(STATE_KEY),
      tenantId: 'default',
    });
    return { ...rows, desk: new ApprovalDesk(rows.approvals) };
  };
  const orderOf = ({ params }: ApprovalRecord): unknown => params['order'];

  it('loses nothing, and asks nothing twice: what people decide at the server runs in the program, once, also after it was killed', async function () {
    this.timeout(60_000);
    const first = program();
    await until(() => first.told.includes('asked'));
    const billing = new Billing();
    const codes = securityCodes(
      await diagnosed(async () => {
        const { desk } = server(open());
        const pending = await desk.list();
        expect(pending.map(orderOf)).to.deep.equal(['one', 'two', 'three', 'four']);
        const [one, two, three, four] = pending as [ApprovalRecord, ApprovalRecord, ApprovalRecord, ApprovalRecord];

        // while the program runs
        await desk.approve(one.decisionId, { by: 'ann', digest: one.digest });
        await desk.deny(two.decisionId, { by: 'ann', digest: two.digest });
        await until(() => first.told.includes('ran one'));
        // the same call again joins the one that waits
        first.ask('three');
        await until(() => first.told.includes('asked three'));
        expect(await desk.list()).to.have.length(2);

        // while it does not run, and after it was started again
        await first.kill();
        await desk.approve(three.decisionId, { by: 'ann', digest: three.digest });
        const module = configureProgram(path());
        modules.push(module);
        await module.ready();
        expect(isPending(await billing.refund('four'))).to.equal(true);
        await until(() => billing.ran.length > 0);
        expect((await desk.list()).map(orderOf)).to.deep.equal(['four']);
        await desk.approve(four.decisionId, { by: 'ann', digest: four.digest });
        await until(() => billing.ran.length > 1);
        await until(async () => (await module.tasks.listSummaries({ status: 'completed' })).length === 3);
        expect((await desk.list({ status: 'approved' })).map(({ consumed }) => consumed !== undefined)).to.deep.equal([true, true, true]);
        expect(await desk.list({ status: 'denied' })).to.have.length(1);
        for (const status of ['expired', 'pending'] as const) expect(await desk.list({ status }), status).to.deep.equal([]);
        // a call that joins another one takes back what it has asked for itself, and nothing else is taken back
        const ended = await Promise.all(pending.map(async ({ decisionId }) => (await desk.get(decisionId))?.status));
        expect(ended).to.deep.equal(['approved', 'denied', 'approved', 'approved']);
      }),
    );
    expect([first.told.filter((text) => text.startsWith('ran')), billing.ran]).to.deep.equal([['ran one'], ['three', 'four']]);
    expect(codes).to.deep.equal([]);
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
