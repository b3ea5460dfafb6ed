// The probe as TypeScript's own compiler emits it: for an ES module and, in the folder beside it, for CommonJS, whose import is a require().
import { execFileSync } from 'node:child_process';
import { cpSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const PROBE = new URL('probe/', import.meta.url);
const compilerOptions = {
  target: 'es2022',
  lib: ['es2023', 'esnext.decorators', 'esnext.disposable', 'dom'],
  module: 'nodenext',
  strict: true,
  allowImportingTsExtensions: true,
  rewriteRelativeImportExtensions: true,
  verbatimModuleSyntax: false,
  types: ['node'],
  typeRoots: [resolve('node_modules/@types')],
};

/** @returns the folder, with `probe.ts` as written and `probe.js` as compiled */
export function compile(room, type) {
  const folder = join(room, type);
  cpSync(PROBE, folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type }));
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  execFileSync(process.execPath, [resolve('node_modules/typescript/bin/tsc'), '-p', folder], { stdio: ['ignore', 'inherit', 'inherit'] });
  return folder;
}
