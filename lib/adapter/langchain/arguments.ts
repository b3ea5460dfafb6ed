import { canonicalDigest } from '../../common/data/canonical.js';
import type { StandardSchema } from '../../guard/call/StandardSchema.js';

/**
 * The arguments that policies have to see. Middleware gets a call before the tool's schema has parsed its arguments: where the schema accepts its own output, policies see
 * that output, else the arguments as the model wrote them. Undefined where the arguments do not fit the schema.
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
