import type { ChildProcess } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { ElicitRequestSchema, LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { expect } from 'chai';
import type { AegisModule } from 'aegislib';
import { loadMcpSdk, relayGuarded, runGateway } from 'aegislib/mcp-gateway';
import type { Gateway, GatewayOptions, McpMessage, McpRelayOptions } from 'aegislib/mcp-gateway';
import { behavesLikeAdapter, serviceOf } from './behavesLikeAdapter.js';
import { counted } from './counted.js';
import { ALLOWED, approveAll, approveFirstDenyOthers, ASKED, atSomePace, DENIED, moduleOf, until } from './mail.js';
import { toldBy } from './mcpSdks.js';
import type { Result } from './mcpSdks.js';
import { upstream } from './mcpUpstream.js';

const UPSTREAM = fileURLToPath(new URL('./mcpUpstream.js', import.meta.url));
const PROGRAM = fileURLToPath(new URL('./mcpGatewayProgram.js', import.meta.url));
const sdk = loadMcpSdk(import.meta.url);

/** Guards what has an amount, and leaves the rest. */
const MAYBE = `@id("all") permit (principal, action, resource);
  @id("much") @reason("over a thousand is too much") forbid (principal, action, resource) when { context.input has amount && context.input.amount > 1000 };`;

function client(): Client {
  const made = new Client({ name: 'spec', version: '1.0.0' }, { capabilities: { elicitation: { form: {} } } });
  made.setRequestHandler(ElicitRequestSchema, async () => ({ action: 'accept', content: {} }));
  return made;
}
const call = async (from: Client, name: string, args: object = {}, options: object = {}): Promise<Result> =>
  (await from.callTool({ name, arguments: args as never }, undefined, options)) as unknown as Result;

/** A client and a server in this process, with the relay between them. */
async function between(
  options: McpRelayOptions,
  send?: (input: never) => unknown,
): Promise<{ client: Client; raw: Transport; close: () => Promise<void> }> {
  const [near, clientSide] = InMemoryTransport.createLinkedPair();
  const [upstreamSide, far] = InMemoryTransport.createLinkedPair();
  await upstream(send).connect(far);
  const close = await relayGuarded({ client: clientSide, upstream: upstreamSide }, options);
  const made = client();
  await made.connect(near);
  return { client: made, raw: near, close };
}

const open: (() => Promise<void>)[] = [];
after(() => Promise.all(open.map((close) => close())));

behavesLikeAdapter({
  name: 'the MCP gateway',
  native: false,
  connects: true,
  entersAtOnce: false,
  async run(options, inputs, body, signal) {
    const relay = await between(options as McpRelayOptions, body as never);
    // what is approved later runs over the same connection
    open.push(relay.close);
    const results = inputs.map((input) => call(relay.client, 'send', input, { signal }));
    return (await Promise.all(results)).map(toldBy);
  },
});

describe('The MCP gateway', function () {
  this.timeout(20_000);
  let module: AegisModule;
  let closing: (() => Promise<unknown>)[];
  beforeEach(() => {
    module = moduleOf({ policies: { text: MAYBE } });
    closing = [];
  });
  afterEach(async () => {
    for (const close of closing.toReversed()) await close();
    await module.close();
  });

  /** Everything a client can do passes, and calls are decided. */
  async function passesAndGuards(from: Client): Promise<void> {
    const logged: unknown[] = [];
    from.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void logged.push(params.data));
    expect((await from.listTools()).tools.map(({ name }) => name)).to.deep.equal(['send', 'count', 'confirm', 'environment']);
    expect(JSON.stringify(await from.getPrompt({ name: 'greet', arguments: { name: 'ann' } }))).to.include('Greet ann');
    expect(JSON.stringify(await from.readResource({ uri: 'memo://terms' }))).to.include('be kind');
    expect(toldBy(await call(from, 'send', ALLOWED)).text).to.equal('sent to ann');
    const denied = await call(from, 'send', DENIED);
    expect([denied.isError, denied._meta?.['aegis/decision']]).to.deep.equal([true, JSON.parse(toldBy(denied).text)]);
    expect(toldBy(denied).text).to.include('over a thousand is too much');
    expect(toldBy(await call(from, 'confirm')).text).to.equal('the user said accept');
    const progress: number[] = [];
    const counted = await call(from, 'count', { amount: 3 }, { onprogress: (p: { progress: number }) => progress.push(p.progress) });
    expect([toldBy(counted).text, progress]).to.deep.equal(['counted to 3', [1, 2, 3]]);
    await until(() => logged.length > 0);
    expect(logged).to.deep.equal(['counted']);
  }

  it('hands everything else on, between two transports', async () => {
    const relay = await between({ module });
    closing.push(relay.close);
    await passesAndGuards(relay.client);
  });

  it('is a process between two others, over stdio, without a shell', async () => {
    const from = client();
    const args = [PROGRAM, process.execPath, UPSTREAM, '$(touch /tmp/never); echo'];
    await from.connect(
      new StdioClientTransport({ command: process.execPath, args, stderr: 'inherit', env: { AEGIS_STATE_KEY: 'secret' } }),
    );
    expect((await from.listTools()).tools).to.have.length(4);
    expect(toldBy(await call(from, 'send', ALLOWED)).text).to.equal('sent to ann');
    for (const input of [DENIED, ASKED]) expect((await call(from, 'send', input)).isError).to.equal(true);
    await from.close();
  });

  it('hands the server its arguments as they are, and none of our environment', async () => {
    const before = process.env['AEGIS_STATE_KEY'];
    process.env['AEGIS_STATE_KEY'] = 'a secret';
    try {
      const { from } = await overHttp({ command: process.execPath, args: [UPSTREAM, '$(id)', 'a b'], env: { SAID: 'hello' } });
      expect(JSON.parse(toldBy(await call(from, 'environment')).text)).to.deep.equal([null, 'hello', ['$(id)', 'a b']]);
    } finally {
      if (before === undefined) delete process.env['AEGIS_STATE_KEY'];
      else process.env['AEGIS_STATE_KEY'] = before;
    }
  });

  async function overHttp(options: GatewayOptions, headers: Record<string, string> = {}): Promise<{ from: Client; gateway: Gateway }> {
    const gateway = await runGateway({ module, sdk, listen: { port: 0 }, ...options });
    closing.push(() => gateway.close());
    return { from: await join(gateway, headers), gateway };
  }
  async function join(gateway: Gateway, headers: Record<string, string> = {}): Promise<Client> {
    const from = client();
    await from.connect(new StreamableHTTPClientTransport(new URL(gateway.url as string), { requestInit: { headers } }));
    closing.push(() => from.close());
    return from;
  }
  /** The upstream server over HTTP, a session each. */
  async function httpUpstream(): Promise<string> {
    const sessions = new Map<string, StreamableHTTPServerTransport>();
    const server = createServer((request, response) => {
      void (async () => {
        let transport = sessions.get(String(request.headers['mcp-session-id']));
        if (transport === undefined) {
          const made = new StreamableHTTPServerTransport({
            sessionIdGenerator: () => crypto.randomUUID(),
            onsessioninitialized: (id) => void sessions.set(id, made),
          });
          await upstream().connect(made as Transport);
          transport = made;
        }
        await transport.handleRequest(request, response);
      })();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  }

  it('takes clients over HTTP, to a process', async () => {
    const { from } = await overHttp({ command: process.execPath, args: [UPSTREAM] });
    await passesAndGuards(from);
  });

  it('takes clients over HTTP, to a server over HTTP', async () => {
    const { from } = await overHttp({ url: await httpUpstream() });
    await passesAndGuards(from);
  });

  it('gives each client over HTTP a connection of its own, whose request ids are its own', async () => {
    await module.close();
    module = moduleOf();
    const { from, gateway } = await overHttp({ url: await httpUpstream() });
    const other = await join(gateway);
    const results = [from, other].map((one) => call(one, 'send', ASKED));
    await until(async () => (await module.approvals.list()).length === 2);
    await approveFirstDenyOthers(module);
    const told = (await Promise.all(results)).map(({ isError }) => isError === true);
    expect(told.filter(Boolean)).to.deep.equal([true]);
  });

  it('answers with an error result where the decision service is away, and with its own where the server has one', async () => {
    const away = moduleOf({ policies: undefined, decisions: serviceOf(() => Promise.reject(new Error('away'))) });
    const relay = await between({ module: away });
    closing.push(relay.close, () => away.close());
    const told = await call(relay.client, 'send', ALLOWED);
    expect([told.isError, toldBy(told).text.includes('away')]).to.deep.equal([true, false]);
    const open = await between({ module });
    closing.push(open.close);
    expect(toldBy(await call(open.client, 'nothing')).text).to.match(/nothing not found/);
  });

  it('refuses arguments that are null, which policies cannot see, or drops them for the tool too', async () => {
    const sent: unknown[] = [];
    const send = (input: unknown): string => (sent.push(input), 'sent');
    const strict = await between({ module }, send);
    const dropping = await between({ module, nulls: 'drop' }, send);
    closing.push(strict.close, dropping.close);
    const withNull = { ...ALLOWED, note: null };
    const told = await call(strict.client, 'send', withNull);
    expect([told.isError, toldBy(told).text.includes('/note'), sent]).to.deep.equal([true, true, []]);
    await call(dropping.client, 'send', withNull);
    expect(sent).to.deep.equal([ALLOWED]);
    // what must not be there is not made to look as if it were not
    expect(
      (await call(dropping.client, 'send', JSON.parse('{"to":"ann","amount":1,"__proto__":{"amount":9}}') as object)).isError,
    ).to.equal(true);
    expect(sent).to.have.length(1);
  });

  it('hands on no call that was not decided, however it is written', async () => {
    const sent: unknown[] = [];
    const relay = await between({ module }, (input) => sent.push(input));
    closing.push(relay.close);
    const params = { name: 'send', arguments: DENIED };
    for (const message of [
      { jsonrpc: '2.0', method: 'tools/call', params },
      [{ jsonrpc: '2.0', id: 77, method: 'tools/call', params }],
      { jsonrpc: '2.0', id: 78, method: ['tools/call'], params },
      { jsonrpc: '2.0', id: 79, method: 'tools/call' },
      { jsonrpc: '2.0', id: 80, method: 'tools/call', params: { ...params, name: { toString: 'send' } } },
      // for servers that know no case
      { jsonrpc: '2.0', id: 81, method: 'tools/call', params: { name: 'count', Name: 'send', arguments: ALLOWED } },
      { jsonrpc: '2.0', id: 82, method: 'tools/call', params: { name: 'send', arguments: ALLOWED, argumentſ: DENIED } },
      { jsonrpc: '2.0', id: 83, method: 'ping', METHOD: 'tools/call', params },
    ])
      await relay.raw.send(message as never);
    // a later answer comes after theirs
    expect(toldBy(await call(relay.client, 'send', ALLOWED)).text).to.equal('1');
    expect(sent).to.deep.equal([ALLOWED]);
  });

  it('takes an answer of the server for no call that is still decided', async () => {
    const [near, clientSide] = InMemoryTransport.createLinkedPair();
    const [upstreamSide, far] = InMemoryTransport.createLinkedPair();
    await module.close();
    module = moduleOf();
    closing.push(await relayGuarded({ client: clientSide, upstream: upstreamSide }, { module }));
    const got: McpMessage[] = [];
    near.onmessage = (message) => void got.push(message as McpMessage);
    await Promise.all([near.start(), far.start()]);
    await near.send({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'send', arguments: { ...ASKED } } });
    await until(async () => (await module.approvals.list()).length > 0);
    await far.send({ jsonrpc: '2.0', id: 1, result: { content: [{ type: 'text', text: 'made up' }] } });
    await far.send({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
    expect(got.map(({ method }) => method)).to.deep.equal(['notifications/tools/list_changed']);
  });

  it('tells the server that a call was cancelled which it runs, and cancels one that waits', async () => {
    await module.close();
    module = moduleOf();
    let entered: () => void = () => {};
    const running = new Promise<void>((resolve) => (entered = resolve));
    const relay = await between({ module }, () => (entered(), new Promise(() => {})));
    closing.push(relay.close);
    const controller = new AbortController();
    const results = [ALLOWED, ASKED].map((input) => call(relay.client, 'send', input, { signal: controller.signal }).catch(() => 'gone'));
    await running;
    await until(async () => (await module.approvals.list()).length > 0);
    controller.abort();
    expect(await Promise.all(results)).to.deep.equal(['gone', 'gone']);
    await until(async () => (await module.approvals.list()).length === 0);
    expect(await module.approvals.list({ status: 'withdrawn' })).to.have.length(1);
  });

  it('keeps a client waiting that would have given up after 60 ms', async () => {
    await module.close();
    module = moduleOf();
    await atSomePace(async (slower) => {
      const relay = await between({ module, heartbeatMs: 15 * slower });
      closing.push(relay.close);
      let beats = 0;
      const onprogress = (): void => {
        beats += 1;
        if (beats === 8) void approveAll(module, 'bob');
      };
      const told = await call(relay.client, 'send', ASKED, { timeout: 60 * slower, resetTimeoutOnProgress: true, onprogress });
      expect(toldBy(told).text).to.equal('sent to ann');
    });
  });

  describe('over HTTP', () => {
    const post = (url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
      fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
    const INITIALIZE = {
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'spec', version: '1.0.0' } },
    };

    it('takes none but this machine’s own pages, and nobody without the token', async () => {
      const { gateway } = await overHttp(
        { url: await httpUpstream(), listen: { port: 0, token: 'the token' } },
        { authorization: 'Bearer the token' },
      );
      const url = gateway.url as string;
      const ours = { authorization: 'Bearer the token' };
      const status = async (headers: Record<string, string>): Promise<number> => (await post(url, INITIALIZE, headers)).status;
      expect(await status(ours)).to.equal(200);
      expect(await status({})).to.equal(401);
      expect(await status({ authorization: 'Bearer another' })).to.equal(401);
      expect(await status({ ...ours, origin: 'https://evil.example' })).to.equal(403);
      expect(await status({ ...ours, origin: 'http://localhost:3000' })).to.equal(200);
      expect((await post(url.replace('/mcp', '/other'), INITIALIZE, ours)).status).to.equal(404);
    });

    it('makes no connection for what does not begin a session, nor too many', async () => {
      const { gateway } = await overHttp({ url: await httpUpstream(), listen: { port: 0, maxSessions: 2 } });
      const url = gateway.url as string;
      expect(
        (await post(url, { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'send', arguments: ALLOWED } })).status,
      ).to.equal(400);
      expect((await post(url, 'no json')).status).to.equal(400);
      expect((await post(url, 'null')).status).to.equal(400);
      expect((await post(url, INITIALIZE, { 'mcp-session-id': 'made-up' })).status).to.equal(404);
      expect((await fetch(url)).status).to.equal(400);
      expect((await post(url, INITIALIZE)).status).to.equal(200);
      expect((await post(url, INITIALIZE)).status).to.equal(503);
    });

    it('leaves no server running for an initialize that began nothing', async () => {
      let running = 0;
      class Counted extends sdk.StdioClientTransport {
        override async start(): Promise<void> {
          running += 1;
          const { onclose } = this;
          this.onclose = () => ((running -= 1), onclose?.());
          await super.start();
        }
      }
      const counting = { ...sdk, StdioClientTransport: Counted as never };
      const { gateway } = await overHttp({ command: process.execPath, args: [UPSTREAM], sdk: counting, listen: { port: 0 } });
      const before = running;
      expect((await post(gateway.url as string, { jsonrpc: '2.0', id: 1, method: 'initialize' })).status).to.equal(400);
      expect((await post(gateway.url as string, INITIALIZE, { accept: 'text/plain' })).status).to.equal(406);
      await until(() => running <= before);
      expect([before, running]).to.deep.equal([1, 1]);
    });

    it('has no more server processes alive than sessions are allowed, however many initializes are refused', async () => {
      let running = 0;
      let most = 0;
      let gone = 0;
      class Counted extends sdk.StdioClientTransport {
        override async start(): Promise<void> {
          running += 1;
          most = Math.max(most, running);
          await super.start();
          const { _process: child } = this as unknown as { readonly _process: ChildProcess };
          child.once('exit', () => ((running -= 1), (gone += 1)));
        }
      }
      // a server that does not end when its input does, as a busy one
      const stubborn = ['-e', 'process.stdin.resume(); setInterval(() => {}, 1000); process.stdin.on("end", () => {})'];
      const gateway = await runGateway({
        module,
        sdk: { ...sdk, StdioClientTransport: Counted as never },
        command: process.execPath,
        args: stubborn,
        listen: { port: 0, maxSessions: 3 },
      });
      closing.push(() => gateway.close());
      const refused = { jsonrpc: '2.0', id: 1, method: 'initialize' };
      const statuses: number[] = [];
      for (let round = 0; round < 8; round++) {
        const answers = await Promise.all(Array.from({ length: 8 }, () => post(gateway.url as string, refused)));
        statuses.push(...answers.map(({ status }) => status));
      }
      counted({ what: 'A12 refused initializes of the gateway', cases: statuses.length, wrong: Math.max(0, most - 3) });
      expect(most).to.equal(3);
      const begun = statuses.filter((status) => status === 400).length;
      // on a busy machine the first are gone, and their places taken, before the last ask
      expect(begun).to.be.within(3, 3 + gone);
      expect(statuses.filter((status) => status === 503)).to.have.length(64 - begun);
      // their places are free once they are gone
      let status = 503;
      await until(async () => ({ status } = await post(gateway.url as string, refused)).status !== 503);
      expect([status, most]).to.deep.equal([400, 3]);
    });

    it('ends the session of a client that went while its server was connected', async () => {
      let connects: () => void = () => {};
      let goOn: () => void = () => {};
      const connecting = new Promise<void>((resolve) => (connects = resolve));
      const gone = new Promise<void>((resolve) => (goOn = resolve));
      let slow = false;
      class Slow extends sdk.StreamableHTTPClientTransport {
        override async start(): Promise<void> {
          await super.start();
          if (!slow) return;
          connects();
          await gone;
        }
      }
      const gateway = await runGateway({
        module,
        sdk: { ...sdk, StreamableHTTPClientTransport: Slow as never },
        url: await httpUpstream(),
        listen: { port: 0, maxSessions: 1, idleMs: 10 },
      });
      closing.push(() => gateway.close());
      slow = true;
      const leaves = new AbortController();
      const request = fetch(gateway.url as string, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
        body: JSON.stringify(INITIALIZE),
        signal: leaves.signal,
      }).catch(() => undefined);
      await connecting;
      leaves.abort();
      await request;
      await new Promise((resolve) => setTimeout(resolve, 50));
      slow = false;
      goOn();
      let status = 503;
      await until(async () => ({ status } = await post(gateway.url as string, INITIALIZE)).status === 200);
      expect(status).to.equal(200);
    });

    it('ends a session that nobody uses', async () => {
      // no client of the SDK: on a busy machine its session would be over before its second message
      const gateway = await runGateway({ module, sdk, url: await httpUpstream(), listen: { port: 0, maxSessions: 1, idleMs: 10 } });
      closing.push(() => gateway.close());
      const url = gateway.url as string;
      expect((await post(url, INITIALIZE).then(async (response) => (await response.text(), response))).status).to.equal(200);
      let status = 503;
      await until(async () => ({ status } = await post(url, INITIALIZE)).status === 200);
      expect(status).to.equal(200);
    });

    it('says that the server cannot be reached, and nothing of why', async () => {
      const gateway = await runGateway({ module, sdk, command: '/nowhere/to/be/found', listen: { port: 0 } });
      closing.push(() => gateway.close());
      const response = await post(gateway.url as string, INITIALIZE);
      expect([response.status, (await response.text()).includes('nowhere')]).to.deep.equal([502, false]);
    });
  });

  it('refuses options that cannot be', async () => {
    const wrong: GatewayOptions[] = [
      {},
      { command: 'a', url: 'https://a.example' },
      { url: 'nowhere' },
      { url: 'http://tools.example/mcp' },
      { url: 'file:///etc/passwd' },
      { command: 'a', listen: { port: 0, host: '0.0.0.0' } },
      { command: 'a', listen: { port: 0 }, approval: 'native' as never },
    ];
    for (const options of wrong) {
      const error = await runGateway({ module, sdk, ...options }).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error, JSON.stringify(options)).to.include({ name: 'ConfigError' });
    }
  });

  it('says what to install where the MCP SDK is not', () => {
    expect(() => loadMcpSdk('/'))
      .to.throw(/npm install @modelcontextprotocol\/sdk/)
      .with.property('name', 'ConfigError');
  });
});
