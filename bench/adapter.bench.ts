// What adapters cost: an allowed call of a guarded tool beside the same call through guardCall, and the size of each.
import { readFileSync } from 'node:fs';
import { AegisModule, guardCall, type DecisionService } from 'aegislib';
import { guardTools } from 'aegislib/ai-sdk';
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
const { tool } = guardTools({ tool: { execute: send } }, { module: aegis });
let calls = 0;
const viaAdapter = await compare(
  'allowed call through an adapter',
  () => tool.execute(input, { toolCallId: `call-${calls++}` }),
  () => guardCall(aegis, { agentId: 'bench', toolName: 'tool', params: input }, (params) => send(params as never, {})),
);
await aegis.close();

const figures: Figure[] = [
  {
    name: 'an adapter (ai-sdk) adds to an allowed call over guardCall',
    value: (viaAdapter.ns - viaAdapter.twinNs) / 1_000,
    unit: 'µs',
    goal: { atMost: 20 },
    note: `guardCall itself ${(viaAdapter.twinNs / 1_000).toFixed(2)} µs`,
  },
];

interface Manifest {
  readonly exports: Readonly<Record<string, { readonly default?: string } | string>>;
}
const { exports } = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8')) as Manifest;
for (const [subpath, target] of Object.entries(exports)) {
  const file = typeof target === 'string' ? undefined : target.default?.replace('./dist/', '');
  if (file?.startsWith('adapter/') !== true) continue;
  const chunks = await bundled(['index.js', file]);
  const core = loadedWith(chunks, 'index.js');
  const own = [...loadedWith(chunks, chunks.find((chunk) => chunk.facadeModuleId?.endsWith(file) === true)?.fileName ?? '')];
  const code = own.filter((chunk) => !core.has(chunk)).map((chunk) => chunk.code);
  figures.push({
    name: `aegislib${subpath.slice(1)}, min+gzip, beside the core`,
    value: (await gzipped(code.join('\n'))) / 1_000,
    unit: 'kB',
    goal: { atMost: 4 },
  });
}
report(figures);
