import { inspect } from 'node:util';
import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import { isPending } from '../../../lib/model/PendingApproval.js';
import { diagnosed } from '../../support/diagnosed.js';
import { rejection } from '../../support/rejection.js';
import { runInChild } from '../../support/runInChild.js';
import { schedulerSetup } from '../../support/schedulerSetup.js';

describe('A pending approval', () => {
  let time: SinonFakeTimers;
  beforeEach(() => (time = useFakeTimers()));
  afterEach(() => time.restore());

  it('says what it is, and nothing of the params', async () => {
    const { handle, task } = await schedulerSetup().submit({ params: { secret: 'hunter2' } });
    const message = "Tool 'refund' execution pending approval: over the limit";
    expect([handle.message, String(handle), `${handle as unknown as string}`]).to.deep.equal([message, message, message]);
    const { taskId, decisionId } = task;
    const plain = { taskId, decisionId, agentId: 'bot', toolName: 'refund', status: 'pending', message };
    expect(JSON.parse(JSON.stringify(handle))).to.deep.equal(plain);
    expect({ ...plain }).to.deep.include({ taskId: handle.taskId, decisionId: handle.decisionId, status: handle.status });
    expect(inspect(handle, { showHidden: true, depth: 9 }))
      .to.contain('PendingApproval')
      .and.not.contain('hunter2');
    expect((await schedulerSetup().submit({ reason: undefined })).handle.message).to.contain('a person has to decide');
  });

  it('is told from a result by its brand, and is no thenable', async () => {
    const { handle } = await schedulerSetup().submit();
    expect([handle, {}, null, undefined, 'text', Promise.resolve()].map((x) => isPending(x))).to.deep.equal([
      true,
      false,
      false,
      false,
      false,
      false,
    ]);
    expect(await handle).to.equal(handle);
    expect('then' in handle).to.equal(false);
  });

  it('gives everybody who waits the same promise, before and after its end', async () => {
    const setup = schedulerSetup({ service: { status: (decisionId) => ({ decisionId, state: 'approved' }) } });
    const { handle } = await setup.submit();
    const { completed } = handle;
    expect(handle.completed).to.equal(completed);
    await time.tickAsync(2_000);
    expect(handle.completed).to.equal(completed);
    expect(await completed).to.equal('done');
    const late = await setup.submit();
    await time.tickAsync(2_000);
    expect(await late.handle.completed).to.equal('done');
    expect(late.handle.status).to.equal('completed');
  });

  it('is not harmed by an onSettled that throws or rejects, which is called once', async () => {
    for (const onSettled of [
      () => {
        throw new Error('no');
      },
      async () => Promise.reject(new Error('no')),
    ]) {
      let called = 0;
      const setup = schedulerSetup();
      const { handle } = await setup.submit(
        {},
        {
          onSettled: () => {
            called += 1;
            return onSettled();
          },
        },
      );
      const seen = await diagnosed(async () => {
        await handle.cancel();
        await handle.cancel();
        expect(await rejection(handle.completed)).to.include({ name: 'ApprovalCancelledError' });
      });
      expect([called, seen.length]).to.deep.equal([1, 1]);
    }
  });

  it('never ends the process by its rejection, read or not (T31)', async () => {
    time.restore();
    const program = `
      import { schedulerSetup } from './spec/support/schedulerSetup.js';
      const setup = schedulerSetup();
      const [unread, read] = [await setup.submit(), await setup.submit()];
      void read.handle.completed;
      await unread.handle.cancel();
      await read.handle.cancel();
      await new Promise((resolve) => setTimeout(resolve, 20));
      console.log('alive');`;
    const { code, stdout, stderr } = await runInChild(program, { cwd: new URL('../../..', import.meta.url).pathname });
    expect([code, stdout.trim(), stderr]).to.deep.equal([0, 'alive', '']);
  });
});
