import { LruMap } from '../../common/LruMap.js';
import { reveal } from '../../common/data/reveal.js';
import { LOOKALIKES } from '../../common/data/skeleton.js';
import type { Cue } from './Cue.js';

/** What may deceive in one text. */
export type Deception = Pick<Cue, 'count' | 'scripts'> & { readonly code: 'hidden' | 'reorders' | 'mixed' | 'lookalike' };

/** What turns text around or shows it in another order. */
const REORDERS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
/** What code and prose have: tabs and line ends. A carriage return alone goes back to the start of a line. */
const ORDINARY = /^(?:\t|\n|\r(?=\n))/;
const PICTURE =
  /(?!\p{C})\p{Extended_Pictographic}\p{Emoji_Modifier}?\ufe0f?(?:\u200d(?!\p{C})\p{Extended_Pictographic}\p{Emoji_Modifier}?\ufe0f?)*/gu;
const SCRIPTS: readonly (readonly [name: string, letter: RegExp])[] = ['Cyrillic', 'Greek', 'Armenian', 'Cherokee', 'Coptic', 'Lisu'].map(
  (name) => [name, new RegExp(`\\p{Script=${name}}`, 'u')],
);
const LATIN = /\p{Script=Latin}/u;
/** What stands around a word of prose, but not around a part of an address. */
const BEFORE_WORD = /(?:^|\s)["'(«„“‚‘—–-]*$/;
const AFTER_WORD = /^["')»“”’!?;:,.…—–-]*(?:\s|$)/;
const AROUND = 5;

/** What may deceive in a text: see {@link reveal}. Emoji, tabs, line ends and the short words of a text in another script do not. */
export function deceptionsOf(text: string): readonly Deception[] {
  if (/^[ -~\n\t]*$/.test(text)) return [];
  if (text.length < LONG) return deceptionsIn(text);
  const known = ofLong.get(text) ?? deceptionsIn(text);
  ofLong.set(text, known);
  return known;
}

/** A page asks several times about the same text: what it says of long ones is remembered. */
const LONG = 4_096;
const ofLong = new LruMap<string, readonly Deception[]>(4);

function deceptionsIn(text: string): readonly Deception[] {
  const plain = /[\ufe0f\u200d]/.test(text) ? text.replace(PICTURE, '☺') : text;
  let hidden = 0;
  let reorders = 0;
  let mixed = 0;
  let lookalike = 0;
  const scripts = new Set<string>();
  let native: ReadonlySet<string> | undefined;
  let at = 0;
  for (const part of reveal(plain)) {
    const start = at;
    at += part.text.length;
    if (part.kind === 'hidden' && !ORDINARY.test(plain.slice(start, at + 1))) {
      if (REORDERS.test(part.text)) reorders += part.count;
      else hidden += part.count;
    } else if (part.kind === 'lookalike' && part.deceptive) {
      const ofWord = scriptsOf(part.text);
      const isProse = BEFORE_WORD.test(plain.slice(Math.max(0, start - AROUND), start)) && AFTER_WORD.test(plain.slice(at, at + AROUND));
      if (isProse && ofWord.length === 1 && (native ??= nativeScripts(plain)).has(ofWord[0] as string)) continue;
      if (LATIN.test(plain.slice(Math.max(0, start - 1), start)) || LATIN.test(plain.slice(at, at + 1))) mixed += 1;
      else lookalike += 1;
      for (const name of ofWord) scripts.add(name);
    }
  }
  const found: readonly Deception[] = [
    { code: 'hidden', count: hidden, scripts: [] },
    { code: 'reorders', count: reorders, scripts: [] },
    { code: 'mixed', count: mixed, scripts: [...scripts] },
    { code: 'lookalike', count: lookalike, scripts: [...scripts] },
  ];
  return found.filter(({ count }) => count > 0);
}

function scriptsOf(letters: string): readonly string[] {
  return SCRIPTS.filter(([, letter]) => letter.test(letters)).map(([name]) => name);
}

/** The scripts of which a text has a letter that does not look like ASCII. */
function nativeScripts(text: string): ReadonlySet<string> {
  return new Set(scriptsOf(Array.from(text, (char) => (LOOKALIKES.has(char) ? '' : char)).join('')));
}
