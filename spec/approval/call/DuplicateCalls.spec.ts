import { expect } from 'chai';
import { CallIndex } from '../../../lib/approval/call/CallIndex.js';
import type { DuplicateKey } from '../../../lib/approval/call/CallIndex.js';
import type { PendingCall } from '../../../lib/approval/call/PendingCall.js';
import { pendingTask } from '../../support/tasks.js';
import { quickestMs } from '../../support/pace.js';

describe('DuplicateCalls', () => {
  const guard = {};
  const target = {};

  it('finds the open call of the same guard, object, agent, arguments and session', () => {
    const { calls, entry } = setup();
    calls.add(entry);
    expect(calls.duplicateOf(identityOf(entry))).to.equal(entry);
    const others: Partial<DuplicateKey>[] = [
      { guard: {} },
      { target: {} },
      { target: undefined },
      { agentId: 'other' },
      { originalDigest: 'other' },
      { sessionDigest: 'other' },
    ];
    for (const other of others) expect(calls.duplicateOf({ ...identityOf(entry), ...other }), Object.keys(other)[0]).to.equal(undefined);
  });

  it('finds one among many with the same arguments, and the oldest where several are equal', () => {
    const { calls, make } = setup();
    const entries = ['s1', 's2', 's3', 's2'].map((sessionDigest) => make({ sessionDigest }));
    for (const entry of entries) calls.add(entry);
    expect(calls.duplicateOf(identityOf(entries[1]!))).to.equal(entries[1]);
    calls.remove(entries[1]!);
    expect(calls.duplicateOf(identityOf(entries[1]!))).to.equal(entries[3]);
    for (const i of [3, 0]) calls.remove(entries[i]!);
    expect(calls.duplicateOf(identityOf(entries[3]!))).to.equal(undefined);
    expect(calls.duplicateOf(identityOf(entries[2]!))).to.equal(entries[2]);
  });

  for (const status of ['pending', 'approved', 'executing', 'unknown'] as const) {
    const open = status === 'pending' || status === 'approved';
    it(`${open ? 'joins' : 'does not join'} one that is ${status}`, () => {
      const { calls, entry } = setup();
      calls.add(entry);
      Object.assign(entry, { task: { ...entry.task, status } });
      expect(calls.duplicateOf(identityOf(entry))).to.equal(open ? entry : undefined);
    });
  }

  it('knows which guards have anything pending, so that others need not be hashed', () => {
    const { calls, make } = setup();
    const [a, b] = [make(), make()];
    expect(calls.hasOpen(guard)).to.equal(false);
    calls.add(a);
    calls.add(b);
    calls.remove(a);
    calls.remove(a);
    expect(calls.hasOpen(guard)).to.equal(true);
    calls.remove(b);
    expect([calls.hasOpen(guard), calls.hasOpen({})]).to.deep.equal([false, false]);
  });

  it('keeps nothing of a call that may not be joined', () => {
    const { calls, make } = setup();
    const entry = make({}, undefined);
    calls.add(entry);
    calls.remove(entry);
    expect(calls.duplicateOf(identityOf(entry))).to.equal(undefined);
  });

  it('removes one of 20,000 with the same arguments in no time', () => {
    const { calls, make } = setup();
    const entries = Array.from({ length: 20_000 }, (_, i) => make({ sessionDigest: `${i}` }));
    const ms = quickestMs(1_000, () => {
      for (const entry of entries) calls.add(entry);
      for (const entry of entries) calls.remove(entry);
    });
    expect(calls.hasOpen(guard)).to.equal(false);
    // quadratic it would be 2 x 10^8 steps
    expect(ms).to.be.lessThan(1_000);
  });

  function setup() {
    const calls = new CallIndex();
    const task = pendingTask();
    let count = 0;
    const make = (more: object = {}, of: object | undefined = guard): PendingCall => {
      const made = { ...task, taskId: `task-${(count += 1)}`, ...more };
      return { call: { task: made, guard: of, target }, task: made } as unknown as PendingCall;
    };
    return { calls, make, entry: make() };
  }

  function identityOf({ task }: PendingCall): DuplicateKey {
    const { agentId, originalDigest, sessionDigest } = task;
    return { guard, target, agentId, originalDigest, sessionDigest };
  }
});
