import { attempt } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { isPlainObject } from '../../common/data/plainObject.js';
import { ParamsError } from '../../model/errors/CallErrors.js';
import type { Params, Session } from '../../model/Params.js';
import { frozenCopy } from '../../model/snapshot/copyValue.js';
import { pointer } from '../../model/Params.js';
import { takeSnapshot } from '../../model/snapshot/takeSnapshot.js';
import type { SnapshotLimits } from '../../model/snapshot/takeSnapshot.js';
import type { StandardResult, StandardSchema } from './StandardSchema.js';

/**
 * Has a schema check a copy of the params, and takes a snapshot of its output.
 *
 * @throws ParamsError naming the places that do not fit, without the messages of the schema, which quote values
 */
export function validateParams(schema: StandardSchema, params: Params, limits: SnapshotLimits): Awaitable<Params> {
  return attempt<StandardResult<unknown>, Params>(
    () => schema['~standard'].validate(params) as Awaitable<StandardResult<unknown>>,
    (result) => paramsOf(result, limits),
    () => {
      throw new ParamsError('', "The guard's schema threw, so the call was refused. A schema must return issues instead.", {
        code: 'schema_failed',
      });
    },
  );
}

function paramsOf(result: StandardResult<unknown> | null | undefined, limits: SnapshotLimits): Params {
  if (typeof result !== 'object' || result === null)
    throw new ParamsError('', "The guard's schema returned no result. It must return { value } or { issues }.", { code: 'schema_failed' });
  if (result.issues !== undefined) {
    const paths = placesOf(result.issues);
    const places = [...new Set(paths.map((path) => (path === '' ? 'the top' : path)))].join(', ');
    throw new ParamsError(paths[0] as string, `The arguments do not fit the guard's schema at ${places}.`, { code: 'schema_mismatch' });
  }
  if (!isPlainObject(result.value))
    throw new ParamsError('', "The guard's schema must return a plain object, whose keys name the params.", { code: 'schema_mismatch' });
  return takeSnapshot(result.value, '', limits).value as Params;
}

/**
 * Copies and freezes a session.
 *
 * @throws ParamsError for anything but a plain object of data
 */
export function takeSession(session: unknown, limits: SnapshotLimits): Session {
  if (!isPlainObject(session)) {
    throw new ParamsError(
      '/session',
      'The session must be a plain object of data, such as { user_id: "ann" }; pass a copy of the fields you need.',
    );
  }
  return frozenCopy(takeSnapshot(session, '/session', limits).value) as Session;
}

/** JSON pointers of what does not fit; '' where the schema does not say where, as the standard has it. */
function placesOf(issues: NonNullable<StandardResult<unknown>['issues']>): readonly string[] {
  try {
    const paths = issues.map((issue) => (issue.path ?? []).reduce<string>((at, step) => pointer(at, keyOf(step)), ''));
    return paths.length === 0 ? [''] : paths;
  } catch {
    return [''];
  }
}

function keyOf(step: PropertyKey | { readonly key: PropertyKey }): string {
  return String(typeof step === 'object' ? step.key : step);
}
