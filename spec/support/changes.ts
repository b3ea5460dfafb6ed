import { types } from 'node:util';

/** Every object within a value, with the path to it, itself first. */
function* objectsIn(value: unknown, path = ''): Generator<readonly [path: string, object: Record<string, unknown>]> {
  if (typeof value !== 'object' || value === null) return;
  yield [path, value as Record<string, unknown>];
  if (!types.isDate(value)) for (const [key, item] of Object.entries(value)) yield* objectsIn(item, `${path}/${key}`);
}

/** Tries to change everything in a value, as a careless or hostile listener would. Returns how much it tried. */
export function changeAll(value: unknown): number {
  let tried = 0;
  const attempt = (change: () => unknown): void => {
    tried += 1;
    try {
      change();
    } catch {
      // frozen
    }
  };
  // first of all collected: a change must not hide what is behind it
  const objects = Array.from(objectsIn(value), ([, object]) => object);
  for (const object of objects) {
    if (types.isDate(object)) {
      attempt(() => (object as unknown as Date).setTime(0));
      continue;
    }
    for (const key of Object.keys(object)) {
      attempt(() => (object[key] = 'changed'));
      attempt(() => delete object[key]);
    }
    attempt(() => (object['added'] = true));
  }
  return tried;
}

/** Paths of objects that are not frozen; Dates cannot be. */
export function notFrozen(value: unknown): readonly string[] {
  return [...objectsIn(value)].filter(([, object]) => !types.isDate(object) && !Object.isFrozen(object)).map(([path]) => path);
}
