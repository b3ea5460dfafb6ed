/** What every object inherits from, as it stands now: names, attributes and values. */
export function prototypeState(): ReadonlyMap<string, PropertyDescriptor> {
  const state = new Map<string, PropertyDescriptor>();
  for (const { name, prototype } of [Object, Array, Function, String, Number, Boolean, Promise, Map, Set, Date, Error]) {
    const own = Object.getOwnPropertyDescriptors(prototype);
    for (const key of Reflect.ownKeys(own)) state.set(`${name}.prototype.${String(key)}`, own[key as never] as PropertyDescriptor);
  }
  return state;
}

/** Everything that is another now than it was. */
export function prototypeChanges(before: ReadonlyMap<string, PropertyDescriptor>): string[] {
  const now = prototypeState();
  return [...new Set([...before.keys(), ...now.keys()])].filter((name) => !isSame(before.get(name), now.get(name)));
}

function isSame(a: PropertyDescriptor | undefined, b: PropertyDescriptor | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (['value', 'get', 'set', 'writable', 'enumerable', 'configurable'] as const).every((key) => Object.is(a[key], b[key]));
}
