// C0 and C1 controls, soft hyphen, Arabic letter mark, zero-width and bidi controls, line and paragraph separators, invisible operators, BOM,
// interlinear marks, Hangul and Mongolian fillers, variation selectors, shorthand and musical format controls, tag characters, lone
// surrogates.
const HOSTILE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202f\u205f-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb]|[\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]|\p{Surrogate}/gu;

/**
 * Makes text safe to show to a person or to write on one line of a log: every character that moves the cursor, reorders, hides or breaks text
 * becomes a visible `\u{…}`. Printable text of any language is unchanged.
 */
export function escapeText(text: string): string {
  return text.replace(HOSTILE, (c) => `\\u{${(c.codePointAt(0) as number).toString(16)}}`);
}

/** As {@link escapeText}, for JSON, where these characters occur in strings only: the result is JSON of the same value. */
export function escapeJson(json: string): string {
  return json.replace(HOSTILE, (c) =>
    Array.from({ length: c.length }, (_, i) => `\\u${c.charCodeAt(i).toString(16).padStart(4, '0')}`).join(''),
  );
}
