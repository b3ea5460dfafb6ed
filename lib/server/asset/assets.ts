import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** A file that pages load. */
export interface Asset {
  readonly type: string;
  readonly text: string;
}

const TYPES: Readonly<Record<string, string>> = { css: 'text/css; charset=utf-8', js: 'text/javascript; charset=utf-8' };
const FILES = ['aegis.css', 'inbox.js', 'passkey.js'] as const;

/** By the name that is in their paths. The build puts the files beside this one. */
const byHashedName = new Map<string, Asset>();
const pathByName = new Map<string, string>();

/** The path of one of our files, below the base path. It changes with the file, so that browsers may keep it for ever. */
export function assetPath(name: (typeof FILES)[number]): string {
  read();
  return pathByName.get(name) as string;
}

/** The file with a hash in its name; `undefined` where there is none, also for an earlier version. */
export function assetNamed(hashedName: string): Asset | undefined {
  read();
  return byHashedName.get(hashedName);
}

/** Once, from memory ever after. */
function read(): void {
  if (pathByName.size > 0) return;
  for (const file of FILES) {
    const text = readFileSync(new URL(`./${file}`, import.meta.url), 'utf8');
    const [name, ending = ''] = file.split('.');
    const hashed = `${name}-${createHash('sha256').update(text).digest('hex').slice(0, 16)}.${ending}`;
    byHashedName.set(hashed, { type: TYPES[ending] as string, text });
    pathByName.set(file, `/assets/${hashed}`);
  }
}
