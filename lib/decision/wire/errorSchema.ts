import * as v from 'valibot';

/** The body of an error answer, as `writeErrorAnswer` writes it: the protocol's own members, and those of RFC 9457. */
export const errorSchema: v.GenericSchema = /* @__PURE__ */ (() =>
  v.strictObject({
    message: v.pipe(v.string(), v.description('What is wrong, what was expected and what to do.')),
    error: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_.:-]{1,64}$/), v.description('The code.')),
    type: v.literal('about:blank'),
    title: v.string(),
    status: v.pipe(v.number(), v.integer(), v.minValue(400), v.maxValue(599)),
    request_id: v.string(),
    stands: v.optional(
      v.pipe(
        v.strictObject({
          status: v.string(),
          by: v.nullable(v.string()),
          at: v.nullable(v.string()),
          reason: v.nullable(v.string()),
        }),
        v.description('What stands of an approval, where a verdict on it is refused with 409: who decided it, when and why.'),
      ),
    ),
    field: v.optional(v.pipe(v.string(), v.description('The field, header or query parameter that is at fault.'))),
  }))();
