import { isBuiltIn, isPlainObject, setOwn } from '../../common/data/plainObject.js';
import { ArgumentList } from '../../model/snapshot/ArgumentList.js';
import { ParamsError, UnsupportedParamError } from '../../model/errors/CallErrors.js';
import { GuardDefinitionError } from '../../model/errors/SetupErrors.js';
import { FORBIDDEN_KEYS, pointer } from '../../model/Params.js';
import type { Params } from '../../model/Params.js';
import { takeArguments, takeInstanceSnapshot, takeParams } from '../../model/snapshot/takeSnapshot.js';
import type { CallSnapshot, SnapshotLimits } from '../../model/snapshot/takeSnapshot.js';
import { argumentsOf } from './argumentsOf.js';

/** The arguments of one call by name, and what is needed to make arguments of params again. */
export interface NamedArguments {
  readonly named: Readonly<Record<string, unknown>>;
  /** Opaque arguments by name. */
  readonly opaque: ReadonlyMap<string, unknown> | undefined;
  /** Prototypes of `plain` instances by name. */
  readonly prototypes: ReadonlyMap<string, object> | undefined;
}

export interface BindingOptions {
  readonly params?: readonly string[] | undefined;
  readonly opaque?: readonly string[] | undefined;
  readonly plain?: readonly string[] | undefined;
}

/**
 * How the arguments of a function and params by name become each other. Names are given, or are the own keys of a sole plain object; never read
 * out of source text, which minifiers rename.
 */
export class ParamsBinding {
  readonly names: readonly string[] | undefined;
  readonly opaque: readonly string[];
  readonly #opaque: ReadonlySet<string> | undefined;
  readonly #plain: ReadonlySet<string> | undefined;
  /** The rest parameter, whose value is a list. */
  readonly rest: string | undefined;
  readonly #positional: boolean;

  /** @throws GuardDefinitionError naming `where` */
  constructor(where: string, length: number, { params, opaque = [], plain = [] }: BindingOptions) {
    const refuse = (why: string): never => {
      throw new GuardDefinitionError(`${where}: ${why}`);
    };
    if (!isListOfTexts(opaque)) refuse('`opaque` is a list of names.');
    if (!isListOfTexts(plain)) refuse('`plain` is a list of names.');
    if (params === undefined && length > 1) refuse(`it has ${length} parameters; name them with params: ['…', …].`);
    if (params !== undefined) {
      if (!Array.isArray(params)) refuse('`params` is a list of names, one for each parameter.');
      if (params.length < length) refuse(`${length} parameters but ${params.length} names.`);
      const seen = new Set<string>();
      params.forEach((given: unknown, index) => {
        if (typeof given !== 'string' || given === '' || given === '...') refuse('a name in `params` is a text that is not empty.');
        const name = given as string;
        if (name.startsWith('...') && index !== params.length - 1) refuse(`the rest parameter '${name}' must be the last.`);
        const bare = name.replace(/^\.\.\./, '');
        if (FORBIDDEN_KEYS.has(bare)) refuse(`'${bare}' cannot be a parameter's name.`);
        if (seen.has(bare)) refuse(`the name '${bare}' is there twice.`);
        seen.add(bare);
      });
      for (const name of [...opaque, ...plain]) if (!seen.has(name)) refuse(`'${name}' is declared opaque or plain, but is no parameter.`);
    }
    for (const name of opaque) if (plain.includes(name)) refuse(`'${name}' cannot be both opaque and plain.`);
    if (params === undefined && plain.length > 0) refuse('a plain parameter needs a name in `params`.');
    const rest = params?.at(-1);
    this.names = params === undefined ? undefined : Object.freeze([...params]);
    this.opaque = Object.freeze([...opaque]);
    this.#opaque = opaque.length === 0 ? undefined : new Set(opaque);
    this.#plain = plain.length === 0 ? undefined : new Set(plain);
    this.rest = rest?.startsWith('...') === true ? rest.slice(3) : undefined;
    this.#positional = params !== undefined && this.rest === undefined && opaque.length === 0 && plain.length === 0;
  }

  /** Whether a name may be in a call's params. Without names any may; the call's own keys then say. */
  knows(name: string): boolean {
    return this.names !== undefined && (name === this.rest || (this.names.includes(name) && !name.startsWith('...')));
  }

  /**
   * Names the arguments; copies nothing but `plain` instances. `undefined` where they are taken by position.
   *
   * @throws ParamsError for more arguments than names, or a sole argument that is no object
   */
  name(args: readonly unknown[], limits: SnapshotLimits): NamedArguments | undefined {
    const { names } = this;
    if (names === undefined) return this.#nameSole(args);
    if (args.length > names.length && this.rest === undefined) {
      throw new ParamsError(
        '',
        `The call has ${args.length} arguments, but the guard names ${names.length}; name every parameter that is passed.`,
      );
    }
    // by far the most guards: nothing is taken out, so that no record by name is needed before somebody looks into the call
    if (this.#positional) return undefined;
    const named: Record<string, unknown> = {};
    for (let i = 0; i < names.length; i++) {
      const name = names[i] as string;
      if (i === names.length - 1 && this.rest !== undefined) setOwn(named, this.rest, args.slice(i));
      else if (i < args.length) setOwn(named, name, args[i]);
    }
    const prototypes = this.#takePlain(named, limits);
    return { named, opaque: this.#takeOpaque(named), prototypes };
  }

  /** How many arguments there are: a sole one that is undefined is as good as none. */
  count(args: readonly unknown[]): number {
    return this.names === undefined && args[0] === undefined ? 0 : args.length;
  }

  /** The snapshot of arguments that were named: a list where they are taken by position. */
  takeSnapshot(args: readonly unknown[], named: NamedArguments | undefined, limits: SnapshotLimits): CallSnapshot {
    return named === undefined ? takeArguments(this.names as readonly string[], args, limits) : takeParams(named.named, limits);
  }

  /** Arguments for the function, from what it may run with. What the caller left out stays out, so that defaults apply. */
  toArguments(own: Params | ArgumentList, named: NamedArguments | undefined, count: number): readonly unknown[] {
    return own instanceof ArgumentList
      ? own.values
      : argumentsOf(named === undefined ? own : this.#restore(own, named), this.names, this.rest, count);
  }

  #nameSole(args: readonly unknown[]): NamedArguments {
    const sole = args[0];
    if (args.length > 1) throw new ParamsError('', `The call has ${args.length} arguments without names; name them with params: ['…', …].`);
    if (sole === undefined) return { named: {}, opaque: undefined, prototypes: undefined };
    if (!isPlainObject(sole)) {
      throw new ParamsError('', "The argument is no plain object, so its keys cannot be names; name it with params: ['…'].");
    }
    if (this.#opaque === undefined) return { named: sole, opaque: undefined, prototypes: undefined };
    // each property is read once: into the copy that the opaque ones are then taken out of
    const named = spread(sole);
    return { named, opaque: this.#takeOpaque(named), prototypes: undefined };
  }

  #takeOpaque(named: Record<string, unknown>): Map<string, unknown> | undefined {
    if (this.#opaque === undefined) return undefined;
    const taken = new Map<string, unknown>();
    for (const name of this.#opaque) {
      if (!Object.hasOwn(named, name)) continue;
      taken.set(name, named[name]);
      delete named[name];
    }
    return taken;
  }

  #takePlain(named: Record<string, unknown>, limits: SnapshotLimits): Map<string, object> | undefined {
    if (this.#plain === undefined) return undefined;
    const prototypes = new Map<string, object>();
    for (const name of this.#plain) {
      const value = named[name];
      // what is no instance with data of its own goes the way of any other argument
      if (typeof value !== 'object' || value === null || isBuiltIn(value)) continue;
      named[name] = takeInstanceSnapshot(value, pointer('', name), limits).value;
      prototypes.set(name, Object.getPrototypeOf(value) as object);
    }
    return prototypes;
  }

  #restore(params: Params, { opaque, prototypes }: NamedArguments): Params {
    if (opaque === undefined && prototypes === undefined) return params;
    const values: Record<string, unknown> = { ...params };
    for (const [name, value] of opaque ?? []) values[name] = value;
    for (const [name, prototype] of prototypes ?? []) {
      const data = values[name];
      if (!isPlainObject(data)) continue;
      // own data properties, defined rather than assigned: no setter of the class runs
      values[name] = Object.create(prototype, Object.getOwnPropertyDescriptors(data)) as unknown;
    }
    return values;
  }
}

function spread(sole: Readonly<Record<string, unknown>>): Record<string, unknown> {
  try {
    return { ...sole };
  } catch {
    throw new UnsupportedParamError('', 'The argument cannot be read: a getter in it threw.');
  }
}

function isListOfTexts(list: unknown): boolean {
  return Array.isArray(list) && list.every((name) => typeof name === 'string');
}
