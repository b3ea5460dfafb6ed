/**
 * The name and code of an error, for logs. Never its text, which may quote a query, a path, or an address with a password, because it may be another
 * program's.
 */
export function namesOf(error: unknown): { readonly error: string; readonly code?: string } {
  if (!(error instanceof Error)) return { error: 'NonError' };
  const { code } = error as { readonly code?: unknown };
  return { error: error.name, ...(typeof code === 'string' && { code }) };
}
