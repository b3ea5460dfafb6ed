import { attempt } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { canonicalDigest } from '../../common/data/canonical.js';
import { isPlainObject } from '../../common/data/plainObject.js';
import { copyData, frozenCopy } from '../../model/snapshot/copyValue.js';
import { AegisError } from '../../model/AegisError.js';
import type { DecisionRequest } from '../../model/Decision.js';
import { SanitizeError } from '../../model/errors/CallErrors.js';
import type { ParamsError } from '../../model/errors/CallErrors.js';
import type { Params } from '../../model/Params.js';
import type { SnapshotLimits } from '../../model/snapshot/takeSnapshot.js';
import { takeSnapshot } from '../../model/snapshot/takeSnapshot.js';
import type { CallFacts } from './GuardedCall.js';
import { validateParams } from './validateParams.js';

/**
 * Takes the params that a decision would run instead of the call's. Copies them, refuses what the call cannot have, and has the schema check them. The
 * schema must leave them unchanged, because approvers see exactly what runs.
 *
 * @throws SanitizeError naming the place
 */
export function checkEffectiveParams(
  params: unknown,
  { knows, schema, rest }: Pick<CallFacts<never>, 'knows' | 'schema' | 'rest'>,
  { params: original, opaque }: Pick<DecisionRequest, 'params' | 'opaque'>,
  limits: SnapshotLimits,
): Awaitable<Params> {
  const copy = snapshotOf(params, limits);
  for (const name of opaque) {
    if (Object.hasOwn(copy, name))
      throw new SanitizeError(
        `/${name}`,
        `The decision replaces the parameter '${name}', which is opaque: decisions cannot replace what they do not see. Change the policy.`,
      );
  }
  if (rest !== undefined && Object.hasOwn(copy, rest) && !Array.isArray(copy[rest])) {
    throw new SanitizeError(
      `/${rest}`,
      `The decision replaces the rest parameter '${rest}' by something that is not a list. Change the policy, so that it stays a list.`,
    );
  }
  if (schema === undefined) {
    for (const name of Object.keys(copy)) {
      if (!Object.hasOwn(original, name) && knows?.(name) !== true) {
        throw new SanitizeError(
          `/${name}`,
          `The decision sets a parameter '${name}' that the call does not have. Change the policy, or give the guard a schema that allows it.`,
        );
      }
    }
    for (const name of Object.keys(original)) {
      if (!Object.hasOwn(copy, name))
        throw new SanitizeError(
          `/${name}`,
          `The decision removes the parameter '${name}'. Change the policy, or give the guard a schema in which it is optional.`,
        );
    }
    return frozenCopy(copy);
  }
  const digest = canonicalDigest(copy);
  return attempt<Params, Params>(
    () => validateParams(schema, copyData(copy), limits),
    (validated) => {
      if (canonicalDigest(validated) === digest) return frozenCopy(copy);
      throw new SanitizeError('', "The guard's schema changes the params of the decision. A schema must return its own output unchanged.");
    },
    (error) => {
      // validateParams() throws nothing else
      const { path } = error as ParamsError;
      throw new SanitizeError(
        path,
        `The params of the decision do not fit the guard's schema${path === '' ? '' : ` at ${path}`}. Change the policy, or the schema.`,
      );
    },
  );
}

function snapshotOf(params: unknown, limits: SnapshotLimits): Params {
  if (!isPlainObject(params)) throw new SanitizeError('', 'The params of the decision must be a plain object.');
  try {
    return takeSnapshot(params, '', limits).value as Params;
  } catch (error) {
    const path = AegisError.is(error) && 'path' in error ? String(error.path) : '';
    throw new SanitizeError(path, 'The params of the decision hold a value that a call cannot have; see `cause`.', { cause: error });
  }
}
