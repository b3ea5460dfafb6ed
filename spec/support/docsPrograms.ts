import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Block, Page } from './docsPages.js';

/** A program: one block, with those that continue it. */
export interface Program {
  readonly page: Page;
  readonly blocks: readonly Block[];
  /** Without folder and ending. */
  readonly name: string;
  /** Whether it is run, and the block that says what it prints. */
  readonly run: boolean;
  readonly printed: Block | undefined;
}

/** Inside the package, so that its own name is found; another run beside this one has another. */
const ROOT: string = `.build-docs-${process.pid}`;

/**
 * The programs of a page. A block marked `continued` goes on where the last one ended, as one file with it. A program with a block marked `run` is
 * run; a block ```` ```text printed ```` right after says what it prints.
 */
export function programsOf(page: Page): readonly Program[] {
  const programs: { blocks: Block[]; printed: Block | undefined }[] = [];
  for (const block of page.blocks) {
    const last = programs.at(-1);
    if (block.language === 'ts' && block.marks.includes('continued') && last !== undefined) last.blocks.push(block);
    else if (block.language === 'ts') programs.push({ blocks: [block], printed: undefined });
    else if (block.language === 'text' && block.marks.includes('printed') && last !== undefined) last.printed = block;
  }
  return programs.map(({ blocks, printed }) => ({
    page,
    blocks,
    printed,
    name: `${page.name}-${blocks[0]?.line ?? 0}`,
    run: blocks.some((block) => block.marks.includes('run')),
  }));
}

/** Where a program's own JavaScript is once compiled. */
export function compiledFile({ name }: Program): string {
  return join(ROOT, 'out', `${name}.js`);
}

/** The folder a page's programs run in: it holds the page's blocks that name a file. */
export function folderOf(page: Page): string {
  return join(ROOT, 'run', page.name);
}

/** Writes programs and the files they need, and compiles all at once, strictly, against the built package. Throws what the compiler says, by page and line. */
export function compilePrograms(pages: readonly Page[], programs: readonly Program[]): void {
  removePrograms();
  mkdirSync(join(ROOT, 'src'), { recursive: true });
  for (const page of pages) writeFiles(page);
  for (const program of programs) writeFileSync(join(ROOT, 'src', `${program.name}.ts`), sourceOf(program));
  const compilerOptions = {
    target: 'es2022',
    module: 'nodenext',
    lib: ['es2023', 'esnext.decorators', 'esnext.disposable', 'dom'],
    types: ['node'],
    rootDir: 'src',
    outDir: 'out',
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noImplicitOverride: true,
    verbatimModuleSyntax: true,
    importHelpers: true,
  };
  writeFileSync(join(ROOT, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }));
  try {
    execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', ROOT, '--pretty', 'false'], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
  } catch (error) {
    throw new Error(inPages(String((error as { stdout?: unknown }).stdout), programs));
  }
}

/** Takes away what {@link compilePrograms} has written. */
export function removePrograms(): void {
  rmSync(ROOT, { recursive: true, force: true });
}

/** Lines stand where they stand in the page, so that the compiler's numbers are the page's. */
function sourceOf({ blocks }: Program): string {
  const lines: string[] = [];
  for (const { context, lines: code, line } of blocks) {
    if (context !== undefined) context.lines.forEach((text, i) => (lines[context.line - 1 + i] = text));
    code.forEach((text, i) => (lines[line + i] = text));
  }
  return `${Array.from(lines, (text) => text ?? '').join('\n')}\nexport {};\n`;
}

function writeFiles(page: Page): void {
  const folder = folderOf(page);
  mkdirSync(folder, { recursive: true });
  for (const { marks, lines } of page.blocks) {
    const file = marks.find((mark) => /^[\w/-]+\.\w+$/.test(mark));
    if (file === undefined) continue;
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), lines.join('\n'));
  }
}

function inPages(output: string, programs: readonly Program[]): string {
  const pathOf = new Map(programs.map(({ name, page }) => [name, page.path]));
  return output.replaceAll(/^(?:.*[/\\])?([\w-]+)\.ts\((\d+),(\d+)\)/gm, (all, name: string, line, column) => {
    const path = pathOf.get(name);
    return path === undefined ? all : `${path}:${line}:${column}`;
  });
}
