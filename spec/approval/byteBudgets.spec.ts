import { expect } from 'chai';
import { guard } from '../../lib/guard/guard.js';
import { AegisModule } from '../../lib/guard/module/AegisModule.js';
import type { AegisOptions } from '../../lib/guard/module/AegisOptions.js';
import type { PendingApproval } from '../../lib/model/PendingApproval.js';
import { isPending } from '../../lib/model/PendingApproval.js';
import { counted } from '../support/assurance.js';
import { rejection } from '../support/rejection.js';
import { runInChild } from '../support/runInChild.js';

const ASK = `@id("ask") @effect("approval_needed") @reason("a person decides") forbid (principal, action, resource);
@id("all") permit (principal, action, resource);`;
const OBJECTS = new URL('../support/keptObjects.js', import.meta.url);
const LOAD = new URL('../support/heapLoad.js', import.meta.url);
const KB = 'x'.repeat(1_000);

describe('Byte budgets (B1)', () => {
  const modules: AegisModule[] = [];
  afterEach(async () => {
    for (const module of modules.splice(0)) await module.close();
  });
  const open = (tasks: AegisOptions['tasks']): AegisModule => {
    const module = AegisModule.create({ policies: { text: ASK }, agentId: 'bot', tasks: tasks ?? {} });
    modules.push(module);
    return module;
  };
  const tool = (module: AegisModule, toolName: string, agentId = 'bot', result: (n: number) => unknown = (n) => n) =>
    guard(async (_body: string, n: number): Promise<unknown> => result(n), {
      module,
      toolName,
      agentId,
      params: ['_body', 'n'],
      approval: 'defer',
    });
  const ask = async (call: (body: string, n: number) => Promise<unknown>, n: number, kilobytes = 10): Promise<PendingApproval> => {
    const pending = await call(`${n}${KB.repeat(kilobytes)}`, n);
    if (!isPending(pending)) throw new Error('it did not ask');
    pending.completed.catch(() => {});
    return pending;
  };

  it('refuse the call that is beyond that of its agent and tool, name the limit and the option, and leave nothing behind', async () => {
    const module = open({ maxPendingBytesPerTool: 35_000 });
    const send = tool(module, 'send');
    const kept = [await ask(send, 1), await ask(send, 2), await ask(send, 3)];
    const error = await rejection(ask(send, 4));
    expect(error).to.include({ name: 'CapacityError', limit: 35_000 });
    expect(error.message).to.match(/agent 'bot'.*tool 'send'.*35000.*tasks\.maxPendingBytesPerTool/);
    expect(await module.approvals.list()).to.have.length(3);
    expect(await module.tasks.getStats()).to.include({ pending: 3, total: 3 });
    // another tool and another agent have budgets of their own
    await ask(tool(module, 'other'), 5);
    await ask(tool(module, 'send', 'another'), 6);
    await kept[0]?.cancel();
    await ask(send, 7);
    expect(await rejection(ask(send, 8))).to.include({ name: 'CapacityError' });
  });

  it('refuse the call that is beyond the budget of all', async () => {
    const module = open({ maxPendingBytes: 35_000 });
    const kept = [await ask(tool(module, 'a'), 1), await ask(tool(module, 'b'), 2), await ask(tool(module, 'c'), 3)];
    const error = await rejection(ask(tool(module, 'd'), 4));
    expect(error).to.include({ name: 'CapacityError', limit: 35_000 });
    expect(error.message).to.include('tasks.maxPendingBytes.');
    expect(
      await rejection(module.tasks.createTask({ agentId: 'x', toolName: 'y', decisionId: 'z', metadata: { text: KB.repeat(10) } })),
    ).to.include({ name: 'CapacityError' });
    await kept[1]?.cancel();
    await ask(tool(module, 'd'), 4);
  });

  it('are 256 MB, and 64 MB for each agent and tool, unless others are given', async () => {
    const module = open(undefined);
    const send = tool(module, 'send');
    let asked = 0;
    const error = await rejection(
      (async () => {
        for (; asked < 400; asked++) await ask(send, asked, 200);
      })(),
    );
    expect(error).to.include({ name: 'CapacityError', limit: 67_108_864 });
    expect(asked).to.be.within(300, 335);
  });

  it('keep the newest finished tasks, whose results may be large, and at least the last one', async () => {
    const module = open({ maxFinishedBytes: 50_000 });
    const send = tool(module, 'send', 'bot', (n) => ({ n, text: KB.repeat(n === 29 ? 200 : 10) }));
    for (let n = 0; n < 30; n++) {
      const pending = await ask(send, n, 1);
      const { digest } = (await module.approvals.get(pending.decisionId))!;
      await module.approvals.approve(pending.decisionId, { by: 'ann', digest });
      await pending.completed;
      const { total } = await module.tasks.getStats();
      expect(total).to.be.within(1, 5);
      expect(await module.tasks.getTask(pending.taskId)).to.have.nested.property('result.n', n);
    }
    expect(await module.tasks.getStats()).to.include({ total: 1 });
  });

  it('leave the digests of what has ended, and let its params go', async () => {
    const module = open({});
    for (const end of ['approve', 'deny', 'cancel'] as const) {
      const pending = await ask(tool(module, end), 1);
      const before = (await module.tasks.getTask(pending.taskId))!;
      const record = (await module.approvals.get(pending.decisionId))!;
      if (end === 'cancel') await pending.cancel();
      else await module.approvals[end](pending.decisionId, { by: 'ann', digest: record.digest });
      await pending.completed.catch(() => {});
      const task = await module.tasks.getTask(pending.taskId);
      expect(task).to.deep.include({ params: {}, digest: before.digest, originalDigest: before.originalDigest, session: before.session });
      const { digest, originalDigest } = record;
      expect(await module.approvals.get(pending.decisionId)).to.deep.include({ params: {}, originalParams: {}, digest, originalDigest });
    }
  });

  for (const how of ['cancel', 'deny', 'approve'])
    it(`keep nothing of 160 KB for each call that ends by ${how}`, async function () {
      this.timeout(20_000);
      const { stdout, stderr } = await runInChild(LOAD, { nodeArgs: ['--expose-gc'], args: ['250', how], timeoutMs: 20_000 });
      expect(stderr).to.equal('');
      const { calls, perCall } = JSON.parse(stdout) as { readonly calls: number; readonly perCall: number };
      counted({
        what: `B1 calls of 160 KB that end by ${how}: more than 16 KB of heap kept for each`,
        cases: calls,
        wrong: perCall < 16_000 ? 0 : 1,
      });
      expect(perCall).to.be.below(16_000);
    });

  it('keep no object for a call that has ended, in any way, but its task and its approval', async () => {
    const { stdout, stderr } = await runInChild(OBJECTS, { nodeArgs: ['--no-warnings'], args: ['300'], timeoutMs: 20_000 });
    expect(stderr).to.equal('');
    const { calls, kept } = JSON.parse(stdout) as { readonly calls: number; readonly kept: Readonly<Record<string, number>> };
    for (const [how, each] of Object.entries(kept)) {
      counted({ what: `calls that end by ${how}: objects kept for each`, cases: calls, wrong: each < 0.5 ? 0 : 1 });
      expect(each, how).to.be.below(0.5);
    }
    expect(Object.keys(kept)).to.have.length(3);
  });
});
