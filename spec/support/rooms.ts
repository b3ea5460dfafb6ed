import { importGraph, rings } from './layers.js';
import type { Sources } from './layers.js';
import { readSource } from './sourceText.js';

/** A folder is a concept: what holds more files than this holds several. */
export const MAX_FILES = 15;
export const MAX_LINES = 400;
/** Files longer than this are named, and pass. */
export const WARN_LINES = 250;

/** Each folder with more than {@link MAX_FILES} files of its own. */
export function fullFolders(sources: Sources): string[] {
  const counts = new Map<string, number>();
  for (const file of sources.keys()) counts.set(parentOf(file), (counts.get(parentOf(file)) ?? 0) + 1);
  return [...counts].filter(([, count]) => count > MAX_FILES).map(([folder, count]) => `${folder || '.'}: ${count} files`);
}

/**
 * Each ring among what stands side by side in a folder: its sub-folders, each with everything in it, and its own files. So sub-folders are in an
 * order in which imports go one way only, and a file beside them is above or below each of them, but not both. Types are included.
 */
export function tangledFolders(sources: Sources): string[] {
  const graph = importGraph(sources);
  const folders = new Set([...sources.keys()].flatMap(ancestorsOf));
  return [...folders].flatMap((folder) => rings(neighbours(graph, folder)).map((ring) => `${folder}: ${ring}`));
}

function neighbours(graph: ReadonlyMap<string, ReadonlySet<string>>, folder: string): Map<string, Set<string>> {
  const inside = new Map<string, Set<string>>();
  for (const [file, targets] of graph) {
    const from = childIn(folder, file);
    if (from === undefined) continue;
    const to = inside.get(from) ?? new Set<string>();
    inside.set(from, to);
    for (const target of targets) {
      const child = childIn(folder, target);
      if (child !== undefined && child !== from) to.add(child);
    }
  }
  return inside;
}

/** The file or the sub-folder ("engine/") of a folder that a path leads into. */
function childIn(folder: string, path: string): string | undefined {
  if (!path.startsWith(`${folder}/`)) return undefined;
  const [first = '', ...rest] = path.slice(folder.length + 1).split('/');
  return rest.length > 0 ? `${first}/` : first;
}

function ancestorsOf(file: string): string[] {
  const parts = file.split('/').slice(0, -1);
  return parts.map((_, i) => parts.slice(0, i + 1).join('/'));
}

function parentOf(file: string): string {
  return file.split('/').slice(0, -1).join('/');
}

/** Each file longer than a number of lines. */
export function longFiles(sources: Sources, limit: number = MAX_LINES): string[] {
  return [...sources].flatMap(([file, source]) => {
    const lines = source.replace(/\n$/, '').split('\n').length;
    return lines > limit ? [`${file}: ${lines} lines`] : [];
  });
}

const DECLARED =
  /^export\s+(?:default\s+)?(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(?:class|function\*?|const|let|interface|type|namespace|enum)\s+([\w$]+)/gm;
const LISTED = /^export\s+(?:type\s+)?\{([^}]*)\}/gm;

/** The names that a source exports; what `export *` hands on is not among them. */
export function exportedNames(source: string): string[] {
  const { code } = readSource(source);
  const listed = [...code.matchAll(LISTED)].flatMap(([, list = '']) =>
    list.split(',').map((item) => item.trim().split(/\s+/).at(-1) ?? ''),
  );
  const names = [...[...code.matchAll(DECLARED)].map(([, name = '']) => name), ...listed];
  return names.filter((name) => name !== '').sort();
}

/** A word may have another ending, which is so many letters at most, where so many stay. */
const [ENDING, STEM] = [5, 5];

/** Each file that exports nothing of its own name: no exported name has every word of the file's name in it. */
export function misnamedFiles(sources: Sources, exceptions: readonly string[]): string[] {
  return [...sources].flatMap(([file, source]) => {
    const name = file.split('/').at(-1)?.replace(/\.ts$/, '') ?? '';
    if (name === 'index' || exceptions.includes(file)) return [];
    const words = wordsOf(name);
    const names = exportedNames(source);
    return names.some((exported) => words.every((word) => hasWord(exported, word)))
      ? []
      : [`${file}: exports ${names.join(', ') || 'nothing'}`];
  });
}

/** "approvalRows" and "approval-rows" are approval and rows; "restoreCheck" is restore and check. */
function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z\d])(?=[A-Z])/g, '$1 ')
    .split(/[^A-Za-z\d]+/)
    .map((word) => word.toLowerCase());
}

/** In any inflection: the refusals of a call are in `refused`, the schema in `migrateSchema`. */
function hasWord(name: string, word: string): boolean {
  return name
    .toLowerCase()
    .replaceAll('_', '')
    .includes(word.slice(0, Math.max(STEM, word.length - ENDING)).replace(/s$/, ''));
}
