import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';

/** A fenced block of a page. */
export interface Block {
  /** The first word after the fence. */
  readonly language: string;
  /** The other words. */
  readonly marks: readonly string[];
  readonly lines: readonly string[];
  /** Of the fence, from 1. */
  readonly line: number;
  /** Code that the reader knows from elsewhere on the page: from a comment `<!-- context … -->` just before. Its first line, from 1, and its text. */
  readonly context: { readonly line: number; readonly lines: readonly string[] } | undefined;
}

/** A page of the documentation. */
export interface Page {
  /** From the root of the project, with `/`. */
  readonly path: string;
  /** Without the folder and `.md`. */
  readonly name: string;
  readonly text: string;
  readonly blocks: readonly Block[];
  /** The text outside of blocks and comments; line numbers are those of the page. */
  readonly prose: readonly string[];
  /** What GitHub makes of its headings. */
  readonly anchors: ReadonlySet<string>;
}

/** A table's rows under one heading: cells as written. */
export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** README.md, ARCHITECTURE.md and docs/*.md. */
export function readPages(): readonly Page[] {
  const docs = readdirSync('docs')
    .filter((file) => file.endsWith('.md'))
    .sort();
  return ['README.md', 'ARCHITECTURE.md', ...docs.map((file) => posix.join('docs', file))].map((path) =>
    parsePage(path, readFileSync(path, 'utf8').replaceAll('\r\n', '\n')),
  );
}

export function parsePage(path: string, text: string): Page {
  const lines = text.split('\n');
  const prose = [...lines];
  const blocks: Block[] = [];
  let context: Block['context'];
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    const fence = /^\s*```(.*)$/.exec(line)?.[1];
    if (line.startsWith('<!--')) {
      const end = lines.findIndex((l, i) => i >= at && l.includes('-->'));
      if (end < 0) throw new Error(`${path}:${at + 1}: a comment has no end`);
      if (line.trim() === '<!-- context') context = { line: at + 2, lines: lines.slice(at + 1, end) };
      prose.fill('', at, end + 1);
      at = end;
    } else if (fence !== undefined) {
      const end = lines.findIndex((l, i) => i > at && /^\s*```\s*$/.test(l));
      if (end < 0) throw new Error(`${path}:${at + 1}: a block has no end`);
      const [language = '', ...marks] = fence.trim().split(/\s+/);
      blocks.push({ language, marks, lines: lines.slice(at + 1, end), line: at + 1, context });
      context = undefined;
      prose.fill('', at, end + 1);
      at = end;
    }
  }
  const anchors = new Set<string>();
  for (const line of prose) {
    const heading = /^#{1,6} (.*)$/.exec(line)?.[1];
    if (heading !== undefined) anchors.add(anchorOf(heading, anchors));
  }
  return { path, name: posix.basename(path, '.md'), text, blocks, prose, anchors };
}

function anchorOf(heading: string, taken: ReadonlySet<string>): string {
  const slug = heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
  let anchor = slug;
  for (let n = 1; taken.has(anchor); n++) anchor = `${slug}-${n}`;
  return anchor;
}

/** Every table of a page. A cell's `\|` is a bar. */
export function tablesOf({ prose }: Page): readonly Table[] {
  const tables: Table[] = [];
  for (let at = 0; at < prose.length; at++) {
    if (!/^\|[\s:|-]+\|$/.test(prose[at + 1] ?? '')) continue;
    const end = prose.findIndex((line, i) => i > at && !line.startsWith('|'));
    const [head = [], , ...rows] = prose.slice(at, end < 0 ? undefined : end).map(cellsOf);
    tables.push({ head, rows });
    at = end < 0 ? prose.length : end;
  }
  return tables;
}

function cellsOf(line: string): string[] {
  return line
    .trim()
    .replaceAll(/^\||\|$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));
}

/** Every inline code of a page, with its line from 1. Of a table whose first column is Python's, that column is left out. */
export function inlineCode({ prose }: Page): readonly { readonly code: string; readonly line: number }[] {
  let python = false;
  const ours = prose.map((line) => {
    python = line.startsWith('|') && (python || line.startsWith('| Python'));
    return python ? line.replace(/^\|[^|]*\|/, '|') : line;
  });
  return ours.flatMap((text, i) =>
    [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => ({ code: code.replaceAll('\\|', '|'), line: i + 1 })),
  );
}

/** Every relative link of a page, with its line from 1. */
export function relativeLinks({ prose }: Page): readonly { readonly target: string; readonly line: number }[] {
  return prose.flatMap((text, i) =>
    [...text.replaceAll(/`[^`]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) =>
      /^[a-z]+:/.test(target) ? [] : [{ target, line: i + 1 }],
    ),
  );
}
