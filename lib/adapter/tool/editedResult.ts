import { isPlainObject } from '../../common/data/plainObject.js';

/**
 * The result of a call that ran with other params than its model asked for: with a line before it that says where they differ, so that the model does not take
 * it for the result of its own call. The values are not in it. A stream, and an object of a class, stays as it is.
 *
 * @param changed JSON pointers of what a person edited
 */
export function editedResult(result: unknown, changed: readonly string[]): unknown {
  const note = { aegis: 'edited', changed } as const;
  const line = JSON.stringify(note);
  if (typeof result === 'string') return `${line}\n${result}`;
  if (isBlocks(result)) return [{ type: 'text', text: line }, ...result];
  if (isPlainObject(result)) {
    const { content } = result;
    return isBlocks(content) ? { ...result, content: [{ type: 'text', text: line }, ...content] } : { ...note, result };
  }
  const isData = result === null || typeof result !== 'object' || Array.isArray(result);
  return isData && typeof result !== 'function' ? { ...note, result: result ?? null } : result;
}

/** Blocks of content, as models and MCP have them. */
function isBlocks(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.length > 0 && value.every((item) => isPlainObject(item) && typeof item['type'] === 'string');
}
