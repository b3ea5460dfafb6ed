import { chain } from '../common/awaitable.js';
import type { Awaitable } from '../common/awaitable.js';
import { ParamsError } from '../model/errors/CallErrors.js';
import type { Params } from '../model/Params.js';
import { pointer, takeSnapshot } from '../model/snapshot.js';
import type { SnapshotLimits } from '../model/snapshot.js';
import type { StandardResult, StandardSchema } from './StandardSchema.js';

/**
 * Has a schema check a copy of the params and takes a snapshot of what it makes of them.
 *
 * @throws ParamsError naming the places that do not fit; never what the schema says, because that quotes values
 */
export function validateParams(schema: StandardSchema, params: Params, limits: SnapshotLimits): Awaitable<Params> {
  return chain(schema['~standard'].validate(params) as Awaitable<StandardResult<unknown>>, (result) => {
    if (result.issues !== undefined) {
      const paths = result.issues.map((issue) => (issue.path ?? []).reduce<string>((at, step) => pointer(at, keyOf(step)), ''));
      const places = [...new Set(paths.map((path) => (path === '' ? 'the whole' : path)))].join(', ');
      throw new ParamsError(paths[0] ?? '', `The arguments do not fit the guard's schema at ${places}.`, { code: 'schema_mismatch' });
    }
    const { value } = takeSnapshot(result.value, '', limits);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Params;
    throw new ParamsError('', "The guard's schema gave no object.", { code: 'schema_mismatch' });
  });
}

function keyOf(step: PropertyKey | { readonly key: PropertyKey }): string {
  return String(typeof step === 'object' ? step.key : step);
}
