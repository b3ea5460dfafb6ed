import { types } from 'node:util';

/** Changes every object it can reach within an argument, without running a getter or a trap. */
export function meddleWith(argument: unknown): void {
  for (const object of objectsIn(argument)) {
    if (types.isDate(object)) object.setTime(666);
    if (Array.isArray(object) && !Object.isFrozen(object)) object.push('meddled');
    for (const key of Object.keys(object)) Reflect.defineProperty(object, key, { value: 'meddled' });
    Reflect.set(object, 'meddled', true);
  }
}

/** Whether a copy holds an object of the original: what one changes, the other would see. */
export function sharesWith(copy: unknown, original: unknown): boolean {
  const theirs = objectsIn(original);
  return [...objectsIn(copy)].some((object) => theirs.has(object));
}

function objectsIn(root: unknown): Set<object> {
  const found = new Set<object>();
  const open: unknown[] = [root];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value !== 'object' || value === null || types.isProxy(value) || types.isTypedArray(value) || found.has(value)) continue;
    found.add(value);
    for (const own of Object.values(Object.getOwnPropertyDescriptors(value))) if ('value' in own) open.push(own.value);
  }
  return found;
}
