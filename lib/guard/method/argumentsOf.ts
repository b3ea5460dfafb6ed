import { setOwn } from '../../common/data/plainObject.js';
import { ParamsError } from '../../model/errors/CallErrors.js';
import type { Params } from '../../model/Params.js';

/**
 * Arguments for a function, from params by name. What is not a params' own property is not there, whatever `Object.prototype` holds.
 *
 * @param names absent where a sole object is the argument
 * @param rest the last name, where it stands for all arguments from there on
 * @param count how many arguments the caller gave: so many are given, so that defaults apply as they did
 * @throws ParamsError for a rest that is no list
 */
export function argumentsOf(values: Params, names: readonly string[] | undefined, rest: string | undefined, count: number): unknown[] {
  if (names === undefined) return count === 0 && Object.keys(values).length === 0 ? [] : [values];
  const args: unknown[] = [];
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    if (i === names.length - 1 && rest !== undefined) {
      const items = ownOf(values, rest) ?? [];
      if (!Array.isArray(items)) throw new ParamsError(`/${rest}`, `The rest parameter '${rest}' must be a list.`);
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
