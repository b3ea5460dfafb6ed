/**
 * What moves the cursor, reorders, hides or breaks text, or looks like a space: control, format, private-use and unassigned characters, lone surrogates, what
 * Unicode says may be left undrawn, every space but U+0020, and the empty Braille pattern.
 */
export const HIDDEN: RegExp = /(?! )[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/u;
const ALL_HIDDEN = new RegExp(HIDDEN, 'gu');

/**
 * Makes text safe to show to a person or to write on one line of a log: every character that moves the cursor, reorders, hides or breaks text
 * becomes a visible `\u{…}`. Printable text of any language is unchanged.
 */
export function escapeText(text: string): string {
  return text.replace(ALL_HIDDEN, escaped);
}

/** A character as `\u{…}`. */
export function escaped(char: string): string {
  return `\\u{${(char.codePointAt(0) as number).toString(16)}}`;
}

/** As {@link escapeText}, for JSON, where these characters occur in strings only: the result is JSON of the same value. */
export function escapeJson(json: string): string {
  return json.replace(ALL_HIDDEN, (c) =>
    Array.from({ length: c.length }, (_, i) => `\\u${c.charCodeAt(i).toString(16).padStart(4, '0')}`).join(''),
  );
}
