import type { AnyFunction } from './MethodCall.js';
import { guardInfoOf } from './guardMetadata.js';
import type { GuardSpec } from './GuardSpec.js';

type AnyClass = abstract new (...args: never) => unknown;

/** What a stored call may run on in this process. */
export type SoleInstance = { readonly kind: 'sole'; readonly self: unknown } | { readonly kind: 'none' } | { readonly kind: 'several' };

/** The class of an object, or the class itself, by name; '' where there is none. */
export function classNameOf(self: unknown): string {
  const type: unknown = typeof self === 'function' ? self : (self as object | null | undefined)?.constructor;
  return typeof type === 'function' ? type.name : '';
}

/**
 * One guard with the function it guards, and what it was seen on: a call that was stored by another process names the guard by its key, and runs on the
 * only instance there is. Only the first is held: from the second on it needs a `resolve`, whenever the first would have been collected.
 */
export class GuardBinding {
  readonly spec: GuardSpec;
  readonly fn: AnyFunction;
  #class: AnyClass | undefined;
  #first: object | undefined;
  #several = false;
  /** A plain function needs no instance. */
  #bare: boolean;

  constructor(spec: GuardSpec, fn: AnyFunction, bare: boolean) {
    this.spec = spec;
    this.fn = fn;
    this.#bare = bare;
  }

  /** The class it was registered with, or that of the first instance. */
  get class(): AnyClass | undefined {
    return this.#class;
  }

  belongsTo(target: AnyClass): void {
    this.#class ??= target;
  }

  /** An instance was constructed, or called. Says whether it is the first. */
  seenOn(self: unknown): boolean {
    if ((typeof self !== 'object' && typeof self !== 'function') || self === null) return false;
    if (this.#first === self || this.#several) return false;
    this.#class ??= (typeof self === 'function' ? self : self.constructor) as AnyClass;
    const first = this.#first === undefined;
    this.#several = !first;
    this.#first = first ? self : undefined;
    return first;
  }

  /** Whether an object's method is this guard's. A `#private` one cannot be seen: whoever hands the object over is believed. */
  isOf(self: object): boolean {
    const { method } = this.spec.info;
    if (typeof method === 'string' && method.startsWith('#')) return true;
    for (let at: object | null = self; at !== null; at = Object.getPrototypeOf(at) as object | null)
      if (guardInfoOf(Object.getOwnPropertyDescriptor(at, method)?.value) === this.spec.info) return true;
    return false;
  }

  get sole(): SoleInstance {
    if (this.#several) return { kind: 'several' };
    if (this.#first !== undefined) return { kind: 'sole', self: this.#first };
    return this.#bare ? { kind: 'sole', self: undefined } : { kind: 'none' };
  }

  /** For people: the method and its class. */
  toString(): string {
    const { method } = this.spec.info;
    return this.#class === undefined ? String(method) : `${this.#class.name}.${String(method)}`;
  }
}
