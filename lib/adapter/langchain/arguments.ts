import { canonicalDigest } from '../../common/data/canonical.js';
import type { StandardResult, StandardSchema } from '../../guard/call/StandardSchema.js';

/**
 * Middleware is asked before the tool's schema is. What the schema makes of the arguments is what policies have to see, where the schema takes that for good when
 * it is asked again; else it is the model's own words. Undefined where they do not fit.
 */
export async function argumentsFor(standard: StandardSchema | undefined, args: unknown): Promise<{ readonly value: unknown } | undefined> {
  if (standard === undefined) return { value: args };
  try {
    const first = await checked(standard, args);
    if (first === undefined) return undefined;
    const again = await checked(standard, first.value);
    return again !== undefined && canonicalDigest(again.value) === canonicalDigest(first.value) ? first : { value: args };
  } catch {
    return { value: args };
  }
}

async function checked(schema: StandardSchema, value: unknown): Promise<{ readonly value: unknown } | undefined> {
  const result = await schema['~standard'].validate(value);
  return result.issues === undefined ? { value: result.value } : undefined;
}

/** The tool itself turns into something else what fits. */
export function checking(standard: StandardSchema): StandardSchema {
  const validate = async (value: unknown): Promise<StandardResult<unknown>> => {
    const result = await standard['~standard'].validate(value);
    return result.issues === undefined ? { value } : result;
  };
  return { '~standard': { ...standard['~standard'], validate } };
}
