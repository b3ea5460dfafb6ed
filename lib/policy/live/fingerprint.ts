import { readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Steps } from '../../common/time/inSlices.js';

/**
 * What tells whether the policies at a path may have changed, in steps of one file: where its links lead, and of the folder and each entry in it where
 * its links lead, its inode, size and times. It is another one after a change in place, a rename, a link that was set anew, and a folder that was
 * replaced or is gone. The times are in nanoseconds, and `ctime` cannot be set back. Never throws.
 */
export function* fingerprint(path: string): Steps<string> {
  try {
    const root = realpathSync(path);
    const found = [stateOf(root)];
    const names = statSync(root).isDirectory() ? readdirSync(root).sort() : [];
    for (const name of names) {
      yield;
      found.push(`${name} ${stateOf(join(root, name))}`);
    }
    return found.join('\n');
  } catch (error) {
    return codeOf(error);
  }
}

function stateOf(path: string): string {
  try {
    const real = realpathSync(path);
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(real, { bigint: true });
    return [real, dev, ino, size, mtimeNs, ctimeNs].join(' ');
  } catch (error) {
    return codeOf(error);
  }
}

function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException).code);
}
