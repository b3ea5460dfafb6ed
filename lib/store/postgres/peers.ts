import { createRequire } from 'node:module';
import type pg from 'pg';
import { badSetting, missingPeer } from './errors.js';
import type { JobQueueClass } from './jobs.js';

/** @throws ConfigError where it is not installed */
export async function importPg(): Promise<typeof pg> {
  try {
    return (await import('pg')).default;
  } catch (error) {
    throw isMissing(error) ? missingPeer('pg') : error;
  }
}

/**
 * Required, not imported: its type declarations do not compile by themselves, and an import would bring them along. It is a module, which Node can
 * require from 22.12 on: the same that it needs.
 *
 * @param wanted `undefined`: where it is installed and runs on this Node
 * @throws ConfigError where it is not to be had although it is wanted
 */
export function requirePgBoss(wanted: boolean | undefined): JobQueueClass | undefined {
  if (wanted === false) return undefined;
  try {
    return (createRequire(import.meta.url)('pg-boss') as { readonly PgBoss: JobQueueClass }).PgBoss;
  } catch (error) {
    if (wanted === undefined) return undefined;
    if (isMissing(error)) throw missingPeer('pg-boss');
    throw badSetting('queue', 'pg-boss does not run here: it needs Node 22.12 or newer', error);
  }
}

function isMissing(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  return code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
}
