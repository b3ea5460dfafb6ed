// Specs move a fake clock past what the library loads when it is first needed, and no file is read faster for that: on a busy machine a module was not
// there yet when the time it had was over. So all of it is loaded before the first spec. What is loaded when is held by specs in processes of their own.
import { existsSync, readdirSync, readFileSync } from 'node:fs';

const LIB = new URL('../../.build/lib/', import.meta.url);
/** What is a program of its own, or wants more than the library brings. */
const APART = /^(?:cli|adapter|store\/(?:sqlite|postgres))\//;

export const mochaHooks = {
  async beforeAll() {
    if (!existsSync(LIB)) return;
    for (const file of readdirSync(LIB, { recursive: true, encoding: 'utf8' }).map((name) => name.replaceAll('\\', '/')))
      if (file.endsWith('.js') && !APART.test(file))
        for (const [, part] of readFileSync(new URL(file, LIB), 'utf8').matchAll(/\bimport\('(\.[^']+)'\)/g))
          await import(new URL(part, new URL(file, LIB)));
  },
};
