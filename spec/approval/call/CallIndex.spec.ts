import { expect } from 'chai';
import { CallIndex } from '../../../lib/approval/call/CallIndex.js';
import { HeldCall } from '../../../lib/approval/call/PendingCall.js';
import { requestOf } from '../../support/callRequests.js';
import { pendingTask } from '../../support/tasks.js';

describe('CallIndex', () => {
  it('finds a call by its task, by its decision and by what makes it equal, until it is removed', () => {
    const { calls, entry, guard } = setup();
    const { taskId, decisionId, agentId, originalDigest, sessionDigest } = entry.task;
    const found = (): unknown[] => [
      calls.ofTask(taskId),
      calls.ofDecision(decisionId),
      calls.duplicateOf({ guard, target: undefined, agentId, originalDigest, sessionDigest }),
    ];
    calls.add(entry);
    expect(found()).to.deep.equal([entry, entry, entry]);
    expect([calls.size, calls.all()]).to.deep.equal([1, [entry]]);
    calls.remove(entry);
    expect(found()).to.deep.equal([undefined, undefined, undefined]);
    expect([calls.size, calls.hasOpen(guard)]).to.deep.equal([0, false]);
  });

  it('finds it by the decision it waits for now, and by none before', () => {
    const { calls, entry } = setup();
    const { decisionId } = entry.task;
    calls.add(entry);
    calls.update(entry, { ...entry.task, decisionId: 'dec-second' });
    expect([calls.ofDecision(decisionId), calls.ofDecision('dec-second')]).to.deep.equal([undefined, entry]);
    calls.remove(entry);
    expect(calls.ofDecision('dec-second')).to.equal(undefined);
  });

  function setup() {
    const guard = {};
    const call = { task: pendingTask(), request: requestOf(), run: () => 1, admit: (params: object) => params as never, guard };
    return { calls: new CallIndex(), entry: new HeldCall<unknown>(call.task, call, async () => true), guard };
  }
});
