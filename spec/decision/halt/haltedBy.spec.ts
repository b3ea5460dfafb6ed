import { expect } from 'chai';
import { abortedBy, haltedBy, haltedByFile, reasonOf, unconfirmed } from '../../../lib/decision/halt/haltedBy.js';
import { AegisError } from '../../../lib/model/AegisError.js';
import type { Halt, HaltScope } from '../../../lib/model/halt/Halt.js';

const CALL = { agentId: 'bot', toolName: 'refund', groups: ['money'] };
const REASON = 'CANARY reason';
const halt = (scope: HaltScope, untilMs?: number): Halt => ({
  id: 'halt_1',
  scope,
  pending: 'freeze',
  by: 'CANARY person',
  reason: REASON,
  atMs: 0,
  ...(untilMs !== undefined && { untilMs }),
});
const SAID: readonly (readonly [HaltScope, string])[] = [
  [{ all: true }, 'everything is halted.'],
  [{ agentId: 'bot' }, "agent 'bot' is halted."],
  [{ toolName: 'refund' }, 'it is halted.'],
  [{ group: 'money' }, 'it is halted.'],
  [{ toolName: 'refund', group: 'money' }, 'it is halted.'],
  [{ agentId: 'bot', toolName: 'refund' }, "it is halted for agent 'bot'."],
  [{ agentId: 'bot', group: 'money' }, "it is halted for agent 'bot'."],
];

describe('Errors of halted calls', () => {
  it('say once what is halted and until when, and never who ordered it or why', () => {
    for (const [scope, what] of SAID)
      for (const untilMs of [undefined, Date.UTC(2030, 0, 2)]) {
        const error = haltedBy(halt(scope, untilMs), CALL);
        const again = untilMs === undefined ? 'until the halt is lifted' : 'before 2030-01-02T00:00:00.000Z';
        expect(error.message).to.equal(`Tool 'refund' is not allowed: ${what} Do not call it again ${again}.`);
        expect(error.message.match(/halted/g)).to.have.length(1);
        expect(error.message.match(/refund/g)).to.have.length(1);
        expect(`${error.message}${JSON.stringify(error)}`).not.to.contain('CANARY');
      }
    expect(haltedByFile(CALL).message).to.equal(haltedBy(halt({ all: true }), CALL).message);
  });

  it('are the reason of a decision without what a client says before it', () => {
    for (const [scope, what] of SAID)
      expect(reasonOf(haltedBy(halt(scope), CALL), CALL)).to.equal(`${what} Do not call it again until the halt is lifted.`);
    expect(reasonOf(unconfirmed(CALL, 'why'), CALL)).to.equal('why. Check that the store can be reached.');
    expect(reasonOf(haltedByFile(CALL), { agentId: 'bot', toolName: 'other' })).to.equal(haltedByFile(CALL).message);
  });

  it('tell a call that runs to stop, and do not say that it did not run', () => {
    const error = abortedBy(CALL);
    expect(error).to.include({ name: 'AbortError', code: 'halted' });
    expect(error.message).to.contain('may have run in part');
    // adapters take each error of the library for a call that did not run
    expect(AegisError.is(error)).to.equal(false);
  });
});
