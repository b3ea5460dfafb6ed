import { AssertionError } from 'node:assert';
import { escapeText } from '../common/data/escapeText.js';
import { toolCoverage } from './toolCoverage.js';

/** Options of {@link expectGuarded}. */
export interface ExpectGuardedOptions {
  /** What is known to have no guard, by the names that the error gives. One that is guarded, or not there, is an error too. */
  readonly except?: readonly string[] | undefined;
}

/**
 * Checks that guards cover every tool of a record, list, map, agent or MCP server, and every method of a class that has guards. What cannot be told from
 * a tool counts as one. It tells guarded tools by the marks of this copy of the package.
 *
 * @throws AssertionError naming what no guard covers; and where there is no tool at all
 * @example expectGuarded(guardTools({ refund, search }), { except: ['search'] });
 */
export function expectGuarded(subject: unknown, { except = [] }: ExpectGuardedOptions = {}): void {
  const found = toolCoverage(subject, '');
  const open = found.filter(({ state }) => state !== 'guarded');
  const uncovered = open.filter(({ path }) => !except.includes(path));
  const stale = except.filter((name) => !open.some(({ path }) => path === name));
  const lines = [
    ...(found.length === 0 ? ['there is no tool in it'] : uncovered.map(({ path, why }) => (path === '' ? why : `${path}: ${why}`))),
    ...stale.map((name) => `${name}: it is an exception, but there is no unguarded tool of that name`),
  ];
  if (lines.length === 0) return;
  const message = `expected that guards cover every tool, but:\n${lines.map((line) => `  ${escapeText(line)}`).join('\n')}`;
  throw new AssertionError({ message, operator: 'expectGuarded', actual: lines, expected: [], stackStartFn: expectGuarded });
}
