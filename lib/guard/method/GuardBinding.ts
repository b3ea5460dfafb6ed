import type { AnyFunction } from './MethodCall.js';
import { guardInfoOf } from './guardMetadata.js';
import type { AnyClass } from './guardMetadata.js';
import type { GuardSpec } from './GuardSpec.js';

/** The instance that a stored call may run on in this process. */
export type SoleInstance = { readonly kind: 'sole'; readonly self: unknown } | { readonly kind: 'none' } | { readonly kind: 'several' };

/** The name of an object's class, or of the class itself; '' where there is none. */
export function classNameOf(self: unknown): string {
  const type: unknown = typeof self === 'function' ? self : (self as object | null | undefined)?.constructor;
  return typeof type === 'function' ? type.name : '';
}

/**
 * One guard with the function that it guards, and the instances that it was seen on. A call that another process stored names its guard by key, and runs
 * on the only instance of the class. Only the first instance is held: from the second on, stored calls need a `resolve`, even after the first was collected.
 */
export class GuardBinding {
  readonly spec: GuardSpec;
  readonly fn: AnyFunction;
  #class: AnyClass | undefined;
  #first: object | undefined;
  #several = false;
  /** Whether it guards a plain function, which needs no instance. */
  #bare: boolean;

  constructor(spec: GuardSpec, fn: AnyFunction, bare: boolean) {
    this.spec = spec;
    this.fn = fn;
    this.#bare = bare;
  }

  /** The class that the guard was registered with, or the class of the first instance. */
  get class(): AnyClass | undefined {
    return this.#class;
  }

  belongsTo(target: AnyClass): void {
    this.#class ??= target;
  }

  /** Notes that an instance was constructed, or called. @returns whether it is the first */
  seenOn(self: unknown): boolean {
    if ((typeof self !== 'object' && typeof self !== 'function') || self === null) return false;
    if (this.#first === self || this.#several) return false;
    this.#class ??= (typeof self === 'function' ? self : self.constructor) as AnyClass;
    const first = this.#first === undefined;
    this.#several = !first;
    this.#first = first ? self : undefined;
    return first;
  }

  /** Whether an object has this guard's method. A `#private` method cannot be seen, so any object is believed to have it. */
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

  /** The method and its class, for messages. */
  toString(): string {
    const { method } = this.spec.info;
    return this.#class === undefined ? String(method) : `${this.#class.name}.${String(method)}`;
  }
}
