import type { StateStore } from 'aegislib/store';

/** The store of a bench that runs in two processes. */
export async function openStore(kind: string, where: string): Promise<StateStore | string> {
  if (kind === 'sqlite') return where;
  const { postgresStore } = await import('aegislib/postgres');
  return postgresStore({ connectionString: where, schema: 'aegis_bench' });
}
