/** A source whose comments are blanked out and whose string literals are cut out: code can be searched without being fooled by either. */
export interface SourceText {
  /** The code; the literal number n stands in it as `"n"`. */
  readonly code: string;
  readonly literals: readonly string[];
}

/** What may stand before a regular expression; after anything else a slash divides. */
const BEFORE_REGEX = /(?:^|[([{,;=:!&|?+\-*%<>~^}\n]|\b(?:return|typeof|case|in|of|void|delete|throw|await|yield|else|do))\s*$/;

const TOKEN = /\/\/[^\n]*|\/\*[^]*?\*\/|"(?:\\[^]|[^"\\\n])*"|'(?:\\[^]|[^'\\\n])*'|`|\//g;
const REGEX = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y;

/** Separates code from comments, strings, templates and regular expressions. */
export function readSource(source: string): SourceText {
  const literals: string[] = [];
  let code = '';
  let at = 0;
  const token = new RegExp(TOKEN);
  for (let found = token.exec(source); found !== null; found = token.exec(source)) {
    code += source.slice(at, found.index);
    const text = found[0];
    at = found.index + text.length;
    if (text === '/') {
      at = regexEnd(source, found.index, code.slice(-40)) ?? at;
      code += at === found.index + 1 ? '/' : ' 0 ';
    } else if (text === '`') {
      at = templateEnd(source, found.index);
      const inner = source.slice(found.index + 1, at - 1);
      code += inner.includes('${') ? ` ${embedded(inner, literals)} ` : literal(inner, literals);
    } else if (text.startsWith('/')) {
      code += ' ';
    } else {
      code += literal(text.slice(1, -1), literals);
    }
    token.lastIndex = at;
  }
  return { code: code + source.slice(at), literals };
}

function literal(text: string, literals: string[]): string {
  return `"${literals.push(text) - 1}"`;
}

function regexEnd(source: string, start: number, before: string): number | undefined {
  if (!BEFORE_REGEX.test(before)) return undefined;
  const regex = new RegExp(REGEX);
  regex.lastIndex = start;
  return regex.test(source) ? regex.lastIndex : undefined;
}

/** The index after the closing backtick. */
function templateEnd(source: string, start: number): number {
  let i = start + 1;
  while (i < source.length && source[i] !== '`') {
    if (source[i] === '\\') i += 2;
    else if (source.startsWith('${', i)) i = holeEnd(source, i + 2);
    else i++;
  }
  return i + 1;
}

/** The index after the brace that closes a `${`. */
function holeEnd(source: string, start: number): number {
  let depth = 1;
  let i = start;
  while (i < source.length && depth > 0) {
    const c = source[i];
    if (c === '`') i = templateEnd(source, i);
    else if (c === '"' || c === "'") i = quoteEnd(source, i);
    else {
      if (c === '{') depth++;
      if (c === '}') depth--;
      i++;
    }
  }
  return i;
}

function quoteEnd(source: string, start: number): number {
  let i = start + 1;
  while (i < source.length && source[i] !== source[start]) i += source[i] === '\\' ? 2 : 1;
  return i + 1;
}

/** The code inside the holes of a template: an import() may hide there. */
function embedded(template: string, literals: string[]): string {
  const parts: string[] = [];
  for (let i = template.indexOf('${'); i >= 0; i = template.indexOf('${', i)) {
    const end = holeEnd(template, i + 2);
    const inner = readSource(template.slice(i + 2, end - 1));
    parts.push(inner.code.replaceAll(/"(\d+)"/g, (_, n: string) => literal(inner.literals[Number(n)] ?? '', literals)));
    i = end;
  }
  return parts.length === 0 ? '0' : parts.map((p) => `(${p})`).join('+');
}
