import { expect } from 'chai';
import { relayGuarded } from '../../../lib/adapter/mcp-gateway/runGateway.js';
import type { McpTransport } from '../../../lib/adapter/mcp-gateway/McpTransport.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { countedSuite } from '../../support/assurance.js';

const POLICIES = `@id("all") permit (principal, action, resource);
  @id("much") forbid (principal, action, resource) when { context.input has amount && context.input.amount > 1000 };`;

type Sent = Readonly<Record<string, unknown>>;

/** A transport of the spec's own, which writes JSON as those over pipes and sockets do. */
class Wire implements McpTransport {
  readonly sent: Sent[] = [];
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: never, extra?: never) => void;
  readonly failed: Error[] = [];

  async start(): Promise<void> {
    this.onerror = (error) => void this.failed.push(error);
  }

  async send(message: never): Promise<void> {
    this.sent.push(JSON.parse(JSON.stringify(message)) as Sent);
  }

  async close(): Promise<void> {}

  get(message: unknown): void {
    this.onmessage?.(message as never, {} as never);
  }
}

/** Every way in which a spelling can be another one's, to a server that ignores it. */
const SPELLINGS: readonly ((method: string) => string)[] = [
  (method) => method.toUpperCase(),
  (method) => method.replace(/\b[a-z]/g, (letter) => letter.toUpperCase()),
  (method) => method.replace(/.$/, (letter) => letter.toUpperCase()),
  (method) => `${method} `,
  (method) => ` ${method}`,
  (method) => `${method}\n`,
  (method) => `${method}\t`,
  (method) => `${method}\0`,
  (method) => `${method}\0x`,
  (method) => `${method}\u200b`,
  (method) => `\ufeff${method}`,
  (method) => `${method}\u00a0`,
  (method) => `${method}/`,
  (method) => `/${method}`,
  (method) => method.replaceAll('/', '//'),
  (method) => method.replaceAll('/', '\\'),
  (method) => method.replaceAll('/', '.'),
  (method) => method.replaceAll('/', '_'),
  (method) => method.replaceAll('/', ''),
  (method) => method.replaceAll('/', '%2F'),
  (method) => method.replaceAll('/', '\u2044'),
  (method) => method.replaceAll('/', '\uff0f'),
  (method) => method.replaceAll('/', ' / '),
  (method) => method.replace(/[a-z]/g, (letter) => String.fromCodePoint((letter.codePointAt(0) as number) + 0xfee0)),
  (method) => method.replace('s', '\u017f'),
  (method) => method.replace('l', '\u006c\u0301'),
  (method) => method.replace('o', '\u043e'),
];
const UNKNOWN_TOOL_METHODS = [
  'tools/invoke',
  'tools/call/now',
  'tools/callTool',
  'tools.run',
  'tool/call',
  'tools',
  'mcp/tools/call',
  'rpc.tools.call',
  'callTool',
  'call_tool',
  'invokeTool',
  'agent/runTool',
  'x-tool-call',
  'com.example.executeTOOLS',
];
const PASSES = [
  'ping',
  'tools/list',
  'resources/read',
  'prompts/get',
  'logging/setLevel',
  'tasks/get',
  'server/discover',
  'x-vendor/toolset',
  'vendor.list',
];

describe('A relay of MCP', () => {
  let module: AegisModule;
  let client: Wire;
  let upstream: Wire;
  let close: () => Promise<void>;
  let tried = 0;
  countedSuite('A12 messages to the gateway that a lax server could read as another', () => ({ cases: tried }));
  beforeEach(async () => {
    module = AegisModule.create({ policies: { text: POLICIES }, agentId: 'agent' });
    client = new Wire();
    upstream = new Wire();
    close = await relayGuarded({ client, upstream }, { module });
  });
  afterEach(async () => {
    await close();
    await module.close();
  });

  const params = { name: 'send', arguments: { amount: 5 } };
  const denied = { name: 'send', arguments: { amount: 5_000 } };
  const request = (id: unknown, method: unknown, more: object = { params: denied }): Sent => ({ jsonrpc: '2.0', id, method, ...more });
  const settled = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
  };
  const give = async (...messages: readonly unknown[]): Promise<void> => {
    tried += messages.length;
    for (const message of messages) client.get(message);
    await settled();
  };
  const codes = (): unknown[] => client.sent.map(({ id, error }) => [id, (error as { code?: number } | undefined)?.code]);

  it('relays no request and no notification whose method another server could take for one of the protocol', async () => {
    const methods = ['tools/call', 'tools/list', 'notifications/cancelled', 'resources/read', 'prompts/get'].flatMap((method) =>
      SPELLINGS.map((spelling) => spelling(method)).filter((spelled) => spelled !== method),
    );
    const odd = [...new Set([...methods, ...UNKNOWN_TOOL_METHODS, 'PING', 'Initialize ', ''])];
    await give(...odd.map((method, i) => request(i, method)), ...odd.map((method) => ({ jsonrpc: '2.0', method, params: denied })));
    expect(upstream.sent).to.deep.equal([]);
    expect(codes()).to.deep.equal(odd.map((_, i) => [i, -32601]));
  });

  it('relays no message that is neither a request nor an answer', async () => {
    const odd = [
      { jsonrpc: '2.0', id: 1, params: denied },
      { jsonrpc: '2.0', id: 2, method: undefined, params: denied },
      { jsonrpc: '2.0', id: 3, result: {}, params: denied },
      { jsonrpc: '2.0', id: 4, result: {}, error: { code: 1, message: 'x' } },
      { jsonrpc: '2.0', id: 5 },
      { jsonrpc: '2.0', result: {} },
      { jsonrpc: '2.0', params: denied },
      {},
    ];
    await give(...odd);
    expect(upstream.sent).to.deep.equal([]);
    expect(codes()).to.deep.equal(odd.map(() => [null, -32600]));
    const answers = [
      { jsonrpc: '2.0', id: 6, result: {} },
      { jsonrpc: '2.0', id: 'seven', error: { code: 1, message: 'x' } },
    ];
    await give(...answers);
    expect(upstream.sent).to.deep.equal(answers);
  });

  it('relays what is spelled as it is, also what it does not know', async () => {
    await give(...PASSES.map((method, i) => request(i, method, { params: {} })), { jsonrpc: '2.0', method: 'notifications/initialized' });
    expect(upstream.sent.map(({ method }) => method)).to.deep.equal([...PASSES, 'notifications/initialized']);
    upstream.get({ jsonrpc: '2.0', id: 0, result: {} });
    await settled();
    expect(client.sent).to.deep.equal([{ jsonrpc: '2.0', id: 0, result: {} }]);
  });

  it('sends the server nothing of a call beside what the protocol has, and refuses a call with more', async () => {
    await give(
      request(1, 'tools/call', {
        params: { ...params, task: { ttl: 5 }, _meta: { progressToken: 7 }, requestState: 's', inputResponses: {} },
      }),
    );
    expect(upstream.sent[0]?.['params']).to.deep.equal({
      ...params,
      task: { ttl: 5 },
      _meta: { progressToken: 7 },
      requestState: 's',
      inputResponses: {},
    });
    const odd: readonly object[] = [
      ...[
        'args',
        'Arguments',
        'argumentſ',
        'ARGUMENTS',
        'arguments ',
        'input',
        'params',
        'Name',
        'tool',
        'toolName',
        'options',
        '__proto__',
      ].map((name) => JSON.parse(`{"name":"send","arguments":{"amount":5},${JSON.stringify(name)}:{"amount":5000}}`) as object),
      { name: 'send', arguments: [5_000] },
      { name: 'send', arguments: 'amount=5000' },
      { name: 'send', arguments: null },
      { arguments: {} },
      { name: ['send'], arguments: {} },
      [denied],
    ];
    await give(
      ...odd.map((more, i) => request(100 + i, 'tools/call', { params: more })),
      request(90, 'tools/call', { params: null }),
      request(91, 'tools/call', {}),
    );
    expect(upstream.sent).to.have.length(1);
    expect(codes()).to.deep.equal([...odd.map((_, i) => [100 + i, -32602]), [90, -32602], [91, -32602]]);
  });

  it('takes one message at a time, with the keys of JSON-RPC and an id that is a text or a number', async () => {
    const odd: readonly unknown[] = [
      [request(1, 'tools/call')],
      [request(1, 'ping', {})],
      null,
      'ping',
      { ...request(2, 'ping', {}), METHOD: 'tools/call', params: denied },
      { ...request(2, 'ping', {}), call: denied },
      request(null, 'tools/call'),
      request({}, 'ping', {}),
      request(true, 'tools/call'),
      request([1], 'ping', {}),
    ];
    await give(...odd);
    expect(upstream.sent).to.deep.equal([]);
    expect(codes()).to.deep.equal(odd.map(() => [null, -32600]));
    await give({ jsonrpc: '2.0', method: 'tools/call', params });
    expect(upstream.sent, 'a call without an id is no request').to.deep.equal([]);
  });

  it('relays no second request under an id that is in use', async () => {
    await give(request(1, 'ping', {}), request(1, 'ping', {}), request(1, 'tools/call'), request('1', 'ping', {}));
    expect(upstream.sent.map(({ id }) => id)).to.deep.equal([1, '1']);
    expect(codes()).to.deep.equal([
      [1, -32600],
      [1, -32600],
    ]);
    upstream.get({ jsonrpc: '2.0', id: 1, result: {} });
    await give(request(1, 'ping', {}));
    expect(upstream.sent).to.have.length(3);
  });

  it('answers what is nested too deeply, and what cannot be written, so that no one waits for it', async () => {
    const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth));
    await give(
      request(1, 'ping', { params: { a: nested(100_000) } }),
      request(2, 'tools/call', { params: { name: 'send', arguments: { a: nested(100_000) } } }),
      request(3, 'resources/read', { params: { a: nested(257) } }),
      { jsonrpc: '2.0', method: 'notifications/progress', params: { a: nested(100_000) } },
      { jsonrpc: '2.0', id: 4, result: { a: nested(100_000) } },
      request(5, 'ping', { params: { a: 5n } }),
      request(6, 'tools/call', { params: { ...params, _meta: { a: 5n } } }),
      request(7, 'ping', { params: { a: nested(200) } }),
    );
    expect(upstream.sent.map(({ id, error }) => [id, error !== undefined])).to.deep.equal([
      [4, true],
      [7, false],
    ]);
    const answers = client.sent.map(({ id, error, result }) => [
      id,
      (error as { code?: number } | undefined)?.code ?? (result as { isError?: boolean }).isError,
    ]);
    expect(answers).to.have.deep.members([
      [1, -32600],
      [2, -32600],
      [3, -32600],
      [5, -32603],
      [6, true],
    ]);
    // what was answered is not waited for
    await give(request(5, 'ping', {}));
    expect(upstream.sent.map(({ id }) => id)).to.deep.equal([4, 7, 5]);
  });

  it('answers in the place of what the server sends that cannot be written', async () => {
    await give(request(1, 'ping', {}));
    upstream.get({ jsonrpc: '2.0', id: 1, result: { a: 5n } });
    upstream.get({ jsonrpc: '2.0', id: 9, method: 'sampling/createMessage', params: { a: 5n } });
    upstream.get({ jsonrpc: '2.0', method: 'notifications/message', params: { a: 5n } });
    await settled();
    expect(codes()).to.deep.equal([[1, -32603]]);
    expect(upstream.sent.slice(1).map(({ id, error }) => [id, (error as { code: number }).code])).to.deep.equal([[9, -32603]]);
  });

  it('goes on when neither a message nor the error for it can be written', async () => {
    client.send = () => Promise.reject(new Error('closed'));
    await give(request(1, 'tools/call'), request(2, 'PING'), [], request(3, 'ping', {}));
    upstream.get({ jsonrpc: '2.0', id: 3, result: {} });
    await settled();
    expect(client.failed.length).to.be.greaterThan(0);
    expect(client.failed.length).to.be.below(20);
  });
});
