import { expect } from 'chai';
import { SecretString } from '../../../lib/common/SecretString.js';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import { AegisGuard } from '../../../lib/guard/AegisGuard.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import type { AegisOptions } from '../../../lib/guard/module/AegisOptions.js';
import type { Guarded } from '../../../lib/model/PendingApproval.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { signedTenantStore } from '../../../lib/store/signing/signedTenantStore.js';
import { servePlane } from '../../support/servePlane.js';
import { until } from '../../support/until.js';
import { needsSqlite, sqliteFiles } from '../../store/sqlite/sqliteFiles.js';

const STATE_KEY = 'a state key that is long enough, and kept elsewhere';
const POLICIES = `@id("all") permit (principal, action, resource);
  @id("ask") @effect("approval_needed") @reason("a person decides") forbid (principal, action == Aegis::Action::"handOver", resource);`;

class Shop {
  readonly ran: unknown[] = [];
  hold: Promise<void> | undefined;

  @AegisGuard({ toolName: 'handOver', params: ['order', 'cents'], key: 'handOver' })
  async refund(order: string, cents: bigint): Promise<Guarded<string>> {
    this.ran.push([order, cents]);
    if (order === 'broken') throw Object.assign(new Error('no such card'), { code: 'card_declined' });
    await this.hold;
    return order;
  }
}

describe('A program with approvals of its own that moves to a server', () => {
  needsSqlite();
  const { open, path } = sqliteFiles();
  const modules: AegisModule[] = [];
  afterEach(async () => {
    for (const module of modules.splice(0)) await module.close({ graceMs: 0 });
  });
  const configure = (options: AegisOptions): AegisModule => {
    const common = { agentId: 'bot', store: path(), env: false, recovery: { leaseMs: 1_000, sweepMs: 100 } } as const;
    const module = AegisModule.configure({ ...common, ...options });
    modules.push(module);
    return module;
  };
  const desk = (): ApprovalDesk => {
    const rows = open().forTenant('default', { forOthers: true });
    return new ApprovalDesk(signedTenantStore(rows, { stateKey: new SecretString(STATE_KEY), tenantId: 'default' }).approvals);
  };

  it('keeps what is pending: it is approved at the server, and runs once, in the program that asks the server now', async function () {
    this.timeout(60_000);
    const before = configure({ policies: { text: POLICIES }, stateKey: STATE_KEY });
    const shop = new Shop();
    for (const order of ['one', 'two', 'broken']) void (await shop.refund(order, 7n));
    await before.close({ graceMs: 0 });

    await using server = await servePlane({ policies: { text: POLICIES }, store: open(), stateKey: STATE_KEY });
    const moved = configure({
      baseUrl: server.url,
      apiKey: await server.keyFor(),
      approvalPolling: { initialDelayMs: 500, maxDelayMs: 5_000 },
    });
    await moved.ready();
    const people = desk();
    const pending = await people.list();
    expect(pending.map(({ params }) => params['order'])).to.deep.equal(['one', 'two', 'broken']);
    // the same call again joins the one that waits, and takes back what it has asked for itself
    void (await shop.refund('one', 7n));
    await until(async () => (await people.list()).length === 3);
    for (const { decisionId, digest, params } of pending)
      if (params['order'] !== 'two') await people.approve(decisionId, { by: 'ann', digest });
      else await people.deny(decisionId, { by: 'ann' });
    await until(() => shop.ran.length === 2);
    expect(shop.ran).to.have.deep.members([
      ['one', 7n],
      ['broken', 7n],
    ]);
    const read = async (nth: number): Promise<ApprovalRecord> =>
      (await people.get((pending[nth] as ApprovalRecord).decisionId)) as ApprovalRecord;
    await until(async () => (await read(0)).outcome !== undefined && (await read(2)).outcome !== undefined);
    expect((await read(0)).outcome).to.include({ status: 'completed' });
    expect((await read(1)).status).to.equal('denied');
    expect((await read(2)).outcome).to.include({ status: 'failed', errorCode: 'card_declined' });
    expect(shop.ran).to.have.length(2);
  });

  it('says of its runs how they ended, also while no server is there: unknown where it closed, and what a person found out', async function () {
    this.timeout(60_000);
    const first = configure({ policies: { text: POLICIES }, stateKey: STATE_KEY });
    const shop = new Shop();
    let finish: (() => void) | undefined;
    shop.hold = new Promise((resolve) => (finish = resolve));
    void (await shop.refund('held', 1n));
    const [asked] = (await first.approvals.list()) as [ApprovalRecord];
    const { decisionId, digest } = asked;
    await first.approvals.approve(decisionId, { by: 'ann', digest });
    await until(() => shop.ran.length === 1);
    await first.close({ graceMs: 0 });
    expect((await desk().get(decisionId))?.outcome).to.include({ status: 'unknown' });
    finish?.();

    const second = configure({ policies: { text: POLICIES }, stateKey: STATE_KEY });
    await second.ready();
    const [task] = await second.tasks.listTasks({ status: 'unknown' });
    await second.tasks.resolveUnknown(task?.taskId as string, { outcome: 'done', by: 'ann' });
    await until(async () => (await desk().get(decisionId))?.outcome?.status === 'completed');
    expect(shop.ran).to.have.length(1);
  });
});
