import { isBuiltIn, isPlainObject, setOwn } from '../../common/data/plainObject.js';
import { didYouMean } from '../../common/didYouMean.js';
import { ArgumentList } from '../../model/snapshot/ArgumentList.js';
import { ParamsError, UnsupportedParamError } from '../../model/errors/CallErrors.js';
import { GuardDefinitionError } from '../../model/errors/SetupErrors.js';
import { FORBIDDEN_KEYS, pointer } from '../../model/Params.js';
import type { Params } from '../../model/Params.js';
import { takeArguments, takeInstanceSnapshot, takeParams } from '../../model/snapshot/takeSnapshot.js';
import type { CallSnapshot, SnapshotLimits } from '../../model/snapshot/takeSnapshot.js';

/** The arguments of one call by name, and what it takes to turn params into arguments again. */
export interface NamedArguments {
  readonly named: Readonly<Record<string, unknown>>;
  /** Opaque arguments by name. */
  readonly opaque: ReadonlyMap<string, unknown> | undefined;
  /** Opaque arguments after a sole object. */
  readonly further?: readonly unknown[] | undefined;
  /** Prototypes of `plain` instances by name. */
  readonly prototypes: ReadonlyMap<string, object> | undefined;
}

export interface BindingOptions {
  readonly params?: readonly string[] | undefined;
  readonly opaque?: readonly string[] | undefined;
  readonly plain?: readonly string[] | undefined;
}

/**
 * Turns the arguments of a function into params by name, and back. Names are given, or are the own keys of a sole plain object. They are never read
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
  /** Names the arguments after a sole object, which are handed on as they are. */
  readonly #further: string | undefined;

  /** @throws GuardDefinitionError naming `where` */
  constructor(where: string, length: number, { params, opaque = [], plain = [] }: BindingOptions) {
    const refuse = (why: string): never => {
      throw new GuardDefinitionError(`${where}: ${why}`);
    };
    if (!isListOfStrings(opaque)) refuse('`opaque` must be a list of names.');
    if (!isListOfStrings(plain)) refuse('`plain` must be a list of names.');
    const further = params === undefined ? opaque.find((name) => name.startsWith('...'))?.slice(3) : undefined;
    if (params === undefined && length > 1 && further === undefined)
      refuse(
        `the function has ${length} parameters; name them with params: ['…', …]. If a framework passes all but the first, opaque: ['...context'] hands those on.`,
      );
    if (further !== undefined && (further === '' || opaque.indexOf(`...${further}`) !== opaque.length - 1 || opaque.includes(further)))
      refuse("in `opaque`, a name such as '...context' is for all arguments after the first; it must be the last one, and another name.");
    if (params !== undefined) {
      if (!Array.isArray(params)) refuse('`params` must be a list of names, one for each parameter.');
      if (params.length < length)
        refuse(`\`params\` has ${params.length} names, but the function has ${length} parameters; give each parameter a name.`);
      const seen = new Set<string>();
      params.forEach((given: unknown, index) => {
        if (typeof given !== 'string' || given === '' || given === '...')
          refuse('each name in `params` must be a string that is not empty.');
        const name = given as string;
        if (name.startsWith('...') && index !== params.length - 1)
          refuse(`the rest parameter '${name}' must be the last name in \`params\`.`);
        const bare = name.replace(/^\.\.\./, '');
        if (FORBIDDEN_KEYS.has(bare))
          refuse(`'${bare}' cannot name a parameter, because it reaches an object's prototype; choose another name in \`params\`.`);
        if (seen.has(bare)) refuse(`\`params\` has the name '${bare}' twice; give each parameter a name of its own.`);
        seen.add(bare);
      });
      for (const name of [...opaque, ...plain])
        if (!seen.has(name)) refuse(`'${name}' is declared opaque or plain, but is not a name in \`params\`${didYouMean(name, seen)}`);
    }
    for (const name of opaque) if (plain.includes(name)) refuse(`'${name}' cannot be both opaque and plain; declare it as one of them.`);
    if (params === undefined && plain.length > 0) refuse("`plain` needs `params`: name the parameters with params: ['…', …].");
    const rest = params?.at(-1);
    this.names = params === undefined ? undefined : Object.freeze([...params]);
    this.#further = further;
    this.opaque = Object.freeze(opaque.map((name) => (name === `...${further}` ? name.slice(3) : name)));
    const keys = this.opaque.filter((name) => name !== further);
    this.#opaque = keys.length === 0 ? undefined : new Set(keys);
    this.#plain = plain.length === 0 ? undefined : new Set(plain);
    this.rest = rest?.startsWith('...') === true ? rest.slice(3) : undefined;
    this.#positional = params !== undefined && this.rest === undefined && opaque.length === 0 && plain.length === 0;
  }

  /** Whether a name is a parameter of this guard. Without names none is known: the keys of each call are its names. */
  knows(name: string): boolean {
    return this.names !== undefined && (name === this.rest || (this.names.includes(name) && !name.startsWith('...')));
  }

  /**
   * Names the arguments, and copies nothing but `plain` instances.
   *
   * @returns `undefined` where the arguments are taken by position
   * @throws ParamsError for more arguments than names, or a sole argument that is not a plain object
   */
  name(args: readonly unknown[], limits: SnapshotLimits): NamedArguments | undefined {
    const { names } = this;
    if (names === undefined) return this.#nameSole(args);
    if (args.length > names.length && this.rest === undefined) {
      throw new ParamsError(
        '',
        `The call has ${args.length} arguments, but the guard names ${names.length}; name every parameter that is passed in \`params\`.`,
      );
    }
    // most guards: nothing has to be taken out, so no record by name is made before something reads the params
    if (this.#positional) return undefined;
    const named: Record<string, unknown> = {};
    for (let i = 0; i < names.length; i++) {
      const name = names[i] as string;
      if (i === names.length - 1 && this.rest !== undefined) setOwn(named, this.rest, args.slice(i));
      else if (i < args.length) setOwn(named, name, args[i]);
    }
    const prototypes = this.#takePlain(named, limits);
    return { named, opaque: this.#takeOpaque(named), further: undefined, prototypes };
  }

  /** How many arguments there are. A sole argument that is undefined counts as none. */
  count(args: readonly unknown[]): number {
    return this.names === undefined && args[0] === undefined ? 0 : args.length;
  }

  /** The snapshot of the arguments: a list where they are taken by position. */
  takeSnapshot(args: readonly unknown[], named: NamedArguments | undefined, limits: SnapshotLimits): CallSnapshot {
    return named === undefined ? takeArguments(this.names as readonly string[], args, limits) : takeParams(named.named, limits);
  }

  /** Arguments for the function, from what it may run with. An argument that the caller left out stays out, so that defaults apply. */
  toArguments(own: Params | ArgumentList, named: NamedArguments | undefined, count: number): readonly unknown[] {
    if (own instanceof ArgumentList) return own.values;
    const args = argumentsOf(named === undefined ? own : this.#restore(own, named), this.names, this.rest, count);
    const further = named?.further;
    if (further === undefined) return args;
    fillTo(args, 1);
    return [...args, ...further];
  }

  #nameSole(args: readonly unknown[]): NamedArguments {
    const sole = args[0];
    if (args.length > 1 && this.#further === undefined)
      throw new ParamsError(
        '',
        `The call has ${args.length} arguments without names; name them with params: ['…', …]. Agent frameworks pass a tool's call a second argument: ` +
          `guard the tool with guardTools() or the middleware of the framework's adapter, such as 'aegislib/ai-sdk', or declare opaque: ['...context'].`,
      );
    const further = args.length > 1 ? args.slice(1) : undefined;
    if (sole === undefined) return { named: {}, opaque: undefined, further, prototypes: undefined };
    if (!isPlainObject(sole)) {
      throw new ParamsError('', "The argument is not a plain object, so its keys cannot name the params; name it with params: ['…'].");
    }
    if (this.#further !== undefined && Object.hasOwn(sole, this.#further))
      throw new ParamsError(
        pointer('', this.#further),
        `The argument has a key '${this.#further}', which \`opaque\` declares for the arguments after it; choose another name there.`,
      );
    if (this.#opaque === undefined) return { named: sole, opaque: undefined, further, prototypes: undefined };
    // each property is read once: into the copy that the opaque values are then taken out of
    const named = spread(sole);
    return { named, opaque: this.#takeOpaque(named), further, prototypes: undefined };
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
      // a value without data of its own is treated as any other argument
      if (typeof value !== 'object' || value === null || isBuiltIn(value)) continue;
      named[name] = takeInstanceSnapshot(value, pointer('', name), limits).value;
      prototypes.set(name, Object.getPrototypeOf(value) as object);
    }
    return prototypes;
  }

  #restore(params: Params, { opaque, prototypes }: NamedArguments): Params {
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
    throw new UnsupportedParamError('', 'The argument cannot be read, because a getter in it threw; pass plain data.');
  }
}

function isListOfStrings(list: unknown): boolean {
  return Array.isArray(list) && list.every((name) => typeof name === 'string');
}

/**
 * Makes arguments for a function of params by name. Only own properties of the params count, never what `Object.prototype` holds.
 *
 * @param names absent where a sole object is the argument
 * @param rest the last name, where it names all further arguments
 * @param count how many arguments the caller gave: the function gets as many, so that its defaults apply as they did
 * @throws ParamsError for a rest parameter that is not a list
 */
export function argumentsOf(values: Params, names: readonly string[] | undefined, rest: string | undefined, count: number): unknown[] {
  if (names === undefined) return count === 0 && Object.keys(values).length === 0 ? [] : [values];
  const args: unknown[] = [];
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    if (i === names.length - 1 && rest !== undefined) {
      const items = ownOf(values, rest) ?? [];
      if (!Array.isArray(items))
        throw new ParamsError(`/${rest}`, `The rest parameter '${rest}' must be a list: it holds all further arguments.`);
      if (items.length > 0) fillTo(args, i);
      for (const item of items as unknown[]) setOwn(args, String(args.length), item);
    } else if (i < count || Object.hasOwn(values, name)) {
      fillTo(args, i);
      setOwn(args, String(i), ownOf(values, name));
    }
  }
  return args;
}

function ownOf(values: Params, name: string): unknown {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}

function fillTo(args: unknown[], length: number): void {
  while (args.length < length) setOwn(args, String(args.length), undefined);
}
