import { frozenData } from '../model/snapshot/frozenData.js';
import type { Task } from '../model/Task.js';
import { fromStoredJson, toStoredJson } from './storedJson.js';
import { taskSummary } from './taskSummary.js';
import type { TaskSummary } from './TaskStore.js';

/** The text of a summary as a store keeps it beside the task. */
export function storedSummary(task: Task): string {
  return toStoredJson(taskSummary(task, ''));
}

/** The summary of a stored text. */
export function summaryFrom(text: string, cursor: string): TaskSummary {
  // the text lacks fields that are undefined, but every summary has them
  const stored = fromStoredJson(text) as TaskSummary;
  return frozenData({ ...stored, reason: stored.reason, retryOf: stored.retryOf, cursor });
}
