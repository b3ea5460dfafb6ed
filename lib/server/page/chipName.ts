/** What people who look at text closely call these characters. */
const NAMES: Readonly<Record<string, string>> = {
  '\0': 'NUL',
  '\b': 'BS',
  '\t': 'TAB',
  '\v': 'VT',
  '\f': 'FF',
  '\n': 'LF',
  '\r': 'CR',
  '\u001b': 'ESC',
  '\u007f': 'DEL',
  '\u0085': 'NEL',
  '\u00a0': 'NBSP',
  '\u00ad': 'SHY',
  '\u034f': 'CGJ',
  '\u061c': 'ALM',
  '\u180e': 'MVS',
  '\u200b': 'ZWSP',
  '\u200c': 'ZWNJ',
  '\u200d': 'ZWJ',
  '\u200e': 'LRM',
  '\u200f': 'RLM',
  '\u2028': 'line separator',
  '\u2029': 'paragraph separator',
  '\u202a': 'LRE',
  '\u202b': 'RLE',
  '\u202c': 'PDF',
  '\u202d': 'LRO',
  '\u202e': 'RLO',
  '\u202f': 'NNBSP',
  '\u2060': 'WJ',
  '\u2066': 'LRI',
  '\u2067': 'RLI',
  '\u2068': 'FSI',
  '\u2069': 'PDI',
  '\u2800': 'empty Braille',
  '\u3000': 'wide space',
  '\u3164': 'Hangul filler',
  '\ufeff': 'BOM',
};

/** The first that fits says what a character is that has no name of its own. */
const KINDS: readonly (readonly [RegExp, string])[] = [
  [/\p{Variation_Selector}/u, 'variation'],
  [/[\u{e0000}-\u{e007f}]/u, 'tag'],
  [/\p{M}/u, 'mark'],
  [/\p{Z}/u, 'space'],
  [/\p{Cc}/u, 'control'],
  [/\p{Cs}/u, 'half a pair'],
  [/\p{Co}/u, 'private use'],
  [/\p{Cn}/u, 'unassigned'],
  [/\p{Default_Ignorable_Code_Point}/u, 'empty'],
  [/\p{Cf}/u, 'format'],
];

const SCRIPTS: readonly (readonly [RegExp, string])[] = [
  'Cyrillic',
  'Greek',
  'Armenian',
  'Cherokee',
  'Coptic',
  'Lisu',
  'Hebrew',
  'Arabic',
  'Latin',
].map((script) => [new RegExp(`\\p{Script=${script}}`, 'u'), script]);

/** The most letters that are named one by one. */
const MAX_NAMED = 6;

/** What a chip says of the first character of a run that is hidden: its name and its code point. */
export function chipName(run: string): string {
  const char = String.fromCodePoint(run.codePointAt(0) as number);
  const name = Object.hasOwn(NAMES, char) ? NAMES[char] : KINDS.find(([pattern]) => pattern.test(char))?.[1];
  return name === undefined ? codePoint(char) : `${name} ${codePoint(char)}`;
}

/** What a chip says of letters that look like others: their script, what they are compatible with, and their code points. */
export function lookalikeName(letters: string): string {
  const chars = Array.from(letters);
  const like = letters.normalize('NFKC');
  const kind = /^[ -~]+$/.test(like) ? `like ${like.length > MAX_NAMED ? 'ASCII' : like},` : scriptOf(letters);
  const named = chars.slice(0, MAX_NAMED).map(codePoint).join(' ');
  return `${kind} ${named}${chars.length > MAX_NAMED ? ` and ${chars.length - MAX_NAMED} more` : ''}`;
}

function scriptOf(letters: string): string {
  const scripts = SCRIPTS.filter(([pattern]) => pattern.test(letters)).map(([, script]) => script);
  return scripts.length === 0 ? 'look-alike' : scripts.join(' and ');
}

function codePoint(char: string): string {
  return `U+${(char.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')}`;
}
