/** The name of an object's class, or of the class itself; '' where there is none. */
export function classNameOf(self: unknown): string {
  const type: unknown = typeof self === 'function' ? self : (self as object | null | undefined)?.constructor;
  return typeof type === 'function' ? type.name : '';
}
