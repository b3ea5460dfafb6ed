import '../common/runtime.js';
import { GuardDefinitionError } from '../model/errors/SetupErrors.js';
import { checkOverride } from './checkOverride.js';
import type { Fn, Guardable, GuardOptions } from './GuardOptions.js';
import { bindingOf, noteInstance } from './method/GuardBinding.js';
import { checkedGuardOptions, GUARD_OPTIONS } from './method/checkedGuardOptions.js';
import { guardInfoOf } from './method/guardMetadata.js';
import type { GuardInfo } from './method/guardMetadata.js';
import type { LooseGuardOptions } from './method/LooseGuardOptions.js';
import { wrapFunction } from './wrapFunction.js';
import type { AnyFunction } from './wrapFunction.js';

/** The decorator that `@AegisGuard(…)` makes, for TC39 decorators and `experimentalDecorators`. */
export interface GuardDecorator<This, A extends readonly unknown[], R> {
  /** For `experimentalDecorators`. */
  // oxlint-disable-next-line typescript/no-explicit-any -- anything else fails on generic and overloaded methods (TS1270)
  (target: object, key: string | symbol, descriptor: { value?: Fn<This, A, R> }): any;
  /** For TC39 decorators. It is last because types are inferred from the last overload. */
  // oxlint-disable-next-line typescript/no-explicit-any -- as above
  (value: Fn<This, A, R>, context: ClassMethodDecoratorContext<This, Fn<This, A, R>>): any;
}

/** {@link GuardDecorator} for `experimentalDecorators` alone: `self` in callbacks has the type of the class. */
export interface LegacyGuardDecorator<This, A extends readonly unknown[], R> {
  // oxlint-disable-next-line typescript/no-explicit-any -- as above
  (target: This, key: string | symbol, descriptor: { value?: Fn<This, A, R> }): any;
}

/**
 * Guards a method: every call is decided first, and enters the body only on allow, sanitize or approval. Works on instance, static, `#private`
 * and inherited methods that return a promise, and on async generators; under TC39 decorators and `experimentalDecorators` alike.
 *
 * A guarded method rejects with ForbiddenError when the call is refused, and with another AegisError when the call could not be decided. It never
 * throws synchronously.
 *
 * @throws GuardDefinitionError at class definition, for anything that cannot be guarded
 * @example
 * class Workspace {
 *   \@AegisGuard({ agentId: 'ops-agent', toolName: 'slack.post_message', params: ['channel', 'text'], approval: 'wait' })
 *   async post(channel: string, text: string): Promise<string> { … }
 * }
 */
export function AegisGuard<This, A extends readonly unknown[], R extends Guardable, const N, const O>(
  options: GuardOptions<This, A, R, N, O>,
): GuardDecorator<This, A, R> {
  // without parentheses it gets what it decorates: a method, a class, or the prototype of one, which has a constructor of its own
  if (typeof options !== 'object' || options === null || Object.hasOwn(options, 'constructor')) {
    throw new GuardDefinitionError(
      '@AegisGuard(…) must get an object of options: @AegisGuard({ params: ["to"] }), or @AegisGuard({}) where there is nothing to say.',
    );
  }
  const loose = checkedGuardOptions('@AegisGuard(…)', options as unknown as LooseGuardOptions, GUARD_OPTIONS);
  const decorate = (target: unknown, context: unknown, descriptor: unknown): unknown =>
    typeof context === 'object' && context !== null && 'kind' in context
      ? decorateStandard(target, context as DecoratorContext, loose)
      : decorateLegacy(context, descriptor, loose, isElement(target));
  return decorate as GuardDecorator<This, A, R>;
}

/** `AegisGuard`, typed for `experimentalDecorators`: callbacks get `self` with the type of the class. */
export const LegacyAegisGuard: <This, A extends readonly unknown[], R extends Guardable, const N, const O>(
  options: GuardOptions<This, A, R, N, O>,
) => LegacyGuardDecorator<This, A, R> = AegisGuard as never;

function decorateStandard(value: unknown, context: DecoratorContext, options: LooseGuardOptions): AnyFunction {
  if (context.kind !== 'method' || typeof value !== 'function') {
    throw new GuardDefinitionError(
      `@AegisGuard guards methods, but it decorates ${context.kind === 'accessor' ? 'an' : 'a'} ${context.kind} ('${String(context.name)}'); make it a method.`,
    );
  }
  const guarded = wrapFunction(value as AnyFunction, context.name, options);
  const binding = bindingOf(guardInfoOf(guarded) as GuardInfo);
  const checked = !context.private && !context.static;
  context.addInitializer(function (this: unknown) {
    if (checked) checkOverride(this as object, context.name, guarded, options);
    noteInstance(binding, this);
  });
  return guarded;
}

/** What decorators got in the proposal of 2018: one object that describes the member. */
function isElement(target: unknown): boolean {
  return typeof target === 'object' && target !== null && Object.prototype.toString.call(target) === '[object Descriptor]';
}

function decorateLegacy(key: unknown, descriptor: unknown, options: LooseGuardOptions, is2018: boolean): PropertyDescriptor {
  const found = descriptor as PropertyDescriptor | null | undefined;
  if (is2018) {
    throw new GuardDefinitionError(
      "@AegisGuard got a descriptor of the decorators of 2018, which this compiler still makes; set its decorators to '2023-11' (Babel, swc: '2022-03'), or use experimentalDecorators.",
    );
  }
  if (typeof found !== 'object' || found === null || typeof found.value !== 'function') {
    const decorated =
      typeof descriptor === 'number'
        ? 'a parameter'
        : key === undefined
          ? 'a class'
          : `a field, getter or setter ('${String(key as string | symbol)}')`;
    throw new GuardDefinitionError(`@AegisGuard guards methods, but it decorates ${decorated}; move it to a method.`);
  }
  return { ...found, value: wrapFunction(found.value as AnyFunction, key as string | symbol, options) };
}
