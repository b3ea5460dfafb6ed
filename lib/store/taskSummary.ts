import { setOwn } from '../common/data/plainObject.js';
import { frozenData } from '../model/snapshot/frozenData.js';
import { sizeOf } from '../model/snapshot/sizeOf.js';
import type { Task } from '../model/Task.js';
import type { TaskSummary } from './TaskStore.js';

/** How large a session, the metadata or an error message of a summary may be, in bytes. */
const MAX_PART_BYTES = 4_096;
/** How long the texts are that stay of a session or metadata that is larger, in characters. */
const MAX_FIELD_CHARACTERS = 256;

/** What lists show of a task. */
export function taskSummary(task: Task, cursor: string): TaskSummary {
  const { taskId, decisionId, agentId, toolName, guardKey, digest, originalDigest, session, sessionDigest, reason, mode } = task;
  const { createdAtMs, updatedAtMs, expiresAtMs, runs, version, metadata, history, retryOf, status } = task;
  const { error, approvedBy, deniedBy } = task as Partial<TaskSummary>;
  return frozenData<TaskSummary>({
    taskId,
    decisionId,
    agentId,
    toolName,
    guardKey,
    digest,
    originalDigest,
    sessionDigest,
    reason,
    mode,
    status,
    cursor,
    createdAtMs,
    updatedAtMs,
    expiresAtMs,
    runs,
    version,
    history,
    retryOf,
    session: session === null ? null : smallPart(session),
    metadata: smallPart(metadata),
    // a row that no store wrote may say anything: what is to be recorded of its task is recorded nevertheless
    ...(error === undefined ? {} : { error: { ...error, message: String(error.message).slice(0, MAX_PART_BYTES) } }),
    ...(approvedBy === undefined ? {} : { approvedBy }),
    ...(deniedBy === undefined ? {} : { deniedBy }),
  });
}

function smallPart(data: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  if (sizeOf(data) <= MAX_PART_BYTES) return data;
  const part: Record<string, unknown> = {};
  let left = MAX_PART_BYTES;
  for (const [key, value] of Object.entries(data)) {
    const isShort =
      key.length <= MAX_FIELD_CHARACTERS && (typeof value === 'string' ? value.length <= MAX_FIELD_CHARACTERS : typeof value !== 'object');
    left -= isShort ? sizeOf({ [key]: value }) : 0;
    if (left < 0) break;
    if (isShort) setOwn(part, key, value);
  }
  return part;
}
