import { expect } from 'chai';
import { keepsAlive } from '../../lib/approval/ApprovalScheduler.js';
import { originOf, pendingTask } from '../support/tasks.js';

describe('keepsAlive', () => {
  const holds = (durable: boolean, resumable: boolean | undefined, keepAlive?: boolean): boolean => {
    const origin = resumable === undefined ? undefined : { ...originOf('home'), resumable };
    return keepsAlive({ task: pendingTask({ origin }) }, { registry: { durable }, keepAlive } as never);
  };

  it('holds the process for what is in memory, and for what would end with it', () => {
    expect([holds(false, undefined), holds(false, true), holds(true, false)]).to.deep.equal([true, true, true]);
  });

  it('does not for what another process may run, or nobody runs', () => {
    expect([holds(true, true), holds(true, undefined)]).to.deep.equal([false, false]);
  });

  it('does what it is told', () => {
    expect([holds(true, true, true), holds(false, undefined, false)]).to.deep.equal([true, false]);
  });
});
