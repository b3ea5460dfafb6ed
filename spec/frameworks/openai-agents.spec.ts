import { expect } from 'chai';
import { Agent, RunState, Runner, codeInterpreterTool, setTracingDisabled, shellTool, tool } from '@openai/agents';
import type { FunctionTool, RunContext } from '@openai/agents';
import { ScriptedModel, assistantMessage, functionCall } from '@openai/agents/testing';
import { guardTools, rejectCall, tellRefusals } from 'aegislib/openai-agents';
import * as z from 'zod';
import { behavesLikeAdapter } from './behavesLikeAdapter.js';
import { approveAll, ASKED, moduleOf, SELF_APPROVED } from './mail.js';
import type { Told } from './behavesLikeAdapter.js';
import type { Mail } from './mail.js';
import { restoredElsewhere } from './restoredElsewhere.js';

setTracingDisabled(true);
const runner = new Runner({ tracingDisabled: true });
const MAIL = z.object({ to: z.string(), amount: z.number() });

function sendTool(body: (input: Mail) => unknown, more: object = {}): FunctionTool<unknown, typeof MAIL, unknown> {
  return tool({
    name: 'send',
    description: 'sends',
    parameters: MAIL,
    execute: async (input: Mail) => body(input) as string,
    errorFunction: tellRefusals,
    ...more,
  });
}

/** A model that makes all of these calls in one answer, and then ends. */
function calling(...inputs: readonly (Mail | string | Record<string, unknown>)[]): ScriptedModel {
  const calls = inputs.map((input, i) => functionCall('send', input as Record<string, unknown>, { callId: `call-${i + 1}` }));
  return new ScriptedModel([...(calls.length > 0 ? [calls] : []), [assistantMessage('done')]]);
}

function agentOf(model: ScriptedModel, ...tools: readonly object[]): Agent<unknown> {
  return new Agent({ name: 'mailer', model, tools: tools as FunctionTool[] });
}

/** What the last prompt of a model says of a call. */
function toldIn(model: ScriptedModel, callId: string): string {
  const input = model.lastCall?.request.input ?? [];
  const item = typeof input === 'string' ? undefined : input.find((one) => one.type === 'function_call_result' && one.callId === callId);
  return JSON.stringify((item as { output?: unknown } | undefined)?.output ?? null).replaceAll('\\"', '"');
}

behavesLikeAdapter({
  name: 'the OpenAI Agents SDK',
  native: true,
  async run(options, inputs, body, signal) {
    const [send] = guardTools([sendTool(body)], options);
    const model = calling(...inputs);
    await runner.run(agentOf(model, send), 'go', { ...(signal && { signal }) });
    return inputs.map((_, i): Told => ({ text: toldIn(model, `call-${i + 1}`), refused: undefined }));
  },
});

describe('Native approvals of the OpenAI Agents SDK', () => {
  let runs: Mail[];
  const body = async (input: Mail): Promise<string> => (runs.push(input), `sent to ${input.to}`);
  beforeEach(() => (runs = []));

  type State = RunState<unknown, Agent<unknown>>;
  const interrupted = async (agent: Agent<unknown>): Promise<string> => {
    const result = await runner.run(agent, 'go');
    expect(result.interruptions).to.have.length(1);
    return result.state.toString();
  };
  /** Goes on with a run that was written down, after something was done to it. */
  const goOn = async (agent: Agent<unknown>, written: string, change: (state: State) => unknown): Promise<readonly unknown[]> => {
    const state = await RunState.fromString<unknown, Agent<unknown>>(agent, written);
    await change(state);
    return (await runner.run(agent, state)).interruptions;
  };
  const yes = (state: State): void => {
    for (const item of state.getInterruptions()) state.approve(item);
  };

  it('interrupt the run, and run the tool once when both said yes', async () => {
    await using module = moduleOf();
    const model = calling(ASKED);
    const agent = agentOf(model, ...guardTools([sendTool(body)], { module }));
    const written = await interrupted(agent);
    await approveAll(module);
    expect(runs).to.deep.equal([]);
    await goOn(agent, written, yes);
    expect(runs).to.deep.equal([ASKED]);
    expect(toldIn(model, 'call-1')).to.include('sent to ann');
    // the same state once more: the approval is used up
    model.enqueue([assistantMessage('done')]);
    await goOn(agent, written, yes);
    expect(runs).to.deep.equal([ASKED]);
  });

  it('do not run what only the SDK was told yes for, this time or always', async () => {
    await using module = moduleOf({
      policies: {
        text: `@id("all") permit (principal, action, resource);
          @id("ask") @effect("approval_needed") @self_approval("true") forbid (principal, action, resource);`,
      },
    });
    const options = { module, session: () => ({ user_id: 'ann' }) };
    for (const [more, change] of [
      [{}, yes],
      // a yes to all calls of a tool was said before this one was seen
      [
        { verdictBy: () => 'ann' },
        (state: State) => state.getInterruptions().forEach((item) => state.approve(item, { alwaysApprove: true })),
      ],
    ] as const) {
      const model = calling(ASKED);
      const agent = agentOf(model, ...guardTools([sendTool(body)], { ...options, ...more }));
      await goOn(agent, await interrupted(agent), change);
      expect(toldIn(model, 'call-1')).to.include('"aegis":"pending"');
    }
    expect(runs).to.deep.equal([]);
  });

  it('take the yes for a verdict where policy lets the person approve the own call, and not otherwise', async () => {
    for (const self of [false, true]) {
      await using module = moduleOf({
        policies: {
          text: `@id("all") permit (principal, action, resource);
            @id("ask") @effect("approval_needed") ${self ? '@self_approval("true")' : ''} forbid (principal, action, resource);`,
        },
      });
      const options = { module, session: () => ({ user_id: 'ann' }), verdictBy: () => 'ann' };
      const agent = agentOf(calling(ASKED), ...guardTools([sendTool(body)], options));
      await goOn(agent, await interrupted(agent), yes);
      expect(runs).to.have.length(self ? 1 : 0);
    }
  });

  it('take one yes for one run, however often the same state comes', async () => {
    await using module = moduleOf({ policies: { text: SELF_APPROVED } });
    const model = calling(ASKED);
    const agent = agentOf(model, ...guardTools([sendTool(body)], { module, session: () => ({ user_id: 'ann' }), verdictBy: () => 'ann' }));
    const written = await interrupted(agent);
    for (let i = 0; i < 4; i++) {
      model.enqueue([assistantMessage('done')]);
      await goOn(agent, written, yes);
    }
    expect(runs).to.deep.equal([ASKED]);
  });

  it('go on, and tell the model nothing of why, where nobody can say whose yes it was', async () => {
    await using module = moduleOf({ policies: { text: SELF_APPROVED } });
    const verdictBy = (): string => {
      throw new Error('no connection to postgres://host:secret@db');
    };
    const model = calling(ASKED);
    const agent = agentOf(model, ...guardTools([sendTool(body)], { module, session: () => ({ user_id: 'ann' }), verdictBy }));
    await goOn(agent, await interrupted(agent), yes);
    const text = toldIn(model, 'call-1');
    expect([text.includes('the call was refused'), text.includes('secret'), runs]).to.deep.equal([true, false, []]);
  });

  it('take no silence for a yes, where the decision service was away when the SDK asked again', async () => {
    let away = false;
    const inner = moduleOf({
      policies: {
        text: `@id("all") permit (principal, action, resource);
          @id("ask") @effect("approval_needed") @self_approval("true") forbid (principal, action, resource);`,
      },
    });
    await using module = inner;
    // the SDK asks `needsApproval`, hears no because nothing can be decided, and calls the tool
    const options = {
      module,
      verdictBy: () => 'ann',
      session: () => {
        if (!away) return { user_id: 'ann' };
        away = false;
        throw new Error('away');
      },
    };
    const model = calling(ASKED);
    const agent = agentOf(model, ...guardTools([sendTool(body)], options));
    const written = await interrupted(agent);
    await goOn(agent, written, () => (away = true));
    expect([away, runs]).to.deep.equal([false, []]);
    expect(toldIn(model, 'call-1')).to.include('"aegis":"pending"');
  });

  it('do not run a call whose input was edited after the approval, nor one with the id in another scope', async () => {
    await using module = moduleOf();
    let scope = 'chat-1';
    const model = calling(ASKED);
    const agent = agentOf(model, ...guardTools([sendTool(body)], { module, scope: () => scope }));
    const written = await interrupted(agent);
    await approveAll(module);
    model.enqueue([assistantMessage('done')], [assistantMessage('done')]);
    const edited = written.replaceAll('\\"amount\\":500', '\\"amount\\":900');
    expect(edited).to.not.equal(written);
    // the SDK itself refuses a yes for other arguments than it was asked about; without one it asks
    await goOn(agent, edited, yes).catch(() => {});
    expect(runs).to.deep.equal([]);
    scope = 'chat-2';
    await goOn(agent, written, yes);
    expect(runs).to.deep.equal([]);
    scope = 'chat-1';
    await goOn(agent, written, yes);
    expect(runs).to.deep.equal([ASKED]);
  });

  it('tell the model what the person said who refused, and never run', async () => {
    await using module = moduleOf();
    const model = calling(ASKED);
    const tools = guardTools([sendTool(body)], { module });
    const agent = agentOf(model, ...tools);
    const written = await interrupted(agent);
    await goOn(agent, written, (state) => state.reject(state.getInterruptions()[0] as never, { message: 'ann said no' }));
    expect(toldIn(model, 'call-1')).to.include('ann said no');
    expect(await module.approvals.list({ status: 'pending' })).to.have.length(1);
    // and with our own word for it, nobody is asked any longer
    model.enqueue([assistantMessage('done')]);
    await goOn(agent, written, (state) => rejectCall(tools, state, state.getInterruptions()[0] as never, 'bob said no'));
    expect(toldIn(model, 'call-1')).to.include('bob said no');
    expect([runs, await module.approvals.list({ status: 'pending' })]).to.deep.equal([[], []]);
  });

  it('count the no of a person, with its reason, where the host knows who that is', async () => {
    await using module = moduleOf();
    const tools = guardTools([sendTool(body)], { module, verdictBy: () => 'ann' });
    const agent = agentOf(calling(ASKED), ...tools);
    await goOn(agent, await interrupted(agent), (state) => rejectCall(tools, state, state.getInterruptions()[0] as never, 'too much'));
    const [request] = await module.approvals.list({ status: 'denied' });
    expect(request?.verdicts.map(({ by, reason }) => [by, reason])).to.deep.equal([['ann', 'too much']]);
  });

  it('are refused for tools that are not guarded', async () => {
    await using module = moduleOf();
    const tools = guardTools([sendTool(body)], { module });
    const agent = agentOf(calling(ASKED), ...tools);
    const state = await RunState.fromString<unknown, Agent<unknown>>(agent, await interrupted(agent));
    const error = await rejectCall([sendTool(body)], state, state.getInterruptions()[0] as never).catch((e: unknown) => e);
    expect(error).to.include({ name: 'GuardDefinitionError' });
    await runner.run(agent, state);
    expect(runs).to.deep.equal([]);
  });

  it('hear the tool’s own wish for approval, whichever way it is said', async () => {
    await using module = moduleOf();
    for (const needsApproval of [true, async (_: unknown, { amount }: Mail) => amount === 5]) {
      const agent = agentOf(calling({ to: 'ann', amount: 5 }), ...guardTools([sendTool(body, { needsApproval })], { module }));
      await interrupted(agent);
      expect(runs).to.deep.equal([]);
    }
  });
});

restoredElsewhere('the OpenAI Agents SDK', new URL('./openai-agents.restored.js', import.meta.url));

describe('Tools of the OpenAI Agents SDK', () => {
  it('keep what they are, and nothing is changed in place', async () => {
    await using module = moduleOf();
    const original = sendTool(() => 'sent', { timeoutMs: 1_000 });
    const before = { ...original };
    const [guarded] = guardTools([original], { module });
    expect(original).to.deep.equal(before);
    const replaced = { invoke: 0, needsApproval: 0, inputGuardrails: 0 };
    expect({ ...guarded, ...replaced }).to.deep.equal({ ...original, ...replaced });
    expect([guarded.invoke === original.invoke, guarded.needsApproval === original.needsApproval]).to.deep.equal([false, false]);
    // nothing is asked before the call where the SDK is not to be interrupted
    expect(guardTools([original], { module, approval: 'defer' })[0].needsApproval).to.equal(original.needsApproval);
  });

  it('run with what the SDK made of the input that policy decided on', async () => {
    await using module = moduleOf();
    const got: unknown[] = [];
    const send = tool({
      name: 'send',
      description: 'sends',
      parameters: z.object({ to: z.string(), amount: z.number(), note: z.string().optional(), until: z.string().nullable() }),
      execute: (input) => (got.push(input), 'sent'),
    });
    const model = calling({ to: 'ann', amount: 1, note: null, until: null });
    await runner.run(agentOf(model, ...guardTools([send], { module })), 'go');
    // a strict schema has the model say null for what it leaves out
    expect(got).to.deep.equal([{ to: 'ann', amount: 1, until: null }]);
    const bad = calling({ to: null, amount: 1, note: null, until: null } as never);
    await runner.run(agentOf(bad, ...guardTools([send], { module })), 'go');
    expect(toldIn(bad, 'call-1')).to.include('"aegis":"denied"');
    expect(got).to.have.length(1);
  });

  it('ask no one about arguments that the schema refuses, which the SDK checks only when it runs the tool', async () => {
    await using module = moduleOf({ policies: { text: SELF_APPROVED } });
    let ran = 0;
    const own = { type: 'tool_input', name: 'own', run: async () => ((ran += 1), { behavior: { type: 'allow' } }) };
    const plain = sendTool(() => 'sent', { parameters: MAIL.extend({ kind: z.enum(['letter']) }), inputGuardrails: [own] });
    const odd: readonly unknown[] = [
      null,
      '{"to":',
      'null',
      '[]',
      '7',
      { to: 'ann' },
      { to: 'ann', amount: '5', kind: 'letter' },
      { to: 'ann', amount: 5, kind: 'parcel' },
      { to: 'ann', amount: 5, kind: 'letter', more: 1 },
    ];
    const checking = new Runner({ tracingDisabled: true, toolExecution: { preApprovalInputGuardrails: true } });
    for (const input of odd) {
      const model = calling(input as never);
      const result = await checking.run(agentOf(model, ...guardTools([plain], { module })), 'go');
      expect(result.interruptions, JSON.stringify(input)).to.deep.equal([]);
      expect(toldIn(model, 'call-1'), JSON.stringify(input)).to.match(/do not fit its schema|parsing tool arguments|Tool execution/);
    }
    expect([...(await module.approvals.list()), ...(await module.approvals.list({ status: 'withdrawn' }))]).to.deep.equal([]);
    // without that setting the SDK itself has a person look at what is not even an object, and the desk is not asked
    const interrupted = await runner.run(agentOf(calling('null'), ...guardTools([plain], { module })), 'go');
    expect([interrupted.interruptions.length, await module.approvals.list()]).to.deep.equal([1, []]);
    const asks = await checking.run(
      agentOf(calling({ to: 'ann', amount: 5, kind: 'letter' } as never), ...guardTools([plain], { module })),
      'go',
    );
    expect([asks.interruptions.length, (await module.approvals.list()).length, ran > 0]).to.deep.equal([1, 1, true]);
  });

  it('are not run with what is no JSON, nor with what does not fit, and the model is told so', async () => {
    await using module = moduleOf();
    let ran = 0;
    const plain = sendTool(() => (ran += 1), { errorFunction: undefined, parameters: MAIL.extend({ kind: z.enum(['letter']) }) });
    for (const approval of ['defer', 'wait', 'deny', 'native'] as const) {
      const tools = guardTools([plain], { module, approval });
      const model = calling('{"to":', { to: 'ann', amount: 5, kind: 'parcel' });
      const result = await runner.run(agentOf(model, ...tools), 'go');
      if (approval === 'native') {
        // the SDK has a person look at what is no JSON where `needsApproval` is a function
        expect(result.interruptions.map(({ arguments: text }) => text)).to.deep.equal(['{"to":']);
        for (const item of result.interruptions) result.state.approve(item);
        await runner.run(agentOf(model, ...tools), result.state);
      }
      expect(toldIn(model, 'call-1')).to.include('An error occurred while parsing tool arguments');
      expect(toldIn(model, 'call-2')).to.include('do not fit its schema');
    }
    // and where nobody asks the SDK first
    await using open = moduleOf({ policies: { text: '@id("all") permit (principal, action, resource);' } });
    const [direct] = guardTools([plain], { module: open });
    expect(await direct.invoke({ context: undefined } as RunContext, '{"to":')).to.include('do not fit its schema');
    expect(ran).to.equal(0);
  });

  it('know whose run it is from its context', async () => {
    await using module = moduleOf();
    const sessions: unknown[] = [];
    const send = tool({
      name: 'send',
      description: 'sends',
      parameters: MAIL,
      execute: (_, runContext?: RunContext<{ user: string }>) => `sent by ${runContext?.context.user}`,
    });
    const tools = guardTools([send], { module, session: ({ user }) => (sessions.push(user), { user_id: user }) });
    const model = calling({ to: 'ann', amount: 1 });
    const agent = new Agent<{ user: string }>({ name: 'mailer', model, tools });
    await runner.run(agent, 'go', { context: { user: 'ann' } });
    expect(toldIn(model, 'call-1')).to.include('sent by ann');
    expect(new Set(sessions)).to.deep.equal(new Set(['ann']));
  });

  it('with a declared output throw what is refused, unless they or their guard have words for it', async () => {
    await using module = moduleOf();
    const outputSchema = z.object({ ok: z.boolean() });
    const structured = (more: object = {}): FunctionTool<unknown, typeof MAIL, unknown> =>
      sendTool(() => ({ ok: true }), { outputSchema, errorFunction: undefined, ...more });
    const told = async (send: object): Promise<string> => {
      const model = calling({ to: 'ann', amount: 5_000 });
      await runner.run(agentOf(model, send), 'go');
      return toldIn(model, 'call-1');
    };
    const failed = await told(guardTools([structured()], { module })[0]).catch((error: unknown) => error);
    expect(failed).to.be.an('error').with.nested.property('error.name', 'ForbiddenError');
    const worded = structured({ errorFunction: (_: unknown, error: Error) => ({ ok: error.name !== 'ForbiddenError' }) });
    expect(await told(guardTools([worded], { module })[0])).to.include('{"ok":false}');
    expect(await told(guardTools([structured()], { module, onDeny: 'result' })[0])).to.include('over a thousand is too much');
    const pending = await guardTools([structured()], { module, approval: 'defer' })[0]
      .invoke({ context: undefined } as RunContext, JSON.stringify(ASKED))
      .catch((error: unknown) => error);
    expect(pending).to.include({ name: 'ApprovalPendingError' });
  });

  it('that the SDK or the provider runs are refused, named, unless told otherwise', () => {
    const hosted = codeInterpreterTool();
    const shell = { ...shellTool({ shell: { run: async () => ({ output: [] }) } }) };
    for (const one of [hosted, shell]) {
      expect(() => guardTools([one]))
        .to.throw(new RegExp(`'${one.name}' cannot be guarded`))
        .with.property('name', 'GuardDefinitionError');
      expect(guardTools([one], { unguardable: 'ignore' })[0]).to.equal(one);
    }
  });

  it('end with the time that the SDK gives them, also while they wait for a person', async () => {
    await using module = moduleOf();
    let ran = 0;
    const model = calling(ASKED);
    await runner.run(agentOf(model, ...guardTools([sendTool(() => (ran += 1), { timeoutMs: 30 })], { module, approval: 'wait' })), 'go');
    expect(toldIn(model, 'call-1')).to.include('timed out');
    for (const { decisionId, digest } of await module.approvals.list({ status: 'pending' }))
      await module.approvals.approve(decisionId, { by: 'ann', digest });
    expect(ran).to.equal(0);
  });

  it('tell the model of no error within them but of refusals', () => {
    expect(tellRefusals(undefined, new Error('the password is 1234'))).to.not.include('1234');
    expect(tellRefusals(undefined, 'thrown')).to.include('An error occurred');
  });
});
