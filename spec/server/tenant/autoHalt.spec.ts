import { expect } from 'chai';
import { canonicalDigest } from '../../../lib/common/data/canonical.js';
import type { Caller } from '../../../lib/server/access/Caller.js';
import { approvalUseRoutes } from '../../../lib/server/route/approvalUse.js';
import { decisionRoutes } from '../../../lib/server/route/decisions.js';
import type { JournalEvent, SecurityEvent } from '../../../lib/model/Journal.js';
import { PLAIN_CLIENT } from '../../support/plainClient.js';
import { until } from '../../support/until.js';
import { sender, tenantOf } from '../tenantSetup.js';
import type { TestTenant } from '../tenantSetup.js';

const BASE = 'b'.repeat(64);
const HEADERS = { 'X-AEGIS-CAPABILITIES': PLAIN_CLIENT.join(','), 'X-AEGIS-BINDING': BASE };
const AUTO = { after: 3, withinMs: 60_000 };
const keyOf = (...agents: string[]): Partial<Caller> => ({ id: `key-${agents.join('-')}`, agents });

describe('Agents that a server refuses again and again', () => {
  const setup = (autoHalt?: typeof AUTO) => {
    const tenant = tenantOf({ autoHalt });
    const ask = sender(tenant, [...decisionRoutes(), ...approvalUseRoutes()]);
    const decide = async (caller: Partial<Caller>, agent: string, name = 'drop', more: object = {}) =>
      ask('decide', { caller, headers: HEADERS, body: { agent_id: agent, tool: { name, params: { a: 1 } }, session: null }, ...more });
    return { tenant, ask, decide };
  };
  const halted = async ({ halts }: TestTenant): Promise<readonly unknown[]> => (await halts.list()).map(({ scope, by }) => [scope, by]);
  const settled = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
  };

  it('are halted where their key speaks for them alone', async () => {
    const { tenant, decide } = setup(AUTO);
    for (let i = 0; i < 3; i++) await decide(keyOf('bot'), 'bot');
    await until(async () => (await halted(tenant)).length > 0);
    expect(await halted(tenant)).to.deep.equal([[{ agentId: 'bot' }, 'auto-halt']]);
    expect((await decide(keyOf('bot'), 'bot', 'read')).text).to.contain("agent 'bot' is halted");
    expect((await decide(keyOf('other'), 'other', 'read')).json.final_decision).to.include({ effect: 'allow' });
  });

  it('are not halted for what a key for several agents asks, which may be any of them: no agent has another one halted', async () => {
    const { tenant, ask, decide } = setup(AUTO);
    for (let i = 0; i < 5; i++) {
      await decide(keyOf('bot', 'victim'), 'victim');
      await decide({ agents: undefined }, 'victim');
      expect((await decide(keyOf('bot'), 'victim')).status).to.equal(403);
      await ask('dryRun', {
        caller: keyOf('bot'),
        body: { calls: [{ agent_id: 'bot', tool: { name: 'drop', params: {} }, session: null }] },
      });
    }
    await settled();
    expect(await halted(tenant)).to.deep.equal([]);
  });

  it('are halted by none of what is asked without the option', async () => {
    const { tenant, decide } = setup();
    for (let i = 0; i < 5; i++) await decide(keyOf('bot'), 'bot');
    await settled();
    expect(await halted(tenant)).to.deep.equal([]);
  });

  it('are halted for approvals that they use for other calls, and the agent of the approval only where it is the one', async () => {
    const { tenant, ask, decide } = setup(AUTO);
    const opened = async (agent: string): Promise<string> => {
      const id = (await decide(keyOf(agent), agent, 'refund')).json['decision_id'] as string;
      await tenant.desk.approve(id, { by: 'kim', digest: canonicalDigest({ a: 1 }) });
      return id;
    };
    const consume = async (caller: Partial<Caller>, id: string, token: string): Promise<unknown> =>
      (await ask('consume', { caller, id, body: { digest: canonicalDigest({ a: 2 }), bindingBase: BASE, token } })).json['consumed'];
    const [victims, own] = [await opened('victim'), await opened('bot')];
    for (let i = 0; i < 5; i++) {
      // of another agent: it is not even found
      expect(
        (await ask('consume', { caller: keyOf('bot'), id: victims, body: { digest: BASE, bindingBase: BASE, token: 't' } })).status,
      ).to.equal(404);
      expect(await consume(keyOf('bot', 'victim'), victims, `t${i}`)).to.equal(false);
    }
    await settled();
    expect(await halted(tenant)).to.deep.equal([]);
    for (let i = 0; i < 3; i++) expect(await consume(keyOf('bot'), own, `t${i}`)).to.equal(false);
    await until(async () => (await halted(tenant)).length > 0);
    expect(await halted(tenant)).to.deep.equal([[{ agentId: 'bot' }, 'auto-halt']]);
  });

  it('are named as the actor of a diagnostic, beside its subject, where that is known', async () => {
    const events: JournalEvent[] = [];
    const tenant = tenantOf({ autoHalt: { after: 100, withinMs: 60_000 } }, 'default', {}, { note: (event) => void events.push(event) });
    const ask = sender(tenant, [...decisionRoutes(), ...approvalUseRoutes()]);
    const body = { agent_id: 'bot', tool: { name: 'refund', params: { a: 1 } }, session: null };
    const id = (await ask('decide', { caller: keyOf('bot'), headers: HEADERS, body })).json['decision_id'] as string;
    await tenant.desk.approve(id, { by: 'kim', digest: canonicalDigest({ a: 1 }) });
    for (const agents of [['bot'], ['bot', 'other'], undefined])
      await ask('consume', { caller: { agents }, id, body: { digest: BASE, bindingBase: BASE, token: 't' } });
    const found = events.filter((event): event is SecurityEvent => event.kind === 'security').map(({ diagnostic }) => diagnostic);
    expect(found.map(({ actor, subject }) => [actor?.agentId, subject?.agentId])).to.deep.equal([
      ['bot', 'bot'],
      [undefined, 'bot'],
      [undefined, 'bot'],
    ]);
  });
});
