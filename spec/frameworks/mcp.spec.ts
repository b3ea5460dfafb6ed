import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { McpServer as ServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js';
import { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js';
import { CallToolRequestSchema, ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { expect } from 'chai';
import { createRequestStateCodec } from '@modelcontextprotocol/server';
import type { AegisModule } from 'aegislib';
import { guardServer } from 'aegislib/mcp';
import type { McpOptions } from 'aegislib/mcp';
import * as z from 'zod';
import { behavesLikeAdapter, serviceOf } from './behavesLikeAdapter.js';
import { ALLOWED, approveAll, approveFirstDenyOthers, ASKED, atSomePace, DENIED, moduleOf, until } from './mail.js';
import type { Mail } from './mail.js';
import { connectModern, toldBy, V1, V2 } from './mcpSdks.js';
import type { Body, Client, Elicit, Result, Server } from './mcpSdks.js';
import { restoredElsewhere } from './restoredElsewhere.js';

const mailSchema = z.object({ to: z.string(), amount: z.number() });

const SELF = `@id("all") permit (principal, action, resource);
  @id("ask") @effect("approval_needed") @self_approval("true") @reason("over a hundred needs a person")
  forbid (principal, action, resource) when { context.input.amount > 100 };`;
const OTHERS = SELF.replace('@self_approval("true")', '');

/** For tools that have no amount. */
const MAYBE = `@id("all") permit (principal, action, resource);
  @id("much") forbid (principal, action, resource) when { context.input has amount && context.input.amount > 1000 };`;

const accept: Elicit = () => ({ action: 'accept', content: { approve: true } });
const decisionOf = ({ _meta }: Result): Readonly<Record<string, unknown>> => _meta?.['aegis/decision'] as Readonly<Record<string, unknown>>;

for (const sdk of [V1, V2]) {
  behavesLikeAdapter({
    name: sdk.name,
    native: false,
    connects: true,
    async run(options, inputs, body, signal) {
      const server = guardServer(sdk.server(), options);
      server.registerTool('send', { inputSchema: mailSchema }, async (input: Mail) => ({
        content: [{ type: 'text', text: String(await body(input)) }],
      }));
      const client = await sdk.connect(server);
      try {
        const results = inputs.map((input) => client.callTool({ name: 'send', arguments: input }, { signal }));
        return (await Promise.all(results)).map(toldBy);
      } finally {
        await client.close();
      }
    },
  });

  describe(`A server of ${sdk.name}`, () => {
    let module: AegisModule;
    let ran: unknown[];
    const clients: Client[] = [];
    const tool = (input: unknown): object => {
      ran.push(input);
      return { content: [{ type: 'text', text: 'sent' }], structuredContent: { ok: true } };
    };
    beforeEach(() => {
      module = moduleOf();
      ran = [];
    });
    afterEach(async () => {
      await Promise.all(clients.splice(0).map((client) => client.close()));
      await module.close();
    });
    const connect = async (server: Server, elicit?: Elicit): Promise<Client> => {
      const client = await sdk.connect(server, elicit);
      clients.push(client);
      return client;
    };

    it('is the same object, of the same type', () => {
      const server = sdk.server();
      expect(guardServer(server, { module })).to.equal(server);
    });

    it('guards tools that were registered before', async () => {
      await module.close();
      module = moduleOf({ policies: { text: MAYBE } });
      const server = sdk.server();
      server.registerTool('send', { inputSchema: mailSchema }, tool);
      server.registerTool('none', {}, () => tool('none'));
      const client = await connect(guardServer(server, { module }));
      const told = await client.callTool({ name: 'send', arguments: DENIED });
      expect([told.isError, decisionOf(told)['aegis'], ran]).to.deep.equal([true, 'denied', []]);
      await client.callTool({ name: 'send', arguments: ALLOWED });
      await client.callTool({ name: 'none' });
      expect(ran).to.deep.equal([ALLOWED, 'none']);
    });

    it('is refused where somebody else handles its calls, and where it is guarded already', () => {
      const server = sdk.server();
      guardServer(server, { module });
      expect(() => guardServer(server, { module })).to.throw(/guarded already/);
      const own = sdk.server({ capabilities: { tools: {} } });
      const { server: low } = own as unknown as { server: { setRequestHandler(method: unknown, handler: unknown): void } };
      Object.assign(own, { _registeredTools: new Map(), _toolHandlersInitialized: false });
      low.setRequestHandler(sdk === V1 ? CallToolRequestSchema : 'tools/call', () => ({ content: [] }));
      expect(() => guardServer(own, { module }))
        .to.throw(/cannot be guarded/)
        .with.property('name', 'GuardDefinitionError');
    });

    it('guards a tool without arguments, which is called with its context alone', async () => {
      const asked: unknown[] = [];
      const counting = moduleOf({
        policies: undefined,
        decisions: serviceOf((request) => (asked.push(request.params), { effect: 'allow', decisionId: 'd1' })),
      });
      const server = guardServer(sdk.server(), { module: counting });
      server.registerTool('now', {}, (...args: readonly object[]) => tool(args.map((arg) => 'requestId' in arg || 'mcpReq' in arg)));
      const client = await connect(server);
      await client.callTool({ name: 'now', arguments: { amount: 5_000 } });
      await counting.close();
      expect([ran, asked]).to.deep.equal([[[true]], [{}]]);
    });

    it('tells a refusal of a tool with an outputSchema as an error result, and one that waits too', async () => {
      const server = guardServer(sdk.server(), { module });
      server.registerTool('send', { inputSchema: mailSchema, outputSchema: z.object({ ok: z.boolean() }) }, tool);
      const client = await connect(server);
      await client.listTools();
      const denied = await client.callTool({ name: 'send', arguments: DENIED });
      const pending = await client.callTool({ name: 'send', arguments: ASKED });
      expect([denied.isError, decisionOf(denied)['aegis']]).to.deep.equal([true, 'denied']);
      expect([pending.isError, decisionOf(pending)['aegis']]).to.deep.equal([true, 'pending']);
      expect(decisionOf(pending)['task_id']).to.be.a('string');
      const sent = await client.callTool({ name: 'send', arguments: ALLOWED });
      expect(sent.structuredContent).to.deep.equal({ ok: true });
    });

    it('guards what a tool’s callback is changed to, under the name it has then', async () => {
      const server = guardServer(sdk.server(), { module, toolName: (name) => name });
      const registered = server.registerTool('send', { inputSchema: mailSchema }, () => ({ content: [] }));
      registered.update({ callback: tool });
      const client = await connect(server);
      expect((await client.callTool({ name: 'send', arguments: DENIED })).isError).to.equal(true);
      if (sdk === V1) {
        registered.handler = tool;
        expect((await client.callTool({ name: 'send', arguments: DENIED })).isError).to.equal(true);
      }
      registered.update({ name: 'post' });
      expect(decisionOf(await client.callTool({ name: 'post', arguments: DENIED }))['tool']).to.equal('post');
      // another tool's guarded callback is decided as what is called
      server.registerTool('other', { inputSchema: mailSchema }, registered.handler as never);
      expect(decisionOf(await client.callTool({ name: 'other', arguments: DENIED }))['tool']).to.equal('other');
      expect(ran).to.deep.equal([]);
    });

    it('decides on what its schema makes of the arguments', async () => {
      const server = guardServer(sdk.server(), { module });
      server.registerTool('send', { inputSchema: z.object({ to: z.string(), amount: z.number().default(5_000) }) }, tool);
      const client = await connect(server);
      expect((await client.callTool({ name: 'send', arguments: { to: 'ann' } })).isError).to.equal(true);
      expect(ran).to.deep.equal([]);
    });

    it('keeps a client waiting that would have given up after 60 ms', async () => {
      await atSomePace(async (slower) => {
        const server = guardServer(sdk.server(), { module, approval: 'wait', heartbeatMs: 15 * slower });
        server.registerTool('send', { inputSchema: mailSchema }, tool);
        const client = await connect(server);
        let beats = 0;
        let last = 0;
        const onprogress = ({ progress }: { readonly progress: number }): void => {
          beats += Number(progress > last);
          last = progress;
          // 8 beats take longer than the client would have waited
          if (beats === 8) void approveAll(module, 'bob');
        };
        const told = await client.callTool(
          { name: 'send', arguments: ASKED },
          { timeout: 60 * slower, resetTimeoutOnProgress: true, onprogress },
        );
        expect([toldBy(told).text, ran, beats >= 8, last < 0.01]).to.deep.equal(['sent', [ASKED], true, true]);
      });
    });

    it('does not run what a client gave up on', async () => {
      await atSomePace(async (slower) => {
        const server = guardServer(sdk.server(), { module, approval: 'wait' });
        server.registerTool('send', { inputSchema: mailSchema }, tool);
        const client = await connect(server);
        const error = await client.callTool({ name: 'send', arguments: ASKED }, { timeout: 30 * slower }).then(
          () => undefined,
          (reason: unknown) => reason,
        );
        expect(String(error)).to.match(/timed out|timeout/i);
        await until(async () => (await module.approvals.list({ status: 'pending' })).length === 0);
        expect(ran).to.deep.equal([]);
        // where the client left before anybody was asked, it is too early to tell
        expect(await module.approvals.list({ status: 'withdrawn' })).to.have.length(1);
      });
    });

    it('takes the same request id of another connection for another call', async () => {
      const calls: Client[] = [];
      for (const _ of [1, 2]) {
        const server = guardServer(sdk.server(), { module, scope: () => 'one for all', approval: 'wait' });
        server.registerTool('send', { inputSchema: mailSchema }, tool);
        calls.push(await connect(server));
      }
      const results = calls.map((client) => client.callTool({ name: 'send', arguments: ASKED }));
      await until(async () => (await module.approvals.list()).length === 2);
      await approveFirstDenyOthers(module);
      const told = (await Promise.all(results)).map(({ isError }) => isError === true);
      expect([told.filter(Boolean), ran]).to.deep.equal([[true], [ASKED]]);
    });

    it('takes the same request id of a later connection of the same server for another call', async () => {
      const server = guardServer(sdk.server(), { module });
      server.registerTool('send', { inputSchema: mailSchema }, tool);
      for (const n of [1, 2]) {
        const client = await sdk.connect(server);
        await client.callTool({ name: 'send', arguments: ASKED });
        await client.close();
        await until(() => (server as unknown as { server: { transport: unknown } }).server.transport === undefined);
        expect(await module.approvals.list()).to.have.length(n);
      }
    });

    it('refuses options that cannot be', () => {
      const wrong: McpOptions[] = [{ approval: 'native' }, { stateKey: 'short' }, { heartbeatMs: 0 }, { heartbeatMs: Number.NaN }];
      for (const options of wrong)
        expect(() => guardServer(sdk.server(), { module, ...options }))
          .to.throw()
          .with.property('name', 'ConfigError');
    });

    describe('whose client’s user is asked', () => {
      let questions: string[];
      const person = { session: () => ({ user_id: 'ann' }), verdictBy: () => 'ann' };
      beforeEach(() => (questions = []));
      async function ask(policies: string, elicit: Elicit | undefined, options: McpOptions = {}, input: Mail = ASKED): Promise<Result> {
        await module.close();
        module = moduleOf({ policies: { text: policies } });
        const server = guardServer(sdk.server(), { module, ...person, ...options });
        server.registerTool('send', { inputSchema: mailSchema }, tool);
        const client = await connect(server, elicit && ((params) => (questions.push(params.message), elicit(params))));
        return client.callTool({ name: 'send', arguments: input });
      }

      it('runs the tool once after a yes, where policy lets the person approve the own call', async () => {
        const told = await ask(SELF, accept);
        expect([toldBy(told).text, ran, questions.length]).to.deep.equal(['sent', [ASKED], 1]);
        expect(questions[0]).to.include('over a hundred needs a person').and.include('amount = 500').and.include('to = "ann"');
        const [record] = await module.approvals.list({ status: 'approved' });
        expect(record?.verdicts.map(({ by }) => by)).to.deep.equal(['ann']);
      });

      it('shows what could hide or reorder text', async () => {
        await ask(SELF, accept, {}, { to: 'ann\u202egnp', amount: 500 });
        expect(questions[0]).to.include('\\u{202e}').and.not.include('\u202e');
      });

      it('runs nothing after a no, an unticked yes, a dismissal or a broken answer', async () => {
        const answers: Elicit[] = [
          () => ({ action: 'decline' }),
          () => ({ action: 'cancel' }),
          () => ({ action: 'accept', content: { approve: false } }),
          () => ({ action: 'accept', content: {} }),
          () => ({ action: 'accept' }),
          () => {
            throw new Error('the window was closed');
          },
        ];
        for (const answer of answers) {
          const told = await ask(SELF, answer);
          expect(told.isError, String(answer)).to.equal(true);
          expect(await module.approvals.list({ status: 'approved' })).to.deep.equal([]);
        }
        expect([ran, questions.length]).to.deep.equal([[], answers.length]);
      });

      it('asks nothing where the answer could not count: then others decide, and the tool runs in the background', async () => {
        const told = await ask(OTHERS, accept);
        expect([told.isError, decisionOf(told)['aegis'], questions, ran]).to.deep.equal([true, 'pending', [], []]);
        await approveAll(module, 'bob');
        await until(() => ran.length > 0);
        expect(ran).to.deep.equal([ASKED]);
      });

      it('asks nothing where the person is not known', async () => {
        const told = await ask(SELF, accept, { verdictBy: () => undefined });
        expect([decisionOf(told)['aegis'], questions, ran]).to.deep.equal(['pending', [], []]);
      });

      it('fails closed with a client that cannot be asked', async () => {
        const told = await ask(SELF, undefined, { approval: 'native' });
        expect([told.isError, decisionOf(told)['aegis'], await module.approvals.list({ status: 'pending' })]).to.deep.equal([
          true,
          'denied',
          [],
        ]);
        const other = await ask(SELF, undefined);
        expect([decisionOf(other)['aegis'], ran]).to.deep.equal(['pending', []]);
      });

      it('lets others decide too, where more than one policy asks', async () => {
        const two = `${SELF} @id("also") @effect("approval_needed") @reason("and somebody else") forbid (principal, action, resource) when { context.input.amount > 200 };`;
        const told = await ask(two, accept);
        expect([decisionOf(told)['aegis'], questions.length, ran]).to.deep.equal(['pending', 1, []]);
        await approveAll(module, 'bob');
        await until(() => ran.length > 0);
        expect(ran).to.deep.equal([ASKED]);
      });
    });
  });
}

describe('Tools of MCP SDK 1', () => {
  const CONTENT = { content: [{ type: 'text' as const, text: 'sent' }] };
  const connect = async (server: ServerV1): Promise<ClientV1> => {
    const client = new ClientV1({ name: 'spec', version: '1.0.0' }, { capabilities: { tasks: { requests: {} } } as never });
    const [near, far] = InMemoryTransport.createLinkedPair();
    await server.connect(far);
    await client.connect(near);
    return client;
  };

  it('that are registered with any form of tool() are guarded', async () => {
    await using module = moduleOf({ policies: { text: MAYBE } });
    let runs = 0;
    const callback = (): typeof CONTENT => ((runs += 1), CONTENT);
    const server = guardServer(new ServerV1({ name: 'spec', version: '1.0.0' }), { module });
    const shape = { to: z.string(), amount: z.number() };
    server.tool('a', callback);
    server.tool('b', 'describes', callback);
    server.tool('c', shape, callback);
    server.tool('d', 'describes', shape, callback);
    server.tool('e', shape, { readOnlyHint: false }, callback);
    server.tool('f', 'describes', shape, { readOnlyHint: false }, callback);
    const client = await connect(server);
    for (const name of ['c', 'd', 'e', 'f']) {
      const told = await client.callTool({ name, arguments: { ...DENIED } });
      expect([name, told.isError]).to.deep.equal([name, true]);
    }
    expect(runs).to.equal(0);
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) await client.callTool({ name, arguments: { ...ALLOWED } });
    expect(runs).to.equal(6);
    await client.close();
  });

  it('that make tasks are guarded, and a refusal is the result of a task', async () => {
    await using module = moduleOf();
    const server = guardServer(
      new ServerV1(
        { name: 'spec', version: '1.0.0' },
        { capabilities: { tasks: { requests: { tools: { call: {} } } } }, taskStore: new InMemoryTaskStore() },
      ),
      { module },
    );
    let runs = 0;
    const handler = {
      async createTask(
        _: object,
        {
          taskStore,
        }: { taskStore: { createTask(o: object): Promise<never>; storeTaskResult(id: string, s: string, r: object): Promise<void> } },
      ) {
        runs += 1;
        const task = await taskStore.createTask({});
        await taskStore.storeTaskResult((task as { taskId: string }).taskId, 'completed', CONTENT);
        return { task };
      },
      getTask: (_: object, { taskStore, taskId }: { taskStore: { getTask(id: string): Promise<never> }; taskId: string }) =>
        taskStore.getTask(taskId),
      getTaskResult: (_: object, { taskStore, taskId }: { taskStore: { getTaskResult(id: string): Promise<never> }; taskId: string }) =>
        taskStore.getTaskResult(taskId),
    };
    server.experimental.tasks.registerToolTask(
      'send',
      { inputSchema: mailSchema, execution: { taskSupport: 'optional' } },
      handler as never,
    );
    const client = await connect(server);
    await client.listTools();
    const results: string[] = [];
    for (const input of [ALLOWED, DENIED])
      for await (const message of client.experimental.tasks.callToolStream({ name: 'send', arguments: { ...input } }, undefined, {
        task: {},
      }))
        if (message.type === 'result' || message.type === 'error') results.push(JSON.stringify(message));
    expect(results[0]).to.include('"sent"');
    expect(results[1]).to.include('over a thousand is too much').and.include('"isError":true');
    // a client that knows nothing of tasks
    const told = await client.callTool({ name: 'send', arguments: { ...DENIED } });
    expect([told.isError, runs]).to.deep.equal([true, 1]);
    await client.close();
  });
});

describe('A server of MCP SDK 1 over HTTP', () => {
  it('asks the client’s user on the stream of the call, and ends the question with a call that is given up', async () => {
    await using module = moduleOf({ policies: { text: SELF } });
    let runs = 0;
    const server = guardServer(new ServerV1({ name: 'spec', version: '1.0.0' }), {
      module,
      session: ({ sessionId }) => ({ user_id: `user-of-${sessionId}` }),
      verdictBy: ({ sessionId }) => `user-of-${sessionId}`,
    });
    server.registerTool('send', { inputSchema: mailSchema }, () => ({ content: [{ type: 'text', text: `run ${(runs += 1)}` }] }));
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => 'one' });
    await server.connect(transport as Transport);
    const http = createServer((request, response) => void transport.handleRequest(request, response));
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const client = new ClientV1({ name: 'spec', version: '1.0.0' }, { capabilities: { elicitation: {} } });
    const controller = new AbortController();
    let answers = 0;
    client.setRequestHandler(ElicitRequestSchema, async () => {
      answers += 1;
      if (answers > 1) {
        controller.abort();
        await new Promise(() => {});
      }
      return { action: 'accept', content: { approve: true } };
    });
    const { port } = http.address() as AddressInfo;
    await client.connect(new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${port}/mcp`)) as Transport);
    const told = await client.callTool({ name: 'send', arguments: { ...ASKED } });
    expect(toldBy(told as never).text).to.equal('run 1');
    expect((await module.approvals.list({ status: 'approved' }))[0]?.verdicts[0]?.by).to.equal('user-of-one');
    await client.callTool({ name: 'send', arguments: { ...ASKED } }, undefined, { signal: controller.signal }).catch(() => {});
    await until(async () => (await module.approvals.list({ status: 'withdrawn' })).length > 0);
    expect([(await module.approvals.list()).length, runs, answers]).to.deep.equal([0, 1, 2]);
    await client.close();
    await server.close();
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  });
});

describe('A server of MCP SDK 2 that is made anew for each request', () => {
  let module: AegisModule;
  let ran: unknown[];
  let sent: Body[];
  beforeEach(() => {
    module = moduleOf({ policies: { text: SELF } });
    [ran, sent] = [[], []];
  });
  afterEach(() => module.close());

  async function call(
    options: McpOptions = {},
    elicit: Elicit | 'none' = accept,
    change: (body: Body) => Body = (body) => body,
    serverOptions: object = {},
  ): Promise<Result> {
    const make = (): Server => {
      const server = guardServer(V2.server(serverOptions), {
        module,
        session: () => ({ user_id: 'ann' }),
        verdictBy: () => 'ann',
        ...options,
      });
      server.registerTool(
        'send',
        { inputSchema: mailSchema },
        (input: Mail) => (ran.push(input), { content: [{ type: 'text', text: 'sent' }] }),
      );
      return server;
    };
    const client = await connectModern(make, elicit === 'none' ? undefined : elicit, (body) => {
      const changed = body.method === 'tools/call' ? change(body) : body;
      if (body.method === 'tools/call') sent.push(changed);
      return changed;
    });
    try {
      return await client.callTool({ name: 'send', arguments: ASKED });
    } finally {
      await client.close();
    }
  }
  const second =
    (change: (params: Readonly<Record<string, unknown>>) => object) =>
    (body: Body): Body =>
      body.params?.['inputResponses'] === undefined ? body : { ...body, params: { ...body.params, ...change(body.params) } as never };

  it('asks in one round, and runs the tool once in the next', async () => {
    const told = await call();
    expect([toldBy(told).text, ran, sent.length]).to.deep.equal(['sent', [ASKED], 2]);
  });

  it('runs nothing after a no', async () => {
    const told = await call({}, () => ({ action: 'decline' }));
    expect([told.isError, ran]).to.deep.equal([true, []]);
  });

  it('runs nothing that was answered without the state it had asked with, or with another', async () => {
    const states: ((state: string) => unknown)[] = [
      () => undefined,
      () => '',
      () => 'aegis1.e30.e30',
      (state) => `${state}x`,
      (state) => state.replace(/^aegis1\.(.)/, (_, c: string) => `aegis1.${c === 'e' ? 'f' : 'e'}`),
      (state) => state.split('.').slice(0, 2).join('.'),
      (state) => `${state}.${state.split('.')[2]}`,
    ];
    for (const change of states) {
      const told = await call(
        {},
        accept,
        second(({ requestState }) => ({ requestState: change(requestState as string) })),
      );
      expect([told.isError, decisionOf(told)['aegis']]).to.deep.equal([true, 'denied']);
    }
    expect(ran).to.deep.equal([]);
  });

  it('runs nothing whose arguments were changed between the rounds, and asks about them anew', async () => {
    let questions = 0;
    const told = await call(
      {},
      () => ((questions += 1), questions === 1 ? { action: 'accept', content: { approve: true } } : { action: 'decline' }),
      second(() => ({ arguments: { to: 'eve', amount: 500 } })),
    );
    expect([told.isError, ran, questions]).to.deep.equal([true, [], 2]);
  });

  it('uses a yes once: the same round sent again asks anew', async () => {
    await call();
    const again = sent.at(-1)?.params ?? {};
    let questions = 0;
    const told = await call(
      {},
      () => ((questions += 1), { action: 'cancel' }),
      (body) => (questions === 0 ? { ...body, params: { ...again, _meta: body.params?.['_meta'] } } : body),
    );
    expect([told.isError, ran, questions]).to.deep.equal([true, [ASKED], 1]);
  });

  it('does not take a state that another key sealed', async () => {
    let key = 'a'.repeat(32);
    const keys = {
      get stateKey() {
        return key;
      },
    };
    const told = await call(keys, () => ((key = 'b'.repeat(32)), { action: 'accept', content: { approve: true } }));
    expect([told.isError, ran]).to.deep.equal([true, []]);
  });

  it('goes inside the state codec of a server that has one', async () => {
    const codec = createRequestStateCodec<string>({ key: 'k'.repeat(32) });
    const told = await call({ requestState: codec }, accept, undefined, { requestState: { verify: codec.verify } });
    expect([toldBy(told).text, ran]).to.deep.equal(['sent', [ASKED]]);
  });

  it('refuses the call where that codec fails, and tells nothing of why', async () => {
    const mint = (): string => {
      throw new Error('no key for secret at kms.internal');
    };
    const told = await call({ requestState: { mint } });
    expect([decisionOf(told)['aegis'], toldBy(told).text.includes('secret'), ran]).to.deep.equal(['denied', false, []]);
  });

  it('tells a client that cannot be asked that a person has to decide, and refuses it with `native`', async () => {
    expect(decisionOf(await call({}, 'none'))['aegis']).to.equal('pending');
    expect(decisionOf(await call({ approval: 'native' }, 'none'))['aegis']).to.equal('denied');
    expect(ran).to.deep.equal([]);
  });
});

restoredElsewhere('MCP SDK 2', new URL('./mcp.restored.js', import.meta.url));
