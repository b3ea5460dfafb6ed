import type { CedarToken } from './tokens.js';

/** The most characters that the `like` patterns of one policy may have together. */
export const MAX_LIKE_COST = 6_144;

/** How many characters, as written, the `like` patterns of a policy have: Cedar makes an object of each. */
export function likeCost(tokens: readonly CedarToken[]): number {
  let cost = 0;
  for (const [i, { kind, text }] of tokens.entries()) {
    // an attribute or annotation may be called like; then what follows is not a pattern, and counting it does no harm
    if (kind === 'string' && tokens[i - 1]?.text === 'like') cost += text.length - 2;
  }
  return cost;
}
