import { expect } from 'chai';
import { reveal, revealText } from '../../../lib/common/data/reveal.js';
import { counted, seed, volume } from '../../support/assurance.js';
import { busyMs, quickestMs } from '../../support/pace.js';

describe('reveal', () => {
  const shown: readonly (readonly [string, string])[] = [
    ['', ''],
    ['pay 5 to ann', 'pay 5 to ann'],
    [
      'Ünïcödé Ελλάδα Привет мир עברית العربية हिन्दी 日本語 한국어 ไทย 😀 👍🏽 — “quotes” €5 <b>&amp;',
      'Ünïcödé Ελλάδα Привет мир עברית العربية हिन्दी 日本語 한국어 ไทย 😀 👍🏽 — “quotes” €5 <b>&amp;',
    ],
    ['a\u200bb', 'a\\u{200b}b'],
    ['a\u00a0\u00a0\u00a0b', 'a\\u{a0}\\{3 times}b'],
    ['a\n\n\n\nb', 'a\\u{a}\\{4 times}b'],
    ['\u202egnp.exe', '\\u{202e}gnp.exe'],
    ['a   b', 'a   b'],
    [`a${' '.repeat(70)}Digest 5f2d`, 'a\\{70 spaces}Digest 5f2d'],
    ['ann ', 'ann\\{1 space}'],
    ['ann  ', 'ann\\{2 spaces}'],
    ['a\\u{200b}', 'a\\\\u{200b}'],
    ['\\{70 spaces}', '\\\\{70 spaces}'],
    ['аррӏе.com', '\\u{430}\\u{440}\\u{440}\\u{4cf}\\u{435}.com'],
    ['pаypal', 'p\\u{430}ypal'],
    ['paуpaл', 'pa\\u{443}pa\\u{43b}'],
    ['ｐａｙ 5', '\\u{ff50}\\u{ff41}\\u{ff59} 5'],
    ['𝐩𝐚𝐲 ①', '\\u{1d429}\\u{1d41a}\\u{1d432} \\u{2460}'],
    ['a＠x．com', 'a\\u{ff20}x\\u{ff0e}com'],
    ['5кг 2024 год', '5кг 2024 год'],
    ['e\u0301e\u0301\u0301\u0301', 'e\u0301e\u0301\u0301\u0301'],
    ['e\u0301\u0301\u0301\u0301\u0301z', 'e\u0301\u0301\u0301\\u{301}\\u{301}z'],
    ['\ud83d😀\ud83d\ud83d', '\\u{d83d}😀\\u{d83d}\\u{d83d}'],
    ['\ue000\u0378\u{e0041}', '\\u{e000}\\u{378}\\u{e0041}'],
    ['\u2003\u2800\u3000\u0600\u{110bd}\u{13430}\u1680', '\\u{2003}\\u{2800}\\u{3000}\\u{600}\\u{110bd}\\u{13430}\\u{1680}'],
    ['\u3164\u115f\uffa0\ufe0f', '\\u{3164}\\u{115f}\\u{ffa0}\\u{fe0f}'],
  ];
  for (const [text, expected] of shown)
    it(`shows ${JSON.stringify(text).slice(0, 60)}`, () => {
      expect(revealText(text)).to.equal(expected);
      expect(
        reveal(text)
          .map((part) => part.text)
          .join(''),
      ).to.equal(text);
    });

  it('leaves the backslashes of JSON, which are not its author’s', () => {
    const hostile = { a: 'x\\u{200b}\u200b\n', а: ' '.repeat(9) };
    expect(revealText(JSON.stringify(hostile), { isJson: true })).to.equal('{"a":"x\\\\u{200b}\\u{200b}\\n","\\u{430}":"\\{9 spaces}"}');
  });

  it('says for a page which letters look like ASCII, also where the word shows that it is not', () => {
    expect(reveal('привет')).to.deep.equal([
      { kind: 'plain', text: 'п' },
      { kind: 'lookalike', text: 'р', deceptive: false },
      { kind: 'plain', text: 'ив' },
      { kind: 'lookalike', text: 'е', deceptive: false },
      { kind: 'plain', text: 'т' },
    ]);
  });

  it('loses nothing, hides nothing, and shows no two texts alike', () => {
    let state = seed;
    const random = (n: number): number => (state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff) % n;
    const alphabet = [
      'a',
      'b',
      '\\',
      'u',
      '{',
      '}',
      '2',
      ' ',
      '  ',
      '    ',
      '\u200b',
      '\u00a0',
      '\n',
      'а',
      'я',
      'é',
      '\u0301',
      '\u0301\u0301',
      'ａ',
      '\ud800',
      '😀',
      '\ufe0f',
      '\u{e0041}',
      'times',
      ' spaces',
    ];
    const cases = volume(200_000);
    const seen = new Map<string, string>();
    let wrong = 0;
    for (let i = 0; i < cases; i++) {
      const text = Array.from({ length: 1 + random(8) }, () => alphabet[random(alphabet.length)]).join('');
      const visible = revealText(text);
      if (
        reveal(text)
          .map((part) => part.text)
          .join('') !== text
      )
        wrong++;
      if (/(?! )[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]| {4,}| $/u.test(visible)) wrong++;
      if ((seen.get(visible) ?? text) !== text) wrong++;
      seen.set(visible, text);
    }
    counted({ what: 'C14 texts that a person is shown', cases, wrong });
    expect(wrong).to.equal(0);
  });

  const SIZE = 262_144;
  const textOf = (unit: string, size: number): string => unit.repeat(size / 2 / unit.length);

  it('takes 20 ms for 256 KB of prose', () => {
    for (const unit of ['pay ann 5, now. ', 'a', ' ', ' a', 'привет мир ', '日本語', 'e\u0301', `${'a'.repeat(99)}é `]) {
      const text = textOf(unit, SIZE);
      expect(
        quickestMs(20, () => reveal(text)),
        JSON.stringify(unit.slice(0, 20)),
      ).to.be.below(20);
    }
  });

  it('takes linear time where each character is a part of its own', () => {
    for (const unit of ['\u0301', '\u200b', '—', 'é—', 'аррӏе pаypal ', '\u200b\u00a0', '\u{1d429}a ', 'а\u200b']) {
      const [text, part] = [textOf(unit, SIZE), textOf(unit, SIZE / 8)];
      const partMs = Math.max(0.5, Math.min(...Array.from({ length: 12 }, () => busyMs(() => reveal(part)))));
      // eight times as much text; quadratic time would be 64
      const limitMs = 24 * partMs;
      expect(
        quickestMs(limitMs, () => reveal(text)),
        JSON.stringify(unit.slice(0, 20)),
      ).to.be.below(limitMs);
    }
  });
});
