import { expect } from 'chai';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setImmediate as turn } from 'node:timers/promises';
import { AutoHalt, checkedAutoHalt } from '../../../lib/decision/halt/AutoHalt.js';
import type { AutoHaltOptions } from '../../../lib/decision/halt/AutoHalt.js';
import type { HaltOrder } from '../../../lib/decision/halt/haltRecord.js';
import type { Decision } from '../../../lib/model/Decision.js';
import { EVIDENCE } from '../../../lib/model/DecisionEvidence.js';
import type { Halt, HaltScope } from '../../../lib/model/halt/Halt.js';
import type { SecurityDiagnostic } from '../../../lib/model/diagnostics.js';

const refusal = (code?: string): Decision => ({ effect: 'deny', decisionId: 'd', reason: 'r', [EVIDENCE]: { salt: 's', code } });
const allowed: Decision = { effect: 'allow', decisionId: 'd' };

describe('Halting an agent by itself', () => {
  const world = (more: Partial<AutoHaltOptions> = {}) => {
    let nowMs = 1_000_000;
    let fails = false;
    const ordered: (readonly [HaltScope, HaltOrder])[] = [];
    const inForce: Halt[] = [];
    const halt = async (scope: HaltScope, order: HaltOrder): Promise<Halt> => {
      await turn();
      if (fails) throw new Error('the store is away');
      ordered.push([scope, order]);
      const made: Halt = { id: 'h', scope, pending: 'freeze', by: order.by, reason: order.reason, atMs: nowMs };
      inForce.push(made);
      return made;
    };
    const autoHalt = new AutoHalt(
      { after: 3, withinMs: 10_000, ...more },
      () => ({ halt, inForce }),
      () => nowMs,
    );
    const refuse = async (agentId: string, times: number, code = 'forbidden'): Promise<void> => {
      for (let i = 0; i < times; i++) autoHalt.decided(agentId, refusal(code));
      for (let i = 0; i < 4; i++) await turn();
    };
    return { autoHalt, ordered, inForce, refuse, pass: (ms: number) => (nowMs += ms), fail: (is: boolean) => (fails = is) };
  };

  it('halts it alone, until the halt is lifted, once so many of its calls were refused in time', async () => {
    const { ordered, refuse } = world();
    await refuse('bot', 2);
    await refuse('other', 2, 'no_permit');
    expect(ordered).to.deep.equal([]);
    await refuse('bot', 1, 'no_permit');
    expect(ordered).to.deep.equal([
      [{ agentId: 'bot' }, { by: 'auto-halt', reason: '3 of its calls were refused within 10 s', pending: undefined, untilMs: undefined }],
    ]);
  });

  it('halts it for a time, and ends what waits, where it is told to', async () => {
    const { ordered, refuse } = world({ after: 1, forMs: 60_000.5, pending: 'cancel' });
    await refuse('bot', 1);
    expect(ordered[0]?.[1]).to.include({ pending: 'cancel', untilMs: 1_060_001 });
  });

  it('forgets what was too long ago', async () => {
    const { ordered, refuse, pass } = world();
    for (let i = 0; i < 10; i++) {
      await refuse('bot', 1);
      pass(5_000);
    }
    expect(ordered).to.deep.equal([]);
    await refuse('bot', 2);
    expect(ordered).to.have.length(1);
  });

  it('counts nothing that is not its doing: what is allowed, and refusals for which policies, facts, limits or people are the cause', async () => {
    const { autoHalt, ordered, refuse } = world({ after: 1 });
    for (const code of [
      'policy_error',
      'facts_failed',
      'limit_reached',
      'recently_denied',
      'halted',
      'halt_unknown',
      'null_read',
      'unattended',
    ])
      await refuse('bot', 5, code);
    autoHalt.decided('bot', refusal());
    autoHalt.decided('bot', { effect: 'deny', decisionId: 'd', reason: 'r' });
    for (let i = 0; i < 5; i++) autoHalt.decided('bot', allowed);
    await refuse('bot', 0);
    expect(ordered).to.deep.equal([]);
  });

  it('counts what looked forged against the agent that is known to have caused it, and never against the one that it is about', async () => {
    const { autoHalt, ordered, refuse } = world({ after: 2 });
    const note = (actor: SecurityDiagnostic['actor']): void =>
      autoHalt.noted({
        kind: 'security',
        diagnostic: { kind: 'security', code: 'c', message: 'm', subject: { agentId: 'victim' }, actor },
      });
    for (let i = 0; i < 5; i++) {
      note(undefined);
      note({ kind: 'caller', taskId: 't' });
      note({ kind: 'store', agentId: 'bot' });
      note({ kind: 'service' });
    }
    autoHalt.noted({ kind: 'policies', hash: 'h' });
    await refuse('bot', 0);
    expect(ordered).to.deep.equal([]);
    note({ kind: 'caller', agentId: 'attacker' });
    note({ kind: 'caller', agentId: 'attacker' });
    await refuse('bot', 0);
    expect(ordered.map(([scope]) => scope)).to.deep.equal([{ agentId: 'attacker' }]);
  });

  it('orders one halt however many refusals come meanwhile, and none where the agent is halted', async () => {
    const { ordered, inForce, refuse } = world();
    await refuse('bot', 50);
    await refuse('bot', 50);
    expect(ordered).to.have.length(1);
    const [halt] = inForce.splice(0) as [Halt];
    await refuse('bot', 3);
    expect(ordered).to.have.length(2);
    for (const scope of [{ all: true }, { agentId: 'bot' }] as const) {
      inForce.splice(0, 9, { ...halt, scope });
      await refuse('bot', 9);
    }
    expect(ordered).to.have.length(2);
    inForce.splice(0, 9, { ...halt, scope: { agentId: 'bot', toolName: 'read' } });
    await refuse('bot', 3);
    expect(ordered).to.have.length(3);
  });

  it('is kept from it by no pause of a person that ends before', async () => {
    for (const [forMs, pauseMs, isHalted] of [
      [undefined, 60_000, true],
      [60_000, 59_999, true],
      [60_000, 60_000, false],
      [60_000, 3_600_000, false],
    ] as const)
      for (const scope of [{ all: true }, { agentId: 'bot' }] as const) {
        const { ordered, inForce, refuse } = world({ forMs });
        const pause: Halt = { id: 'p', scope, pending: 'freeze', by: 'ann', reason: 'r', atMs: 0, untilMs: 1_000_000 + pauseMs };
        inForce.push(pause);
        await refuse('bot', 3);
        expect(ordered, `${String(forMs)} ${pauseMs}`).to.have.length(isHalted ? 1 : 0);
        // another process has halted it by itself, a moment before
        inForce.splice(0, 9, { ...pause, by: 'auto-halt' });
        await refuse('bot', 3);
        expect(ordered).to.have.length(isHalted ? 1 : 0);
      }
  });

  it('tries again at the next refusal where the halt could not be ordered, and says so', async () => {
    const { ordered, refuse, fail } = world();
    const told: unknown[] = [];
    const tell = (message: unknown): void => void told.push((message as { readonly where?: string }).where);
    subscribe('aegis:diagnostics', tell);
    fail(true);
    await refuse('bot', 3);
    unsubscribe('aegis:diagnostics', tell);
    expect([told, ordered]).to.deep.equal([['halting an agent by itself'], []]);
    fail(false);
    await refuse('bot', 1);
    expect(ordered).to.have.length(1);
  });

  it('remembers so many agents, those that were refused last', async () => {
    const { autoHalt, ordered, refuse } = world();
    autoHalt.decided('early', refusal('forbidden'));
    autoHalt.decided('early', refusal('forbidden'));
    for (let i = 0; i < 10_000; i++) autoHalt.decided(`a${i}`, refusal('forbidden'));
    await refuse('early', 1);
    expect(ordered).to.deep.equal([]);
  });

  it('has options in a range, all of whose problems are named', () => {
    const good = { after: 3, withinMs: 1_000, forMs: 1_000, pending: 'freeze' } as const;
    expect(checkedAutoHalt('autoHalt', good)).to.deep.include(good);
    expect(checkedAutoHalt('autoHalt', { after: 10_000, withinMs: 86_400_000 })).to.include({ after: 10_000 });
    for (const [bad, count] of [
      [{ after: 0, withinMs: 1 }, 2],
      [{ after: Infinity, withinMs: Infinity, forMs: Infinity }, 3],
      [{ after: 10_001, withinMs: 1_000 }, 1],
      [{ after: 1, withinMs: 1_000, forMs: 999 }, 1],
    ] as const)
      expect(() => checkedAutoHalt('autoHalt', bad))
        .to.throw()
        .with.property('problems')
        .that.has.length(count);
    expect(() => checkedAutoHalt('autoHalt', { after: 1.5, withinMs: 1_000 })).to.throw(/after/);
    expect(() => checkedAutoHalt('autoHalt', {} as never)).to.throw(/after/);
  });
});
