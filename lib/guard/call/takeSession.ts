import { isPlainObject } from '../../common/data/plainObject.js';
import { frozenCopy } from '../../model/snapshot/copyData.js';
import { ParamsError } from '../../model/errors/CallErrors.js';
import type { Session } from '../../model/Params.js';
import { takeSnapshot } from '../../model/snapshot/takeSnapshot.js';
import type { SnapshotLimits } from '../../model/snapshot/takeSnapshot.js';

/**
 * Copies and freezes a session.
 *
 * @throws ParamsError for anything but a plain object of data
 */
export function takeSession(session: unknown, limits: SnapshotLimits): Session {
  if (!isPlainObject(session)) throw new ParamsError('/session', 'The session is no plain object.');
  return frozenCopy(takeSnapshot(session, '/session', limits).value) as Session;
}
