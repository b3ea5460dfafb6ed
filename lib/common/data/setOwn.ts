/**
 * Gives a fresh object a property of its own, or its own one another value. Plain assignment would call a setter of that name that somebody put on `Object.prototype`, or fail where
 * that is frozen and has the name.
 */
export function setOwn(target: object, key: string, value: unknown): void {
  if (key in target && !Object.hasOwn(target, key))
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
  else (target as Record<string, unknown>)[key] = value;
}
