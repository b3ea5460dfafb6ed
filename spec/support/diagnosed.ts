import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Diagnostic } from '../../lib/model/diagnostics.js';

/** Everything that `aegis:diagnostics` reports while `work` runs. */
export async function diagnosed(work: (seen: readonly Diagnostic[]) => unknown): Promise<readonly Diagnostic[]> {
  const seen: Diagnostic[] = [];
  const listen = (message: unknown): void => void seen.push(message as Diagnostic);
  subscribe('aegis:diagnostics', listen);
  try {
    await work(seen);
  } finally {
    unsubscribe('aegis:diagnostics', listen);
  }
  return seen;
}

/** The codes of the security events among them. */
export function securityCodes(diagnostics: readonly Diagnostic[]): string[] {
  return diagnostics.flatMap((d) => (d.kind === 'security' ? [d.code] : []));
}
