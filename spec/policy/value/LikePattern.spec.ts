import { expect } from 'chai';
import { LikePattern } from '../../../lib/policy/value/LikePattern.js';
import type { StepBudget } from '../../../lib/policy/value/StepBudget.js';
import { outcome } from '../compile/bothOutcomes.js';

/** Whether a text matches a pattern, whose stars are its only special characters, and what that took. */
function match(pattern: string, text: string): { matches: boolean; steps: number } {
  let steps = 0;
  const budget = { take: (more: number) => void (steps += more) } as unknown as StepBudget;
  return { matches: new LikePattern(pattern.split('*')).matches(text, budget), steps };
}

describe('LikePattern', () => {
  const rows: readonly (readonly [string, string, boolean])[] = [
    ['', '', true],
    ['', 'a', false],
    ['ab', 'ab', true],
    ['ab', 'abc', false],
    ['*', '', true],
    ['*', 'any', true],
    ['a*', 'a', true],
    ['a*', 'ba', false],
    ['*a', 'a', true],
    ['*a', 'ab', false],
    ['ab*ba', 'abba', true],
    ['ab*ba', 'aba', false],
    ['**', '', true],
    ['a**b', 'ab', true],
    ['*b*', 'abc', true],
    ['*b*', 'ac', false],
    ['a*b*c', 'abc', true],
    ['a*b*c', 'ac', false],
    ['a*b*c', 'axbxc', true],
    ['a*bc*c', 'abc', false],
    ['a*bc*c', 'abcc', true],
    ['ab*b*', 'ab', false],
    ['ab*b*', 'abb', true],
    ['*ab*ab*', 'ab', false],
    ['*ab*ab*', 'abab', true],
    ['*ab*ab*', 'aab', false],
    ['*ba*ab*', 'bab', false],
    ['*x*y*', 'yx', false],
    ['*x*y*', 'xy', true],
    ['*x*y*y', 'xy', false],
  ];
  for (const [pattern, text, expected] of rows)
    it(`'${pattern}' on '${text}': ${expected}, as cedar-wasm has it`, () => {
      expect(match(pattern, text).matches).to.equal(expected);
      expect(outcome(`"${text}" like "${pattern}"`)).to.equal(String(expected));
    });

  describe('takes steps', () => {
    const costs: readonly (readonly [string, string, string, number])[] = [
      ['none without a star', 'a', 'b'.repeat(80), 0],
      ['none for what only begins and ends it', 'a*a', 'a'.repeat(80), 0],
      ['none for stars side by side', '***', 'a'.repeat(80), 0],
      ['none where it does not begin so', 'b*a*', 'a'.repeat(80), 0],
      ['one for eight characters where it looks for single ones', '*a*', 'a'.repeat(80), 10],
      ['a whole one for the rest of them', '*a*b*', 'a'.repeat(81), 11],
      ['one for each character where it looks for two', '*a*ab*', 'a'.repeat(80), 80],
      ['one for each character where it looks for 240', `*${'a'.repeat(240)}*`, 'a'.repeat(320), 320],
      ['a sixteenth of the length for each where it looks for more', `*a*${'a'.repeat(320)}*`, 'a'.repeat(400), 400 * 20],
    ];
    for (const [name, pattern, text, steps] of costs) it(name, () => expect(match(pattern, text).steps).to.equal(steps));
  });
});
