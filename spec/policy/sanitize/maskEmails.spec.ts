import { expect } from 'chai';
import { maskEmails } from '../../../lib/policy/sanitize/maskEmails.js';
import { counted } from '../../support/assurance.js';
import { quickestMs } from '../../support/pace.js';

describe('maskEmails', () => {
  const cases: [string, string][] = [
    ['ask bob@example.com.', 'ask [email].'],
    ['bob@example.com, ann@x.org; (c.d+e@f-g.co.uk)', '[email], [email]; ([email])'],
    ['mailto:bob@example.com?subject=hi', 'mailto:[email]?subject=hi'],
    ['<bob@example.com>', '<[email]>'],
    ['root@localhost', '[email]'],
    ['jürgen@müller.de und почта@пример.рф', '[email] und [email]'],
    ['用户@例子。广告', '[email]'],
    ['😀bob@x.com', '[email]'],
    ['zero\u200bwidth@x.com', '[email]'],
    ['bob＠x.com bob﹫x.com', '[email] [email]'],
    ['"john doe"@x.org', '[email]'],
    ['say "hi"@x.org', 'say [email]'],
    ['a closing quote"@x.org', 'a closing quote"@x.org'],
    ['bob@[192.168.0.1]', '[email]'],
    ['a@b@c', '[email]'],
    ["o'brien@x.com 'bob@x.com'", "[email] '[email]'"],
    ['bounce+bob=example.com@list.org', '[email]'],
    ['https://x.com/?mail=bob@x.com&a=1', 'https://x.com/?[email]&a=1'],
    ['no address', 'no address'],
    ['meet @ noon', 'meet @ noon'],
    ['', ''],
    ['john(c)@x.com', '[email]'],
    ['john@(c)x.com', '[email]'],
    ['john@x(c).com', '[email]'],
    ['john@x.(c)com', '[email].(c)com'],
    ['(c)john@x.com', '[email]'],
    ['john(a (nested) comment)@x.com', '[email]'],
    ['john(with \\) an escape)@x.com', '[email]'],
    ['john(unclosed @x.com', 'john([email]'],
    ['john ) @x.com', 'john ) @x.com'],
    ['john @ x.com', '[email]'],
    ['john@ x.com and ann @x.org', '[email] and [email]'],
    ['john\u00a0@\u3000x.com', '[email]'],
    ['john\u200b@\u2060x.com', '[email]'],
    ['john\r\n @\r\n x.com', '[email]'],
    ['john @ x . com', '[email]'],
    ['john . doe @ x.com', '[email]'],
    ['john.(c)doe@x.com', '[email]'],
    ['john .doe@x.com', '[email]'],
    ['Thanks. doe@x.com', 'Thanks. [email]'],
    ['. doe@x.com ', '. [email] '],
    ['(a@x)@y', '([email])@y'],
    ['john@x .com, john@x ., john@x . @', '[email], [email] ., [email] . @'],
    ['john (c) @ (d) x.com', '[email]'],
    ['john @ [10.0.0.1], john @ localhost', '[email], [email]'],
    ['john%40x.com', '[email]'],
    ['?to=john%40x.com&cc=ann%2540x%2Ecom', '?[email]&[email]'],
    ['%22john%20doe%22%40x.com', '[email]'],
    ['john%40x%2Fpath', '[email]%2Fpath'],
    ['john&#64;x.com john&#x40;x.com john&commat;x.com john&#064x.com', '[email] [email] [email] [email]'],
    ['john\\u0040x.com john\\x40x.com', '[email] [email]'],
    ['john[at]x.com john (at) x.com john {AT} x.com', '[email] [email] [email]'],
    ['"john \\" doe"@x.com', '[email]'],
    ['"john"."van doe"@x.com', '[email]'],
    ['john."van doe"@x.com', '[email]'],
    ['"john"@(c)[10.0.0.1]', '[email]'],
    ['john＠x．com, john @ x。com', '[email], [email]'],
    ['3 @ 4.50 each', '3 @ 4.50 each'],
    ['items[at]index', 'items[at]index'],
    ['an @ [unclosed', 'an @ [unclosed'],
    ['john@@x.com, a@@b', '[email], a@@b'],
    ['john[at]x[dot]com john (at) x (dot) com', '[email] [email]'],
    ['john@x[.]com, john [at] x [dot] co [dot] uk', '[email], [email]'],
    ['items[at]index[dot]', 'items[at]index[dot]'],
    ['john(@)x.com john [@] x.com <@>', '[email] [email] <@>'],
    ['john\\@x.com, john\\@home', '[email], john\\@home'],
    ['john?@x.com jo|hn|@x.com `@x.com` why?@ann', '[email] jo|[email] `@x.com` why?@ann'],
    ['john&nbsp;@&nbsp;x.com john&#32;@&#xA0;x.com', '[email] [email]'],
    ['john%20@%20x.com john%20%40%20x.com meet%20@%20noon', '[email] [email] meet%20@%20noon'],
    ['john&amp;#64;x.com john&amp;amp;commat;x.com', '[email] [email]'],
    ['a & b; c@x.com', 'a & b; [email]'],
  ];
  for (const [text, masked] of cases)
    it(`makes ${JSON.stringify(text)} ${JSON.stringify(masked)}`, () => expect(maskEmails(text)).to.equal(masked));

  it('masks them all, and nothing else', () => {
    const wrong = cases.filter(([text, masked]) => maskEmails(text) !== masked).length;
    counted({ what: 'A14 mask_email', cases: cases.length, wrong });
    expect(wrong).to.equal(0);
  });

  it('takes linear time on hostile text', () => {
    const n = 90_000;
    const texts = [
      'a',
      '@',
      'a@',
      '"@',
      '@[',
      'a@.',
      '.@',
      '"a"@',
      "'@x",
      'a@b@',
      '(@',
      ')@',
      '(@)',
      'a @ ',
      'a (c) @',
      '@(c)',
      '(c)',
      'x . ',
    ];
    texts.push('@@', 'a@@b', '&nbsp;', '@&nbsp;', '&amp;', '[dot]', 'a@b[dot]', ' [', '\\@', 'a?|@', 'a@b.c?@', '%20');
    texts.push('%40', '%25', ' @', '[at]', '&#0', '\\"@', '.(c)a');
    const ms = quickestMs(2_000, () => {
      for (const text of texts) maskEmails(text.repeat(n / text.length));
      for (const text of texts) maskEmails(`${text.repeat(n / 100 / text.length)}${'a@b (c) @ '.repeat(n / 1_000)}`);
      maskEmails(`${'a'.repeat(n)} ${'@'.repeat(n)}`);
    });
    expect(ms).to.be.below(2_000);
  });
});
