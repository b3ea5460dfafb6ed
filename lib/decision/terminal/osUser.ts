import { userInfo } from 'node:os';
import { personId } from '../../model/personId.js';

/** The operating system's user, as the id of a person. In a container, the user may have an id but no name. On Windows, a name may have spaces. */
export function osUser(): string {
  try {
    const { username } = userInfo();
    return personId(username) ?? encodeURIComponent(username);
  } catch {
    return `uid:${process.getuid?.() ?? 'unknown'}`;
  }
}
