import { types } from 'node:util';

/** `Object.prototype` of this realm or of another (a vm context, a worker's module loader). */
export function isRootPrototype(proto: object | null): boolean {
  return (
    proto === Object.prototype ||
    (proto !== null &&
      !types.isProxy(proto) &&
      Object.getPrototypeOf(proto) === null &&
      Object.hasOwn(proto, 'isPrototypeOf') &&
      Object.hasOwn(proto, 'hasOwnProperty'))
  );
}

/** Whether a value is an object that only has its own properties: not an array, class instance or Proxy. Runs no code of the object. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || types.isProxy(value)) return false;
  const proto = Object.getPrototypeOf(value) as object | null;
  return proto === null || isRootPrototype(proto);
}

/** An object that is neither null nor an array. It may be an instance of any class. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const KINDS: readonly (readonly [is: (value: unknown) => boolean, kind: string])[] = [
  [types.isProxy, 'a Proxy'],
  [types.isPromise, 'a Promise'],
  [types.isMap, 'a Map'],
  [types.isSet, 'a Set'],
  [types.isWeakMap, 'a WeakMap'],
  [types.isWeakSet, 'a WeakSet'],
  [types.isArrayBufferView, 'a buffer or typed array'],
  [types.isAnyArrayBuffer, 'an ArrayBuffer'],
  [types.isRegExp, 'a RegExp'],
  [types.isDate, 'an instance of a Date subclass'],
  [types.isNativeError, 'an Error'],
  [types.isBoxedPrimitive, 'a boxed primitive'],
  [types.isGeneratorObject, 'a generator'],
  [types.isExternal, 'an external value'],
  [Array.isArray, 'an instance of an Array subclass'],
];

/** Whether an object has hidden state that its properties do not show; an instance of a class written in JavaScript does not. */
export function isBuiltIn(value: object): boolean {
  return KINDS.some(([is]) => is(value));
}

/** The kind of an object in fixed words: with `Symbol.toStringTag` the object would choose them. */
export function kindOf(value: object): string {
  return KINDS.find(([is]) => is(value))?.[1] ?? 'a class instance';
}

/**
 * Sets an own property. Plain assignment would call a setter of that name that someone put on `Object.prototype`, or fail where that is frozen and
 * has the name.
 */
export function setOwn(target: object, key: string, value: unknown): void {
  if (key in target && !Object.hasOwn(target, key))
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
  else (target as Record<string, unknown>)[key] = value;
}
