import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { aegisHooks } from '../../../lib/adapter/claude/aegisHooks.js';
import type { ClaudeOptions } from '../../../lib/adapter/claude/aegisHooks.js';
import type { ClaudeHookInput } from '../../../lib/adapter/claude/ClaudeHook.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { countedSuite } from '../../support/assurance.js';
import { runInChild } from '../../support/runInChild.js';

const POLICIES = `@id("all") permit (principal, action, resource);
  @id("ask") @effect("approval_needed") forbid (principal, action, resource);`;
const AT_ONCE = 64;
const LATER = 10;
const hasSqlite = Number(process.versions.node.split('.')[0]) >= 22;

/** Equal calls, each under an id of its own or all under one, as a CLI that is resumed three times at once has it. */
const IDS = [
  ['one id', () => 'toolu_1'],
  ['ids of their own', (i: number) => `toolu_${i}`],
] as const;

describe('A grant of a hook of Claude', () => {
  let questions = 0;
  let module: AegisModule;
  beforeEach(() => (module = AegisModule.create({ policies: { text: POLICIES }, agentId: 'coder' })));
  afterEach(() => module.close());
  countedSuite('A4 equal questions to the hooks of Claude, one approval', () => ({ cases: questions }));

  const ask = async (
    options: ClaudeOptions,
    more: Partial<ClaudeHookInput> = {},
    signal = new AbortController().signal,
  ): Promise<string> => {
    questions += 1;
    const input = {
      session_id: 's',
      tool_name: 'Bash',
      tool_use_id: 't',
      permission_mode: 'default',
      tool_input: { command: 'ls' },
      ...more,
    };
    const output = await aegisHooks({ module, ...options }).PreToolUse[0]?.hooks[0]?.(input, input.tool_use_id, { signal });
    return output?.hookSpecificOutput?.permissionDecision ?? 'none';
  };
  const pending = () => module.approvals.list({ status: 'pending' });
  const decide = async (verdict: 'approve' | 'deny'): Promise<void> => {
    for (const { decisionId, digest } of await pending()) await module.approvals[verdict](decisionId, { by: 'ann', digest });
  };
  const asked = async (): Promise<void> => {
    while ((await pending()).length === 0) await new Promise(setImmediate);
  };
  const grants = (answers: readonly string[]): number => answers.filter((answer) => answer !== 'deny' && answer !== 'defer').length;

  for (const [name, idOf] of IDS) {
    it(`is for one of many equal questions at once, and for none later, where the query is resumed (${name})`, async () => {
      const native: ClaudeOptions = { approval: 'native' };
      expect(await ask(native, { tool_use_id: idOf(0) })).to.equal('defer');
      expect(await pending()).to.have.length(1);
      await decide('approve');
      const atOnce = await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => ask(native, { tool_use_id: idOf(i) })));
      const later: string[] = [];
      for (let i = 0; i < LATER; i++) later.push(await ask(native, { tool_use_id: idOf(AT_ONCE + i) }));
      expect([grants(atOnce), grants(later)]).to.deep.equal([1, 0]);
      expect(await pending(), 'the later ones ask one question').to.have.length(1);
    });

    it(`is for one of many that wait for one person (${name})`, async () => {
      const waiting = Array.from({ length: AT_ONCE }, (_, i) => ask({}, { tool_use_id: idOf(i) }));
      await asked();
      expect(await pending(), 'they share one question').to.have.length(1);
      await decide('approve');
      const answers = await Promise.all(waiting);
      expect([grants(answers), answers.filter((answer) => answer === 'deny').length]).to.deep.equal([1, AT_ONCE - 1]);
      expect(await pending()).to.deep.equal([]);
    });
  }

  it('is never for a call whose CLI has left, and is not given to another one for it', async () => {
    const controller = new AbortController();
    const left = ask({}, { tool_use_id: 'left' }, controller.signal);
    await asked();
    const others = Array.from({ length: 3 }, (_, i) => ask({}, { tool_use_id: `t${i}` }));
    await new Promise(setImmediate);
    controller.abort();
    expect(await left).to.equal('deny');
    await decide('approve');
    expect(grants(await Promise.all(others))).to.be.at.most(1);
  });

  it('is refused to equal calls that come after a no, without another question', async () => {
    const first = ask({});
    await asked();
    await decide('deny');
    expect(await first).to.equal('deny');
    for (const tool_use_id of ['t', 'u', 'v', 'w']) expect(await ask({}, { tool_use_id })).to.equal('deny');
    expect(await module.approvals.list({ status: 'denied' })).to.have.length(1);
    expect(await pending()).to.deep.equal([]);
  });

  it('leaves the question of an equal call open in a mode in which the CLI can ask no one', async () => {
    expect(await ask({ approval: 'native' })).to.equal('defer');
    expect(await ask({ approval: 'native' }, { permission_mode: 'auto', tool_use_id: 'u' })).to.equal('deny');
    expect(await ask({ approval: 'deny' }, { tool_use_id: 'v' })).to.equal('deny');
    expect(await pending()).to.have.length(1);
  });

  it('is for one of the questions of three processes on one store', async function () {
    if (!hasSqlite) this.skip();
    this.timeout(20_000);
    const folder = await mkdtemp(join(tmpdir(), 'aegis-claude-'));
    try {
      const file = join(folder, 'aegis.db');
      const program = (then: string): string => `
        import { AegisModule } from 'aegislib';
        import { sqliteStore } from 'aegislib/sqlite';
        import { aegisHooks } from 'aegislib/claude';
        const store = sqliteStore(${JSON.stringify(file)});
        const module = AegisModule.create({ policies: { text: ${JSON.stringify(POLICIES)} }, agentId: 'coder', store });
        await module.ready();
        const [hook] = aegisHooks({ module, approval: 'native' }).PreToolUse[0].hooks;
        const ask = async (i) => {
          const id = 'toolu_' + i;
          const input = { session_id: 's', tool_name: 'Bash', tool_use_id: id, permission_mode: 'default', tool_input: { command: 'ls' } };
          return (await hook(input, id, { signal: new AbortController().signal })).hookSpecificOutput.permissionDecision;
        };
        ${then}
        await module.close();`;
      const nodeArgs = ['--disable-warning=ExperimentalWarning'];
      const first = await runInChild(
        program(`await ask(0);
          const [{ decisionId, digest }, ...others] = await module.approvals.list();
          if (others.length > 0) throw new Error('more than one question');
          await module.approvals.approve(decisionId, { by: 'ann', digest });`),
        { nodeArgs, timeoutMs: 15_000 },
      );
      expect([first.code, first.stderr]).to.deep.equal([0, '']);
      const children = Array.from({ length: 3 }, (_, child) =>
        runInChild(
          program(`
            const atOnce = await Promise.all(Array.from({ length: ${AT_ONCE} }, (_, i) => ask(${child} * 1000 + i)));
            const later = [];
            for (let i = 0; i < ${LATER}; i++) later.push(await ask(${child} * 1000 + 500 + i));
            console.log(JSON.stringify([...atOnce, ...later]));`),
          { nodeArgs, timeoutMs: 15_000 },
        ),
      );
      const answers = (await Promise.all(children)).flatMap(({ code, stdout, stderr }) => {
        expect([code, stderr]).to.deep.equal([0, '']);
        return JSON.parse(stdout) as string[];
      });
      questions += answers.length;
      expect([answers.length, grants(answers)]).to.deep.equal([3 * (AT_ONCE + LATER), 1]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
