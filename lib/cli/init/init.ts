import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CliError, type CliIo, EXIT, writeLines } from '../CliIo.js';
import { type InitChoice, type InitPlan, planInit } from './planInit.js';
import { readProject } from './readProject.js';

export interface InitOptions extends InitChoice {
  readonly yes?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
}

/** Runs `aegis init`: shows what it would add to a project, and adds it after a yes. It overwrites nothing. */
export async function init(folder: string, { yes = false, dryRun = false, js }: InitOptions, io: CliIo): Promise<number> {
  const project = readProject(folder);
  const plan = planInit(project, { js });
  const isDone = plan.create.size === 0 && plan.manifest === undefined;
  writeLines(io.out, isDone ? ['There is nothing to add.', ...keptLines(plan)] : shown(plan));
  if (isDone || dryRun) return EXIT.ok;
  if (!yes) {
    if (io.ask === undefined)
      throw new CliError('nothing was changed, because there is no terminal to ask at; add --yes to make these changes');
    if (!/^y(es)?$/i.test((await io.ask('Make these changes? [y/N] ')).trim())) {
      writeLines(io.out, ['Nothing was changed.']);
      return EXIT.found;
    }
  }
  write(project.folder, plan);
  writeLines(io.out, ['Done. Next:', ...plan.next.map((command) => `  ${command}`)]);
  return EXIT.ok;
}

function shown(plan: InitPlan): readonly string[] {
  return [
    ...[...plan.create].flatMap(([path, text]) => [
      `create  ${path}`,
      ...text
        .trimEnd()
        .split('\n')
        .map((line) => `        | ${line}`),
    ]),
    ...(plan.manifest === undefined
      ? []
      : [`${plan.manifest.isNew ? 'create ' : 'add to '} package.json`, ...plan.manifest.added.map((line) => `        + ${line}`)]),
    ...keptLines(plan),
  ];
}

function keptLines({ kept }: InitPlan): readonly string[] {
  return kept.flatMap((text) => text.split('\n').map((line, i) => `${i === 0 ? 'keep    ' : '        '}${line}`));
}

/** Writes everything or nothing: what was created is removed again if something cannot be written. */
function write(folder: string, { create, manifest }: InitPlan): void {
  const created: string[] = [];
  let current = '';
  try {
    for (const [path, text] of create) {
      current = path;
      const made = mkdirSync(dirname(join(folder, path)), { recursive: true });
      if (made !== undefined) created.push(made);
      writeFileSync(join(folder, path), text, { flag: 'wx' });
      created.push(join(folder, path));
    }
    current = 'package.json';
    if (manifest !== undefined) writeFileSync(join(folder, 'package.json'), manifest.text, { flag: manifest.isNew ? 'wx' : 'w' });
  } catch (error) {
    for (const path of created.reverse()) rmSync(path, { recursive: true });
    const { code = 'unknown' } = error as { code?: string };
    throw new CliError(`${current}: it cannot be written (${code}), so nothing was changed; check the permissions of the folder`);
  }
}
