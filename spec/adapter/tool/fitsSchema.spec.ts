import { inspect } from 'node:util';
import { expect } from 'chai';
import * as v from 'valibot';
import { fitsSchema } from '../../../lib/adapter/tool/fitsSchema.js';
import { countedSuite } from '../../support/assurance.js';

const MAIL = {
  type: 'object',
  properties: { to: { type: 'string', minLength: 2, maxLength: 3 }, amount: { type: ['number', 'null'], minimum: 0, exclusiveMaximum: 9 } },
  required: ['to'],
  additionalProperties: false,
};

/** Schema, what it accepts, what it refuses. */
const JSON_SCHEMAS: readonly (readonly [schema: unknown, accepts: readonly unknown[], refuses: readonly unknown[]])[] = [
  [
    MAIL,
    [{ to: 'ann' }, { to: 'ann', amount: null }, { to: '😀😀😀', amount: 8.9 }],
    [
      null,
      [],
      'x',
      7,
      {},
      { to: 'a' },
      { to: 'anna' },
      { to: 'ann', amount: -1 },
      { to: 'ann', amount: 9 },
      { to: 'ann', more: 1 },
      { to: 7 },
    ],
  ],
  [{ type: 'integer', maximum: 3, exclusiveMinimum: 1 }, [2, 3], [1, 2.5, 4, '2', true]],
  [{ type: 'boolean' }, [true, false], [0, null, 'true']],
  [{ type: 'null' }, [null], [0, undefined, {}]],
  [{ enum: ['a', 1, null, { b: [1] }] }, ['a', 1, null, { b: [1] }], ['b', 2, { b: [2] }, { b: 1 }]],
  [{ const: { a: 1 } }, [{ a: 1 }], [{ a: 2 }, 1]],
  [{ const: undefined }, [undefined], [1]],
  [{ type: 'array', minItems: 1, maxItems: 2, items: { type: 'string' } }, [['a'], ['a', 'b']], [[], ['a', 'b', 'c'], [1], {}]],
  [{ prefixItems: [{ type: 'string' }], items: { type: 'number' } }, [['a', 1], []], [[1], ['a', 'b']]],
  [{ anyOf: [{ type: 'string' }, { type: 'number' }] }, ['a', 1], [true, null]],
  [{ oneOf: [{ type: 'string' }, { const: 1 }] }, ['a', 1], [2]],
  [{ allOf: [{ type: 'number' }, { minimum: 2 }] }, [2], [1, '2']],
  [{ $ref: '#/$defs/id', $defs: { id: { type: 'string' } } }, ['a'], [1]],
  [{ additionalProperties: { type: 'number' } }, [{ a: 1 }], [{ a: 'x' }]],
  [{ patternProperties: { '^x': {} }, additionalProperties: false }, [{ xa: 1 }, { y: 1 }], []],
  [{ properties: { never: false } }, [{}, { other: 1 }], [{ never: 1 }]],
  [false, [], [1, {}]],
  // what cannot be read accepts all
  ...[true, undefined, null, 'text', [], {}, { type: 'OBJECT' }, { $ref: 'https://x/y' }, { $ref: '#/nowhere/at/all' }, { $ref: '#' }].map(
    (schema) => [schema, [1, 'a', null, {}, []], []] as const,
  ),
  // nor can what has no canonical form be compared: it counts as equal
  [{ const: { at: new Date(Number.NaN) } }, [{ at: 1 }, {}, null], ['x', 1]],
  [{ enum: [{ a: 1 }] }, [{ a: Number.NaN }, { a: Infinity }, [() => 1]], [{ a: 2 }]],
  [{ enum: [{ a: 1n }, 'x'] }, [{ a: 1n }, 'x'], [{ a: 2n }]],
];

describe('Whether an input fits the schema of a tool', () => {
  let cases = 0;
  countedSuite('C6 inputs that a schema refuses, asked about', () => ({ cases }));

  it('is read from a JSON Schema', async () => {
    for (const [schema, accepts, refuses] of JSON_SCHEMAS) {
      cases += accepts.length + refuses.length;
      for (const input of accepts) expect(await fitsSchema(schema, input), inspect(schema)).to.equal(true);
      for (const input of refuses) expect(await fitsSchema(schema, input), inspect(schema)).to.equal(false);
    }
  });

  it('is read from a Standard Schema, at once or later; one that throws accepts all', async () => {
    const now = v.object({ to: v.string() });
    const later = v.pipeAsync(
      v.string(),
      v.checkAsync(async (text) => text !== 'no'),
    );
    const broken = {
      '~standard': {
        version: 1,
        vendor: 'x',
        validate: () => {
          throw new Error('x');
        },
      },
    };
    expect(await Promise.all([fitsSchema(now, { to: 'a' }), fitsSchema(now, { to: 1 })])).to.deep.equal([true, false]);
    expect(await Promise.all([fitsSchema(later, 'yes'), fitsSchema(later, 'no')])).to.deep.equal([true, false]);
    expect(await fitsSchema(broken, 1)).to.equal(true);
  });

  it('is not looked for without end', async () => {
    const endless: Record<string, unknown> = { anyOf: [] };
    endless['anyOf'] = [endless, endless];
    const list = Array.from({ length: 20_000 }, () => 'a');
    expect(await fitsSchema(endless, 1)).to.equal(true);
    expect(await fitsSchema({ items: { type: 'string' } }, list)).to.equal(true);
    expect(await fitsSchema({ $ref: '#/a', a: { $ref: '#/a' } }, 1)).to.equal(true);
  });
});
