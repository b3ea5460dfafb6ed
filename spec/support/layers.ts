import { posix } from 'node:path';
import { readSource } from './sourceText.js';

/** The house, from the ground up: a file imports from its own folder or from a lower row. */
export const ROWS: readonly (readonly string[])[] = [
  ['common'],
  ['model'],
  ['policy', 'store'],
  ['decision'],
  ['approval'],
  ['guard'],
  ['http', 'audit'],
  ['adapter', 'server', 'testing'],
  ['cli', 'index.ts'],
];

/** Path below lib/ ("guard/AegisGuard.ts") to source text. */
export type Sources = ReadonlyMap<string, string>;

/** What a file asks for; null is an import() whose argument is computed. */
export type Import = string | null;

// Static, side-effect, type-only, export-from, import('…') as a value or a type, require('…'), new URL('…', import.meta.url).
const IMPORTS =
  /(?<![.\w$#])(?:from\s*"(\d+)"|import\s*"(\d+)"|(import|require)\s*\(\s*(?:"(\d+)"\s*[,)])?|new\s+URL\s*\(\s*"(\d+)"\s*,\s*import\.meta\.url)/g;

/** Everything that a source imports, in the order of the text. */
export function importsOf(source: string): Import[] {
  const { code, literals } = readSource(source);
  return [...code.matchAll(IMPORTS)].flatMap(([, from, bare, call, argument, url]) => {
    const n = from ?? bare ?? argument ?? url;
    if (n !== undefined) return [literals[Number(n)] ?? null];
    return call === 'import' ? [null] : [];
  });
}

/** The file below lib/ that an import means; undefined for a package or a builtin. */
export function targetOf(file: string, asked: string): string | undefined {
  if (!asked.startsWith('.')) return undefined;
  return posix.join(posix.dirname(file), asked).replace(/\.([mc]?)js$/, '.$1ts');
}

/** Each import that goes up, sideways, out of lib/, around the index, or nowhere that can be read. */
export function forbiddenImports(sources: Sources): string[] {
  return [...sources].flatMap(([file, source]) =>
    importsOf(source).flatMap((asked) => {
      const why = objection(file, asked);
      return why === undefined ? [] : [`${file} -> ${asked ?? 'import(…)'}: ${why}`];
    }),
  );
}

function objection(file: string, asked: Import): string | undefined {
  const from = rowOf(file);
  if (from < 0) return 'no row: lib/ has only the folders of the layers and index.ts';
  if (asked === null) return from === ROWS.length - 1 ? undefined : 'computed: layers cannot be checked';
  if (asked === 'aegislib' || asked.startsWith('aegislib/')) return 'the package by its own name: import the file';
  const target = targetOf(file, asked);
  if (target === undefined || folderOf(target) === folderOf(file)) return undefined;
  const to = rowOf(target);
  if (to < 0) return 'no row';
  if (to > from) return `upward, from row ${from} to row ${to}`;
  return to === from ? `sideways in row ${from}` : undefined;
}

/** Files that belong to no row. */
export function homeless(sources: Sources): string[] {
  return [...sources.keys()].filter((file) => rowOf(file) < 0);
}

function folderOf(file: string): string {
  return file.split('/')[0] ?? '';
}

function rowOf(file: string): number {
  return ROWS.findIndex((row) => row.includes(folderOf(file)));
}

/** Each ring of files that import one another, types included: "a.ts -> b.ts -> a.ts". */
export function cycles(sources: Sources): string[] {
  return rings(importGraph(sources));
}

/** Each file with the files among the sources that it imports. */
export function importGraph(sources: Sources): Map<string, Set<string>> {
  return new Map(
    [...sources].map(([file, source]) => {
      const targets = importsOf(source).flatMap((asked) => (asked === null ? [] : (targetOf(file, asked) ?? [])));
      return [file, new Set(targets.filter((target) => sources.has(target)))];
    }),
  );
}

/** The rings of a graph: "a -> b -> a". */
export function rings(graph: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const done = new Set<string>();
  const path: string[] = [];
  const found: string[] = [];
  const visit = (node: string): void => {
    const start = path.indexOf(node);
    if (start >= 0) found.push([...path.slice(start), node].join(' -> '));
    if (start >= 0 || done.has(node)) return;
    path.push(node);
    for (const next of graph.get(node) ?? []) visit(next);
    path.pop();
    done.add(node);
  };
  for (const node of graph.keys()) visit(node);
  return found;
}

/** Files and folders whose name says nothing. */
export function emptyNames(sources: Sources): string[] {
  return [...sources.keys()].filter((file) => file.split('/').some((part) => /^(?:utils?|helpers?)(?:\.|$)/i.test(part)));
}
