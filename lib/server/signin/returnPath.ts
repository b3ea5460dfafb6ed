/** How long a path may be that is kept while someone signs in. */
export const RETURN_PATH_LENGTH = 512;

/** Where to go after signing in: a path of this server, as it was asked for; the start where it leads anywhere else. */
export function returnPath(given: string | null | undefined): string {
  const path = given ?? '';
  // a second slash, or a backslash that browsers take for one, would name another host
  const isOwn = path.length <= RETURN_PATH_LENGTH && /^\/(?![/\\])[!-[\]-~]*$/.test(path);
  return isOwn && !/^\/(?:sign|v1\/|assets\/)/.test(path) ? path : '/';
}
