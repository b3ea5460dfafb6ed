import { AssertionError } from 'node:assert';
import { escapeText } from '../common/data/escapeText.js';
import { toolCoverage } from './toolCoverage.js';
import { checkedOptions } from '../model/checkedOptions.js';

/** Options of {@link expectGuarded}. */
export interface ExpectGuardedOptions {
  /** Tools that need no guard, by the names that the error shows. An exception that is guarded or does not exist is an error too. */
  readonly except?: readonly string[] | undefined;
}

/**
 * Asserts that guards cover every tool of a record, list, map, agent (with the agents that it hands over to) or MCP server, and every method of a class that has guards. Anything that may be a tool
 * counts as one. Only tools that this copy of the package guards count as guarded.
 *
 * @param subject what holds the tools
 * @throws AssertionError naming each tool without a guard, or if there is no tool at all
 * @example expectGuarded(guardTools({ refund, search }), { except: ['search'] });
 */
export function expectGuarded(subject: unknown, options: ExpectGuardedOptions = {}): void {
  const { except = [] } = checkedOptions('expectGuarded()', options, { except: 'strings' });
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
