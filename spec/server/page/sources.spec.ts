import { expect } from 'chai';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDERS = ['lib/server/page', 'lib/server/inbox', 'lib/server/signin', 'lib/server/dispatch'];

interface Finding {
  readonly what: string;
  readonly pattern: RegExp;
  readonly may?: RegExp;
}

/** What no source of pages has, each with what of it is right. */
const FINDINGS: readonly Finding[] = [
  { what: 'HTML that is not escaped', pattern: /\braw\(|dangerouslySet|isEscaped|innerHTML/g },
  { what: 'an attribute value without quotes', pattern: /\s(?!url=)[\w-]+=\$\{/g },
  { what: 'an attribute value in single quotes', pattern: /html`[^`]*\s[\w-]+='\$\{/g },
  { what: 'an attribute with a computed name', pattern: /<[a-z][^<>`]*\s\$\{[^}`]*\}=/g },
  { what: 'a style in the page', pattern: /<[a-z][^<>`]*\sstyle=|<style/g },
  { what: 'a script in the page', pattern: /<script(?! src="\$\{base\}\$\{assetPath\(name\)\}" nonce=)/g },
  { what: 'a handler in the page', pattern: /<[a-z][^<>`]*\son[a-z]+=/g },
  {
    what: 'a link that is not made by Paths',
    pattern: /\s(?:href|src|action|formaction|data-challenge)="\$\{[^"]*"/g,
    may: /="\$\{(?:paths\.|path\(paths\)|path\}|action[}/]|view\.paths\.|base\}|site\.base\}|`?\$?\{?base)/,
  },
];

const sources = FOLDERS.flatMap((folder) => {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}).map((path) => ({ path, text: readFileSync(path, 'utf8').replaceAll(/\/\*\*[^]*?\*\//g, '') }));

const found = (text: string, { pattern, may }: Finding): readonly string[] =>
  [...text.matchAll(pattern)].map(([hit]) => hit).filter((hit) => may === undefined || !may.test(hit));

describe('The sources of pages', () => {
  for (const finding of FINDINGS)
    it(`have no ${finding.what.replace(/^an? /, '')}`, () => {
      const hits = sources.flatMap(({ path, text }) => found(text, finding).map((hit) => `${path}: ${hit.slice(-120)}`));
      expect(hits).to.deep.equal([]);
    });

  it('would be told of each of them', () => {
    const wrong = [
      'raw(x)',
      'html`<p title=${x}>`',
      "html`<p title='${x}'>`",
      'html`<p ${name}="x">`',
      'html`<p style="color:red">`',
      'html`<script>go()</script>`',
      'html`<img onerror="${x}">`',
      'html`<a href="${card.url}">`',
    ];
    expect(FINDINGS.map((finding, i) => found(wrong[i] as string, finding).length)).to.deep.equal(FINDINGS.map(() => 1));
    expect(sources.length).to.be.above(20);
  });
});
