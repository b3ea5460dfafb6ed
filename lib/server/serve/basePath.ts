import { ConfigError } from '../../model/errors/SetupErrors.js';

/**
 * Checks the path below which routes are mounted.
 *
 * @returns it without a slash at its end; empty for the root
 * @throws ConfigError
 */
export function basePath(given: string): string {
  const path = given.replace(/\/+$/, '');
  if (path !== '' && !/^(?:\/[\w.~-]+)+$/.test(path))
    throw new ConfigError([
      {
        where: 'basePath',
        message: "must be a path such as '/aegis': it begins with / and has letters, digits and - . _ ~ between slashes.",
      },
    ]);
  return path;
}

/** The path and query below a base path; `undefined` where they are not below it. */
export function belowBase(base: string, target: string): string | undefined {
  if (base === '') return target;
  if (!target.startsWith(base)) return undefined;
  const rest = target.slice(base.length);
  return rest.startsWith('/') ? rest : undefined;
}
