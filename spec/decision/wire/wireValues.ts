import fc from 'fast-check';
import { FORBIDDEN_KEYS } from '../../../lib/model/Params.js';

/** Ids of agents and the like: any text, also halves of characters. */
export const someIdText = fc.string({ minLength: 1, maxLength: 20, unit: 'binary' }).filter((text) => text.length <= 256);

export const someToolName = fc.stringMatching(/^[A-Za-z0-9_.:/-]{1,128}$/);

const key = fc.string({ maxLength: 8, unit: 'binary' }).filter((text) => !FORBIDDEN_KEYS.has(text));

/** JSON as it comes back from a text: -0 is 0. */
export const someJson = fc.letrec<{ value: unknown; object: Record<string, unknown> }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (n === 0 ? 0 : n)),
    fc.string({ maxLength: 10, unit: 'binary' }),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }),
}));

/** What a snapshot can hold. */
const snapshotValue = fc.oneof(
  someJson.value,
  fc.date({ noInvalidDate: true }),
  fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }),
  fc.array(fc.bigInt(), { maxLength: 2 }),
);

export const someParams = fc.dictionary(key, snapshotValue, { maxKeys: 5, noNullPrototype: true });
