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
    field: v.optional(v.pipe(v.string(), v.description('The field, header or query parameter that is at fault.'))),
  }))();
