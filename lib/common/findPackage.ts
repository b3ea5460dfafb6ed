import { isAbsolute, join } from 'node:path';

/** A package that was found, and the `require` that found it. */
export interface FoundPackage {
  readonly require: NodeJS.Require;
  readonly path: string;
}

/**
 * Finds a package that is required at run time instead of imported.
 *
 * Bundlers move this code away from its package and rewrite `createRequire`, `import.meta.url` and `__filename`, each in its own way. So
 * `createRequire` comes from the process, where no bundler sees it, and the search goes on beside the program's main file and executable.
 *
 * @param specifier what to require, such as `pg-boss`
 * @param from where to look, as file URLs or absolute paths; the first place that has the package counts
 * @throws what Node throws for the first place, if no place has it
 */
export function findPackage(specifier: string, from: readonly (string | URL)[] = placesOfProgram()): FoundPackage {
  const { createRequire } = process.getBuiltinModule('node:module');
  let first: unknown;
  for (const place of from)
    try {
      // a new require each time, because it keeps all its modules alive as children
      const require = createRequire(place);
      return { require, path: require.resolve(specifier) };
    } catch (error) {
      first ??= error;
    }
  throw first;
}

/** This file's own place, and those of the program, which a bundle has its packages beside. */
function placesOfProgram(): readonly string[] {
  const places = [import.meta.url, bundledAt(), process.argv[1], join(process.execPath, '..', 'x.js')];
  return places.filter((place) => place !== undefined).filter(isPlace);
}

/** A bundle in CommonJS has no `import.meta.url`. Some bundlers leave this name in an ES module, where it does not exist, but answer its `typeof`. */
function bundledAt(): string | undefined {
  try {
    /* c8 ignore next -- there in bundles only, which .ci/runtimes makes and runs */
    return __filename;
  } catch {
    return undefined;
  }
}

/** `node -e` has a main file that is not a path, and a bundle may have any `import.meta.url`. */
function isPlace(place: string): boolean {
  return place.startsWith('file:') || isAbsolute(place);
}
