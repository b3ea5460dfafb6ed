import type { Halt, HaltScope } from '../../model/halt/Halt.js';
import { plainLine } from '../front/plainLine.js';

/** How many halts are named. */
const MAX_NAMED = 3;
const NAME_LENGTH = 64;

/** What is halted, as one line of plain text; empty where nothing is. */
export function haltLine(halts: readonly Pick<Halt, 'scope'>[]): string {
  const named = halts.slice(0, MAX_NAMED).map(({ scope }) => scopeLine(scope));
  return [...named, ...(halts.length > MAX_NAMED ? [`and ${halts.length - MAX_NAMED} more`] : [])].join('; ');
}

/** What a halt lets not run, as plain text. */
export function scopeLine({ all, agentId, toolName, group }: HaltScope): string {
  if (all === true) return 'everything';
  const parts = Object.entries({ agent: agentId, tool: toolName, group }).filter((part): part is [string, string] => part[1] !== undefined);
  return parts.map(([what, name]) => `${what} ${plainLine(name, NAME_LENGTH)}`).join(', ');
}
