// What adapters cost: an allowed call of a guarded tool beside the same call through guardCall, and the size of each.
import { readFileSync } from 'node:fs';
import { AegisModule, guardCall, type DecisionService } from 'aegislib';
import { guardTools } from 'aegislib/ai-sdk';
import { guardTools as guardAnthropic } from 'aegislib/anthropic';
import { guardTools as guardMastra } from 'aegislib/mastra';
import { guardServer } from 'aegislib/mcp';
import { guardTools as guardOpenAi } from 'aegislib/openai-agents';
import { bundled, gzipped, loadedWith, ROOT } from './bundleSize.js';
import { compare } from './compare.js';
import { report, type Figure } from './figure.js';

const allow: DecisionService = {
  decide: () => ({ effect: 'allow', decisionId: 'allow' }),
  status: (decisionId) => ({ decisionId, state: 'invalid' }),
};
const aegis = AegisModule.create({ decisions: allow, agentId: 'bench' });
const input = { to: 'ann', subject: 'hi', urgent: true };
const send = async ({ to, subject }: typeof input, _context: object): Promise<number> => to.length + subject.length;
let calls = 0;
const nextId = (): string => `call-${calls++}`;
const options = { module: aegis };

/** An allowed call of one tool, as each framework makes it. */
const text = JSON.stringify(input);
const parsing = async (_: object, json: string, _details?: object): Promise<number> => send(JSON.parse(json) as typeof input, {});
const [openAi] = guardOpenAi([{ type: 'function', name: 'tool', parameters: {}, invoke: parsing } as const], options);
const [anthropic] = guardAnthropic([{ name: 'tool', input_schema: {}, run: send } as const], { ...options, ToolError: Error as never });
const { tool } = guardTools({ tool: { execute: send } }, options);
const { mastra } = guardMastra({ mastra: { id: 'tool', execute: send } }, options);
class Registrar {
  readonly server = { getClientCapabilities: () => ({}), assertCanSetRequestHandler: () => {} };
  callback: (args: unknown, extra: unknown) => Promise<unknown> = async () => undefined;
  registerTool(_name: string, _config: object, callback: Registrar['callback']): object {
    this.callback = callback;
    return { update: () => {}, handler: callback };
  }
}
const server = guardServer(new Registrar() as never, options) as unknown as Registrar;
server.registerTool('tool', { inputSchema: {} }, (args) => send(args as typeof input, {}));

const asFrameworksDo: Readonly<Record<string, () => Promise<unknown>>> = {
  'ai-sdk': () => tool.execute(input, { toolCallId: nextId() }),
  'openai-agents': () => openAi.invoke({ context: {} }, text, { toolCall: { callId: nextId() } }) as Promise<unknown>,
  mastra: () => mastra.execute(input, { agent: { toolCallId: nextId() } }) as Promise<unknown>,
  anthropic: () => anthropic.run(input, { toolUse: { id: nextId(), name: 'tool', input } }) as Promise<unknown>,
  mcp: () => server.callback(input, { requestId: nextId(), signal: undefined }),
};
const figures: Figure[] = [];
for (const [name, call] of Object.entries(asFrameworksDo)) {
  if ((await call()) !== 5) throw new Error(`${name} did not run the tool`);
  const { ns, twinNs } = await compare(name, call, () =>
    guardCall(aegis, { agentId: 'bench', toolName: 'tool', params: input }, (params) => send(params as never, {})),
  );
  const note = `guardCall itself ${(twinNs / 1_000).toFixed(1)} µs`;
  figures.push({
    name: `aegislib/${name} adds to an allowed call over guardCall`,
    value: (ns - twinNs) / 1_000,
    unit: 'µs',
    goal: { atMost: 20 },
    note,
  });
}
await aegis.close();

interface Manifest {
  readonly exports: Readonly<Record<string, { readonly default?: string } | string>>;
}
const { exports } = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8')) as Manifest;
for (const [subpath, target] of Object.entries(exports)) {
  const file = typeof target === 'string' ? undefined : target.default?.replace('./dist/', '');
  if (file?.startsWith('adapter/') !== true) continue;
  const chunks = await bundled(['index.js', file]);
  const core = loadedWith(chunks, 'index.js');
  const own = [...loadedWith(chunks, file)];
  const code = own.filter((chunk) => !core.has(chunk)).map((chunk) => chunk.code);
  figures.push({
    name: `aegislib${subpath.slice(1)}, min+gzip, beside the core`,
    value: (await gzipped(code.join('\n'))) / 1_000,
    unit: 'kB',
    goal: { atMost: 4 },
    limit: { atMost: 10 },
  });
}
report(figures);
