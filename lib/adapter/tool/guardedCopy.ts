import { markGuardedTool } from '../../guard/guardedTools.js';

/**
 * Copies a tool, replaces some of its properties, and marks the copy as guarded. The copy has the tool's prototype and all of its own properties, enumerable
 * or not, because frameworks mark their tools with both.
 *
 * @param entry the property that holds the guarded function
 * @param replaced the guarded function and what else the copy has of its own
 */
export function guardedCopy<T extends object>(tool: T, entry: string, replaced: Readonly<Record<string, unknown>>): T {
  const properties: Record<string, PropertyDescriptor> = Object.getOwnPropertyDescriptors(tool);
  for (const [name, value] of Object.entries(replaced)) properties[name] = { value, enumerable: true, writable: true, configurable: true };
  return markGuardedTool(Object.create(Object.getPrototypeOf(tool) as object | null, properties) as T, entry);
}

/**
 * Makes an object that inherits everything from a tool but these properties, and marks it as guarded: for tools that must stay instances of their class. The
 * properties are those of its prototype, so that a copy which a framework makes with the same prototype has them too.
 */
export function guardedDerivative<T extends object>(tool: T, entry: string, properties: PropertyDescriptorMap): T {
  return markGuardedTool(Object.create(Object.create(tool, properties) as object) as T, entry);
}

/** Guards each tool of a record, under its own name, also where that is `__proto__`. */
export function guardedRecord<T extends object>(
  tools: Readonly<Record<string, T>>,
  guardTool: (name: string, tool: T) => T,
): Record<string, T> {
  const guarded: Record<string, T> = {};
  for (const name of Object.keys(tools)) {
    const value = guardTool(name, tools[name] as T);
    Object.defineProperty(guarded, name, { value, enumerable: true, writable: true, configurable: true });
  }
  return guarded;
}
