import { expect } from 'chai';
import { AegisModule, ConfigError } from 'aegislib';
import { aegisHooks } from 'aegislib/claude';
import type { ClaudeHookInput, ClaudeHookOutput, ClaudeOptions } from 'aegislib/claude';
import { serviceOf } from './behavesLikeAdapter.js';
import { approveAll, moduleOf, msOf, until } from './mail.js';
import type { Mail } from './mail.js';
import { ClaudeCli, claudeSdk } from './claudeCli.js';
import type { Played } from './claudeCli.js';
import { counted } from './counted.js';

type Decision = NonNullable<ClaudeHookOutput['hookSpecificOutput']>;

const TOOL = 'mcp__post__send';

describe('The hooks of the Claude Agent SDK', () => {
  let module: AegisModule;
  let played = 0;
  beforeEach(() => {
    module = moduleOf();
    played += 1;
  });
  afterEach(() => module.close());
  after(function () {
    const wrong = this.test?.parent?.tests.filter((test) => test.state === 'failed').length ?? 0;
    counted({ what: 'hooks of the Claude Agent SDK', cases: played, wrong });
  });

  const inputOf = (tool_input: unknown, more: Partial<ClaudeHookInput> = {}): ClaudeHookInput => ({
    hook_event_name: 'PreToolUse',
    session_id: 'session-1',
    cwd: '/srv',
    permission_mode: 'default',
    tool_name: TOOL,
    tool_use_id: 'toolu_1',
    tool_input,
    ...more,
  });
  /** Calls the hook as the CLI does; `undefined` is: nothing to say. */
  async function ask(
    input: ClaudeHookInput,
    options: ClaudeOptions = {},
    signal = new AbortController().signal,
  ): Promise<Decision | undefined> {
    const [matcher] = aegisHooks({ module, ...options }).PreToolUse;
    const output = await matcher?.hooks[0]?.(input, input.tool_use_id, { signal });
    return output?.hookSpecificOutput;
  }
  const asked = (): Promise<void> => until(async () => (await module.approvals.list()).length > 0);
  async function decideAll(verdict: 'approve' | 'deny'): Promise<void> {
    for (const { decisionId, digest } of await module.approvals.list()) await module.approvals[verdict](decisionId, { by: 'ann', digest });
  }

  it('always block where they fail, and have a timeout that comes after their own deadline', () => {
    for (const [options, timeout] of [
      [{}, 665],
      [{ approval: 'wait', waitMs: 1_500 }, 67],
      [{ approval: 'native' }, 65],
      [{ timeoutMs: 400 }, 6],
    ] as const) {
      const { PreToolUse } = aegisHooks({ module, ...options });
      expect(PreToolUse).to.have.length(1);
      expect(PreToolUse[0]).to.include({ onFailure: 'block', timeout });
      expect(PreToolUse[0]).to.not.have.property('matcher'); // every tool
    }
    expect(aegisHooks({ module, matcher: 'mcp__.*' }).PreToolUse[0]).to.include({ matcher: 'mcp__.*' });
  });

  it('have nothing to say to an allowed call, so that the CLI asks as it does, or grant it where told to', async () => {
    expect(await ask(inputOf({ to: 'ann', amount: 5 }))).to.equal(undefined);
    expect(await ask(inputOf({ to: 'ann', amount: 5 }), { allow: 'grant' })).to.deep.equal({
      hookEventName: 'PreToolUse',
      permissionDecision: 'allow',
    });
  });

  it('deny what policy denies, with the reason for the model, and no stack', async () => {
    for (const permission_mode of ['default', 'bypassPermissions', 'acceptEdits', 'plan']) {
      const said = await ask(inputOf({ to: 'ann', amount: 5_000 }, { permission_mode }), { allow: 'grant' });
      expect(said).to.include({ hookEventName: 'PreToolUse', permissionDecision: 'deny' });
      expect(said?.permissionDecisionReason)
        .to.include('over a thousand is too much')
        .and.not.match(/\bat .*\.[jt]s:\d/);
    }
  });

  it('grant a sanitized call with the input that policy made, whatever `allow` says', async () => {
    for (const allow of ['grant', 'passthrough'] as const) {
      const input = inputOf({ to: 'bob@secret.example', amount: 5 });
      const said = await ask(input, { allow });
      expect(JSON.parse(JSON.stringify(said))).to.deep.equal({
        hookEventName: 'PreToolUse',
        permissionDecision: 'allow',
        updatedInput: { to: '[email]', amount: 5 },
      });
      expect(input.tool_input, 'the input is not changed').to.deep.equal({ to: 'bob@secret.example', amount: 5 });
    }
  });

  it('grant the input that was decided on where it was changed since', async () => {
    const slow = AegisModule.create({
      agentId: 'mailer',
      decisions: serviceOf(async () => {
        input.amount = 5_000;
        return { effect: 'allow', decisionId: 'd1' };
      }),
    });
    const input = { to: 'ann', amount: 5 };
    const said = await ask(inputOf(input), { module: slow });
    expect(JSON.parse(JSON.stringify(said?.updatedInput))).to.deep.equal({ to: 'ann', amount: 5 });
    await slow.close();
  });

  it('wait for a person, and grant what was approved', async () => {
    const answer = ask(inputOf({ to: 'ann', amount: 500 }));
    await asked();
    await decideAll('approve');
    expect(await answer).to.deep.equal({ hookEventName: 'PreToolUse', permissionDecision: 'allow' });
  });

  it('deny what a person refused, or nobody decided in time', async () => {
    const answer = ask(inputOf({ to: 'ann', amount: 500 }));
    await asked();
    await decideAll('deny');
    expect(await answer).to.include({ permissionDecision: 'deny' });
    const late = await ask(inputOf({ to: 'eve', amount: 500 }), { waitMs: 20 });
    expect(late).to.include({ permissionDecision: 'deny' });
    expect(await module.approvals.list({ status: 'pending' })).to.deep.equal([]);
  });

  it('defer natively, and grant the same call of the same session once, when it is asked for again and approved', async () => {
    const native: ClaudeOptions = { approval: 'native' };
    const input = inputOf({ to: 'ann', amount: 500 });
    const first = await ask(input, native);
    expect(first).to.include({ permissionDecision: 'defer' });
    expect(first?.permissionDecisionReason).to.include('over a hundred needs a person');
    const hooks = aegisHooks({ module, ...native }).PreToolUse[0]?.hooks[0];
    const again = async (more: ClaudeHookInput = input): Promise<string | undefined> =>
      (await hooks?.(more, more.tool_use_id, { signal: new AbortController().signal }))?.hookSpecificOutput?.permissionDecision;
    expect(await again()).to.equal('defer');
    await decideAll('approve');
    // the approval that these hooks wait for; that of the first ones is another guard's
    expect(await again(inputOf({ to: 'ann', amount: 500 }, { session_id: 'session-2' })), 'another session').to.equal('defer');
    expect(await again(inputOf({ to: 'ann', amount: 501 })), 'another input').to.equal('defer');
    // the CLI may repeat the call under another id: the approval is for one of them
    expect(await again(inputOf({ to: 'ann', amount: 500 }, { tool_use_id: 'toolu_2' }))).to.equal('allow');
    expect(await again(), 'a second time').to.equal('defer');
  });

  it('come in two where they defer, and the second asks where the first one defers, whichever is called first', async () => {
    const [first, second, ...others] = aegisHooks({ module, approval: 'native', allow: 'grant' }).PreToolUse[0]?.hooks ?? [];
    expect(others).to.deep.equal([]);
    const both = async (input: ClaudeHookInput, order: 'in order' | 'the other way'): Promise<(string | undefined)[]> => {
      const options = { signal: new AbortController().signal };
      const calls = [() => first?.(input, input.tool_use_id, options), () => second?.(input, input.tool_use_id, options)];
      const outputs = await Promise.all((order === 'in order' ? calls : calls.toReversed()).map((call) => call()));
      const said = outputs.map((output) => output?.hookSpecificOutput?.permissionDecision);
      return order === 'in order' ? said : said.toReversed();
    };
    for (const order of ['in order', 'the other way'] as const) {
      const more = { tool_use_id: order };
      expect(await both(inputOf({ to: 'ann', amount: 5 }, more), order)).to.deep.equal(['allow', undefined]);
      expect(await both(inputOf({ to: 'ann', amount: 5_000 }, more), order)).to.deep.equal(['deny', undefined]);
      for (let i = 0; i < 2; i++) expect(await both(inputOf({ to: 'ann', amount: 500 }, more), order)).to.deep.equal(['defer', 'ask']);
      await decideAll('approve');
      expect(await both(inputOf({ to: 'ann', amount: 500 }, more), order)).to.deep.equal(['allow', undefined]);
    }
    // an answer that was not heard is none to the next question
    const options = { signal: new AbortController().signal };
    await first?.(inputOf({ to: 'ann', amount: 5 }), 'toolu_1', options);
    expect(await both(inputOf({ to: 'ann', amount: 500 }), 'in order')).to.deep.equal(['defer', 'ask']);
    expect(aegisHooks({ module }).PreToolUse[0]?.hooks).to.have.length(1);
  });

  it('ask, where the first of two is never called', async () => {
    const second = aegisHooks({ module, approval: 'native', timeoutMs: 20 }).PreToolUse[0]?.hooks[1];
    const output = await second?.(inputOf({ to: 'ann', amount: 5 }), 'toolu_1', { signal: new AbortController().signal });
    expect(output?.hookSpecificOutput).to.include({ permissionDecision: 'ask' });
  });

  it('deny instead of deferring in a mode in which the CLI may run what it does not defer', async () => {
    for (const permission_mode of ['auto', 'a mode of tomorrow', undefined]) {
      const said = await ask(inputOf({ to: 'ann', amount: 500 }, { permission_mode } as never), { approval: 'native' });
      expect(said).to.include({ permissionDecision: 'deny' });
    }
    expect(await module.approvals.list({ status: 'pending' })).to.deep.equal([]);
  });

  it('refuse what needs a person where nobody is asked', async () => {
    const said = await ask(inputOf({ to: 'ann', amount: 500 }), { approval: 'deny' });
    expect(said).to.include({ permissionDecision: 'deny' });
    expect(await module.approvals.list({ status: 'pending' })).to.deep.equal([]);
  });

  it('deny, and never reject, where the decision service throws, hangs or says nonsense', async () => {
    for (const decide of [
      () => {
        throw new Error('away');
      },
      () => Promise.reject(new Error('away')),
      () => new Promise(() => {}),
      () => ({ effect: 'perhaps' }),
      () => undefined,
    ]) {
      const failing = AegisModule.create({ decisions: serviceOf(decide as never), agentId: 'mailer' });
      const said = await ask(inputOf({ to: 'ann', amount: 5 }), { module: failing, timeoutMs: 50, allow: 'grant' });
      expect(said).to.include({ permissionDecision: 'deny' });
      expect(said?.permissionDecisionReason).to.not.match(/\bat .*\.[jt]s:\d/);
      await failing.close();
    }
  });

  it('deny where no module, agent or option answers', async () => {
    const nameless = AegisModule.create({ policies: { text: '@id("all") permit (principal, action, resource);' } });
    const closed = moduleOf();
    await closed.close();
    const broken = (): never => {
      throw new Error('x');
    };
    for (const options of [
      { module: undefined },
      { module: nameless },
      { module: closed },
      { toolName: broken },
      { session: broken },
      { toolName: () => 'no name!' },
    ])
      expect(await ask(inputOf({ to: 'ann', amount: 5 }), { allow: 'grant', ...options } as never)).to.include({
        permissionDecision: 'deny',
      });
    await nameless.close();
  });

  it('deny, and never reject, what the CLI asks in a way that nobody knows', async () => {
    const inputs: readonly unknown[] = [
      undefined,
      null,
      {},
      inputOf(undefined),
      inputOf('text'),
      inputOf([]),
      inputOf({ to: 'ann', amount: 5 }, { tool_name: undefined as never }),
      inputOf({ to: 'ann', amount: 5 }, { session_id: '' }),
      inputOf({ to: 'ann', amount: 5 }, { tool_use_id: 7 as never }),
      inputOf(JSON.parse('{"to":"ann","amount":5,"__proto__":{}}')),
      inputOf({ to: new Map() }),
    ];
    const hook = aegisHooks({ module, allow: 'grant' }).PreToolUse[0]?.hooks[0];
    for (const input of inputs)
      for (const options of [{ signal: new AbortController().signal }, {}, undefined]) {
        const output = await hook?.(input as never, undefined, options as never);
        expect(output?.hookSpecificOutput, JSON.stringify(input)).to.include({ permissionDecision: 'deny' });
      }
  });

  it('end the wait when the query is aborted, and grant nothing later', async () => {
    const controller = new AbortController();
    const answer = ask(inputOf({ to: 'ann', amount: 500 }), {}, controller.signal);
    await asked();
    controller.abort();
    expect(await msOf(answer)).to.be.below(100);
    expect(await answer).to.include({ permissionDecision: 'deny' });
    expect(await ask(inputOf({ to: 'ann', amount: 5 }), { allow: 'grant' }, controller.signal)).to.include({ permissionDecision: 'deny' });
  });

  it('tell options which session, sub-agent and directory a call is of', async () => {
    const seen: unknown[] = [];
    const options: ClaudeOptions = {
      agentId: ({ agent_type }) => (agent_type === undefined ? 'mailer' : `mailer/${agent_type}`),
      session: ({ session_id, cwd }) => ({ user_id: session_id, cwd: cwd ?? '' }),
      toolName: (name) => name.replace('mcp__post__', 'post.'),
    };
    const counting = AegisModule.create({
      decisions: serviceOf(
        ({ agentId, toolName, session }) => (seen.push([agentId, toolName, session]), { effect: 'allow', decisionId: `d${seen.length}` }),
      ),
    });
    await ask(inputOf({ to: 'ann', amount: 5 }), { module: counting, ...options });
    await ask(inputOf({ to: 'ann', amount: 5 }, { agent_id: 'a1', agent_type: 'reviewer' }), { module: counting, ...options });
    await counting.close();
    expect(JSON.parse(JSON.stringify(seen))).to.deep.equal([
      ['mailer', 'post.send', { user_id: 'session-1', cwd: '/srv' }],
      ['mailer/reviewer', 'post.send', { user_id: 'session-1', cwd: '/srv' }],
    ]);
  });

  it('are refused with options that cannot be', () => {
    for (const options of [
      { approval: 'defer' },
      { approval: 'ask' },
      { allow: 'ask' },
      { timeoutMs: 0 },
      { timeoutMs: NaN },
      { waitMs: Infinity },
    ])
      expect(() => aegisHooks({ module, ...options } as never), JSON.stringify(options)).to.throw(ConfigError);
  });
});

const sdk = await claudeSdk();
if (sdk === undefined) console.log('  The hooks were not tried with the CLI: @anthropic-ai/claude-agent-sdk is not installed.');
else
  describe('The CLI of the Claude Agent SDK, with these hooks', function () {
    this.timeout(60_000);
    const cli = new ClaudeCli(sdk);
    let module: AegisModule;
    let runs: Mail[];
    const send = (mail: Mail): string => {
      runs.push(mail);
      return `sent to ${mail.to}`;
    };
    beforeEach(() => {
      module = moduleOf();
      runs = [];
    });
    afterEach(() => module.close());
    after(() => cli.remove());

    const play = (input: Mail, options: ClaudeOptions = {}, more: Record<string, unknown> = {}): Promise<Played> =>
      cli.play([{ id: 'toolu_1', input }], aegisHooks({ module, ...options }), send, more);

    it('runs what is allowed where its own permissions allow it too, or where it is granted', async () => {
      await play({ to: 'ann', amount: 5 });
      expect(runs).to.deep.equal([{ to: 'ann', amount: 5 }]);
      await play({ to: 'bob', amount: 5 }, {}, { allowedTools: [] });
      expect(runs).to.have.length(1);
      await play({ to: 'eve', amount: 5 }, { allow: 'grant' }, { allowedTools: [] });
      expect(runs.at(-1)).to.deep.equal({ to: 'eve', amount: 5 });
    });

    it('runs nothing that is denied, whatever its own permissions say, and shows the model why', async () => {
      const bypass = { permissionMode: 'bypassPermissions', allowDangerouslySkipPermissions: true };
      for (const more of [{}, bypass, { canUseTool: async (_: string, input: object) => ({ behavior: 'allow', updatedInput: input }) }]) {
        const { told } = await play({ to: 'ann', amount: 5_000 }, { allow: 'grant' }, more);
        expect(told.get('toolu_1')).to.include({ refused: true });
        expect(told.get('toolu_1')?.text).to.include('over a thousand is too much');
      }
      expect(runs).to.deep.equal([]);
    });

    it('runs a sanitized call with the new input', async () => {
      await play({ to: 'bob@secret.example', amount: 5 });
      expect(runs).to.deep.equal([{ to: '[email]', amount: 5 }]);
    });

    it('waits for a person', async () => {
      const played = play({ to: 'ann', amount: 500 }, {}, { allowedTools: [] });
      while ((await module.approvals.list()).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      expect(runs).to.deep.equal([]);
      await approveAll(module);
      expect((await played).told.get('toolu_1')?.text).to.include('sent to ann');
      expect(runs).to.deep.equal([{ to: 'ann', amount: 500 }]);
    });

    it('defers, and runs the call once when the session is resumed after the approval', async () => {
      const hooks = aegisHooks({ module, approval: 'native' });
      const calls = [{ id: 'toolu_1', input: { to: 'ann', amount: 500 } }];
      const { stopped, deferred, sessionId } = await cli.play(calls, hooks, send);
      expect([stopped, deferred, runs]).to.deep.equal(['tool_deferred', 'toolu_1', []]);
      const early = await cli.play(calls, hooks, send, { resume: sessionId });
      expect([early.stopped, runs]).to.deep.equal(['tool_deferred', []]);
      await approveAll(module);
      const { told } = await cli.play(calls, hooks, send, { resume: sessionId });
      expect(told.get('toolu_1')?.text).to.include('sent to ann');
      expect(runs).to.deep.equal([{ to: 'ann', amount: 500 }]);
    });

    it('runs nothing that it should defer and does not, in any mode', async () => {
      // where a model does not stream, one message holds both calls, and the CLI defers neither
      const calls = [
        { id: 'toolu_1', input: { to: 'ann', amount: 500 } },
        { id: 'toolu_2', input: { to: 'bob', amount: 500 } },
      ];
      for (const permissionMode of ['default', 'acceptEdits', 'bypassPermissions', 'dontAsk', 'plan']) {
        const more = { permissionMode, allowDangerouslySkipPermissions: true };
        const hooks = aegisHooks({ module, approval: 'native' });
        const { told, deferred } = await cli.play(calls, hooks, send, more, false);
        expect([permissionMode, deferred, told.get('toolu_1')?.refused, told.get('toolu_2')?.refused]).to.deep.equal([
          permissionMode,
          undefined,
          true,
          true,
        ]);
        expect(told.get('toolu_1')?.text).to.include('over a hundred needs a person');
      }
      expect(runs).to.deep.equal([]);
    });

    it('runs nothing where the decision service is away', async () => {
      const away = AegisModule.create({
        agentId: 'mailer',
        decisions: serviceOf(() => {
          throw new Error('away');
        }),
      });
      const { told } = await play({ to: 'ann', amount: 5 }, { module: away });
      expect(told.get('toolu_1')).to.include({ refused: true });
      expect(runs).to.deep.equal([]);
      await away.close();
    });
  });
