import type { LimitState } from '../../../decision/limit/LimitState.js';

const UNITS: readonly (readonly [ms: number, one: string, many: string])[] = [
  [86_400_000, 'day', 'days'],
  [3_600_000, 'hour', 'hours'],
  [60_000, 'minute', 'minutes'],
];

/** The length of a window, in the largest unit that it is a whole number of: `1 day`, `90 minutes`. */
export function windowText(ms: number): string {
  const [unitMs, one, many] = UNITS.find(([unit]) => ms % unit === 0) ?? [1_000, 'second', 'seconds'];
  const count = ms / unitMs;
  return count === 1 ? `1 ${one}` : `${count.toLocaleString('en')} ${many}`;
}

/** An amount, such as `2,500.5`. */
export function amountText(amount: number): string {
  return amount.toLocaleString('en', { maximumFractionDigits: 4 });
}

/** What is counted apart, such as `agent support-agent, session/user_id ann`. */
export function byText({ by }: Pick<LimitState, 'by'>): string {
  return Object.entries(by)
    .map(([dimension, value]) => `${dimension} ${value}`)
    .join(', ');
}

/** How full it is, in words behind the amounts; nothing where there is room. */
export function levelText({ level }: Pick<LimitState, 'level'>): string {
  return { free: '', near: ', nearly used up', full: ', used up' }[level];
}
