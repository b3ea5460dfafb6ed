import { expect } from 'chai';
import { maskEmails } from '../../../lib/policy/sanitize/maskEmails.js';
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
  ];
  for (const [text, masked] of cases)
    it(`makes ${JSON.stringify(text)} ${JSON.stringify(masked)}`, () => expect(maskEmails(text)).to.equal(masked));

  it('takes linear time on hostile text', () => {
    const n = 250_000;
    const ms = quickestMs(2_000, () => {
      for (const text of ['a', '@', 'a@', '"@', '@[', 'a@.', '.@', '"a"@', "'@x", 'a@b@']) maskEmails(text.repeat(n / text.length));
      maskEmails(`${'a'.repeat(n)} ${'@'.repeat(n)}`);
    });
    expect(ms).to.be.below(2_000);
  });
});
