import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder for each spec around it, gone afterwards. */
export function auditFolder(): { path(...names: readonly string[]): string } {
  let folder = '';
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'aegis-audit-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  return { path: (...names) => join(folder, ...names) };
}
