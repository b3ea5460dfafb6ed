import { expect } from 'chai';
import { parseSanitize } from '../../../lib/policy/sanitize/operations.js';
import { applySanitize, SanitizeFailure } from '../../../lib/policy/sanitize/applySanitize.js';

const apply = (text: string, params: Record<string, unknown>, removable: string[] = []): unknown =>
  applySanitize(parseSanitize(text), params, removable);

describe('applySanitize', () => {
  const cases: [string, Record<string, unknown>, unknown][] = [
    ['mask_email /a', { a: 'bob@x.com', b: 'ann@x.com' }, { a: '[email]', b: 'ann@x.com' }],
    ['mask_email /to', { to: ['bob@x.com', 'none'] }, { to: ['[email]', 'none'] }],
    ['mask_email /m/1/text', { m: [{}, { text: 'bob@x.com' }] }, { m: [{}, { text: '[email]' }] }],
    ['redact /a', { a: 'secret' }, { a: '[redacted]' }],
    ['redact /a ***', { a: 'secret' }, { a: '***' }],
    ['truncate /a 3', { a: 'ab😀cd' }, { a: 'ab😀' }],
    ['truncate /a 9', { a: 'ab' }, { a: 'ab' }],
    ['truncate /a 7; mask_email /a', { a: 'x@y.zz and more' }, { a: '[email]' }],
    ['set /a {"b":[1]}', { a: 1 }, { a: { b: [1] } }],
    ['set /new true', {}, { new: true }],
    ['set /o/new 1', { o: {} }, { o: { new: 1 } }],
    ['set /l/1 "x"', { l: [1, 2] }, { l: [1, 'x'] }],
    ['set / 1', {}, { '': 1 }],
    ['remove /o/a', { o: { a: 1, b: 2 } }, { o: { b: 2 } }],
    ['remove /l/0', { l: [1, 2, 3] }, { l: [2, 3] }],
    ['remove /l/0; remove /l/2; mask_email /l/3', { l: [1, 2, 3, 'a@b'] }, { l: [2, '[email]'] }],
    ['remove /l/2; remove /l/10', { l: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10] }, { l: [0, 1, 3, 4, 5, 6, 7, 8, 9] }],
    ['remove /o/a; remove /l/0; remove /l/1', { o: { a: 1, b: 2 }, l: [1, 2, 3] }, { o: { b: 2 }, l: [3] }],
    ['remove /l/1; remove /l/1', { l: [0, 1, 2] }, { l: [0, 2] }],
  ];
  for (const [text, params, expected] of cases)
    it(`${text} on ${JSON.stringify(params)}`, () => expect(apply(text, params)).to.deep.equal(expected));

  it('works on a copy, and gives each call its own values', () => {
    const params = { o: { a: 'bob@x.com', at: new Date(5), n: 5n } };
    const operations = parseSanitize('mask_email /o/a; set /list []');
    const first = applySanitize(operations, params, []);
    (first.list as unknown[]).push(1);
    expect(params).to.deep.equal({ o: { a: 'bob@x.com', at: new Date(5), n: 5n } });
    expect(applySanitize(operations, params, [])).to.deep.equal({ o: { a: '[email]', at: new Date(5), n: 5n }, list: [] });
  });

  it('removes a top-level param only where the call lets it', () => {
    expect(() => apply('remove /ssn', { ssn: 1 })).to.throw(SanitizeFailure, 'required');
    expect(apply('remove /ssn', { ssn: 1, a: 2 }, ['ssn'])).to.deep.equal({ a: 2 });
  });

  it('removes, deeper, also what the call does not let go', () => {
    expect(apply('remove /o/ssn; remove /l/0', { o: { ssn: 1 }, l: [1] }, [])).to.deep.equal({ o: {}, l: [] });
  });

  it('removes one place once, though two policies say so', () => {
    expect(apply('remove /ssn; remove /ssn; remove /l/0; remove /l/0', { ssn: 1, l: [1, 2] }, ['ssn'])).to.deep.equal({ l: [2] });
  });

  it('cuts to nothing, and to as much as there is', () => {
    expect(apply('truncate /a 0', { a: 'ab' })).to.deep.equal({ a: '' });
    expect(apply('truncate /a 2', { a: '😀😀' })).to.deep.equal({ a: '😀😀' });
    expect(apply('truncate /a 1', { a: '\uffffb' })).to.deep.equal({ a: '\uffff' });
  });

  it('cuts last, whatever stands first', () => {
    expect(apply('truncate /a 8; mask_email /a', { a: 'hello bob@x.com' })).to.deep.equal({ a: 'hello [e' });
    expect(apply('mask_email /a; truncate /a 8', { a: 'hello bob@x.com' })).to.deep.equal({ a: 'hello [e' });
  });

  it('says which operation does not fit, and why', () => {
    expect(() => apply('redact /a', { a: 5 })).to.throw(SanitizeFailure, "'redact /a' needs a string there");
    expect(() => apply('truncate /o/a 3', { o: {} })).to.throw(SanitizeFailure, "'truncate /o/a' points at nothing");
    expect(() => apply('remove /o/a/b', { o: { a: null } })).to.throw(SanitizeFailure, "'remove /o/a/b' points at nothing");
    expect(() => apply('set /l/0/x 1', { l: ['text'] })).to.throw(SanitizeFailure, "'set /l/0/x' points at nothing");
    expect(() => apply('remove /ssn', { ssn: 1 })).to.throw(SanitizeFailure, "'/ssn' may not be removed: it is required");
    expect(() => apply('set /a 1; set /a 2', {})).to.throw(SanitizeFailure, 'operations ');
  });

  const refused: [string, Record<string, unknown>][] = [
    ['remove /l/x', { l: [1] }],
    ['remove /l/1x', { l: [0, 1] }],
    ['remove /l/0/length', { l: [[1]] }],
    ['redact /l/length', { l: [] }],
    ['set /m/01/x 1', { m: [{}, {}] }],
    ['remove /ssn', { ssn: 1 }],
    ['mask_email /body', {}],
    ['mask_email /body', { body: 5 }],
    ['mask_email /body', { body: ['a@b', 5] }],
    ['redact /a', { a: null }],
    ['truncate /a 3', { a: ['abcd'] }],
    ['set /o/a 1', {}],
    ['set /o/a 1', { o: 'text' }],
    ['set /o/a 1', { o: new Date() }],
    ['set /l/2 1', { l: [1, 2] }],
    ['set /l/- 1', { l: [1, 2] }],
    ['set /l/length 0', { l: [1, 2] }],
    ['remove /l/01', { l: [1, 2] }],
    ['remove /o/a', { o: {} }],
    ['mask_email /toString', {}],
    ['mask_email /o/valueOf/name', { o: {} }],
    ['set /a 1; set /a 2', {}],
  ];
  for (const [text, params] of refused)
    it(`refuses '${text}' on ${JSON.stringify(params)}`, () => expect(() => apply(text, params)).to.throw(SanitizeFailure));

  it('never reaches a prototype', () => {
    const before = Object.getOwnPropertyNames(Object.prototype).map((name) => [name, Reflect.get(Object.prototype, name)] as const);
    for (const path of [
      ['__proto__', 'x'],
      ['toString', 'x'],
      ['a', '__proto__', 'x'],
    ])
      expect(() => applySanitize([{ op: 'set', pointer: `/${path.join('/')}`, path, value: 1 }], { a: {} }, [])).to.throw(SanitizeFailure);
    expect(Object.getOwnPropertyNames(Object.prototype).map((name) => [name, Reflect.get(Object.prototype, name)] as const)).to.deep.equal(
      before,
    );
  });
});
