import { expect } from 'chai';
import { canonicalDigest } from '../../../lib/common/data/canonical.js';
import { readStatusAnswer } from '../../../lib/decision/wire/statusAnswer.js';
import type { HaltScope } from '../../../lib/model/halt/Halt.js';
import { approvalUseRoutes } from '../../../lib/server/route/approvalUse.js';
import { decisionRoutes } from '../../../lib/server/route/decisions.js';
import { endedByHalt, endHalted } from '../../../lib/server/tenant/haltsOf.js';
import { sender, tenantOf } from '../tenantSetup.js';

const ORDER = { by: 'ann', reason: 'CANARY it runs wild' };
const AGAIN = 'Do not call it again until the halt is lifted.';
const asks = (tool: string): string =>
  `@id("${tool}") @effect("approval_needed") @reason("look") forbid (principal, action == Aegis::Action::"${tool}", resource);`;
const TEXT = ['@id("all") permit (principal, action, resource);', asks('refund'), asks('pay'), asks('note')].join('\n');

describe('What waits at a server while a halt cancels it', () => {
  const setup = async () => {
    const tenant = tenantOf({
      policies: { text: TEXT },
      tools: { refund: { groups: ['money'] }, pay: { groups: ['money', 'fast'] }, note: {} },
    });
    const ask = sender(tenant, [...decisionRoutes(), ...approvalUseRoutes()]);
    const open = async (agent: string, tool: string): Promise<string> => {
      const body = { agent_id: agent, tool: { name: tool, params: { amount: 1 } }, session: null };
      return String((await ask('decide', { body })).json['decision_id']);
    };
    const ids: Record<string, string> = {};
    for (const agent of ['bot', 'cat']) for (const tool of ['refund', 'pay', 'note']) ids[`${agent} ${tool}`] = await open(agent, tool);
    const ended = async (): Promise<readonly string[]> => {
      const records = await Promise.all(Object.entries(ids).map(async ([name, id]) => [name, await tenant.desk.get(id)] as const));
      return records.filter(([, record]) => record?.status === 'withdrawn').map(([name]) => name);
    };
    const approve = (id: string) => tenant.desk.approve(id, { by: 'rita', digest: canonicalDigest({ amount: 1 }) });
    return { tenant, ask, open, ids, ended, approve };
  };

  const scopes: readonly (readonly [HaltScope, readonly string[], string])[] = [
    [{ all: true }, ['bot refund', 'bot pay', 'bot note', 'cat refund', 'cat pay', 'cat note'], 'everything is halted'],
    [{ agentId: 'bot' }, ['bot refund', 'bot pay', 'bot note'], "agent 'bot' is halted"],
    [{ toolName: 'pay' }, ['bot pay', 'cat pay'], 'it is halted'],
    [{ group: 'money' }, ['bot refund', 'bot pay', 'cat refund', 'cat pay'], 'it is halted'],
    [{ group: 'money', agentId: 'cat' }, ['cat refund', 'cat pay'], "it is halted for agent 'cat'"],
    [{ group: 'money', toolName: 'pay' }, ['bot pay', 'cat pay'], 'it is halted'],
    [{ group: 'fast', toolName: 'refund' }, [], ''],
    [{ group: 'unknown' }, [], ''],
  ];
  for (const [scope, expected, why] of scopes)
    it(`ends in its scope, and nowhere else: ${JSON.stringify(scope)}`, async () => {
      const { tenant, ask, ids, ended } = await setup();
      await tenant.halts.halt({ all: true }, ORDER);
      await endHalted(tenant, Date.now());
      expect(await ended(), 'what freezes ends nothing').to.deep.equal([]);
      const { id } = await tenant.halts.halt(scope, { ...ORDER, pending: 'cancel' });
      await endHalted(tenant, Date.now());
      expect(await ended()).to.deep.equal(expected);
      const all = Object.values(ids);
      const many = (await ask('statuses', { body: { ids: [...all, 'dec_other'] } })).json['statuses'] as Record<string, unknown>[];
      expect(many.filter(({ code }) => code === 'halted').map(({ decision_id: one }) => one)).to.deep.equal(
        expected.map((name) => ids[name]),
      );
      for (const name of expected) {
        const { text } = await ask('status', { id: ids[name] as string });
        expect(text).not.to.contain('CANARY');
        const status = readStatusAnswer(text, true);
        expect(status).to.include({ state: 'denied', code: 'halted' });
        if (name === expected[0]) expect(status.reason).to.be.oneOf([`${why}. ${AGAIN}`, `everything is halted. ${AGAIN}`]);
      }
      await tenant.halts.lift(id, ORDER);
      for (const name of expected)
        expect((await ask('status', { id: ids[name] as string })).json)
          .to.include({ outcome: 'withdrawn' })
          .and.not.to.have.property('code');
    });

  it('ends also where it was approved, and not where it was used; what is opened later ends with the next sweep', async () => {
    const { tenant, open, ids, ended, approve } = await setup();
    const [approved, used] = [ids['bot refund'] as string, ids['bot pay'] as string];
    for (const id of [approved, used]) await approve(id);
    const record = await tenant.desk.get(used);
    await tenant.approvals.replace(
      { ...(record as never as object), consumed: { token: 't', atMs: 1 }, version: 3 } as never,
      record?.version as number,
    );
    await tenant.halts.halt({ agentId: 'bot' }, { ...ORDER, pending: 'cancel' });
    await endHalted(tenant, Date.now());
    expect(await ended()).to.deep.equal(['bot refund', 'bot note']);
    // one that was being decided when the halt was ordered
    const late = tenantOf({ policies: { text: TEXT } }, 'default', { approvals: tenant.approvals });
    const { json } = await sender(late, decisionRoutes())('decide', {
      body: { agent_id: 'bot', tool: { name: 'note', params: { amount: 2 } }, session: null },
    });
    ids['late'] = String(json['decision_id']);
    await endHalted(tenant, Date.now());
    expect(await ended()).to.deep.equal(['bot refund', 'bot note', 'late']);
    expect(await open('bot', 'note')).to.match(/^dec_/);
  });

  it('is not said of what ended otherwise', async () => {
    const { tenant } = await setup();
    await tenant.halts.halt({ agentId: 'bot' }, { ...ORDER, pending: 'cancel' });
    for (const status of ['pending', 'approved', 'denied', 'expired'] as const)
      expect(endedByHalt(tenant, { status, agentId: 'bot', toolName: 'refund' })).to.equal(undefined);
    expect(endedByHalt(tenant, { status: 'withdrawn', agentId: 'cat', toolName: 'refund' })).to.equal(undefined);
    expect(endedByHalt(tenant, { status: 'withdrawn', agentId: 'bot', toolName: 'refund' })).to.equal(`agent 'bot' is halted. ${AGAIN}`);
  });
});
