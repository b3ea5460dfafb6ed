/** A phrase that may not come back, and what to write instead. */
export interface Word {
  readonly name: string;
  /** Spaces also match the end of a line with the start of the next comment line. */
  readonly pattern: string;
  readonly instead: string;
}

const NOUNS =
  'object list text string number name array function date record boolean integer module guard task approval store policy prompt path pointer method class identifier id key tool status effect JSON address port folder file pattern schema session';

export const WORDS: readonly Word[] = [
  { name: 'whoever', pattern: 'whoever', instead: 'say who: "the caller", "anyone who"' },
  { name: 'whatever', pattern: 'whatever', instead: 'say which: "any", "every"' },
  { name: 'any more', pattern: 'any more', instead: '"no longer"' },
  { name: 'is none', pattern: '(?<!there )(?:is|are) none(?! of)', instead: '"there is no …", "is not a …"' },
  { name: 'of ours', pattern: 'of ours', instead: '"our"' },
  { name: 'see to', pattern: 'sees to|(?<!has to )see to', instead: '"handle", "make sure"' },
  { name: 'stands for', pattern: 'stands? for', instead: '"represents", "means"' },
  {
    name: 'is no list',
    pattern: `(?<!there )(?:is|are) no (?!longer)(?:\\w+ )?(?:${NOUNS.split(' ').join('|')})s?`,
    instead: 'negate the verb: "is not a list", "must be a list"',
  },
  { name: 'nobody', pattern: 'nobody', instead: '"no one", or the passive' },
  { name: 'by hand', pattern: 'by hand', instead: '"manual"' },
  { name: 'equal call', pattern: 'equal calls?', instead: '"duplicate call"' },
  { name: 'of many that', pattern: 'of many that', instead: '"exactly one of any number of"' },
  { name: 'holderIsGone', pattern: 'holderIsGone', instead: '"confirmExecutorDead"' },
];

export interface Found {
  readonly name: string;
  /** file:line */
  readonly at: string;
  /** What was found, with what stands around it. */
  readonly text: string;
}

const PATTERNS = WORDS.map(({ name, pattern }) => ({
  name,
  pattern: new RegExp(
    String.raw`(?<![\w$-])(?:${pattern.replaceAll(' ', String.raw`(?:[ \t]+|[ \t]*\n[ \t]*(?:\*|//|[#>-])?[ \t]*)`)})(?![\w$])`,
    'gi',
  ),
}));

/** Each forbidden phrase of a text. */
export function foundWords(path: string, text: string): Found[] {
  return PATTERNS.flatMap(({ name, pattern }) =>
    [...text.matchAll(pattern)].map(({ 0: hit, index }) => ({
      name,
      at: `${path}:${text.slice(0, index).split('\n').length}`,
      text: text.slice(Math.max(0, index - 40), index + hit.length + 40).replaceAll(/\s+/g, ' '),
    })),
  );
}
