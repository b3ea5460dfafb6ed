import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CedarPolicyEngine, type CedarPolicyEngineOptions } from '../../lib/policy/engine/CedarPolicyEngine.js';
import { ConfigError } from '../../lib/model/errors/SetupErrors.js';
import { parsePolicies } from '../../lib/policy/parse/parsePolicies.js';
import type { Policy } from '../../lib/policy/Policy.js';
import type { PolicyCall } from '../../lib/policy/PolicyEngine.js';
import { wasmEvaluator } from '../../lib/policy/wasm/wasmEvaluator.js';

/** Permits everything, so that a spec can look at one forbid. */
export const PERMIT_ALL = '@id("permit-all") permit (principal, action, resource);\n';

/** An engine of one file, `a.cedar`. */
export function engineOf(text: string, options: Omit<CedarPolicyEngineOptions, 'sources'> = {}): CedarPolicyEngine {
  return CedarPolicyEngine.load({ sources: [{ file: 'a.cedar', text }], ...options });
}

/** {@link engineOf} that evaluates by cedar-wasm. */
export function wasmEngineOf(text: string): CedarPolicyEngine {
  return CedarPolicyEngine.load({ sources: [{ file: 'a.cedar', text }] }, wasmEvaluator);
}

/** A call of `tool` by `bot`. */
export function callOf(params: Record<string, unknown> = {}, more: Partial<PolicyCall> = {}): PolicyCall {
  return { agentId: 'bot', toolName: 'tool', groups: [], params, session: null, facts: {}, nowMs: 0, removable: [], ...more };
}

/** What loading a text complains about: `where message`. */
export function problemsOf(...texts: string[]): string[] {
  try {
    CedarPolicyEngine.load({ sources: texts.map((text, i) => ({ file: `${'abc'[i]}.cedar`, text })) }).release();
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ where, message }) => `${where} ${message}`);
  }
}

/** Sound policies out of a text. */
export function policiesOf(text: string): readonly Policy[] {
  return parsePolicies([{ file: 'a.cedar', text }]).policies;
}

/** A folder of files for the time of `use`. */
export async function withFolder(files: Record<string, string>, use: (path: string, write: Write) => unknown): Promise<void> {
  const path = mkdtempSync(join(tmpdir(), 'aegis-policy-'));
  const write: Write = (name, text) => writeFileSync(join(path, name), text);
  try {
    for (const [name, text] of Object.entries(files)) write(name, text);
    await use(path, write);
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

type Write = (name: string, text: string) => void;
