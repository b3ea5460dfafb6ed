// A few lines of what NestJS does: it reads constructor types that the compiler left behind (emitDecoratorMetadata) and makes what they ask for.
import 'reflect-metadata';

type Class<T = unknown> = new (...args: never[]) => T;

/** Having any decorator makes the compiler write down the constructor's types. */
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
