import { expect } from 'chai';
import { SecretString } from '../../../lib/common/SecretString.js';
import { canonicalDigest } from '../../../lib/common/data/canonical.js';
import { approvalUseRoutes } from '../../../lib/server/route/approvalUse.js';
import { decisionRoutes } from '../../../lib/server/route/decisions.js';
import { Tenants } from '../../../lib/server/tenant/Tenants.js';
import { diagnosed, securityCodes } from '../../support/diagnosed.js';
import { needsSqlite, sqliteFiles } from '../../store/sqlite/sqliteFiles.js';
import { POLICIES, sender } from '../tenantSetup.js';

type Row = Readonly<Record<string, string | number | null>>;

describe('An approval that is used by telling its client of it, in a store that someone writes by SQL', () => {
  needsSqlite();
  const { open, bare } = sqliteFiles();

  for (const tenantId of ['default', 'acme'])
    it(`is told once: a row that is put back to before it was told gives no second licence (${tenantId})`, async () => {
      const store = open();
      const stateKey = new SecretString('k'.repeat(32));
      const tenants = new Tenants({ store, stateKey, tenants: { [tenantId]: { policies: { text: POLICIES } } } });
      await tenants.ready();
      const tenant = tenants.get(tenantId);
      const ask = sender(tenant, [...decisionRoutes(), ...approvalUseRoutes()]);
      const body = { agent_id: 'bot', tool: { name: 'refund', params: { amount: 1 } }, session: null };
      const id = String((await ask('decide', { body })).json['decision_id']);
      const db = bare();
      const row = (): Row => db.prepare('SELECT * FROM approval WHERE decision_id = ?').get(id) as unknown as Row;
      const put = (saved: Row): unknown => {
        const set = Object.keys(saved).map((column) => `${column} = ?`);
        return db.prepare(`UPDATE approval SET ${set.join(', ')} WHERE decision_id = ?`).run(...Object.values(saved), id);
      };

      const pending = row();
      await tenant.desk.approve(id, { by: 'rita', digest: canonicalDigest({ amount: 1 }) });
      const approved = row();
      expect((await ask('status', { id })).json).to.include({ effect: 'allow', consumed: true });
      const told = row();
      // told again, for a client that has lost the answer
      expect((await ask('status', { id })).json).to.include({ effect: 'allow', consumed: true });

      const seen = await diagnosed(async () => {
        put(approved);
        expect((await ask('status', { id })).json).to.include({ status: 'OK', effect: 'deny' });
        put(pending);
        await tenant.desk.approve(id, { by: 'rita', digest: canonicalDigest({ amount: 1 }) });
        expect((await ask('statuses', { body: { ids: [id] } })).json['statuses']).to.have.nested.property('[0].effect', 'deny');
      });
      expect(securityCodes(seen)).to.include('approval_rolled_back');
      put(told);
      expect((await ask('status', { id })).json).to.include({ effect: 'allow', consumed: true });
      await tenants.close();
    });
});
