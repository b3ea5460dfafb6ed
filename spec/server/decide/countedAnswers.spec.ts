import { expect } from 'chai';
import sinon from 'sinon';
import { canonicalDigest } from '../../../lib/common/data/canonical.js';
import { AMOUNT_PARTS } from '../../../lib/model/terms/LimitTerms.js';
import { approvalUseRoutes } from '../../../lib/server/route/approvalUse.js';
import { decisionRoutes } from '../../../lib/server/route/decisions.js';
import { sweepTenant } from '../../../lib/server/tenant/sweepTenant.js';
import { POLICIES, sender, tenantOf } from '../tenantSetup.js';
import type { TestRequest } from '../tenantSetup.js';

const DAY = 86_400_000;

describe('A call that limits count when its approval is opened, because its client cannot use that up', () => {
  let time: sinon.SinonFakeTimers;
  beforeEach(() => {
    time = sinon.useFakeTimers({ now: 1_700_000_000_000, toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'] });
  });
  afterEach(() => time.restore());

  const setup = (limit: string) => {
    const tenant = tenantOf({ policies: { text: `${POLICIES}@id("cap") @effect("limit") @limit("${limit}") forbid (principal, action, resource);` } }); // prettier-ignore
    const ask = sender(tenant, [...decisionRoutes(), ...approvalUseRoutes()]);
    const open = async (session: object | null = null, caller: TestRequest['caller'] = {}): Promise<string> => {
      const body = { agent_id: 'bot', tool: { name: 'refund', params: { amount: 1 } }, session };
      const { json } = await ask('decide', { body, caller });
      expect(json.final_decision['effect'], JSON.stringify(json)).to.equal('approval_needed');
      return String(json['decision_id']);
    };
    const approve = async (id: string): Promise<unknown> => tenant.desk.approve(id, { by: 'rita', digest: canonicalDigest({ amount: 1 }) });
    const used = async (): Promise<number> => ((await tenant.approvals.counters?.list())?.[0]?.used ?? 0) / AMOUNT_PARTS;
    return { tenant, ask, open, approve, used };
  };

  it('is given back, once, where it was approved and its client did not ask in time', async () => {
    const { ask, open, approve, used } = setup('9/366d');
    const [late, told] = [await open(), await open()];
    await approve(late);
    await approve(told);
    expect((await ask('status', { id: told })).json).to.include({ effect: 'allow' });
    expect(await used()).to.equal(2);
    time.tick(DAY + 1);
    for (let i = 0; i < 3; i++) {
      expect((await ask('status', { id: late })).json).to.include({ effect: 'deny', outcome: 'expired' });
      expect((await ask('status', { id: told })).json).to.include({ effect: 'deny' });
      expect(await used(), 'what was told has perhaps run').to.equal(1);
    }
  });

  it('is given back, once, by the sweep of a server where its client asks no more, however long ago that was', async () => {
    const { tenant, ask, open, approve, used } = setup('9/366d');
    const sweep = async (): Promise<number> => {
      await sweepTenant(tenant, Date.now());
      return used();
    };
    const [late, told, later] = [await open(), await open(), await open()];
    for (const id of [late, told, later]) await approve(id);
    expect((await ask('status', { id: told })).json).to.include({ effect: 'allow' });
    time.tick(DAY - 1);
    expect([await sweep(), await sweep()]).to.deep.equal([3, 3]);
    // no server was there for hours
    time.tick(5 * 3_600_000);
    expect([await sweep(), await sweep()], 'what was told has perhaps run').to.deep.equal([1, 1]);
    expect((await tenant.approvals.get(later))?.status).to.equal('expired');
    // one that was opened and ends after that
    const next = await open();
    await approve(next);
    time.tick(DAY);
    expect([await sweep(), await sweep()]).to.deep.equal([1, 1]);
  });

  it('runs where a limit counts by what a trusted session says, also without a user in it', async () => {
    const { ask, open, approve, used } = setup('9/366d by session/team');
    const id = await open({ team: 'blue' }, { sessionTrusted: true });
    await approve(id);
    expect((await ask('status', { id })).json).to.include({ effect: 'allow' });
    expect(await used()).to.equal(1);
  });
});
