import { expect } from 'chai';
import { jsonParameters } from '../../../lib/adapter/tool/jsonParameters.js';
import { quickestMs } from '../../support/pace.js';

/** Whether a call with this input may have the nulls it has. */
const fits = (schema: unknown, input: unknown): boolean => jsonParameters(schema).schemaFor(input) !== undefined;

describe('What a JSON Schema says of parameters', () => {
  it('is which there are, as own properties only', () => {
    const { knows } = jsonParameters({ properties: { to: {} } });
    expect([knows('to'), knows('cc'), knows('toString')]).to.deep.equal([true, false, false]);
    for (const schema of [undefined, null, true, 'text', [], {}, { properties: null }])
      expect(jsonParameters(schema).knows('to')).to.equal(false);
  });

  it('is where null may be, and nowhere else', () => {
    const named = [
      { type: 'null' },
      { type: ['string', 'null'] },
      { enum: ['a', null] },
      { const: null },
      { anyOf: [{ type: 'string' }, { type: 'null' }] },
      { oneOf: [{ type: 'null' }] },
      { $ref: '#/$defs/none' },
    ];
    const $defs = { none: { type: 'null' } };
    for (const to of named) expect(fits({ properties: { to }, $defs }, { to: null }), JSON.stringify(to)).to.equal(true);
    const others = [
      undefined,
      {},
      true,
      { type: 'string' },
      { type: ['string'] },
      { enum: ['null '] },
      { anyOf: [{ type: 'string' }] },
      { $ref: '#/$defs/absent' },
      { $ref: '#/$defs/toString' },
      { $ref: 'https://example.com/none' },
      { $ref: '#/properties/to' },
    ];
    for (const to of others) expect(fits({ properties: { to }, $defs }, { to: null }), JSON.stringify(to)).to.equal(false);
  });

  it('is asked for all that is within', () => {
    const schema = {
      properties: {
        list: { type: 'array', items: { type: ['number', 'null'] } },
        record: { type: 'object', additionalProperties: { type: ['number', 'null'] }, properties: { fixed: { type: 'number' } } },
        tree: { $ref: '#/$defs/tree' },
      },
      $defs: { tree: { properties: { left: { anyOf: [{ $ref: '#/$defs/tree' }, { type: 'null' }] }, value: { type: 'number' } } } },
    };
    expect(fits(schema, { list: [1, null], record: { any: null, fixed: 1 }, tree: { left: { left: null, value: 1 }, value: 2 } })).to.equal(
      true,
    );
    expect(fits(schema, { list: [[null]] })).to.equal(false);
    expect(fits(schema, { record: { fixed: null } })).to.equal(false);
    expect(fits(schema, { tree: { left: { value: null } } })).to.equal(false);
    expect(fits(schema, { other: null })).to.equal(false);
    expect(fits(schema, null)).to.equal(false);
    expect(fits(schema, 'null')).to.equal(true);
  });

  it('is not looked for without end', () => {
    const both = { $ref: '#/$defs/both' };
    const schema = { properties: { at: both }, $defs: { both: { anyOf: [{ properties: { at: both } }, { properties: { at: both } }] } } };
    let input: unknown = null;
    for (let i = 0; i < 40; i++) input = { at: input };
    const ms = quickestMs(1_000, () => expect(fits(schema, input)).to.equal(false));
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i++) deep = [deep];
    const deepMs = quickestMs(1_000, () => expect(fits({ properties: {} }, deep)).to.equal(false));
    expect(ms + deepMs).to.be.below(1_000);
  });

  it('holds for what policies make of them', async () => {
    const { schemaFor } = jsonParameters({ properties: { to: { type: ['string', 'null'] }, cc: { type: 'string' } }, required: ['to', 7] });
    const check = async (value: unknown): Promise<unknown> => (await schemaFor({})?.['~standard'].validate(value))?.issues?.[0]?.path;
    expect(await schemaFor({})?.['~standard'].validate({ to: null })).to.deep.equal({ value: { to: null } });
    expect(await check({ to: 'a', cc: 'b' })).to.equal(undefined);
    expect(await check({ to: 'a', bcc: 'b' })).to.deep.equal(['bcc']);
    expect(await check({ cc: 'b' })).to.deep.equal(['to']);
    expect((await schemaFor({})?.['~standard'].validate({ to: 'a', cc: null }))?.issues).to.have.length(1);
    for (const additionalProperties of [true, { type: 'string' }]) {
      const open = jsonParameters({ properties: {}, additionalProperties }).schemaFor({});
      expect(await open?.['~standard'].validate({ any: 'a' })).to.deep.equal({ value: { any: 'a' } });
    }
    for (const schema of [undefined, { type: 'object', additionalProperties: true }])
      expect(jsonParameters(schema).schemaFor({})).to.equal(undefined);
  });
});
