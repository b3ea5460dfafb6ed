import { expect } from 'chai';
import fc from 'fast-check';
import { canonicalDigest, canonicalText } from '../../../lib/common/data/canonical.js';
import { readDecideRequest } from '../../../lib/decision/wire/decideRequest.js';
import { writeJsonHeader } from '../../../lib/decision/wire/jsonHeader.js';
import { writeWire } from '../../../lib/decision/wire/readWire.js';
import { restoreTypes, typesOf } from '../../../lib/decision/wire/wireTypes.js';
import type { WireTypes } from '../../../lib/decision/wire/wireTypes.js';
import { BadRequestError } from '../../../lib/model/errors/ServiceErrors.js';
import { someParams } from './wireValues.js';

const SECRET = 'typed-canary-12';

describe('Values that travel as text', () => {
  it('are restored as what they were, so that digests and policies see what the caller has', () => {
    let typed = 0;
    fc.assert(
      fc.property(someParams, fc.option(someParams, { nil: null }), (params, session) => {
        const types = { ...typesOf(params, '/params'), ...typesOf(session, '/session') };
        if (Object.keys(types).length > 0) typed += 1;
        const headers = new Headers({ 'X-AEGIS-TYPES': writeJsonHeader('X-AEGIS-TYPES', types) });
        const read = readDecideRequest(headers, writeWire({ agent_id: 'bot', tool: { name: 'pay', params }, session }));
        expect(canonicalText(read.params)).to.equal(canonicalText(params));
        expect(canonicalText(read.session)).to.equal(canonicalText(session));
        expect(canonicalDigest(read.params)).to.equal(canonicalDigest(params));
      }),
      { numRuns: 1_000 },
    );
    expect(typed).to.be.above(200);
  });

  it('are found at any depth, by pointers with escapes', () => {
    const at = new Date(0);
    expect(typesOf({ n: 7n, list: [1, { 'a/b': at, '~': [1n] }], text: '7', none: null }, '/params')).to.deep.equal({
      '/params/n': 'bigint',
      '/params/list/1/a~1b': 'date',
      '/params/list/1/~0/0': 'bigint',
    });
    expect(typesOf(at, '/params')).to.deep.equal({ '/params': 'date' });
  });

  it('leave what was sent as it is', () => {
    const sent = Object.freeze({ params: Object.freeze({ list: Object.freeze(['7', '8']) }) });
    expect(restoreTypes(sent, {})).to.equal(sent);
    expect(restoreTypes(sent, { '/params/list/1': 'bigint' })).to.deep.equal({ params: { list: ['7', 8n] } });
    expect(sent).to.deep.equal({ params: { list: ['7', '8'] } });
  });

  const params = { n: '7', at: '2026-01-31T12:00:00.000Z', text: SECRET, big: '9'.repeat(4_097), none: null, o: { n: 1 } };
  const wrong: readonly (readonly [what: string, types: WireTypes])[] = [
    ['a pointer to nothing', { '/params/x': 'bigint' }],
    ['a pointer into a text', { '/params/n/0': 'bigint' }],
    ['a pointer into null', { '/params/none/a': 'bigint' }],
    ['a pointer without a slash', { params: 'bigint' }],
    ['a pointer to a field of the protocol', { '/tool/name': 'bigint' }],
    ['the empty pointer', { '': 'date' }],
    ['a pointer to all params', { '/params': 'date' }],
    ['one value in another', { '/params/o': 'date', '/params/o/n': 'bigint' }],
    ['a bigint that is a number', { '/params/o/n': 'bigint' }],
    ['a bigint that is null', { '/params/none': 'bigint' }],
    ['a bigint that is other text', { '/params/text': 'bigint' }],
    ['a bigint that is too long', { '/params/big': 'bigint' }],
    ['a date that is other text', { '/params/text': 'date' }],
    ['a date that is a number', { '/params/n': 'date' }],
    ['a bigint that is a date', { '/params/at': 'bigint' }],
  ];
  for (const [what, types] of wrong) {
    it(`are refused with ${what}, without a word of what was sent`, () => {
      expect(() => restoreTypes({ params, session: null }, types))
        .to.throw(BadRequestError, 'X-AEGIS-TYPES does not fit the request')
        .with.property('message')
        .that.does.not.contain(SECRET);
    });
  }

  it('are refused with a pointer of many names before it is taken apart, however long it is', () => {
    const deep = (names: number): WireTypes => ({ [`/params${'/a'.repeat(names - 1)}`]: 'bigint' });
    expect(() => restoreTypes({ params: {} }, deep(66))).to.throw(BadRequestError, 'pointers that each name a value');
    for (const names of [67, 1_000, 150_000])
      expect(() => restoreTypes({ params: {} }, deep(names)), `${names}`).to.throw(BadRequestError, 'at most 66 names');
    expect(() => restoreTypes({ params: {} }, { ['/'.repeat(290_000)]: 'date' })).to.throw(BadRequestError, 'at most 66 names');
  });

  it('have one spelling each', () => {
    for (const n of ['07', '+7', '-0', '7n', ' 7', '7.0', '1e3', '', '0x7'])
      expect(() => restoreTypes({ params: { n } }, { '/params/n': 'bigint' }), n).to.throw(BadRequestError);
    for (const at of ['2026-01-31', '2026-01-31T12:00:00Z', '2026-02-31T12:00:00.000Z', '0', '2026-01-31T12:00:00.000+00:00'])
      expect(() => restoreTypes({ params: { at } }, { '/params/at': 'date' }), at).to.throw(BadRequestError);
    expect(restoreTypes({ params: { n: '-7' } }, { '/params/n': 'bigint' })).to.deep.equal({ params: { n: -7n } });
    const far = '+275760-09-13T00:00:00.000Z';
    expect(restoreTypes({ params: { at: far } }, { '/params/at': 'date' }).params.at).to.deep.equal(new Date(far));
  });

  it('are not sent where the header for their types would be too long', () => {
    const many = Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`/params/a${i}`, 'bigint']));
    expect(() => writeJsonHeader('X-AEGIS-TYPES', many)).to.throw(BadRequestError, 'X-AEGIS-TYPES would have');
  });
});
