/** Appends to a JSON pointer (RFC 6901). */
export function pointer(at: string, key: string): string {
  return `${at}/${key.includes('~') || key.includes('/') ? key.replaceAll('~', '~0').replaceAll('/', '~1') : key}`;
}
