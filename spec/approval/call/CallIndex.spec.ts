import { expect } from 'chai';
import { CallIndex } from '../../../lib/approval/call/CallIndex.js';
import { HeldCall } from '../../../lib/approval/call/PendingCall.js';
import { requestOf } from '../../support/callRequests.js';
import { pendingTask } from '../../support/tasks.js';

describe('CallIndex', () => {
  it('finds a call by its task, by its decision and by what makes it equal, until it is removed', () => {
    const { calls, entry, guard } = setup();
    const { decisionId, agentId, originalDigest, sessionDigest } = entry.task;
    const found = (): unknown[] => [
      calls.ofTask(entry.task),
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

  it('finds it after a store that was tampered with has given its task another digest', () => {
    const { calls, entry } = setup();
    const before = entry.task;
    calls.add(entry);
    calls.update(entry, { ...before, originalDigest: 'other' });
    expect([calls.ofTask(before), calls.ofTask(entry.task), calls.ofDecision(before.decisionId), calls.size]).to.deep.equal([
      undefined,
      entry,
      entry,
      1,
    ]);
    calls.remove(entry);
    expect([calls.ofTask(entry.task), calls.size]).to.deep.equal([undefined, 0]);
  });

  it('tells calls with the same arguments apart by their tasks, and lists the oldest first', () => {
    const { calls } = setup();
    const made = [30, 10, 20].map((createdAtMs) => {
      const { entry } = setup({ createdAtMs });
      calls.add(entry);
      return entry;
    });
    for (const entry of made) expect(calls.ofTask(entry.task)).to.equal(entry);
    expect(calls.all().map((entry) => entry.task.createdAtMs)).to.deep.equal([10, 20, 30]);
    expect(calls.size).to.equal(3);
    calls.remove(made[1]!);
    expect(calls.ofTask(made[1]!.task)).to.equal(undefined);
    expect(calls.size).to.equal(2);
  });

  function setup(fields: object = {}) {
    const guard = {};
    const call = { task: pendingTask(fields), request: requestOf(), run: () => 1, admit: (params: object) => params as never, guard };
    return { calls: new CallIndex(), entry: new HeldCall<unknown>(call.task, call, async () => true), guard };
  }
});
