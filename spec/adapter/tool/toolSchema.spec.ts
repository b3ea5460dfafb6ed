import { expect } from 'chai';
import * as v from 'valibot';
import { checkOnly, parsedInput, schemaOfParameter, toolSchema } from '../../../lib/adapter/tool/toolSchema.js';
import type { StandardSchema } from '../../../lib/guard/call/StandardSchema.js';
import { ParamsError } from '../../../lib/index.js';

const schemaOf = (validate: (value: unknown) => unknown): StandardSchema => ({
  '~standard': { version: 1, vendor: 'spec', validate: validate as never },
});
const MAIL = v.object({ to: v.string(), amount: v.optional(v.number(), 1) });

describe('The schema of a tool', () => {
  it('is a Standard Schema, be it an object or a function, and nothing else', () => {
    const callable = Object.assign(() => {}, { '~standard': { version: 1, vendor: 'spec', validate: () => ({ value: 1 }) } });
    for (const schema of [MAIL, callable]) expect(toolSchema(schema)).to.equal(schema);
    for (const other of [undefined, null, 'text', { type: 'object' }, { '~standard': { version: 1 } }])
      expect(toolSchema(other)).to.equal(undefined);
  });

  it('of an input that is not an object checks the only parameter', async () => {
    const { validate } = schemaOfParameter(
      v.pipe(
        v.string(),
        v.transform((text) => text.trim()),
      ) as StandardSchema,
      'input',
    )['~standard'];
    expect(await validate({ input: ' a ' })).to.deep.equal({ value: { input: 'a' } });
    expect((await validate({ input: 1 })).issues).to.have.length(1);
    const later = schemaOfParameter(
      schemaOf(async (value) => ({ value })),
      'input',
    )['~standard'];
    expect(await later.validate({ input: 2 })).to.deep.equal({ value: { input: 2 } });
  });

  it('that only checks gives the value back as it is', async () => {
    const { validate, vendor } = checkOnly(MAIL)['~standard'];
    expect(vendor).to.equal('valibot');
    expect(await validate({ to: 'ann' })).to.deep.equal({ value: { to: 'ann' } });
    expect((await validate({ to: 1 })).issues).to.have.length(1);
  });
});

describe('The parsed input of a tool', () => {
  it('is what comes out of the schema', () => {
    expect(parsedInput(MAIL, { to: 'ann' })).to.deep.equal({ to: 'ann', amount: 1 });
  });

  it('is the input where it does not fit, where there is no schema, and where the schema is asynchronous', () => {
    expect(parsedInput(MAIL, { to: 1 })).to.deep.equal({ to: 1 });
    expect(parsedInput(undefined, { to: 1 })).to.deep.equal({ to: 1 });
    expect(
      parsedInput(
        schemaOf(async () => ({ value: 'other' })),
        'input',
      ),
    ).to.equal('input');
  });

  it('is refused where the schema changes its own output, does not accept it, or then becomes asynchronous', () => {
    let calls = 0;
    const schemas = [
      schemaOf((value) => ({ value: Number(value) + 1 })),
      schemaOf((value) => (value === 'first' ? { value: 'second' } : { issues: [{ message: 'no' }] })),
      schemaOf(() => (calls++ === 0 ? { value: 'first' } : Promise.resolve({ value: 'first' }))),
    ];
    for (const [schema, input] of [
      [schemas[0], 1],
      [schemas[1], 'first'],
      [schemas[2], 'first'],
    ] as const)
      expect(() => parsedInput(schema, input)).to.throw(ParamsError, 'changes its own output');
  });
});
