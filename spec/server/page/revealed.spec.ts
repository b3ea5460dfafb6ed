import { expect } from 'chai';
import { excerptOf } from '../../../lib/common/data/excerpt.js';
import { revealedBox, revealedText } from '../../../lib/server/page/revealed.js';
import { counted, seed, volume } from '../../support/assurance.js';
import { originalText, parsed, textBesideChips, visibleText, withClass } from '../../support/pageText.js';

const boxOf = (text: string, all = false): ReturnType<typeof parsed> => parsed(revealedBox(excerptOf(text, { all })));

describe('A text on a page', () => {
  const shown: readonly (readonly [string, string])[] = [
    ['', ''],
    ['pay 5 to ann', 'pay 5 to ann'],
    ['<img src=x onerror="a(\'&\')">', '<img src=x onerror="a(\'&\')">'],
    ['a\u200bb', 'aZWSP U+200Bb'],
    ['a\u00a0\u00a0\u00a0b', 'aNBSP U+00A0 × 3b'],
    ['\u202egnp.exe\u202c', 'RLO U+202Egnp.exePDF U+202C'],
    ['a\nb', 'a↵\nb'],
    ['a\n\nb\n', 'a↵\n↵\nb↵\n'],
    ['a\n\n\n\nb', 'a4 line ends in a row\nb'],
    ['a\r\nb\r\n\r\nc', 'aCR ↵\nbCR ↵\nCR ↵\nc'],
    [`a${'\r\n'.repeat(61)}b`, 'a61 line ends (CR LF) in a row\nb'],
    ['\n\r\n\nb', '↵\nCR ↵\n↵\nb'],
    ['a\rb', 'aCR U+000Db'],
    ['a\r\r\nb\r', 'aCR U+000D × 2LF U+000AbCR U+000D'.replace('LF U+000A', '↵\n')],
    ['\tx', 'TAB U+0009x'],
    ['if a:\n    b\n        c', 'if a:↵\n    b↵\n        c'],
    [`a\n${' '.repeat(17)}b`, 'a↵\n17 spacesb'],
    ['    a', '    a'],
    ['a    b', 'a4 spacesb'],
    ['a \nb  ', 'a1 space↵\nb2 spaces'],
    ['a \r\nb', 'a1 spaceCR ↵\nb'],
    ['  \na', '2 spaces↵\na'],
    ['    \na', '4 spaces↵\na'],
    ['dana@p\u0430rtner.example', 'dana@pаCyrillic U+0430rtner.example'],
    ['аррӏе.com', 'аррӏеCyrillic U+0430 U+0440 U+0440 U+04CF U+0435.com'],
    ['ａｂｃｄｅｆｇｈ', 'ａｂｃｄｅｆｇｈlike ASCII, U+FF41 U+FF42 U+FF43 U+FF44 U+FF45 U+FF46 and 2 more'],
    ['𝐩𝐚𝐲', '𝐩𝐚𝐲like pay, U+1D429 U+1D41A U+1D432'],
    ['ο०', 'ο०Greek U+03BF U+0966'],
    ['०', '०look-alike U+0966'],
    ['привет', 'привет'],
    ['e\u0301\u0301\u0301\u0301\u0301', 'e\u0301\u0301\u0301mark U+0301mark U+0301'],
    ['\ud83d', 'half a pair U+D83D'],
    ['\ue000\u0378\u{e0041}\ufe0f\u0600\u115f', 'private use U+E000unassigned U+0378tag U+E0041variation U+FE0Fformat U+0600empty U+115F'],
    ['\u2003\u0001', 'space U+2003control U+0001'],
  ];
  for (const [text, expected] of shown)
    it(`shows ${JSON.stringify(text).slice(0, 60)}`, () => {
      const box = boxOf(text);
      expect(visibleText(box)).to.equal(expected);
      expect(originalText(box)).to.equal(text);
    });

  it('underlines letters that look like ASCII in words that show that they are not', () => {
    const box = boxOf('привет');
    expect(withClass(box, 'x').map((odd) => visibleText(odd.childNodes))).to.deep.equal(['р', 'е']);
    expect(withClass(box, 'ok')).to.have.length(2);
    expect(withClass(box, 'u')).to.be.empty;
  });

  it('is one line within a line', () => {
    const line = parsed(revealedText('a\n\nb \u200b\r\nc'));
    expect(visibleText(line)).to.equal('a↵↵b ZWSP U+200BCR ↵c');
    expect(withClass(line, 't')).to.have.length(1);
  });

  it('is cut where a line has no room, and says by how much', () => {
    expect(visibleText(parsed(revealedText('😀'.repeat(100), { max: 10 })))).to.equal(`${'😀'.repeat(10)}+90 characters`);
    expect(visibleText(parsed(revealedText('😀'.repeat(10), { max: 10 })))).to.equal('😀'.repeat(10));
    expect(visibleText(parsed(revealedText('12345678901', { max: 10 })))).to.equal('1234567890+1 character');
    expect(visibleText(parsed(revealedText(`${'a\u200b'.repeat(900)}`, { max: 1_800 })))).to.match(/\+799 characters$/);
  });

  it('loses nothing and leaves nothing hidden', () => {
    let state = seed;
    const random = (n: number): number => (state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff) % n;
    const pieces = [
      'a',
      'pay',
      ' ',
      '  ',
      '    ',
      ' '.repeat(20),
      '\n',
      '\n\n\n\n',
      '\r\n',
      '\r',
      '\t',
      '\0',
      '<b>',
      '&amp;',
      '&#x200b;',
      '"',
      "'",
      '</code><script>',
      '<!--',
      '\u200b',
      '\u00a0',
      '\u202e',
      'а',
      'привет',
      'é',
      '\u0301\u0301',
      'ａ',
      '\ud800',
      '\udc00',
      '😀',
      '\ufe0f',
      '\u{e0041}',
      'U+200B × 3',
      '4 spaces',
      '↵',
      '5 line ends in a row',
    ];
    const cases = volume(1_000_000);
    let wrong = 0;
    for (let i = 0; i < cases; i++) {
      const anyOf = (): string => String.fromCodePoint(random(8) === 0 ? random(0x11_0000) : random(0x3000));
      const text = Array.from({ length: 1 + random(9) }, () =>
        random(3) === 0 ? anyOf() : (pieces[random(pieces.length)] as string),
      ).join('');
      const box = boxOf(text, true);
      const beside = textBesideChips(box);
      if (originalText(box) !== text || hidesSomething(beside)) wrong++;
      // nothing of the text became markup
      if (!/^(?:<(?:code class="v"|span class="(?:u|u nl|x|x ok)"|i )>)+$/.test(tagsOf(box))) wrong++;
    }
    counted({ what: 'texts on a page: text → HTML → text', cases, wrong });
    expect(wrong).to.equal(0);
  });
});

/** Whether something in it cannot be seen: line ends and indents can. */
function hidesSomething(text: string): boolean {
  return (
    /(?![ \n])[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/u.test(text) || / +(?:\n|$)/.test(text) || /[^\n ] {4,}| {17,}/.test(text)
  );
}

function tagsOf(nodes: ReturnType<typeof parsed>): string {
  return nodes
    .map((node) =>
      'tagName' in node
        ? `<${node.tagName} ${node.attrs.map(({ name, value }) => `${name}="${value}"`).join(' ')}>${tagsOf(node.childNodes)}`
        : '',
    )
    .join('');
}
