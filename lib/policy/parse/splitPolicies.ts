import { scanCedar, type CedarToken } from './tokens.js';

/** One policy's text and its tokens. */
export interface PolicyText {
  /** From its first token to its semicolon. */
  readonly text: string;
  /** Where it starts in the file, in UTF-16 units. */
  readonly start: number;
  /** Starts count from the file's begin. */
  readonly tokens: readonly CedarToken[];
}

/**
 * Cuts a file into policies: in Cedar a semicolon ends a policy and stands nowhere else but in strings and comments. Each piece is parsed by
 * itself, so that one broken policy hides no other. Were a cut wrong, the pieces would not parse, and nothing would load.
 */
export function splitPolicies(text: string): PolicyText[] {
  const pieces: PolicyText[] = [];
  let tokens: CedarToken[] = [];
  const flush = (): void => {
    const first = tokens[0];
    const last = tokens.at(-1);
    if (first !== undefined && last !== undefined)
      pieces.push({ text: text.slice(first.start, last.start + last.text.length), start: first.start, tokens });
    tokens = [];
  };
  for (const token of scanCedar(text)) {
    tokens.push(token);
    if (token.kind === 'symbol' && token.text === ';') flush();
  }
  flush();
  return pieces;
}
