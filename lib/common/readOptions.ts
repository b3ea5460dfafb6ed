import { isPlainObject, kindOf } from './data/plainObject.js';
import { didYouMean } from './didYouMean.js';

/**
 * What each option may be: words of {@link KINDS} and quoted values, with `|` between them. `!` at the end says that the option is required.
 * A record over the keys of the options' type, so that a new option without a kind does not compile.
 */
export type OptionKinds<T> = { readonly [K in keyof T]-?: string };

/** What is wrong with one option, or, with an empty name, with all of them. */
export type OptionProblem = (name: string, message: string) => void;

const KINDS: Readonly<Record<string, readonly [be: string, is: (value: unknown) => boolean]>> = {
  string: ['a string', (value) => typeof value === 'string'],
  text: ['a string that is not empty', (value) => typeof value === 'string' && value !== ''],
  boolean: ['true or false', (value) => typeof value === 'boolean'],
  function: ['a function', (value) => typeof value === 'function'],
  null: ['null', (value) => value === null],
  object: ['an object', (value) => typeof value === 'object' && value !== null && !Array.isArray(value)],
  // of any keys; a Map, or what is inherited, would be read as empty
  record: ['a plain object', isPlainObject],
  list: ['a list', Array.isArray],
  strings: ['a list of strings', (value) => Array.isArray(value) && value.every((item) => typeof item === 'string')],
  number: ['a number', (value) => typeof value === 'number' && !Number.isNaN(value)],
  ms: ['a number of milliseconds above 0', (value) => typeof value === 'number' && value > 0],
  age: ['a number, 0 or more', (value) => typeof value === 'number' && value >= 0],
  count: ['a whole number, 0 or more', (value) => value === Infinity || (Number.isInteger(value) && (value as number) >= 0)],
  any: ['anything', () => true],
};

/** Describes what was given without showing it: an option may be a secret. */
export function got(value: unknown): string {
  if (typeof value === 'string') return value === '' ? 'an empty string' : `a string of ${digits(value.length)} characters`;
  if (typeof value === 'number') return Number.isFinite(value) ? value.toLocaleString('en', { maximumFractionDigits: 6 }) : String(value);
  if (value === undefined) return 'nothing';
  if (value === null || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** With commas. Not by `toLocaleString`, which loads the data of all languages: 15 ms at every start. */
export const digits = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/g, ',');

/**
 * Copies an object of options, reading each once. A misspelt option would otherwise be dropped without a word, and with it what it asks for; so would
 * one that the object inherits.
 *
 * @param found is told of each option that does not exist, is missing, or has another kind of value
 */
export function readOptions<T extends object>(given: unknown, kinds: OptionKinds<T>, found: OptionProblem): T {
  const options: Record<PropertyKey, unknown> = {};
  if (!isPlainObject(given)) {
    const what = typeof given === 'object' && given !== null && !Array.isArray(given) ? kindOf(given) : got(given);
    found('', `must be a plain object of options (got ${what}).`);
    return options as T;
  }
  const names = Object.keys(kinds);
  for (const key of Reflect.ownKeys(given)) {
    const name = String(key).slice(0, 64);
    const kind = typeof key === 'string' && Object.hasOwn(kinds, key) ? (kinds as Readonly<Record<string, string>>)[key] : undefined;
    if (kind === undefined) {
      found(name, `is not an option${didYouMean(name, names) || `; the options are ${names.join(', ')}.`}`);
      continue;
    }
    const value = (given as Readonly<Record<PropertyKey, unknown>>)[key];
    if (value === undefined) continue;
    options[key] = value;
    const fault = faultOf(value, kind.replace('!', '').split('|'));
    if (fault !== undefined) found(name, fault);
  }
  for (const name of names)
    if ((kinds as Readonly<Record<string, string>>)[name]?.endsWith('!') === true && options[name] === undefined)
      found(name, 'is missing; it is required.');
  return options as T;
}

function faultOf(value: unknown, kinds: readonly string[]): string | undefined {
  if (kinds.some((kind) => (kind.startsWith("'") ? kind === `'${String(value)}'` && typeof value === 'string' : KINDS[kind]?.[1](value))))
    return undefined;
  const values = kinds.filter((kind) => kind.startsWith("'")).map((kind) => kind.slice(1, -1));
  const last = kinds.length - 1;
  const be = kinds.map((kind, i) => `${i === 0 ? '' : i === last ? ' or ' : ', '}${KINDS[kind]?.[0] ?? kind}`).join('');
  return `must be ${be} (got ${got(value)})${didYouMean(value, values) || '.'}`;
}
