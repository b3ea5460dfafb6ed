import { LruMap } from '../../common/LruMap.js';
import { charsOf, excerptOf, MANY_LINES } from '../../common/data/excerpt.js';
import type { Excerpt, ShownPart } from '../../common/data/excerpt.js';
import { chipName, lookalikeName } from './chipName.js';
import { html } from './html.js';
import type { Html, HtmlValue } from './html.js';

/** A stretch of a text that is marked, in UTF-16 units from its start. */
export interface MarkedRange {
  readonly start: number;
  readonly end: number;
  /** `ins`: what a policy wrote; `del`: what it took away. */
  readonly as: 'ins' | 'del';
}

/**
 * A text of anyone within a line of a page (class `t`). All that could hide, move or imitate text is a chip (class `u`), and line ends are too (`i`); look-alikes are underlined
 * (class `x`, with `ok` where the word shows that it is not ASCII).
 *
 * @param max shows at most this many characters, then how many follow
 */
export function revealedText(text: string, { max = Infinity }: { readonly max?: number } = {}): Html {
  const isLong = text.length > max && charsOf(text) > max;
  const shown = isLong
    ? Array.from(text.slice(0, 2 * max))
        .slice(0, max)
        .join('')
    : text;
  const { head, omitted } = excerptOf(shown, { all: max === Infinity });
  const more = charsOf(text.slice(shown.length)) + (omitted?.chars ?? 0);
  return html`<bdi class="t">${head.map((part) => chipsOf(part, false))}${more > 0 && note(`+${counted(more, 'character')}`)}</bdi>`;
}

/**
 * A text of anyone in a box of its own (class `v`), which breaks lines. A long one is cut; the whole is on the page itself, with `?all`.
 *
 * @param excerpt what is shown of it
 * @param range what is marked in it
 */
export function revealedBox(
  excerpt: Excerpt,
  { range, isBig = false }: { readonly range?: MarkedRange | undefined; readonly isBig?: boolean } = {},
): Html {
  const { head, omitted, tail } = excerpt;
  const first = html`<code class="${isBig ? 'v big' : 'v'}">${markedParts(head, 0, range)}</code>`;
  if (omitted === undefined) return first;
  const at = head.reduce((sum, part) => sum + part.text.length, omitted.text.length);
  const lines = omitted.lines === 0 ? '' : ` in ${counted(omitted.lines, 'line')}`;
  const where = tail.length === 0 ? 'follow' : 'stand between';
  const changes = range !== undefined && range.start < at && range.end > at - omitted.text.length ? ' The change is in there.' : '';
  return html`${first}<p class="aid cut">${counted(omitted.chars, 'character')}${lines} ${where} and are not shown here.${changes} <a href="?all">Show all</a></p>${tail.length > 0 && html`<code class="v">${markedParts(tail, at, range)}</code>`}`;
}

/** A number of things: `1 line`, `1,204 lines`. */
export function counted(count: number, what: string): string {
  return `${grouped(String(count))} ${what}${count === 1 ? '' : 's'}`;
}

/** Digits in groups of three. */
export function grouped(digits: string): string {
  return digits.replace(/\B(?=(?:\d{3})+$)/g, ',');
}

function markedParts(parts: readonly ShownPart[], from: number, range: MarkedRange | undefined): readonly HtmlValue[] {
  let at = from;
  return parts.flatMap((part) => {
    const start = at;
    at += part.text.length;
    if (range === undefined || range.end <= start || range.start >= at) return chipsOf(part, true);
    const cuts = [0, Math.max(0, range.start - start), Math.min(part.text.length, range.end - start), part.text.length] as const;
    // a chip is marked as a whole
    if (part.kind !== 'plain') return marked(chipsOf(part, true), range);
    const piece = (i: 0 | 1 | 2): string => part.text.slice(cuts[i], cuts[i + 1]);
    return [piece(0), marked(piece(1), range), piece(2)];
  });
}

function marked(inner: HtmlValue, { as }: MarkedRange): Html {
  return as === 'ins' ? html`<ins class="i">${inner}</ins>` : html`<del class="d">${inner}</del>`;
}

/** @param breaksLines whether a line end also breaks the line */
function chipsOf(part: ShownPart, breaksLines: boolean): HtmlValue {
  switch (part.kind) {
    case 'plain':
      return part.text;
    case 'spaces':
      return chip(counted(part.count, 'space'));
    case 'hidden':
      return chip(`${chipName(part.text)}${part.count === 1 ? '' : ` × ${part.count}`}`);
    case 'lookalike':
      return part.deceptive
        ? [html`<span class="x">${part.text}</span>`, chip(lookalikeName(part.text))]
        : html`<span class="x ok">${part.text}</span>`;
    case 'lines': {
      const isPair = part.text.startsWith('\r');
      const end = (isPair ? PAIR_ENDS : LINE_ENDS)[breaksLines ? 'breaking' : 'inline'];
      if (part.count === 1) return end;
      if (part.count >= MANY_LINES) return [chip(`${part.count} line ends${isPair ? ' (CR LF)' : ''} in a row`), breaksLines && '\n'];
      return Array.from({ length: part.count }, () => end);
    }
  }
}

/** A text has many of these: they are short, and to make a piece takes longer than to put one in again. */
const LINE_ENDS = {
  inline: html`<i>↵</i>`,
  breaking: html`<i>↵</i>
`,
} as const;
const PAIR_ENDS = {
  inline: html`<i>CR ↵</i>`,
  breaking: html`<i>CR ↵</i>
`,
} as const;

const chips = new LruMap<string, Html>(500);

function chip(text: string): Html {
  const made = chips.get(text) ?? html`<span class="u">${text}</span>`;
  chips.set(text, made);
  return made;
}

function note(text: string): Html {
  return html`<span class="u nl">${text}</span>`;
}
