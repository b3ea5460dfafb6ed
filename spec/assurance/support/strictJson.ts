/** What a strict reader makes of a text, where it makes anything of it. */
export type Json = null | boolean | number | string | Json[] | Map<string, Json>;

/** The text is none that every parser reads alike. */
export class Unreadable extends Error {}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const PLAIN = /[^"\\\u0000-\u001f]+/y;
const SPACE = /[ \t\n\r]*/y;
const ESCAPES = new Map([['"', '"'], ['\\', '\\'], ['/', '/'], ['b', '\b'], ['f', '\f'], ['n', '\n'], ['r', '\r'], ['t', '\t']]); // prettier-ignore
const WORDS = new Map<string, Json>([['true', true], ['false', false], ['null', null]]); // prettier-ignore

/**
 * Reads JSON by the letter of RFC 8259, by hand: neither JSON.parse nor the library's own reader is asked, so that an oracle can judge both.
 * Objects become Maps, so that no key means anything.
 *
 * @throws Unreadable for anything else, a key that stands twice, a key `__proto__`, more than 64 levels
 */
export function strictJson(text: string): Json {
  let at = 0;
  const skip = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0] ?? '';
    at += found.length;
    return found;
  };
  const take = (mark: string): boolean => {
    skip(SPACE);
    if (text[at] !== mark) return false;
    at += 1;
    return true;
  };
  const want = (mark: string): void => {
    if (!take(mark)) throw new Unreadable();
  };
  const string = (): string => {
    let value = '';
    for (;;) {
      value += skip(PLAIN);
      const mark = text[at++];
      if (mark === '"') return value;
      if (mark !== '\\') throw new Unreadable();
      const escape = text[at++] ?? '';
      if (escape === 'u') {
        const digits = text.slice(at, at + 4);
        if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw new Unreadable();
        at += 4;
        value += String.fromCharCode(Number.parseInt(digits, 16));
      } else {
        const plain = ESCAPES.get(escape);
        if (plain === undefined) throw new Unreadable();
        value += plain;
      }
    }
  };
  const object = (depth: number): Map<string, Json> => {
    const entries = new Map<string, Json>();
    if (take('}')) return entries;
    do {
      want('"');
      const key = string();
      if (key === '__proto__' || entries.has(key)) throw new Unreadable();
      want(':');
      entries.set(key, value(depth));
    } while (take(','));
    want('}');
    return entries;
  };
  const array = (depth: number): Json[] => {
    const items: Json[] = [];
    if (take(']')) return items;
    do items.push(value(depth));
    while (take(','));
    want(']');
    return items;
  };
  const value = (depth: number): Json => {
    if (take('"')) return string();
    const opens = text[at] === '{' || text[at] === '[';
    if (opens && depth >= 64) throw new Unreadable();
    if (take('{')) return object(depth + 1);
    if (take('[')) return array(depth + 1);
    for (const [word, meant] of WORDS) {
      if (!text.startsWith(word, at)) continue;
      at += word.length;
      return meant;
    }
    const number = skip(NUMBER);
    if (number === '') throw new Unreadable();
    return Number(number);
  };
  const read = value(0);
  skip(SPACE);
  if (at !== text.length) throw new Unreadable();
  return read;
}
