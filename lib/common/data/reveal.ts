import { escaped, HIDDEN } from './escapeText.js';
import { LOOKALIKES } from './skeleton.js';

/** A stretch of a text, as it may be shown. The `text` of all parts, one after the other, is the text again. */
export type RevealedPart =
  | { readonly kind: 'plain'; readonly text: string }
  /** One character, `count` times, that cannot be seen for what it is: see {@link HIDDEN}; or the fourth or a later mark on a letter. */
  | { readonly kind: 'hidden'; readonly text: string; readonly count: number }
  /** Spaces that change where text stands: four or more, or at the end. */
  | { readonly kind: 'spaces'; readonly text: string; readonly count: number }
  /**
   * Letters, digits or signs that look like ASCII, or that stand among Latin letters and are of another script. `deceptive`: nothing else in the word shows that it
   * is not ASCII, or the word is partly Latin.
   */
  | { readonly kind: 'lookalike'; readonly text: string; readonly deceptive: boolean };

/** What calls for a closer look. All other text is ASCII and shows itself. */
const NEXT = /[^ -~]| {4,}| +$/gu;
const WORD = /(?:(?!\p{Default_Ignorable_Code_Point})[\p{L}\p{N}\p{M}])+/uy;
const NEAR = /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Cherokee}\p{Script=Coptic}\p{Script=Lisu}]/u;
const SURROGATE = /\p{Surrogate}/u;
const MAX_MARKS = 3;
/** A text in another script has look-alikes in every word. Where the word shows that it is not ASCII, they are marked until a text has this many parts. */
const MAX_HARMLESS = 2_000;

/**
 * Splits a text into what shows itself and what would deceive the eye. Lossless; takes linear time. It escapes nothing: see {@link revealText} for a terminal.
 */
export function reveal(text: string): readonly RevealedPart[] {
  const parts: RevealedPart[] = [];
  let from = 0;
  const plainTo = (end: number): void => {
    if (end > from) parts.push({ kind: 'plain', text: text.slice(from, end) });
  };
  NEXT.lastIndex = 0;
  for (let found = NEXT.exec(text); found !== null; found = NEXT.exec(text)) {
    const [what] = found;
    const { index } = found;
    WORD.lastIndex = index;
    if (what.startsWith(' ')) {
      plainTo(index);
      from = index + what.length;
      parts.push({ kind: 'spaces', text: what, count: what.length });
    } else if (HIDDEN.test(what)) {
      plainTo(index);
      from = index + what.length;
      // half of a pair would split the pair that follows
      while (!SURROGATE.test(what) && text.startsWith(what, from)) from += what.length;
      parts.push({ kind: 'hidden', text: text.slice(index, from), count: (from - index) / what.length });
    } else if (WORD.test(text)) {
      const end = WORD.lastIndex;
      const start = wordStart(text, index, from);
      const ofWord = partsOfWord(text.slice(start, end), parts.length < MAX_HARMLESS);
      if (ofWord !== undefined) {
        plainTo(start);
        from = end;
        for (const part of ofWord) parts.push(part);
      }
      NEXT.lastIndex = end;
      continue;
    } else if ((kindOf(what) & LOOKALIKE) !== 0) {
      plainTo(index);
      from = index + what.length;
      parts.push({ kind: 'lookalike', text: what, deceptive: true });
    }
    NEXT.lastIndex = Math.max(from, index + what.length);
  }
  plainTo(text.length);
  return parts;
}

/** Where the ASCII letters and digits before a letter begin. Not before `from`: no character is looked at twice. */
function wordStart(text: string, index: number, from: number): number {
  let start = index;
  while (start > from && /[A-Za-z0-9]/.test(text[start - 1] as string)) start--;
  return start;
}

/** The parts of a word, or undefined where all of it is plain. */
function partsOfWord(word: string, mayMark: boolean): RevealedPart[] | undefined {
  let seen = 0;
  let marks = 0;
  let mostMarks = 0;
  for (const letter of word) {
    const is = kindOf(letter);
    seen |= is;
    marks = (is & MARK) === 0 ? 0 : marks + 1;
    if (marks > mostMarks) mostMarks = marks;
  }
  const isLatin = (seen & LATIN) !== 0;
  const odd = LOOKALIKE | (isLatin ? NEAR_LATIN : 0);
  const deceptive = isLatin || (seen & FOREIGN) === 0;
  if (((seen & odd) === 0 || !(deceptive || mayMark)) && mostMarks <= MAX_MARKS) return undefined;
  const parts: RevealedPart[] = [];
  let run = '';
  let isOddRun = false;
  const endRun = (): void => {
    if (run !== '') parts.push(isOddRun ? { kind: 'lookalike', text: run, deceptive } : { kind: 'plain', text: run });
    run = '';
  };
  marks = 0;
  for (const letter of word) {
    const is = kindOf(letter);
    marks = (is & MARK) === 0 ? 0 : marks + 1;
    const isOdd = (is & odd) !== 0;
    if (marks > MAX_MARKS || isOdd !== isOddRun) endRun();
    isOddRun = isOdd;
    if (marks > MAX_MARKS) parts.push({ kind: 'hidden', text: letter, count: 1 });
    else run += letter;
  }
  endRun();
  return parts;
}

const LATIN = 1;
const MARK = 2;
const LOOKALIKE = 4;
const NEAR_LATIN = 8;
/** A letter that does not look like ASCII. */
const FOREIGN = 16;

/** The kinds of the characters of the basic plane that were met, each plus {@link KNOWN}. */
const kinds = new Uint8Array(0x1_0000);
const KNOWN = 128;

/** What a letter, digit, mark or sign is. */
function kindOf(char: string): number {
  if (char <= '~') return char > '9' ? LATIN : 0;
  if (char.length > 1) return readKind(char);
  const code = char.charCodeAt(0);
  const known = kinds[code] as number;
  if (known !== 0) return known;
  return (kinds[code] = readKind(char) | KNOWN);
}

function readKind(char: string): number {
  if (/\p{M}/u.test(char)) return MARK;
  const near = NEAR.test(char) ? NEAR_LATIN : 0;
  if (LOOKALIKES.has(char) || /^(?:[!-~]|[A-Za-z0-9]+)$/.test(char.normalize('NFKC'))) return LOOKALIKE | near;
  return /\p{Script=Latin}/u.test(char) ? LATIN : FOREIGN | near;
}

/**
 * A text for a terminal, in one line: what {@link reveal} finds becomes `\u{…}` or, of spaces, `\{12 spaces}`. No two texts look the same.
 *
 * @param isJson the text is JSON, in which a backslash is never the author's own; in other texts it is doubled, because the author could have written `\u{…}`
 */
export function revealText(text: string, { isJson = false }: { readonly isJson?: boolean } = {}): string {
  return reveal(text)
    .map((part) => {
      if (part.kind === 'spaces') return `\\{${part.count} space${part.count === 1 ? '' : 's'}}`;
      if (part.kind === 'hidden') return `${escaped(part.text)}${part.count === 1 ? '' : `\\{${part.count} times}`}`;
      if (part.kind === 'lookalike' && part.deceptive) return Array.from(part.text, escaped).join('');
      return isJson ? part.text : part.text.replaceAll('\\', '\\\\');
    })
    .join('');
}
