import { isDeepStrictEqual } from 'node:util';
import { chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import type { StandardResult, StandardSchema } from '../../guard/call/StandardSchema.js';
import { ParamsError } from '../../model/errors/CallErrors.js';

/** Returns a tool's schema if it is a Standard Schema, as those of zod (from 3.24), valibot and arktype are. */
export function toolSchema(schema: unknown): StandardSchema | undefined {
  if ((typeof schema !== 'object' && typeof schema !== 'function') || schema === null) return undefined;
  const standard = (schema as Partial<StandardSchema>)['~standard'];
  return typeof standard?.validate === 'function' ? (schema as StandardSchema) : undefined;
}

/** Turns a schema of an input that is not an object into a schema of the params whose only parameter, `name`, is that input. */
export function schemaOfParameter(schema: StandardSchema, name: string): StandardSchema {
  const validate = (params: unknown): Awaitable<StandardResult<unknown>> =>
    chain(
      schema['~standard'].validate((params as Readonly<Record<string, unknown>>)[name]) as Awaitable<StandardResult<unknown>>,
      (result) => (result.issues === undefined ? { value: { [name]: result.value } } : result),
    );
  return { '~standard': { version: 1, vendor: 'aegis', validate: validate as StandardSchema['~standard']['validate'] } };
}

/** Turns a schema into one that only checks: the tool itself transforms what fits. */
export function checkOnly(schema: StandardSchema): StandardSchema {
  const validate = async (value: unknown): Promise<StandardResult<unknown>> => {
    const result = await schema['~standard'].validate(value);
    return result.issues === undefined ? { value } : result;
  };
  return { '~standard': { ...schema['~standard'], validate } };
}

/**
 * Returns the input as the tool will get it, for frameworks whose tools parse their input after the decision: the decision is then about what comes out of the
 * schema. An input that does not fit stays as it is, because the tool itself refuses it.
 *
 * @throws ParamsError for a schema that would change its own output, because then the tool would not run with what was decided
 */
export function parsedInput(schema: unknown, input: unknown): unknown {
  const standard = toolSchema(schema)?.['~standard'];
  const once = standard?.validate(input);
  // these frameworks refuse asynchronous schemas
  if (standard === undefined || once === undefined || once instanceof Promise || once.issues !== undefined) return input;
  const twice = standard.validate(once.value);
  const same = !(twice instanceof Promise) && twice.issues === undefined && isDeepStrictEqual(twice.value, once.value);
  if (!same)
    throw new ParamsError(
      '',
      "The tool's schema changes its own output, so the tool would not run with what was decided; make it accept its output as it is.",
    );
  return once.value;
}
