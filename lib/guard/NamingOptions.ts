import type { EventEmitter } from 'node:events';
import type { StandardSchema } from './call/StandardSchema.js';

/** One name for each parameter; a rest parameter is named `'...name'`. */
export type NamesFor<A extends readonly unknown[]> = number extends A['length']
  ? Required<A> extends readonly [unknown, ...infer Rest]
    ? readonly [string, ...NamesFor<Rest>]
    : readonly [`...${string}`]
  : // mapped rather than recursed, so that an error shows the parameters' own names
    { readonly [K in keyof A]-?: string };

/**
 * The names as they were written, or what they have to be: an error then says that, and not `never`. Where parameters cannot be inferred, as those of a
 * generic function, names are checked where the guard is defined.
 */
type GivenNames<A extends readonly unknown[], N> =
  N extends NamesFor<A> ? N : readonly unknown[] extends A ? readonly string[] : NoInfer<NamesFor<A>>;

/**
 * Instances of classes, whose keys cannot be names. All built-in collections, buffers, promises and streams have one of these symbols; Error is not
 * told from `{ name, message }`, so it is refused at the call only.
 */
type Instance =
  | readonly unknown[]
  | ((...args: never) => unknown)
  | Date
  | RegExp
  | URL
  | EventTarget
  | EventEmitter
  | { readonly [Symbol.toStringTag]: string }
  | { readonly [Symbol.iterator]: unknown }
  | { readonly [Symbol.asyncIterator]: unknown };

type IsPlainObject<T> = [T] extends [never] ? false : T extends Instance ? false : T extends object ? true : false;

/** The sole parameter, where it is a plain object; `never` for any other list of parameters. */
type SoleObject<A extends readonly unknown[]> =
  Required<A> extends readonly [infer Only]
    ? IsPlainObject<Exclude<Only, undefined>> extends true
      ? Exclude<Only, undefined>
      : never
    : never;

/** The object that names and parameters make together: what a schema validates. */
type Named<N, A extends readonly unknown[]> = N extends readonly [infer Name extends string, ...infer Names]
  ? Name extends `...${infer Rest}`
    ? { readonly [K in Rest]: A }
    : A extends readonly [infer First, ...infer Others]
      ? { readonly [K in Name]: First } & Named<Names, Others>
      : A extends readonly [(infer First)?, ...infer Others]
        ? { readonly [K in Name]?: First | undefined } & Named<Names, Others>
        : unknown
  : unknown;

type BareName<N> = N extends readonly (infer Name)[] ? (Name extends `...${infer Rest}` ? Rest : Name) : never;

/** The opaque names as they were written, or what they may be. */
type GivenOpaque<O, Names> = O extends readonly Names[] ? O : readonly NoInfer<Names>[];

/** What a schema sees of the params: not the opaque ones. */
type Seen<Params, O> = O extends readonly [infer _First, ...infer _More]
  ? { readonly [K in keyof Params as Exclude<K, O[number]>]: Params[K] }
  : Params;

/** Options of arguments that have names. */
interface NamedOptions<A extends readonly unknown[], N, O> {
  /** Validates the params by name before the decision, and again after a sanitize. What it gives is decided and run. */
  readonly schema?: StandardSchema<NoInfer<Seen<Named<N, A>, O>>>;
  /** Parameters handed on as they are, by reference: streams, clients, callbacks. Neither decision nor schema sees them. */
  readonly opaque?: GivenOpaque<O, BareName<N>>;
  /** Parameters that are class instances whose own data is decided on; the method gets an instance of the same class. */
  readonly plain?: readonly NoInfer<BareName<N>>[];
}

/** Options of a sole object, whose own keys are the names. */
interface SoleObjectOptions<Sole, O> {
  /** Validates the object before the decision, and again after a sanitize. What it gives is decided and run. */
  readonly schema?: StandardSchema<NoInfer<Seen<Sole, O>>>;
  /**
   * Keys handed on as they are, by reference: streams, clients, callbacks. Neither decision nor schema sees them. A last name such as `'...context'` is for all
   * arguments after the object, which agent frameworks pass to a tool.
   */
  readonly opaque?: GivenOpaque<O, (keyof Sole & string) | `...${string}`>;
  readonly plain?: undefined;
}

/** Nothing to name. */
interface NoParameters {
  readonly params?: readonly [];
  readonly schema?: undefined;
  readonly opaque?: readonly [];
  readonly plain?: readonly [];
}

/** Parameters that are no sole plain object. */
interface ParametersNeedNames<Names> {
  /** One name for each parameter, a rest parameter as `'...name'`. */
  readonly params: Names;
}

/** A sole plain object. */
interface ParametersMayHaveNames<Names> {
  /** A name for the object; without it, its own keys are the names. */
  readonly params?: Names;
}

/**
 * How the arguments get names: not at all where there are none, by their own keys where there is one plain object, else by `params`.
 * `N` is the tuple of names and `O` the opaque ones among them, as they are written.
 */
export type NamingOptions<A extends readonly unknown[], N, O = unknown> = A extends readonly []
  ? NoParameters
  : [SoleObject<A>] extends [never]
    ? ParametersNeedNames<GivenNames<A, N>> & NamedOptions<A, N, O>
    : ParametersMayHaveNames<GivenNames<A, N>> & (unknown extends N ? SoleObjectOptions<SoleObject<A>, O> : NamedOptions<A, N, O>);
