import { expect } from 'chai';
import { excerptOf } from '../../../lib/common/data/excerpt.js';
import type { ShownPart } from '../../../lib/common/data/excerpt.js';

const textOf = (parts: readonly ShownPart[]): string => parts.map((part) => part.text).join('');

describe('excerptOf', () => {
  const lines = (count: number, end = '\n'): string => Array.from({ length: count }, (_, i) => `line ${i + 1}`).join(end);

  it('shows what is short, in full', () => {
    for (const text of ['', 'a', lines(40), lines(40, '\r\n'), 'x'.repeat(4_096), `a${'\n'.repeat(61)}b`, `${'\u200b a'.repeat(500)}`]) {
      const { head, omitted, tail } = excerptOf(text);
      expect(textOf(head)).to.equal(text);
      expect([omitted, tail]).to.deep.equal([undefined, []]);
    }
  });

  it('cuts what has more than 40 lines: the first 30, the last 10', () => {
    const { head, omitted, tail } = excerptOf(lines(50));
    expect(textOf(head)).to.equal(`${lines(30)}\n`);
    expect(textOf(tail)).to.equal(Array.from({ length: 10 }, (_, i) => `line ${i + 41}`).join('\n'));
    expect(omitted).to.deep.equal({ text: `${lines(40).slice(lines(30).length + 1)}\n`, chars: 80, lines: 10 });
  });

  it('cuts what has more than 4,096 characters, between characters', () => {
    for (const text of [
      'x'.repeat(5_000),
      `a${'😀'.repeat(3_000)}`,
      '😀'.repeat(3_000),
      `${'x'.repeat(5_000)}${'\n'.repeat(5_000)}`,
      lines(10_000),
    ]) {
      const { head, omitted, tail } = excerptOf(text);
      expect(textOf(head) + omitted?.text + textOf(tail)).to.equal(text);
      expect(textOf(head).length + textOf(tail).length).to.be.within(150, 4_097);
      expect(textOf(head) + textOf(tail)).to.not.match(/(?<![\ud800-\udbff])[\udc00-\udfff]|[\ud800-\udbff](?![\udc00-\udfff])/);
    }
  });

  it('shows no more than its chips', () => {
    const many = 'a\u200b'.repeat(501);
    const cut = excerptOf(many);
    expect(textOf(cut.head)).to.equal(`${'a\u200b'.repeat(500)}a`);
    expect(cut).to.deep.include({ omitted: { text: '\u200b', chars: 1, lines: 0 }, tail: [], chips: 500 });
    const tailOnly = `${'x'.repeat(4_096)}${'a\u200b'.repeat(511)}`;
    expect(excerptOf(tailOnly, { maxChips: 511 })).to.include({ chips: 511 });
    expect(excerptOf(tailOnly)).to.deep.include({ tail: [], chips: 0 });
    expect(excerptOf('a    b\nс аррӏе привет', { maxChips: 3 }).chips).to.equal(3);
    expect(excerptOf(`a${'\n'.repeat(9)}b\u200b`, { maxChips: 1 })).to.deep.include({
      chips: 1,
      omitted: { text: '\u200b', chars: 1, lines: 0 },
    });
    expect(excerptOf('\u200bx', { maxChips: 0 })).to.deep.include({ head: [], chips: 0 });
  });

  it('tells line ends, spaces at the end of a line and indents apart', () => {
    const kinds = (text: string): readonly string[] => excerptOf(text).head.map((part) => `${part.kind} ${JSON.stringify(part.text)}`);
    expect(kinds('a \r\n\r\nb  \n    c\n \n')).to.deep.equal([
      'plain "a"',
      'spaces " "',
      'lines "\\r\\n\\r\\n"',
      'plain "b"',
      'spaces "  "',
      'lines "\\n"',
      'plain "    "',
      'plain "c"',
      'lines "\\n"',
      'spaces " "',
      'lines "\\n"',
    ]);
    expect(kinds('\r\n\n\rx')).to.deep.equal(['lines "\\r\\n"', 'lines "\\n"', 'hidden "\\r"', 'plain "x"']);
  });

  it('shows all where all is wanted', () => {
    for (const text of [lines(5_000), 'a\u200b'.repeat(5_000)]) {
      const { head, omitted } = excerptOf(text, { all: true });
      expect(textOf(head)).to.equal(text);
      expect(omitted).to.equal(undefined);
    }
  });
});
