import { expect } from 'chai';
import { escapeJson, escapeText } from '../../../lib/common/data/escapeText.js';

/** What moves the cursor, reorders, hides or breaks text. */
const HOSTILE: readonly (readonly [string, string, string])[] = [
  ['a line feed', '\n', '\\u{a}'],
  ['a carriage return', '\r', '\\u{d}'],
  ['a tab', '\t', '\\u{9}'],
  ['a null', '\0', '\\u{0}'],
  ['a bell', '\u0007', '\\u{7}'],
  ['a backspace', '\b', '\\u{8}'],
  ['an escape', '\u001b', '\\u{1b}'],
  ['a delete', '\u007f', '\\u{7f}'],
  ['a C1 control sequence introducer', '\u009b', '\\u{9b}'],
  ['a next line', '\u0085', '\\u{85}'],
  ['a soft hyphen', '\u00ad', '\\u{ad}'],
  ['a combining grapheme joiner', '\u034f', '\\u{34f}'],
  ['an Arabic letter mark', '\u061c', '\\u{61c}'],
  ['a Hangul filler', '\u3164', '\\u{3164}'],
  ['a half-width Hangul filler', '\uffa0', '\\u{ffa0}'],
  ['a Mongolian vowel separator', '\u180e', '\\u{180e}'],
  ['a zero-width space', '\u200b', '\\u{200b}'],
  ['a zero-width joiner', '\u200d', '\\u{200d}'],
  ['a left-to-right mark', '\u200e', '\\u{200e}'],
  ['a line separator', '\u2028', '\\u{2028}'],
  ['a paragraph separator', '\u2029', '\\u{2029}'],
  ['a right-to-left override', '\u202e', '\\u{202e}'],
  ['a right-to-left isolate', '\u2067', '\\u{2067}'],
  ['a word joiner', '\u2060', '\\u{2060}'],
  ['an invisible times', '\u2062', '\\u{2062}'],
  ['a variation selector', '\ufe0f', '\\u{fe0f}'],
  ['a byte order mark', '\ufeff', '\\u{feff}'],
  ['an interlinear anchor', '\ufff9', '\\u{fff9}'],
  ['a musical begin beam', '\u{1d173}', '\\u{1d173}'],
  ['a shorthand overlap', '\u{1bca0}', '\\u{1bca0}'],
  ['a tag letter', '\u{e0041}', '\\u{e0041}'],
  ['a supplementary variation selector', '\u{e0100}', '\\u{e0100}'],
  ['a lone high surrogate', '\ud800', '\\u{d800}'],
  ['a lone low surrogate', '\udc00', '\\u{dc00}'],
];

describe('escapeText', () => {
  for (const [name, text, escaped] of HOSTILE)
    it(`shows ${name} as ${escaped}, everywhere it stands`, () => {
      expect(escapeText(`a${text}b${text}`)).to.equal(`a${escaped}b${escaped}`);
    });

  it('leaves printable text of any language as it is', () => {
    const text = 'Ünïcödé Ελλάδα Привет עברית العربية हिन्दी 日本語 한국어 ไทย e\u0301 😀 👍🏽 — “quotes” €5 \\ / <b>&amp;';
    expect(escapeText(text)).to.equal(text);
  });

  it('shows what an ANSI sequence would do', () => {
    expect(escapeText('\u001b[2J\u001b[1;31mapproved')).to.equal('\\u{1b}[2J\\u{1b}[1;31mapproved');
  });
});

describe('escapeJson', () => {
  for (const [name, text] of HOSTILE)
    it(`leaves JSON with ${name} JSON of the same value, without the character`, () => {
      const value = { [`k${text}`]: [`a${text}b`] };
      const escaped = escapeJson(JSON.stringify(value));
      expect(JSON.parse(escaped)).to.deep.equal(value);
      expect(escapeText(escaped)).to.equal(escaped);
    });
});
