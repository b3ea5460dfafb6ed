import { expect } from 'chai';
import { HeldCall } from '../../../lib/approval/call/PendingCall.js';
import { StatusRequests } from '../../../lib/approval/status/StatusRequests.js';
import type { DecisionStatus } from '../../../lib/model/Decision.js';
import { requestOf } from '../../support/callRequests.js';
import { pendingTask } from '../../support/tasks.js';

describe('StatusRequests', () => {
  it('put one at a time for each call; whoever asks meanwhile gets its answer', async () => {
    const { requests, entry, ask, answer, heard } = setup();
    const [first, second] = [ask(), ask()];
    expect([first === second, requests.has(entry)]).to.deep.equal([true, true]);
    answer(0, 'pending');
    await first;
    expect([heard, requests.has(entry)]).to.deep.equal([['pending'], false]);
    void ask();
    answer(1, 'denied');
    await ask();
    expect(heard).to.deep.equal(['pending', 'denied']);
  });

  it('hand on what fails', async () => {
    const { ask, fail, heard } = setup();
    const asked = ask();
    fail(0);
    await asked;
    expect(heard).to.deep.equal(['down']);
  });

  it('about an earlier decision count for nothing, and do not get in the way of the one about the new', async () => {
    const { entry, ask, answer, heard, requests } = setup();
    const old = ask();
    entry.task = { ...entry.task, decisionId: 'dec-second' };
    const now = ask();
    answer(0, 'denied');
    await old;
    expect([heard, requests.has(entry)]).to.deep.equal([[], true]);
    answer(1, 'approved');
    await now;
    expect(heard).to.deep.equal(['approved']);
  });

  for (const [what, change] of Object.entries<(of: ReturnType<typeof setup>) => void>({
    'was dropped': ({ requests, entry }) => requests.drop(entry),
    'has ended': ({ entry }) => (entry.phase = 'ended'),
    'is being run': ({ entry }) => (entry.phase = 'busy'),
    'was approved by push': ({ entry }) => (entry.task = { ...entry.task, status: 'approved' } as typeof entry.task),
    'waits for another decision': ({ entry }) => (entry.task = { ...entry.task, decisionId: 'dec-second' }),
  })) {
    it(`take no answer about one that ${what} by then`, async () => {
      for (const how of ['answer', 'fail'] as const) {
        const of = setup();
        const asked = of.ask();
        change(of);
        of[how](0, 'approved');
        await asked;
        expect([of.heard, of.requests.has(of.entry)]).to.deep.equal([[], false]);
      }
    });
  }

  function setup() {
    const requests = new StatusRequests();
    const task = pendingTask();
    const call = { task, request: requestOf(), run: () => 1, admit: (params: object) => params as never };
    const entry = new HeldCall<unknown>(call.task, call, async () => true);
    const put: { resolve: (status: DecisionStatus) => void; reject: (error: Error) => void }[] = [];
    const heard: string[] = [];
    const ask = (): unknown =>
      requests.send(entry, async () => new Promise((resolve, reject) => put.push({ resolve, reject })), {
        answered: (status) => void heard.push(status.state),
        failed: (error) => void heard.push((error as Error).message),
      });
    const answer = (n: number, state: DecisionStatus['state']): void => put[n]?.resolve({ decisionId: task.decisionId, state });
    const fail = (n: number): void => put[n]?.reject(new Error('down'));
    return { requests, entry, ask, answer, fail, heard };
  }
});
