import { expect } from 'chai';
import sinon from 'sinon';
import { decisionRoutes } from '../../../lib/server/route/decisions.js';
import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import { sender, tenantOf } from '../tenantSetup.js';
import type { TestRequest } from '../tenantSetup.js';

const BODY = { agent_id: 'bot', tool: { name: 'refund', params: { amount: 1 } }, session: null };
const REFUND: TestRequest = { headers: { 'Idempotency-Key': 'k1' }, body: BODY };
const GIVE_UP: TestRequest = { body: { agent_id: 'bot', idempotency_key: 'k1' } };

describe('POST /v1/decisions/withdraw', () => {
  /** Two servers on one store, the second of which decides when it is told to. */
  function setup() {
    const { approvals, records } = new MemoryStateStore().forTenant('default', { forOthers: true });
    let go: (() => void) | undefined;
    const facts = (): Promise<object> => new Promise((resolve) => (go = () => resolve({})));
    const [one, slow] = [tenantOf({}, 'default', { approvals, records }), tenantOf({ facts }, 'default', { approvals, records })];
    const statuses = async (): Promise<string[]> => (await approvals.list({})).map(({ status }) => status);
    return {
      here: sender(one, decisionRoutes()),
      there: sender(slow, decisionRoutes()),
      records,
      statuses,
      decide: () => go?.(),
      ready: () => slow.halts.refresh(),
    };
  }

  it('withdraws what the request has opened, here or at another server, and nothing else', async () => {
    for (const from of ['here', 'there'] as const) {
      const { here, statuses, records, ...more } = setup();
      await here('decide', REFUND);
      await here('decide', { body: BODY });
      expect((await { here, ...more }[from]('withdrawRequest', GIVE_UP)).status).to.equal(204);
      expect(await statuses()).to.have.members(['withdrawn', 'pending']);
      expect((await records.list({ kind: 'withdrawal' })).records).to.deep.equal([]);
    }
  });

  it('withdraws what the request opens later, at whichever server decides it', async () => {
    for (const from of ['here', 'there'] as const) {
      const { there, decide, statuses, ...more } = setup();
      await more.ready();
      const answer = there('decide', REFUND);
      expect((await { there, ...more }[from]('withdrawRequest', GIVE_UP)).status).to.equal(204);
      decide();
      const { json } = await answer;
      expect(json.final_decision['effect']).to.equal('approval_needed');
      expect(await statuses()).to.deep.equal(['withdrawn']);
    }
  });

  it('withdraws what comes in only after it, and can be repeated', async () => {
    const { here, statuses } = setup();
    for (let i = 0; i < 3; i++) expect((await here('withdrawRequest', GIVE_UP)).status).to.equal(204);
    await here('decide', REFUND);
    expect(await statuses()).to.deep.equal(['withdrawn']);
    await here('decide', { ...REFUND, headers: { 'Idempotency-Key': 'k2' } });
    expect(await statuses()).to.have.members(['withdrawn', 'pending']);
  });

  it('leaves calls that need no person as they are', async () => {
    const { here } = setup();
    await here('withdrawRequest', GIVE_UP);
    const { json } = await here('decide', { ...REFUND, body: { ...BODY, tool: { name: 'read', params: {} } } });
    expect(json.final_decision['effect']).to.equal('allow');
  });

  it('is of the agents that the key speaks for, and another agent’s key is another', async () => {
    const { here, statuses } = setup();
    await here('decide', REFUND);
    const foreign = await here('withdrawRequest', { ...GIVE_UP, caller: { agents: ['other'] } });
    expect(foreign.status).to.equal(403);
    await here('withdrawRequest', { body: { agent_id: 'other', idempotency_key: 'k1' } });
    expect(await statuses()).to.deep.equal(['pending']);
  });

  for (const [what, body] of [
    ['no key', { agent_id: 'bot' }],
    ['a key with a space', { agent_id: 'bot', idempotency_key: 'a b' }],
    ['an empty key', { agent_id: 'bot', idempotency_key: '' }],
    ['a key of 513 characters', { agent_id: 'bot', idempotency_key: 'a'.repeat(513) }],
    ['no agent', { idempotency_key: 'k1' }],
    ['one field too many', { agent_id: 'bot', idempotency_key: 'k1', tenant_id: 'two' }],
  ] as const)
    it(`refuses ${what}`, async () => {
      const { here } = setup();
      expect((await here('withdrawRequest', { body })).status).to.equal(400);
    });

  it('is forgotten after two minutes', async () => {
    const time = sinon.useFakeTimers({ now: 1_700_000_000_000, toFake: ['Date', 'performance'] });
    try {
      const { here, records } = setup();
      await here('withdrawRequest', GIVE_UP);
      time.tick(119_999);
      expect(await records.prune('withdrawal', Date.now())).to.equal(0);
      time.tick(1);
      expect(await records.prune('withdrawal', Date.now())).to.equal(1);
    } finally {
      time.restore();
    }
  });
});
