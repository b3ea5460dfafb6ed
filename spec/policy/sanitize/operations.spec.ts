import { expect } from 'chai';
import { parseSanitize, firstConflict } from '../../../lib/policy/sanitize/operations.js';

describe('parseSanitize', () => {
  it('reads operations with pointers and arguments', () => {
    expect(
      parseSanitize(' mask_email /body ;truncate /a~1b/~0c 60; set /o {"a;b": "c\\";d"} ; remove /list/0; redact /x [gone]; redact / ;'),
    ).to.deep.equal([
      { op: 'mask_email', pointer: '/body', path: ['body'] },
      { op: 'truncate', pointer: '/a~1b/~0c', path: ['a/b', '~c'], length: 60 },
      { op: 'set', pointer: '/o', path: ['o'], value: { 'a;b': 'c";d' } },
      { op: 'remove', pointer: '/list/0', path: ['list', '0'] },
      { op: 'redact', pointer: '/x', path: ['x'], text: '[gone]' },
      { op: 'redact', pointer: '/', path: [''], text: '[redacted]' },
    ]);
  });

  const refused = [
    '',
    ' ; ',
    'mask_email',
    'mask_email body',
    'mask_email /a /b',
    'mask_email /a;; remove /b',
    'MASK_EMAIL /a',
    'shout /a',
    'toString /a',
    'truncate /a',
    'truncate /a -1',
    'truncate /a 1e3',
    'truncate /a 1.5',
    'set /a',
    'set /a staging',
    'set /a {"a":1} x',
    'set /a {"__proto__":1}',
    'set /a {"x":{"constructor":1}}',
    'remove /a b',
    'remove /a~2',
    'remove /a~',
    'remove /__proto__',
    'set /constructor/prototype/toString 1',
    'set /a/__extn 1',
    Array.from({ length: 65 }, (_, i) => `remove /a${i}`).join(';'),
  ];
  for (const text of refused)
    it(`refuses '${text.slice(0, 40)}'`, () => expect(() => parseSanitize(text)).to.throw(SyntaxError, '@sanitize'));

  it('names the operation that was probably meant', () => {
    expect(() => parseSanitize('mask_mail /a')).to.throw(SyntaxError, "remove; did you mean 'mask_email'?");
    expect(() => parseSanitize('shout /a')).to.throw(SyntaxError, /set, remove\.$/);
  });
});

describe('sanitize conflicts', () => {
  const conflicting = [
    'set /o {}; set /o/a 1',
    'mask_email /o/a/b; remove /o',
    'set /a 1; set /a 2',
    'set /a 1; set /a "1"',
    'set /a 1; remove /a',
    'set /a "x"; mask_email /a',
    'redact /a x; truncate /a 3',
    'truncate /a 3; truncate /a 4',
  ];
  for (const text of conflicting) it(`finds that of '${text}'`, () => expect(firstConflict(parseSanitize(text))).to.be.a('string'));

  const harmless = [
    'mask_email /a; truncate /a 3',
    'set /a 1; set /a 1',
    'set /o/a 1; set /o/b 2',
    'set /oa 1; set /o 2',
    'remove /l/0; remove /l/1',
  ];
  for (const text of harmless) it(`finds none in '${text}'`, () => expect(firstConflict(parseSanitize(text))).to.equal(undefined));
});
