import type { StandardResult, StandardSchema } from '../../guard/call/StandardSchema.js';

/**
 * A tool's schema for what policies make of its input. The input itself was checked by the framework, and is what came out of the schema: one that
 * transforms need not accept its own output.
 */
export function sanitizedOnly(
  schema: StandardSchema,
  unwrap: (params: unknown) => unknown,
  wrap: (input: unknown) => unknown,
): StandardSchema {
  let first = true;
  const validate = (params: unknown): StandardResult<unknown> | Promise<StandardResult<unknown>> => {
    if (first) {
      first = false;
      return { value: params };
    }
    const result = schema['~standard'].validate(unwrap(params));
    return result instanceof Promise ? result.then(wrapped) : wrapped(result);
  };
  const wrapped = (result: StandardResult<unknown>): StandardResult<unknown> =>
    result.issues === undefined ? { value: wrap(result.value) } : result;
  return { '~standard': { version: 1, vendor: 'aegis', validate } };
}

/** A tool's schema, if it is a Standard Schema: zod from 3.24 on, valibot, arktype. */
export function standardSchemaOf(schema: unknown): StandardSchema | undefined {
  if ((typeof schema !== 'object' && typeof schema !== 'function') || schema === null) return undefined;
  const standard = (schema as Partial<StandardSchema>)['~standard'];
  return typeof standard?.validate === 'function' ? (schema as StandardSchema) : undefined;
}
