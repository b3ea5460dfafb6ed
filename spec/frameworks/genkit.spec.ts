import { aegisMiddleware } from 'aegislib/genkit';
import type { GenkitContext, GenkitOptions } from 'aegislib/genkit';
import { expect } from 'chai';
import { dynamicTool, generateMiddleware, restartTool, z } from 'genkit/beta';
import type { MessageData, ToolRequestPart } from 'genkit/beta';
import { behavesLikeAdapter } from './behavesLikeAdapter.js';
import { approveAll, ASKED, callsOf, moduleOf, SELF_APPROVED } from './mail.js';
import type { Mail } from './mail.js';
import { genkitCalling, toldIn } from './genkitModel.js';
import type { Scripted } from './genkitModel.js';
import { restoredElsewhere } from './restoredElsewhere.js';

const inputSchema = z.object({ to: z.string(), amount: z.number() });
const use = (options: GenkitOptions) => [generateMiddleware({ name: 'aegis' }, aegisMiddleware(options))()];
const sendTool = ({ ai }: Scripted, body: (input: Mail) => unknown) =>
  ai.defineTool(
    { name: 'send', description: 'sends', inputSchema, outputSchema: z.string() },
    async (input) => (await body(input)) as string,
  );

behavesLikeAdapter({
  name: 'Genkit',
  native: true,
  entersAtOnce: false,
  async run(options, inputs, body, abortSignal) {
    const script = genkitCalling([callsOf(inputs)]);
    await script.ai.generate({ prompt: 'go', tools: [sendTool(script, body)], use: use(options), ...(abortSignal && { abortSignal }) });
    return inputs.map((_, i) => toldIn(script, `call-${i + 1}`));
  },
});

describe('Interrupts of Genkit', () => {
  let runs: Mail[];
  const body = (input: Mail): string => (runs.push(input), `sent to ${input.to}`);
  beforeEach(() => (runs = []));

  interface Talk {
    readonly script: Scripted;
    readonly messages: MessageData[];
    readonly interrupts: readonly ToolRequestPart[];
    /** Goes on with the same history, as often as one likes. */
    goOn(restart: readonly ToolRequestPart[]): Promise<unknown>;
  }
  async function asked(options: GenkitOptions, inputs: readonly Mail[] = [ASKED]): Promise<Talk> {
    const script = genkitCalling([callsOf(inputs)]);
    const tools = [sendTool(script, body)];
    // made once: what was asked is known by it
    const aegis = use(options);
    const { messages, interrupts, finishReason } = await script.ai.generate({ prompt: 'go', tools, use: aegis });
    expect(finishReason).to.equal('interrupted');
    return {
      script,
      messages,
      interrupts,
      goOn: (restart) => script.ai.generate({ messages: structuredClone(messages), tools, use: aegis, resume: { restart: [...restart] } }),
    };
  }
  const answered = (part: ToolRequestPart | undefined, answer: object, replaceInput?: Mail): ToolRequestPart =>
    restartTool(part as ToolRequestPart, answer, replaceInput && { replaceInput });

  it('say what is asked, and the tool runs once when our desk approved', async () => {
    await using module = moduleOf();
    const { script, interrupts, goOn } = await asked({ module });
    expect(interrupts[0]?.metadata?.['interrupt']).to.include({ aegis: 'approval', tool: 'send' });
    await goOn([answered(interrupts[0], { approved: true })]);
    expect(runs).to.deep.equal([]);
    expect(toldIn(script, 'call-1').text).to.include('pending approval');
    await approveAll(module);
    await goOn([answered(interrupts[0], { approved: true })]);
    expect([runs, toldIn(script, 'call-1').text]).to.deep.equal([[ASKED], 'sent to ann']);
    // the same history once more: the approval is used up
    await goOn([answered(interrupts[0], { approved: true })]);
    expect(runs).to.deep.equal([ASKED]);
  });

  it('ask no one about an input that the tool’s schema refuses, and tell the model so', async () => {
    await using module = moduleOf({ policies: { text: SELF_APPROVED } });
    const odd: readonly unknown[] = [null, 'text', [], {}, { to: 'ann' }, { to: 'ann', amount: '5' }, { to: 7, amount: 5 }];
    for (const input of odd) {
      const script = genkitCalling([callsOf([input as Mail])]);
      await script.ai.generate({ prompt: 'go', tools: [sendTool(script, body)], use: use({ module }) });
      expect(toldIn(script, 'call-1').text, JSON.stringify(input)).to.include('do not fit its schema');
    }
    const asJson = genkitCalling([callsOf([{ to: 'ann' } as Mail])]);
    const json = {
      type: 'object',
      properties: { to: { type: 'string' }, amount: { type: 'number' } },
      required: ['to', 'amount'],
    } as const;
    const tool = asJson.ai.defineTool({ name: 'send', description: 'sends', inputJsonSchema: json as never }, async (input) =>
      body(input as Mail),
    );
    await asJson.ai.generate({ prompt: 'go', tools: [tool], use: use({ module }) });
    expect(toldIn(asJson, 'call-1').text).to.include('do not fit its schema');
    for (const status of ['pending', 'withdrawn'] as const) expect(await module.approvals.list({ status })).to.deep.equal([]);
    expect(runs).to.deep.equal([]);
  });

  it('tell the model when a person refused, and leave nothing open', async () => {
    await using module = moduleOf();
    const { script, interrupts, goOn } = await asked({ module });
    await goOn([answered(interrupts[0], { approved: false, reason: 'not to ann' })]);
    expect(toldIn(script, 'call-1').text).to.include('not to ann');
    expect([runs, await module.approvals.list({ status: 'pending' })]).to.deep.equal([[], []]);
  });

  it('do not run a call whose input was replaced, nor one with the id in another scope', async () => {
    await using module = moduleOf();
    let scope = 'chat-1';
    const { interrupts, goOn } = await asked({ module, scope: () => scope });
    await approveAll(module);
    await goOn([answered(interrupts[0], { approved: true }, { to: 'ann', amount: 900 })]);
    scope = 'chat-2';
    await goOn([answered(interrupts[0], { approved: true })]);
    expect(runs).to.deep.equal([]);
    scope = 'chat-1';
    await goOn([answered(interrupts[0], { approved: true })]);
    expect(runs).to.deep.equal([ASKED]);
  });

  it('do not run again what ran beside them', async () => {
    await using module = moduleOf();
    const { interrupts, goOn } = await asked({ module }, [{ to: 'bob', amount: 5 }, ASKED]);
    await approveAll(module);
    await goOn([answered(interrupts[0], { approved: true })]);
    expect(runs).to.deep.equal([{ to: 'bob', amount: 5 }, ASKED]);
  });

  it('take the yes for a verdict where policy lets the person approve the own call, and not otherwise', async () => {
    for (const self of [false, true]) {
      await using module = moduleOf({
        policies: {
          text: `@id("all") permit (principal, action, resource);
            @id("ask") @effect("approval_needed") ${self ? '@self_approval("true")' : ''} forbid (principal, action, resource);`,
        },
      });
      const options: GenkitOptions = { module, session: () => ({ user_id: 'ann' }), verdictBy: () => 'ann' };
      const { interrupts, goOn } = await asked(options);
      await goOn([answered(interrupts[0], { approved: true })]);
      expect(runs).to.have.length(self ? 1 : 0);
    }
  });

  it('take one yes for one run, however often it is restarted', async () => {
    await using module = moduleOf({ policies: { text: SELF_APPROVED } });
    const { interrupts, goOn } = await asked({ module, session: () => ({ user_id: 'ann' }), verdictBy: () => 'ann' });
    for (let i = 0; i < 4; i++) await goOn([answered(interrupts[0], { approved: true })]);
    expect(runs).to.deep.equal([ASKED]);
  });

  it('go on, and tell the model nothing of why, where nobody can say whose answer it was', async () => {
    await using module = moduleOf({ policies: { text: SELF_APPROVED } });
    const verdictBy = (): string => {
      throw new Error('no connection to postgres://host:secret@db');
    };
    for (const approved of [true, false]) {
      const { script, interrupts, goOn } = await asked({ module, session: () => ({ user_id: 'ann' }), verdictBy });
      await goOn([answered(interrupts[0], { approved })]);
      const { text } = toldIn(script, 'call-1');
      expect([text.includes('the call was refused'), text.includes('secret'), runs]).to.deep.equal([true, false, []]);
    }
  });
});

restoredElsewhere('Genkit', new URL('./genkit.restored.js', import.meta.url));

describe('Tools of Genkit', () => {
  it('are told whose call it is by the context of generate()', async () => {
    await using module = moduleOf({
      policies: { text: '@id("ann") permit (principal, action, resource) when { context.session.user_id == "ann" };' },
    });
    const ran: string[] = [];
    for (const user of ['ann', 'bob']) {
      const script = genkitCalling([callsOf([{ to: user, amount: 1 }])]);
      const tools = [sendTool(script, ({ to }) => (ran.push(to), 'sent'))];
      const session = ({ context }: GenkitContext) => ({ user_id: String(context?.['user']) });
      await script.ai.generate({ prompt: 'go', tools, use: use({ module, session }), context: { user } });
    }
    expect(ran).to.deep.equal(['ann']);
  });

  it('that are defined for one generate(), or answer in parts, are guarded too', async () => {
    await using module = moduleOf();
    const ran: unknown[] = [];
    const inputs = [
      { to: 'break', amount: 7 },
      { to: 'bob@secret.example', amount: 5 },
      { to: 'ann', amount: 5_000 },
    ];
    const own = dynamicTool({ name: 'send', description: 'sends', inputSchema }, async (input) => ran.push(input));
    const script = genkitCalling([callsOf(inputs)]);
    await script.ai.generate({ prompt: 'go', tools: [own], use: use({ module }) });
    expect(ran).to.deep.equal([{ to: '[email]', amount: 5 }]);

    const parts = genkitCalling([callsOf(inputs)]);
    const config = { name: 'send', description: 'sends', inputSchema, multipart: true } as const;
    const tool = parts.ai.defineTool(config, async (input) => ({ output: ran.push(input), content: [{ text: 'sent' }] }));
    await parts.ai.generate({ prompt: 'go', tools: [tool], use: use({ module }) });
    expect(ran).to.deep.equal([
      { to: '[email]', amount: 5 },
      { to: '[email]', amount: 5 },
    ]);
  });

  it('run once, with what was decided, whatever middleware before has made of the call', async () => {
    await using module = moduleOf();
    const script = genkitCalling([callsOf([{ to: 'ann', amount: 5 }])]);
    const ran: Mail[] = [];
    const tools = [sendTool(script, (input) => (ran.push(input), 'sent'))];
    const raising = generateMiddleware({ name: 'raising' }, () => ({
      tool: (request, options, next) =>
        next({ ...request, toolRequest: { ...request.toolRequest, input: { to: 'ann', amount: 5_000 } } }, options),
    }));
    await script.ai.generate({ prompt: 'go', tools, use: [raising(), ...use({ module })] });
    expect(ran).to.deep.equal([]);
    expect(toldIn(script, 'call-1').text).to.include('over a thousand is too much');
  });

  it('are not called where the middleware is used without being made one', async () => {
    await using module = moduleOf();
    const script = genkitCalling([callsOf([{ to: 'ann', amount: 5 }])]);
    let runs = 0;
    const tools = [sendTool(script, () => `sent ${(runs += 1)}`)];
    const error = await script.ai.generate({ prompt: 'go', tools, use: [aegisMiddleware({ module }) as never] }).then(
      () => undefined,
      (e: unknown) => String(e),
    );
    expect([error?.includes('pass aegisMiddleware() to generateMiddleware()'), runs]).to.deep.equal([true, 0]);
  });
});
