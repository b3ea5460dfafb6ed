import { fileURLToPath } from 'node:url';

/** The path that a file URL leads to; undefined where it does not lead to a file of this machine. */
export function pathOfUrl(url: URL): string | undefined {
  try {
    return fileURLToPath(url);
  } catch {
    return undefined;
  }
}
