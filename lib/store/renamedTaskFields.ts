/**
 * The stored text of a task under the field names of schema version 3: `origin.home` became `origin.ownerId`, and `owner` became `executorId`. A text that
 * has none of the old names comes back as it is, so that renaming twice is renaming once. Params, results and metadata are never touched.
 */
export function renamedTaskFields(body: string): string {
  const task = JSON.parse(body) as Record<string, unknown>;
  const origin = task['origin'] as Record<string, unknown> | undefined;
  const renamed = [rename(task, 'owner', 'executorId'), origin !== undefined && rename(origin, 'home', 'ownerId')];
  return renamed.includes(true) ? JSON.stringify(task) : body;
}

function rename(record: Record<string, unknown>, from: string, to: string): boolean {
  if (!Object.hasOwn(record, from) || Object.hasOwn(record, to)) return false;
  record[to] = record[from];
  delete record[from];
  return true;
}
