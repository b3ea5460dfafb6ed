/** What replaces an address. */
const MASK = '[email]';

// Every other character belongs to an address: letters of any script, emoji, zero-width characters.
const LOCAL_STOP = /[\s\p{Cc}<>()[\],;:"\\/?@|`]/u;
const HOST_STOP = /[\s\p{Cc}<>()[\]{},;:"'\\/?@|`&=#%+*$^~!]/u;
/** Belongs to the end of a sentence rather than to a host. */
const TRAILING = /[.\-_…。]/;
/** Comes before an address rather than in it. */
const LEADING = /['.=*{}&#%+~!^$-]/;
/** What mail programs drop on both sides of `@`, and what a reader does not see. */
const SPACE = /[\s\p{Cc}\p{Cf}\p{DI}\u2800]/u;
const DOT = /[.．。｡]/;
/** A dot that is written as the `@` often is beside it. */
const DOT_WORD = /\s{0,8}[([{<] ?(?:dot|\.) ?[)\]}>]/iuy;
/** What a space is in a URL or in HTML. */
const ENCODED_SPACE = /%(?:25)*(?:20|0[9ad])|&(?:amp;)*(?:nbsp|#(?:0*(?:9|10|13|32|160)|x0*(?:9|a|d|20|a0)));/iuy;
const ENDS_IN_SPACE = /&(?:nbsp|#(?:9|10|13|32|160|x(?:9|a|d|20|a0)));$/iu;
/** May stand before the `@` of an address, but is more often none of it: an escape, or a mark of punctuation. */
const DOUBTFUL = /[\\?|`]/;
const MAX_LITERAL = 64;

/** `@` in all its spellings: fullwidth and small, in a URL or in HTML (encoded any number of times), in JSON and JavaScript, and in brackets. */
const AT =
  /[@\uFF20\uFE6B]|%(?:25)*40|&(?:amp;)*(?:#(?:0*64|x0*40)(?![\da-f]);?|commat;?)|\\u0040|\\u\{0*40\}|\\x40|[([{<] ?(?:at|[@\uFF20\uFE6B]) ?[)\]}>]/giu;
const AT_HERE = new RegExp(AT.source, 'iuy');
const ESCAPED = /%(?:25)*([0-9a-f]{2})/iy;

/**
 * Replaces every e-mail address by `[email]`: of any script, quoted (`"john doe"@x.org`), with comments or spaces around the `@`, with an `@` that is written
 * otherwise (`%40`, `&#64;`, `[at]`), with a host without a dot or in brackets. Beside spaces a host needs a dot, so that `meet @ noon` stays. An `@` with
 * nothing on one side is not part of an address, and stays. A policy's `like "*@*"` still finds it, and then denies. Takes linear time.
 */
export function maskEmails(text: string): string {
  let masked = '';
  let from = 0;
  let pairs: Pairs | undefined;
  for (let at = nextAt(text, 0); at !== undefined; at = nextAt(text, Math.max(at.end, from))) {
    pairs ??= pairsOf(text);
    const host = hostAfter(text, at.end, pairs);
    const local = host && localBefore(text, { from, at: at.start }, pairs);
    if (host === undefined || local === undefined) continue;
    const isCertain = !host.spaced && !local.spaced && !/^(?:[([{<]|@@)/.test(at.spelling);
    if (!isCertain && !isDomain(text.slice(host.start, host.end))) continue;
    masked += text.slice(from, local.start) + MASK;
    from = host.end;
  }
  return masked + text.slice(from);
}

interface Span {
  readonly start: number;
  readonly end: number;
}

interface Part extends Span {
  /** Whether there are spaces between this part and the `@`. */
  readonly spaced: boolean;
}

function nextAt(text: string, from: number): (Span & { readonly spelling: string }) | undefined {
  AT.lastIndex = from;
  const found = AT.exec(text);
  if (found === null) return undefined;
  const start = found.index;
  let end = AT.lastIndex;
  for (let next = atEnd(text, end); next !== undefined; next = atEnd(text, end)) end = next;
  return { start, end, spelling: text.slice(start, Math.min(end, start + 8)) };
}

/** The end of the `@` that starts here, or undefined. */
function atEnd(text: string, start: number): number | undefined {
  AT_HERE.lastIndex = start;
  return AT_HERE.test(text) ? AT_HERE.lastIndex : undefined;
}

/** For each bracket of a comment its partner, and for each closing quote the quote before it. */
type Pairs = ReadonlyMap<number, number>;

function pairsOf(text: string): Pairs {
  const pairs = new Map<number, number>();
  const open: number[] = [];
  let quote: number | undefined;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === '\\') i++;
    else if (char === '"') {
      if (quote !== undefined) pairs.set(i, quote);
      quote = i;
    } else if (char === '(') open.push(i);
    else if (char === ')') {
      const start = open.pop();
      if (start !== undefined) pairs.set(i, start).set(start, i);
    }
  }
  return pairs;
}

/** Goes back from the `@`, never beyond `from`, where the last address ended: no character is looked at more than twice. */
function localBefore(text: string, { from, at }: { from: number; at: number }, pairs: Pairs): Part | undefined {
  let doubtful = false;
  let { end, spaced } = blanksBefore(text, from, at, pairs);
  for (; !spaced && end > from && DOUBTFUL.test(text[end - 1] as string); end--) doubtful = true;
  let start = end;
  for (;;) {
    const word = wordBefore(text, from, start, pairs);
    if (word === start) break;
    start = word;
    const gap = blanksBefore(text, from, start, pairs);
    // "john . doe", "john .doe" and "john.(comment)doe" are one local part, but "Thanks. doe" is not
    const isJoined = !gap.spaced || text[start] === '.' || (text[gap.end - 1] === '.' && SPACE.test(text[gap.end - 2] ?? ''));
    if (!isJoined) break;
    start = gap.end;
  }
  let trimmed = start;
  while (trimmed < end && LEADING.test(text[trimmed] as string) && escapedAt(text, trimmed) === null) trimmed++;
  if (trimmed < end) start = trimmed;
  return start === end ? undefined : { start, end, spaced: spaced || doubtful };
}

/** The start of the word or the quoted text that ends here. */
function wordBefore(text: string, from: number, end: number, pairs: Pairs): number {
  if (end > from && text[end - 1] === '"') {
    const open = pairs.get(end - 1) ?? -1;
    return open >= from ? open : end;
  }
  let start = end;
  while (start > from && !LOCAL_STOP.test(text[start - 1] as string) && !isAt(text, start - 1)) start--;
  return start;
}

function blanksBefore(text: string, from: number, at: number, pairs: Pairs): { readonly end: number; readonly spaced: boolean } {
  let end = at;
  let spaced = false;
  for (;;) {
    const char = end > from ? (text[end - 1] as string) : '';
    const open = char === ')' ? (pairs.get(end - 1) ?? -1) : -1;
    const encoded = char === ';' ? ENDS_IN_SPACE.exec(text.slice(Math.max(from, end - 7), end)) : null;
    if (open >= from) end = open;
    else if (encoded !== null) {
      end -= encoded[0].length;
      spaced = true;
    } else if (SPACE.test(char)) {
      end--;
      spaced ||= /\s/.test(char);
    } else return { end, spaced };
  }
}

function hostAfter(text: string, from: number, pairs: Pairs): Part | undefined {
  const { end: start, spaced } = blanksAfter(text, from, pairs);
  if (text[start] === '[') {
    const close = text.slice(start, start + MAX_LITERAL).indexOf(']');
    return close === -1 ? undefined : { start, end: start + close + 1, spaced };
  }
  let end = start;
  for (;;) {
    const before = end;
    end = labelsEnd(text, end);
    if (end === before) break;
    const next = continues(text, end, pairs);
    if (next === undefined) break;
    end = next;
  }
  while (end > start && TRAILING.test(text[end - 1] as string)) end--;
  return end === start ? undefined : { start, end, spaced };
}

/** Where a host goes on: a@b@c is masked as a whole, `x(comment).com` and `x . com` are one host. */
function continues(text: string, end: number, pairs: Pairs): number | undefined {
  const at = atEnd(text, end);
  if (at !== undefined) return labelsEnd(text, at) > at ? at : undefined;
  DOT_WORD.lastIndex = end;
  let dotEnd: number;
  if (DOT_WORD.test(text)) dotEnd = DOT_WORD.lastIndex;
  else {
    const gap = blanksAfter(text, end, pairs).end;
    if (gap === end || !DOT.test(text[gap] ?? '')) return undefined;
    dotEnd = gap + 1;
  }
  const label = blanksAfter(text, dotEnd, pairs).end;
  return labelsEnd(text, label) > label ? label : undefined;
}

function labelsEnd(text: string, from: number): number {
  let end = from;
  while (end < text.length) {
    const escaped = escapedAt(text, end);
    const char = escaped === null ? (text[end] as string) : String.fromCharCode(Number.parseInt(escaped[1] as string, 16));
    if (HOST_STOP.test(char) || isAt(text, end)) break;
    end += escaped === null ? 1 : escaped[0].length;
  }
  return end;
}

function blanksAfter(text: string, from: number, pairs: Pairs): { readonly end: number; readonly spaced: boolean } {
  let end = from;
  let spaced = false;
  for (;;) {
    const char = text[end] ?? '';
    const close = char === '(' ? pairs.get(end) : undefined;
    ENCODED_SPACE.lastIndex = end;
    if (close !== undefined) end = close + 1;
    else if (ENCODED_SPACE.test(text)) {
      end = ENCODED_SPACE.lastIndex;
      spaced = true;
    } else if (SPACE.test(char)) {
      end++;
      spaced ||= /\s/.test(char);
    } else return { end, spaced };
  }
}

/** Whether a host is more than a word: an address in brackets, `localhost`, or labels that are not all numbers, as in `3 @ 4.50`. */
function isDomain(host: string): boolean {
  if (/^(?:\[|localhost$)/i.test(host)) return true;
  const dot = host.search(/[.．。｡]|%2e|[([{<] ?dot/i);
  return dot > 0 && /[^\d.．。｡\s]/.test(host.slice(dot).replace(/%2e/gi, '.'));
}

/** A character that is percent-encoded here. */
function escapedAt(text: string, start: number): RegExpExecArray | null {
  ESCAPED.lastIndex = start;
  return ESCAPED.exec(text);
}

function isAt(text: string, i: number): boolean {
  return '@\uFF20\uFE6B'.includes(text[i] as string);
}
