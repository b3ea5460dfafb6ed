import { AgentTool, BasePlugin, FunctionTool, LlmAgent } from '@google/adk';
import type { Context } from '@google/adk';
import { aegisPlugin } from 'aegislib/adk';
import type { AdkOptions } from 'aegislib/adk';
import { expect } from 'chai';
import * as z from 'zod';
import { askedIn, Conversation, ScriptedLlm, toldIn } from './adkRunner.js';
import type { Asked } from './adkRunner.js';
import { behavesLikeAdapter } from './behavesLikeAdapter.js';
import { approveAll, ASKED, callsOf, moduleOf, POLICIES } from './mail.js';
import type { Mail } from './mail.js';
import { restoredElsewhere } from './restoredElsewhere.js';

const AegisPlugin = aegisPlugin(BasePlugin);
const parameters = z.object({ to: z.string(), amount: z.number() });
const sendTool = (body: (input: Mail) => unknown, more: object = {}) =>
  new FunctionTool({ name: 'send', description: 'sends', parameters, execute: body, ...more });

behavesLikeAdapter({
  name: "Google's ADK",
  native: true,
  entersAtOnce: false,
  async run(options, inputs, body, signal) {
    const talk = new Conversation([new AegisPlugin(options)], [callsOf(inputs)], { tools: [sendTool(body)] });
    const events = await talk.say(undefined, signal);
    return inputs.map((_, i) => toldIn(events, `call-${i + 1}`));
  },
});

describe("Confirmations of Google's ADK", () => {
  let runs: Mail[];
  const body = (input: Mail): string => (runs.push(input), `sent to ${input.to}`);
  beforeEach(() => (runs = []));
  const talkOf = (options: AdkOptions<Context>, more: object = {}, calls = [callsOf([ASKED])]): Conversation =>
    new Conversation([new AegisPlugin(options)], calls, { tools: [sendTool(body, more)] });

  it('say what is asked, and the tool runs once when our desk approved', async () => {
    await using module = moduleOf();
    const talk = talkOf({ module });
    const asked = askedIn(await talk.say()) as Asked;
    expect(asked.payload).to.include({ aegis: 'approval', tool: 'send' });
    expect(asked.hint).to.include('over a hundred needs a person');
    expect(runs).to.deep.equal([]);
    await approveAll(module);
    expect(toldIn(await talk.confirm(asked.id, true), 'call-1')).to.deep.equal({ text: '{"result":"sent to ann"}', refused: false });
    expect(runs).to.deep.equal([ASKED]);
    // once more: the approval is used up
    await talk.confirm(asked.id, true);
    expect(runs).to.deep.equal([ASKED]);
  });

  it('that only the ADK was told yes for run nothing, then or later, and leave nothing open', async () => {
    await using module = moduleOf();
    const talk = talkOf({ module });
    const asked = askedIn(await talk.say()) as Asked;
    const told = toldIn(await talk.confirm(asked.id, true), 'call-1');
    expect([told.refused, told.text.includes('It is not approved')]).to.deep.equal([true, true]);
    await talk.confirm(asked.id, true);
    expect([runs, await module.approvals.list({ status: 'pending' })]).to.deep.equal([[], []]);
  });

  it('that a person refused never run, and leave nothing open', async () => {
    await using module = moduleOf();
    const talk = talkOf({ module });
    const asked = askedIn(await talk.say()) as Asked;
    const told = toldIn(await talk.confirm(asked.id, false), 'call-1');
    expect([told.refused, told.text.includes('a person refused it')]).to.deep.equal([true, true]);
    await approveAll(module).catch(() => {});
    await talk.confirm(asked.id, true);
    expect([runs, await module.approvals.list({ status: 'pending' })]).to.deep.equal([[], []]);
  });

  it('take the yes for a verdict where policy lets the person approve the own call, and not otherwise', async () => {
    for (const self of [false, true]) {
      await using module = moduleOf({
        policies: {
          text: `@id("all") permit (principal, action, resource);
            @id("ask") @effect("approval_needed") ${self ? '@self_approval("true")' : ''} forbid (principal, action, resource);`,
        },
      });
      const talk = talkOf({ module, session: ({ userId }) => ({ user_id: userId }), verdictBy: ({ userId }) => userId });
      const asked = askedIn(await talk.say()) as Asked;
      await talk.confirm(asked.id, true);
      expect(runs).to.have.length(self ? 1 : 0);
    }
  });

  it('of the tool’s own are kept', async () => {
    await using module = moduleOf();
    const talk = talkOf({ module }, { requireConfirmation: true }, [callsOf([{ to: 'ann', amount: 5 }])]);
    const asked = askedIn(await talk.say()) as Asked;
    expect([runs, asked.payload]).to.deep.equal([[], undefined]);
    await talk.confirm(asked.id, true);
    expect(runs).to.deep.equal([{ to: 'ann', amount: 5 }]);
  });

  it('are asked of no one for an input that the tool’s schema refuses', async () => {
    await using module = moduleOf({
      policies: {
        text: '@id("all") permit (principal, action, resource); @id("ask") @effect("approval_needed") forbid (principal, action, resource);',
      },
    });
    for (const input of [{}, { to: 'ann' }, { to: 'ann', amount: '5' }, { to: 7, amount: 5 }]) {
      const events = await talkOf({ module }, {}, [callsOf([input as Mail])]).say();
      expect(toldIn(events, 'call-1').text, JSON.stringify(input)).to.include('do not fit its schema');
      expect(askedIn(events)).to.equal(undefined);
    }
    for (const status of ['pending', 'withdrawn'] as const) expect(await module.approvals.list({ status })).to.deep.equal([]);
    expect(runs).to.deep.equal([]);
  });

  it('of another conversation do not count, though the model names the call the same', async () => {
    await using module = moduleOf();
    const plugin = new AegisPlugin({ module });
    const tools = [sendTool(body)];
    const one = new Conversation([plugin], [callsOf([ASKED])], { tools });
    const asked = askedIn(await one.say()) as Asked;
    await approveAll(module);
    const other = new Conversation([plugin], [callsOf([ASKED])], { tools, appName: 'other' });
    expect(askedIn(await other.say())).to.not.equal(undefined);
    expect(runs).to.deep.equal([]);
    await one.confirm(asked.id, true);
    expect(runs).to.deep.equal([ASKED]);
  });
});

restoredElsewhere("Google's ADK", new URL('./adk.restored.js', import.meta.url));

describe("Tools of Google's ADK", () => {
  it('of a sub-agent are guarded too', async () => {
    const ran: Mail[] = [];
    const inputs = [
      { to: 'ann', amount: 5_000 },
      { to: 'bob@secret.example', amount: 5 },
    ];
    const sub = new LlmAgent({
      name: 'postman',
      description: 'sends',
      model: new ScriptedLlm([callsOf(inputs)]),
      tools: [sendTool((input) => ran.push(input))],
    });
    const transfer = [{ id: 't', name: 'transfer_to_agent', input: { agentName: 'postman' } }];
    const policies = {
      text: `${POLICIES} @id("go") permit (principal, action, resource);`.replaceAll(
        'when { context.input',
        'when { context.input has amount && context.input',
      ),
    };
    await using open = moduleOf({ policies });
    const talk = new Conversation([new AegisPlugin({ module: open })], [transfer], { subAgents: [sub] });
    const events = await talk.say();
    expect(ran).to.deep.equal([{ to: '[email]', amount: 5 }]);
    expect(toldIn(events, 'call-1').refused).to.equal(true);
  });

  it('that are agents are refused, for no plugin reaches what they call, unless those are guarded themselves', async () => {
    const ran: unknown[] = [];
    for (const guarded of [false, true]) {
      await using module = moduleOf({
        policies: {
          text: `@id("ask") permit (principal, action == Aegis::Action::"postman", resource);
            @id("little") permit (principal, action == Aegis::Action::"send", resource) when { context.input.amount < 100 };`,
        },
      });
      const plugin = new AegisPlugin({ module });
      const inputs = [
        { to: 'ann', amount: 5 },
        { to: 'ann', amount: 500 },
      ];
      const agent = new LlmAgent({
        name: 'postman',
        description: 'sends',
        model: new ScriptedLlm([callsOf(inputs)]),
        tools: [sendTool((input) => ran.push(input))],
        ...(guarded && { beforeToolCallback: plugin.beforeTool }),
      });
      const calls = [[{ id: 'p', name: 'postman', input: { request: 'send it' } }]];
      const talk = new Conversation([plugin], calls, { tools: [new AgentTool({ agent })] });
      expect(toldIn(await talk.say(), 'p').refused).to.equal(!guarded);
    }
    expect(ran).to.deep.equal([{ to: 'ann', amount: 5 }]);
  });

  it('run with what was decided: what the agent’s own callback makes of a call comes first, and its answer stands', async () => {
    await using module = moduleOf();
    const ran: Mail[] = [];
    const seen: unknown[] = [];
    const inputs = [
      { to: 'ann', amount: 5 },
      { to: 'bob', amount: 6 },
    ];
    const talk = new Conversation([new AegisPlugin({ module })], [callsOf(inputs)], {
      tools: [sendTool((input) => ran.push(input))],
      beforeToolCallback: ({ args }) => {
        seen.push(args['to']);
        if (args['to'] === 'bob') return { result: 'bob is away' };
        args['amount'] = 5_000;
        return undefined;
      },
    });
    const events = await talk.say();
    expect([seen, ran]).to.deep.equal([['ann', 'bob'], []]);
    expect(toldIn(events, 'call-1').text).to.include('over a thousand is too much');
    expect(toldIn(events, 'call-2').text).to.include('bob is away');
  });

  it('run once where they give nothing, and what they throw is heard by the plugins that listen for it', async () => {
    await using module = moduleOf();
    let runs = 0;
    const tools = [
      sendTool(({ to }) => {
        runs += 1;
        if (to === 'bob') throw new Error('the mailbox is full');
      }),
    ];
    class Listener extends BasePlugin {
      override async onToolErrorCallback({ error }: { error: Error }): Promise<{ heard: string }> {
        return { heard: error.message };
      }
    }
    const inputs = [
      { to: 'ann', amount: 5 },
      { to: 'bob', amount: 5 },
    ];
    const talk = new Conversation([new AegisPlugin({ module }), new Listener('listener')], [callsOf(inputs)], { tools });
    const events = await talk.say();
    expect([runs, toldIn(events, 'call-2').text]).to.deep.equal([2, `{"heard":"Error in tool 'send': the mailbox is full"}`]);
  });

  it('run with what their schema makes of the input, which is what is decided', async () => {
    await using module = moduleOf();
    const ran: Mail[] = [];
    const own = z.object({ to: z.string().trim(), amount: z.number().default(5_000) });
    const tools = [sendTool((input) => ran.push(input), { parameters: own })];
    const calls = [
      { id: 'call-1', input: { to: ' ann ', amount: 5 } },
      { id: 'call-2', input: { to: 'ann' } },
    ];
    const events = await new Conversation([new AegisPlugin({ module })], [calls], { tools }).say();
    expect(ran).to.deep.equal([{ to: 'ann', amount: 5 }]);
    expect(toldIn(events, 'call-2').text).to.include('over a thousand is too much');
  });
});
