import { revealText } from '../../common/data/reveal.js';

const MAX = 200;

/**
 * A text of anyone as one short line for a message: nothing in it is hidden or moves, and no reader makes a link of it.
 *
 * @param max characters at most
 */
export function plainLine(text: string, max: number = MAX): string {
  const chars = Array.from(revealText(text.slice(0, 4 * max)));
  const line = chars.length > max ? `${chars.slice(0, max - 1).join('')}…` : chars.join('');
  return line
    .replaceAll('://', '[:]//')
    .replace(/\bwww\./gi, 'www[.]')
    .replaceAll('@', '[at]');
}

/** How much time is left, such as `3 h 34 min`. */
export function timeLeft(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / 60_000));
  if (minutes < 1) return 'less than a minute';
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}
