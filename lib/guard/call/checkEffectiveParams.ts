import { attempt } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { canonicalDigest } from '../../common/data/canonical.js';
import { isPlainObject } from '../../common/data/plainObject.js';
import { copyData, frozenCopy } from '../../model/snapshot/copyData.js';
import { AegisError } from '../../model/AegisError.js';
import { SanitizeError } from '../../model/errors/CallErrors.js';
import type { ParamsError } from '../../model/errors/CallErrors.js';
import type { Params } from '../../model/Params.js';
import type { SnapshotLimits } from '../../model/snapshot/takeSnapshot.js';
import { takeSnapshot } from '../../model/snapshot/takeSnapshot.js';
import type { CallRequest } from './CallRequest.js';
import type { CallFacts } from './GuardedCall.js';
import { validateParams } from './validateParams.js';

/**
 * Takes the params that a decision would run instead of the call's. Copies them, refuses what the call cannot have, and has the schema check them:
 * it must find them good as they are, for what approvers see and what runs is one.
 *
 * @throws SanitizeError naming the place
 */
export function checkEffectiveParams(
  params: unknown,
  { knows, schema, rest }: CallFacts<never>,
  { params: original, opaque }: CallRequest,
  limits: SnapshotLimits,
): Awaitable<Params> {
  const copy = snapshotOf(params, limits);
  for (const name of opaque) {
    if (Object.hasOwn(copy, name)) throw new SanitizeError(`/${name}`, `The parameter '${name}' is opaque, so it cannot be replaced.`);
  }
  if (rest !== undefined && Object.hasOwn(copy, rest) && !Array.isArray(copy[rest])) {
    throw new SanitizeError(`/${rest}`, `The rest parameter '${rest}' must stay a list.`);
  }
  if (schema === undefined) {
    for (const name of Object.keys(copy)) {
      if (!Object.hasOwn(original, name) && knows?.(name) !== true) {
        throw new SanitizeError(`/${name}`, `The call has no parameter '${name}'; give the guard a schema to allow more.`);
      }
    }
    for (const name of Object.keys(original)) {
      if (!Object.hasOwn(copy, name))
        throw new SanitizeError(`/${name}`, `The parameter '${name}' was removed; only a schema can make it optional.`);
    }
    return frozenCopy(copy);
  }
  const digest = canonicalDigest(copy);
  return attempt<Params, Params>(
    () => validateParams(schema, copyData(copy), limits),
    (validated) => {
      if (canonicalDigest(validated) === digest) return frozenCopy(copy);
      throw new SanitizeError('', 'The schema changes the replaced params; it must accept its own output as it is.');
    },
    (error) => {
      // validation throws nothing else
      const { path } = error as ParamsError;
      throw new SanitizeError(path, `The replaced params do not fit the schema${path === '' ? '' : ` at ${path}`}.`);
    },
  );
}

function snapshotOf(params: unknown, limits: SnapshotLimits): Params {
  if (!isPlainObject(params)) throw new SanitizeError('', 'The replaced params are no plain object.');
  try {
    return takeSnapshot(params, '', limits).value as Params;
  } catch (error) {
    const path = AegisError.is(error) && 'path' in error ? String(error.path) : '';
    throw new SanitizeError(path, 'The replaced params hold something a call cannot have.', { cause: error });
  }
}
