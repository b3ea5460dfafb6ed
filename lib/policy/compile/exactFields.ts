/** A policy has a shape that the compiler does not know exactly, so cedar-wasm evaluates it. */
export class Uncompilable extends Error {
  override readonly name = 'Uncompilable';
}

/** The only field of a plain object: its name and content. */
export function onlyField(node: unknown): [string, unknown] {
  const entries = Object.entries(plain(node));
  const [entry] = entries;
  if (entry === undefined || entries.length > 1) throw new Uncompilable('a node does not have exactly one kind');
  return entry;
}

/** The fields of a plain object that has these and no others. */
export function exactFields<K extends string, O extends string = never>(
  node: unknown,
  names: readonly K[],
  optional: readonly O[] = [],
): Record<K, unknown> & Partial<Record<O, unknown>> {
  const fields = plain(node);
  const known: readonly string[] = [...names, ...optional];
  if (!names.every((name) => Object.hasOwn(fields, name)) || !Object.keys(fields).every((name) => known.includes(name)))
    throw new Uncompilable(`a node does not have the fields ${names.join()}`);
  return fields as Record<K, unknown> & Partial<Record<O, unknown>>;
}

export function text(node: unknown): string {
  if (typeof node !== 'string') throw new Uncompilable('a text is missing');
  return node;
}

export function list(node: unknown): readonly unknown[] {
  if (!Array.isArray(node)) throw new Uncompilable('a list is missing');
  return node;
}

/** A plain object: one with another prototype may have lost a `__proto__` on its way. */
export function plain(node: unknown): Readonly<Record<string, unknown>> {
  if (typeof node !== 'object' || node === null || Object.getPrototypeOf(node) !== Object.prototype)
    throw new Uncompilable('a node is not a plain object');
  return node as Record<string, unknown>;
}
