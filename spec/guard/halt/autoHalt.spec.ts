import { expect } from 'chai';
import { HaltBook } from '../../../lib/decision/halt/HaltBook.js';
import { guard } from '../../../lib/guard/guard.js';
import { guardSync } from '../../../lib/guard/guardSync.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { autoHaltJournal } from '../../../lib/guard/module/autoHaltJournal.js';
import type { AegisOptions } from '../../../lib/guard/module/AegisOptions.js';
import { MemoryRecordStore } from '../../../lib/store/memory/MemoryRecordStore.js';
import { MemoryTaskStore } from '../../../lib/store/memory/MemoryTaskStore.js';
import { until } from '../../support/until.js';

const POLICIES = {
  text: `@id("all") permit (principal, action, resource);
  @id("no") forbid (principal, action == Aegis::Action::"drop", resource);`,
};
const AUTO = { after: 3, withinMs: 60_000 };

describe('An agent that is refused again and again', () => {
  const world = (more: Partial<AegisOptions> = {}) => {
    const module = AegisModule.create({ policies: POLICIES, agentId: 'bot', autoHalt: AUTO, ...more });
    const drop = guard(async (n: number) => n, { toolName: 'drop', params: ['n'], module });
    const read = guard(async (n: number) => n, { toolName: 'read', params: ['n'], module });
    const tried = async (call: () => unknown): Promise<string> => {
      try {
        await call();
        return 'ran';
      } catch (error) {
        return (error as { readonly code: string }).code;
      }
    };
    const halted = async (): Promise<readonly object[]> =>
      (await module.halts.list()).map(({ scope, by, reason }) => ({ scope, by, reason }));
    return { module, drop, read, tried, halted };
  };

  it('is halted, and no other agent is', async () => {
    const { module, drop, read, tried, halted } = world();
    const other = guard(async () => 'read', { toolName: 'read', agentId: 'other', module });
    for (let i = 0; i < 3; i++) expect(await tried(() => drop(i))).to.equal('policy_violation');
    await until(async () => (await halted()).length > 0);
    expect(await halted()).to.deep.equal([
      { scope: { agentId: 'bot' }, by: 'auto-halt', reason: '3 of its calls were refused within 60 s' },
    ]);
    expect([await tried(() => read(1)), await tried(() => other())]).to.deep.equal(['halted', 'ran']);
    const [halt] = await module.halts.list();
    await module.halts.lift(String(halt?.id), { by: 'ann', reason: 'fixed' });
    expect(await tried(() => read(1))).to.equal('ran');
    await module.close();
  });

  it('counts calls of synchronous guards', async () => {
    const { module, tried, halted } = world();
    const drop = guardSync(() => 'dropped', { toolName: 'drop', module });
    for (let i = 0; i < 3; i++) await tried(() => drop());
    await until(async () => (await halted()).length > 0);
    expect(await halted()).to.have.length(1);
    await module.close();
  });

  it('counts nothing that was not called, and nothing that a tool of another agent calls: no agent has another one halted', async () => {
    const { module, tried, read, halted } = world();
    const victims = guard(async (n: number) => n, { toolName: 'drop', agentId: 'victim', params: ['n'], module });
    // at once, after an await, and within a call of the victim
    const attack = guard(
      async (n: number) => {
        await tried(() => victims(n));
        await new Promise((resolve) => setImmediate(resolve));
        await tried(() => victims(n));
        return tried(() => victims(n));
      },
      { toolName: 'attack', params: ['n'], module },
    );
    const through = guard(async (n: number) => tried(() => victims(n)), { toolName: 'through', agentId: 'victim', params: ['n'], module });
    const attackThrough = guard(async (n: number) => through(n), { toolName: 'attack2', params: ['n'], module });
    for (let i = 0; i < 5; i++) {
      expect(await attack(i)).to.equal('policy_violation');
      expect(await attackThrough(i)).to.equal('policy_violation');
      await module.decide({ toolName: 'drop', params: { n: i } });
    }
    expect(await tried(() => read(1))).to.equal('ran');
    expect(await halted()).to.deep.equal([]);
    await module.close();
  });

  it('is halted for what it caused itself, and not for what no one is known to have caused', async () => {
    const book = new HaltBook({ records: new MemoryRecordStore(), isShared: false, maxStaleMs: 5_000 });
    const journal = autoHaltJournal({ after: 2, withinMs: 60_000 }, () => book, Date.now);
    const misuse = (actor: { readonly kind: 'caller'; readonly agentId?: string }): void =>
      journal.note({
        kind: 'security',
        diagnostic: { kind: 'security', code: 'approval_digest_mismatch', message: 'm', subject: { agentId: 'victim' }, actor },
      });
    for (let i = 0; i < 2; i++) {
      misuse({ kind: 'caller' });
      misuse({ kind: 'caller', agentId: 'bot' });
    }
    await until(() => book.inForce.length > 0);
    expect(book.inForce.map(({ scope }) => scope)).to.deep.equal([{ agentId: 'bot' }]);
  });

  it('is told beside the journals of the program', async () => {
    const events: string[] = [];
    const { module, drop, tried, halted } = world({ journal: { note: ({ kind }) => void events.push(kind) } });
    for (let i = 0; i < 3; i++) await tried(() => drop(i));
    await until(async () => (await halted()).length > 0);
    expect(events.filter((kind) => kind === 'decided')).to.have.length(3);
    await until(() => events.includes('halt'));
    const { module: without } = world({ autoHalt: undefined, journal: { note: () => {} } });
    expect(module.journals).to.have.length(without.journals.length);
    await module.close();
    await without.close();
  });

  it('needs a number and a time, policies, and a place for halts', () => {
    const create =
      (more: Partial<AegisOptions>): (() => unknown) =>
      () =>
        AegisModule.create({ agentId: 'bot', autoHalt: AUTO, ...more });
    for (const autoHalt of [{}, { after: 3 }, { withinMs: 1_000 }])
      expect(create({ policies: POLICIES, autoHalt: autoHalt as never })).to.throw(/autoHalt.*must have `after` and `withinMs`/);
    expect(create({ apiKey: 'k' })).to.throw(/autoHalt.*needs `policies`/);
    const durable = Object.defineProperty(new MemoryTaskStore(), 'durable', { value: true });
    expect(create({ policies: POLICIES, store: durable, stateKey: 'k'.repeat(32) })).to.throw(/autoHalt.*needs a place for halts/);
  });
});
