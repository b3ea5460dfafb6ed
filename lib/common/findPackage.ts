import { dirname, isAbsolute, join } from 'node:path';

/** A package that was found, and the `require` that found it. */
export interface FoundPackage {
  readonly require: NodeJS.Require;
  readonly path: string;
}

/** Where else to look. */
export interface PackagePlace {
  readonly from?: string | URL | undefined;
  readonly file?: string | undefined;
}

/**
 * Finds a package that is required at run time instead of imported.
 *
 * Bundlers move this code away from its package and rewrite `createRequire`, `import.meta.url` and `__filename`, each in its own way. So
 * `createRequire` comes from the process, where no bundler sees it, and the search goes on beside the program's main file and executable.
 *
 * @param specifier what to require, such as `pg-boss`
 * @param from where to look, as a file URL or an absolute path; then nowhere else
 * @param file the file that this names, as a path from `node_modules`
 * @throws what Node throws for the first place, if no place has it
 */
export function findPackage(specifier: string, { from, file = specifier }: PackagePlace = {}): FoundPackage {
  const { createRequire } = process.getBuiltinModule('node:module');
  let first: unknown;
  for (const [place, wanted] of from === undefined ? placesOfProgram(specifier, file) : [[from, specifier] as const])
    try {
      // a new require each time, because it keeps all its modules alive as children
      const require = createRequire(place);
      return { require, path: require.resolve(wanted) };
    } catch (error) {
      first ??= error;
    }
  throw first;
}

/** This file's own place, and those of the program, which a bundle has its packages beside. */
function placesOfProgram(specifier: string, file: string): readonly (readonly [string, string])[] {
  const beside = dirname(process.execPath);
  const places = [import.meta.url, bundledAt(), process.argv[1]].filter((place) => place !== undefined).filter(isPlace);
  // a program that Bun has compiled finds files by their path alone
  return [...places.map((place) => [place, specifier] as const), [join(beside, 'x.js'), join(beside, 'node_modules', file)]];
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
