/** The params of a tool call by name. They are a snapshot: JSON values, Date and BigInt only. */
export type Params = Readonly<Record<string, unknown>>;

/** Host data about the caller. `user_id` names the requester. Never taken from the call's arguments. */
export type Session = Readonly<Record<string, unknown>>;

/** A tool name: 1 to 128 letters, digits and `_ . : / -`. */
export const TOOL_NAME: RegExp = /^[A-Za-z0-9_.:/-]{1,128}$/;

/** Whether a value can be an agent's id, a guard's key or the like: a string of 1 to 256 characters. */
export function isId(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= 256;
}

/** Names that no param, session field or JSON pointer may have: they reach an object's prototype, or are escapes of Cedar's JSON form. */
export const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype', '__entity', '__extn', '__expr']);

/** Appends a key to a JSON pointer (RFC 6901). */
export function pointer(at: string, key: string): string {
  return `${at}/${key.includes('~') || key.includes('/') ? key.replaceAll('~', '~0').replaceAll('/', '~1') : key}`;
}
