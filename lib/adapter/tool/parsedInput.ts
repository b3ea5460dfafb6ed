import { isDeepStrictEqual } from 'node:util';
import { ParamsError } from '../../model/errors/CallErrors.js';
import { standardSchemaOf } from './sanitizedOnly.js';

/**
 * The input as the tool will have it, where the tool itself has it checked, after the decision: what is decided is what comes out of its schema. What does
 * not fit is the tool's to refuse, so it stays as it is.
 *
 * @throws ParamsError for a schema that would make something else of what was decided
 */
export function parsedInput(schema: unknown, input: unknown): unknown {
  const standard = standardSchemaOf(schema)?.['~standard'];
  const once = standard?.validate(input);
  // these frameworks refuse a schema that has to be awaited
  if (standard === undefined || once === undefined || once instanceof Promise || once.issues !== undefined) return input;
  const twice = standard.validate(once.value);
  const same = !(twice instanceof Promise) && twice.issues === undefined && isDeepStrictEqual(twice.value, once.value);
  if (!same) throw new ParamsError('', 'The schema of the tool changes its own output, so what is decided would not be what runs.');
  return once.value;
}
