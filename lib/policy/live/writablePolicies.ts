import { accessSync, constants } from 'node:fs';
import type { PolicySource } from '../PolicySource.js';
import { pathOf, policyFiles } from './readPolicies.js';

/**
 * The paths, among the policies' folder and files, that the running user may write. An agent that can write them decides for itself, so the module
 * warns at its start. Empty for text, and for a path that does not exist.
 */
export function writablePolicies(source: PolicySource): string[] {
  const path = pathOf(source);
  if (path === undefined) return [];
  try {
    return [...new Set([path, ...policyFiles(path)])].filter(isWritable);
  } catch {
    return [];
  }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
