import { html } from './html.js';
import type { Html } from './html.js';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Under this, what is left is shown in red. */
const SOON_MS: number = 20 * MINUTE_MS;

/** A length of time, such as `19 min`, `3 h 34 min` or `2 days`. What is left is never shown as more than it is, to the minute. */
export function lengthText(ms: number): string {
  const minutes = Math.ceil(ms / MINUTE_MS);
  if (minutes >= 48 * 60) return `${Math.floor(ms / DAY_MS)} days`;
  if (minutes >= 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return minutes > 1 ? `${minutes} min` : `${Math.max(0, Math.ceil(ms / SECOND_MS))} s`;
}

/** How long ago, such as `26 min ago`. */
export function agoText(atMs: number, nowMs: number): string {
  const ms = Math.max(0, nowMs - atMs);
  if (ms < MINUTE_MS) return 'just now';
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} min ago`;
  if (ms < 2 * DAY_MS) return `${Math.floor(ms / HOUR_MS)} h ago`;
  return `${Math.floor(ms / DAY_MS)} days ago`;
}

/** A time, such as `14:02:11 UTC`, with its date where that is not today. */
export function timeText(atMs: number, nowMs: number): string {
  const iso = isoTime(atMs);
  if (iso === undefined) return 'at a time beyond what a date can show';
  const day = isoTime(nowMs)?.slice(0, 10);
  return `${iso.startsWith(`${day}T`) ? '' : `${iso.slice(0, 10)} `}${iso.slice(11, 19)} UTC`;
}

/** A time as an element that says which exactly. */
export function timeElement(atMs: number, nowMs: number): Html {
  return html`<time datetime="${isoTime(atMs)}">${timeText(atMs, nowMs)}</time>`;
}

/** How much time is left, as an element that the script of the page keeps up to date. */
export function timeLeft(endsAtMs: number, nowMs: number, isAnnounced = false): Html {
  const left = endsAtMs - nowMs;
  const text = left > 0 ? `${lengthText(left)} left` : 'time is over';
  const announced = isAnnounced && html` data-announce`;
  return html`<span class="${left < SOON_MS ? 'clock-left soon' : 'clock-left'}" data-ends="${endsAtMs}"${announced}>${text}</span>`;
}

function isoTime(ms: number): string | undefined {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}
