// A minimal container like that of NestJS: it reads the constructor types that the compiler emits (emitDecoratorMetadata) and creates the instances.
import 'reflect-metadata';

type Class<T = unknown> = new (...args: never[]) => T;

/** A decorator, because the compiler emits constructor types only for decorated classes. */
export function Injectable(): (target: Class) => void {
  return () => undefined;
}

export class Container {
  readonly #made = new Map<Class, unknown>();

  get<T>(target: Class<T>): T {
    if (!this.#made.has(target)) {
      const types = (Reflect.getMetadata('design:paramtypes', target) ?? []) as Class[];
      this.#made.set(target, new target(...(types.map((type) => this.get(type)) as never[])));
    }
    return this.#made.get(target) as T;
  }
}
