/**
 * Whether something is written beside these names that another reader takes for one of them: decoders in Go and elsewhere know no case, and of two they take
 * the last.
 */
export function isMisspelt(record: object, names: readonly string[]): boolean {
  // upper case first: it has letters of its own that are an s or a k to these decoders
  return Object.keys(record).some((key) => !names.includes(key) && names.includes(key.toUpperCase().toLowerCase()));
}

/** What a message of JSON-RPC is made of. */
export const MESSAGE_NAMES: readonly string[] = ['jsonrpc', 'id', 'method', 'params', 'result', 'error'];

/** What of a call of a tool decides what runs. */
export const CALL_NAMES: readonly string[] = ['name', 'arguments', 'task', '_meta'];
