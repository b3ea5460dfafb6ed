/** What replaces an address. */
const MASK = '[email]';

// Every other character belongs to an address: letters of any script, emoji, zero-width characters.
const LOCAL_STOP = /[\s\p{Cc}<>()[\],;:"\\/?@|`]/u;
const HOST_STOP = /[\s\p{Cc}<>()[\]{},;:"'\\/?@|`&=#%+*$^~!]/u;
/** Belongs to the end of a sentence rather than to a host. */
const TRAILING = /[.\-_…。]/;
/** Comes before an address rather than in it. */
const LEADING = /['.=*{}&#%+~!^$-]/;
const MAX_LITERAL = 64;

/**
 * Replaces every e-mail address by `[email]`: of any script, quoted (`"john doe"@x.org`), with a host without a dot or in brackets. An `@` with
 * nothing on one side is not part of an address, and stays. A policy's `like "*@*"` still finds it, and then denies. Takes linear time.
 */
export function maskEmails(text: string): string {
  let masked = '';
  let from = 0;
  for (let at = nextAt(text, 0); at !== -1; at = nextAt(text, Math.max(at + 1, from))) {
    const start = localStart(text, at, from);
    const end = hostEnd(text, at + 1);
    if (start === at || end === at + 1) continue;
    masked += text.slice(from, start) + MASK;
    from = end;
  }
  return masked + text.slice(from);
}

/** Also the fullwidth and the small form, which mail programs read as `@`. */
const AT = /[@\uFF20\uFE6B]/g;

function nextAt(text: string, from: number): number {
  AT.lastIndex = from;
  return AT.exec(text)?.index ?? -1;
}

/** Never goes back beyond `from`, where the last address ended: no character is looked at more than twice. */
function localStart(text: string, at: number, from: number): number {
  if (text[at - 1] === '"' && at - 1 > from) {
    const open = text.lastIndexOf('"', at - 2);
    return open >= from ? open : at;
  }
  let start = at;
  while (start > from && !isStop(LOCAL_STOP, text, start - 1)) start--;
  let trimmed = start;
  while (trimmed < at && LEADING.test(text[trimmed] as string)) trimmed++;
  return trimmed === at ? start : trimmed;
}

function hostEnd(text: string, from: number): number {
  if (text[from] === '[') {
    const close = text.slice(from, from + MAX_LITERAL).indexOf(']');
    return close === -1 ? from : from + close + 1;
  }
  let end = from;
  for (;;) {
    const before = end;
    while (end < text.length && !isStop(HOST_STOP, text, end)) end++;
    // a@b@c is masked as a whole
    if (end === before || !isAt(text[end]) || end + 1 >= text.length || isStop(HOST_STOP, text, end + 1)) break;
    end++;
  }
  while (end > from && TRAILING.test(text[end - 1] as string)) end--;
  return end;
}

function isStop(stops: RegExp, text: string, at: number): boolean {
  return stops.test(text[at] as string) || isAt(text[at]);
}

function isAt(char: string | undefined): boolean {
  return char === '@' || char === '\uFF20' || char === '\uFE6B';
}
