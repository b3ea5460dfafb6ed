/** Tool names: letters, digits, `_ . : / -`, at most 128. */
export const TOOL_NAME: RegExp = /^[A-Za-z0-9_.:/-]{1,128}$/;

/** Names no param, session field or JSON pointer may have: they reach an object's prototype, or are escapes of Cedar's JSON form. */
export const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype', '__entity', '__extn', '__expr']);
