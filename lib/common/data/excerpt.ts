import { reveal } from './reveal.js';
import type { RevealedPart } from './reveal.js';

/** A part of a text in a box that breaks lines. */
export type ShownPart =
  | RevealedPart
  /** Line ends, `count` in a row; `text` is `\n` or `\r\n`, as often. */
  | { readonly kind: 'lines'; readonly text: string; readonly count: number };

/** What is shown of a text: all of it in `head`, or its beginning and its end. */
export interface Excerpt {
  readonly head: readonly ShownPart[];
  /** How much is not shown between head and tail; absent where nothing is. */
  readonly omitted?: { readonly text: string; readonly chars: number; readonly lines: number } | undefined;
  readonly tail: readonly ShownPart[];
  /** How many chips there are in it. */
  readonly chips: number;
}

/** This many line ends in a row are one chip. */
export const MANY_LINES = 4;
/** How many chips are shown of a value. */
export const MAX_CHIPS = 500;
const MAX_LINES = 40;
const HEAD_LINES = 30;
const TAIL_LINES = 10;
const MAX_CHARS = 4_096;
const TAIL_CHARS = 1_024;
/** Spaces at the start of a line that are what they look like. */
const MAX_INDENT = 16;

/**
 * What a page shows of a text: a text of more than 40 lines or 4,096 characters is its first 30 and last 10 lines, and after 500 chips nothing more is shown.
 *
 * @param all shows all of it
 * @param maxChips how many chips may still be shown
 */
export function excerptOf(
  text: string,
  { all = false, maxChips = MAX_CHIPS }: { readonly all?: boolean; readonly maxChips?: number } = {},
): Excerpt {
  if (all) return { head: shownParts(text), tail: [], chips: 0 };
  let [head, tail] = headAndTail(text);
  let chips = chipsOf(head);
  if (chips > maxChips) {
    head = withinChips(head, maxChips);
    tail = [];
    chips = maxChips;
  }
  const ofTail = chipsOf(tail);
  if (chips + ofTail > maxChips) tail = [];
  else chips += ofTail;
  const omitted = text.slice(lengthOf(head), text.length - lengthOf(tail));
  if (omitted === '') return { head: [...head, ...tail], tail: [], chips };
  return { head, omitted: { text: omitted, chars: charsOf(omitted), lines: lineEndsOf(omitted) }, tail, chips };
}

const PAIR = /[\ud800-\udbff][\udc00-\udfff]/g;

/** How many characters a text has. */
export function charsOf(text: string): number {
  let chars = text.length;
  PAIR.lastIndex = 0;
  while (PAIR.test(text)) chars--;
  return chars;
}

/** How many line ends a text has. */
export function lineEndsOf(text: string): number {
  let lines = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines++;
  return lines;
}

function headAndTail(text: string): readonly [head: readonly ShownPart[], tail: readonly ShownPart[]] {
  if (text.length > MAX_CHARS) {
    const head = shownParts(text.slice(0, betweenPairs(text, MAX_CHARS - TAIL_CHARS)));
    const tail = shownParts(text.slice(betweenPairs(text, text.length - TAIL_CHARS)));
    return [firstLines(head, HEAD_LINES), lastLines(tail, TAIL_LINES)];
  }
  const parts = shownParts(text);
  if (breaksOf(parts) < MAX_LINES) return [parts, []];
  return [firstLines(parts, HEAD_LINES), lastLines(parts, TAIL_LINES)];
}

/** A place to cut at that does not split a pair of surrogates. */
function betweenPairs(text: string, at: number): number {
  return /[\udc00-\udfff]/.test(text[at] as string) ? at - 1 : at;
}

/** The parts of a text in a box: line ends are told apart from what is hidden, and indents from other spaces. */
function shownParts(text: string): readonly ShownPart[] {
  const shown: ShownPart[] = [];
  const parts = reveal(text);
  const endsLine = (i: number): boolean => {
    const part = parts[i];
    return part === undefined || lineEnd(part) === '\n' || (lineEnd(part) === '\r' && lineEnd(parts[i + 1]) === '\n');
  };
  let isLineStart = true;
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] as RevealedPart;
    const wasLineStart = isLineStart;
    isLineStart = false;
    if (part.kind === 'plain' && part.text.endsWith(' ') && endsLine(i + 1)) {
      const words = part.text.trimEnd();
      const spaces = part.text.slice(words.length);
      if (words !== '') shown.push({ kind: 'plain', text: words });
      shown.push({ kind: 'spaces', text: spaces, count: spaces.length });
    } else if (part.kind === 'spaces' && wasLineStart && part.count <= MAX_INDENT && !endsLine(i + 1)) {
      shown.push({ kind: 'plain', text: part.text });
    } else if (part.kind === 'hidden' && endsLine(i)) {
      isLineStart = true;
      const isPair = part.text === '\r';
      // of several line ends, the first one is the other half of the pair
      const ends = isPair ? (parts[++i] as RevealedPart).text.slice(1) : part.text;
      const before = shown.at(-1);
      if (isPair && before?.kind === 'lines' && before.text.endsWith('\r\n')) {
        shown[shown.length - 1] = { kind: 'lines', text: `${before.text}\r\n`, count: before.count + 1 };
      } else if (isPair) shown.push({ kind: 'lines', text: '\r\n', count: 1 });
      if (ends !== '') shown.push({ kind: 'lines', text: ends, count: ends.length });
    } else shown.push(part);
  }
  return shown;
}

/** `\n` for line ends, `\r` for a single one that could be the half of one. */
function lineEnd(part: RevealedPart | undefined): string | undefined {
  if (part?.kind !== 'hidden') return undefined;
  return part.text === '\r' || part.text.startsWith('\n') ? part.text[0] : undefined;
}

function lengthOf(parts: readonly ShownPart[]): number {
  return parts.reduce((sum, part) => sum + part.text.length, 0);
}

/** How many lines end in it, as it is shown. */
function breaksOf(parts: readonly ShownPart[]): number {
  return parts.reduce((sum, part) => sum + breaks(part), 0);
}

function breaks(part: ShownPart): number {
  if (part.kind !== 'lines') return 0;
  return part.count < MANY_LINES ? part.count : 1;
}

function firstLines(parts: readonly ShownPart[], count: number): readonly ShownPart[] {
  let lines = 0;
  const end = parts.findIndex((part) => (lines += breaks(part)) >= count);
  return end < 0 ? parts : parts.slice(0, end + 1);
}

function lastLines(parts: readonly ShownPart[], count: number): readonly ShownPart[] {
  let lines = 0;
  const start = parts.findLastIndex((part) => (lines += breaks(part)) >= count);
  return parts.slice(start + 1);
}

function isChip(part: ShownPart): boolean {
  if (part.kind === 'lines') return part.count >= MANY_LINES;
  return part.kind === 'lookalike' ? part.deceptive : part.kind !== 'plain';
}

function chipsOf(parts: readonly ShownPart[]): number {
  return parts.filter(isChip).length;
}

function withinChips(parts: readonly ShownPart[], maxChips: number): readonly ShownPart[] {
  let chips = 0;
  return parts.slice(
    0,
    parts.findIndex((part) => isChip(part) && ++chips > maxChips),
  );
}
