/** A piece of Cedar text. Whitespace and comments are left out. */
export interface CedarToken {
  readonly kind: 'word' | 'string' | 'number' | 'symbol';
  readonly text: string;
  /** Index into the text, in UTF-16 units. */
  readonly start: number;
}

const SPACE = /\s+/y;
const WORD = /[A-Za-z_][A-Za-z0-9_]*/y;
const NUMBER = /[0-9]+/y;
const SYMBOL = /\|\||&&|==|!=|<=|>=|::|[^]/y;

/**
 * Cuts Cedar text into tokens, so that its size, depth and policy boundaries are known before the parser sees any of it. It only cuts:
 * whether the text is valid Cedar is decided by Cedar's own parser. Takes linear time on any text.
 */
export function* scanCedar(text: string): Generator<CedarToken, void, undefined> {
  let at = 0;
  while (at < text.length) {
    const char = text[at];
    if (char === '/' && text[at + 1] === '/') {
      at = endOfLine(text, at);
    } else if (char === '"') {
      const end = endOfString(text, at);
      yield { kind: 'string', text: text.slice(at, end), start: at };
      at = end;
    } else {
      const space = match(SPACE, text, at);
      if (space !== undefined) {
        at += space.length;
        continue;
      }
      const word = match(WORD, text, at);
      const number = word === undefined ? match(NUMBER, text, at) : undefined;
      const found = word ?? number ?? (match(SYMBOL, text, at) as string);
      yield { kind: word !== undefined ? 'word' : number !== undefined ? 'number' : 'symbol', text: found, start: at };
      at += found.length;
    }
  }
}

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

/** Cedar ends a comment at either line break. */
function endOfLine(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== '\n' && text[at] !== '\r') at++;
  return at;
}

/** A loop, not a RegExp: an unclosed string of a megabyte would overflow the RegExp's stack. */
function endOfString(text: string, from: number): number {
  let at = from + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return Math.min(at + 1, text.length);
}

/** Tokens of one policy between two pauses: most policies have fewer. */
const PAUSE = 1_000;

/** One policy's text and its tokens. */
export interface PolicyText {
  /** From its first token to its semicolon. */
  readonly text: string;
  /** Where it starts in the file, in UTF-16 units. */
  readonly start: number;
  /** Their starts count from the beginning of the file. */
  readonly tokens: readonly CedarToken[];
}

/**
 * Cuts a file into policies: in Cedar a semicolon ends a policy, and elsewhere occurs in strings and comments only. Each piece is parsed by
 * itself, so that one broken policy does not hide another. If a cut were wrong, the pieces would not parse, and nothing would load.
 *
 * @returns the pieces one by one; undefined, now and then, within a long one, so that the caller can pause
 */
export function* splitPolicies(text: string): Generator<PolicyText | undefined, void, void> {
  let tokens: CedarToken[] = [];
  for (const token of scanCedar(text)) {
    tokens.push(token);
    if (token.kind === 'symbol' && token.text === ';') {
      yield pieceOf(text, tokens);
      tokens = [];
    } else if (tokens.length % PAUSE === 0) {
      yield undefined;
    }
  }
  if (tokens.length > 0) yield pieceOf(text, tokens);
}

function pieceOf(text: string, tokens: readonly CedarToken[]): PolicyText {
  const [first, last] = [tokens[0], tokens.at(-1)] as [CedarToken, CedarToken];
  return { text: text.slice(first.start, last.start + last.text.length), start: first.start, tokens };
}
