import { expect } from 'chai';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runInChild } from '../support/runInChild.js';
import type { ChildOptions, ChildResult } from '../support/runInChild.js';
import { runProgram } from '../../lib/cli/program.js';
import type { ProgramParts } from '../../lib/cli/program.js';

/** Runs the program in this process, where its coverage is measured. */
export async function runAegis(args: readonly string[], parts?: ProgramParts): Promise<ChildResult> {
  let [stdout, stderr] = ['', ''];
  const io = { out: (text: string) => (stdout += text), err: (text: string) => (stderr += text), beforeForeignCode: () => {} };
  const code = await runProgram(args, io, parts);
  return { code, stdout, stderr };
}

/** Runs the built command. */
export async function runBuilt(args: readonly string[], env: ChildOptions['env'] = {}): Promise<ChildResult> {
  const result = await runInChild(pathToFileURL(resolve('dist/cli/aegis.js')), { args, env });
  expect(`${result.stdout}${result.stderr}`).to.not.match(/^ {4}at |node:internal/m);
  return result;
}

/** What a command that cannot be carried out says on standard error. */
export async function failureOf(
  args: readonly string[],
  run: (args: readonly string[]) => Promise<ChildResult> = runAegis,
): Promise<string> {
  const { code, stdout, stderr } = await run(args);
  expect({ code, stdout }, stderr).to.deep.equal({ code: 2, stdout: '' });
  return stderr;
}

/** A folder of files for one spec file. */
export function folderOf(files: Readonly<Record<string, string>>): {
  readonly path: (name: string) => string;
  readonly remove: () => void;
} {
  const folder = mkdtempSync(join(tmpdir(), 'aegis-cli-'));
  const path = (name: string): string => join(folder, name);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(path(name)), { recursive: true });
    writeFileSync(path(name), text);
  }
  return { path, remove: () => rmSync(folder, { recursive: true }) };
}

export const SHOP = `@id("shop") permit (principal, action == Aegis::Action::"refund", resource);
@id("huge") @reason("refunds over 1000 are not made")
forbid (principal, action, resource) when { context.input has amount && context.input.amount > 1000 };
@id("large") @effect("approval_needed") @reason("refunds over 100 need a person") @approvers("finance,leads")
forbid (principal, action, resource) when { context.input has amount && context.input.amount > 100 };
@id("mail") @effect("sanitize") @sanitize("mask_email /note") @reason("no addresses")
forbid (principal, action, resource) when { context.input has note && context.input.note like "*@*" };
`;
