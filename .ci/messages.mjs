// Every text that the library says when something is wrong, once: `npm run messages`, or with a word, only lines that hold it.
//
//   class · code · text, with {…} for what is filled in · files
//
// A text is a literal with a space in it, on one line; files that `aegis init` writes are not texts. Its class is the error that is made from it, else the function or the property that takes it.
import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';

const SQL =
  /\b(?:SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|BEGIN|WHERE|RETURNING|PRAGMA|LISTEN|UNLISTEN|NOTIFY|WHEN|ORDER BY|FOR SHARE)\b|status IN \(/;
const wanted = process.argv[2]?.toLowerCase() ?? '';
const files = readdirSync('lib', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.split(sep).join('/'))
  .sort();
const sources = new Map(files.map((file) => [file, readFileSync(join('lib', file), 'utf8').replaceAll('\r\n', '\n')]));
const defaultCodes = new Map(
  [...sources]
    .filter(([file]) => file.startsWith('model/errors/'))
    .flatMap(([, source]) => [...source.matchAll(/class (\w+Error)\b([^]*?)\n\}/g)])
    .flatMap(([, name, body]) => {
      const [, code] = /(?:super\(|\?\? |= )'([a-z]+(?:_[a-z]+)*)'/.exec(body) ?? [];
      return code === undefined ? [] : [[name, code]];
    }),
);

const FILES = 'cli/init/starterProgram.ts';
const found = new Map();
for (const [file, source] of sources)
  for (const { by, code, text } of file === FILES ? [] : textsOf(source)) {
    // one text is one line here
    const line = [by, code ?? defaultCodes.get(by) ?? '–', text.replaceAll(/\s*\n\s*/g, ' ')].join(' · ');
    found.set(line, (found.get(line) ?? new Set()).add(file));
  }
const lines = [...found].map(([line, from]) => `${line} · ${[...from].join(', ')}`).filter((line) => line.toLowerCase().includes(wanted));
process.stdout.write(`${lines.sort((a, b) => (a < b ? -1 : 1)).join('\n')}\n${lines.length} texts\n`);

/** Literals that a person reads, each with what takes it. */
function textsOf(source) {
  const texts = [];
  const stack = [{ open: '', start: 0 }];
  const frames = [];
  let fresh = true; // at the start of an element, where a name before a colon is a property's
  for (let i = 0; i < source.length; i++) {
    const c = source[i];
    const frame = stack.at(-1);
    if (c === '/' && (source[i + 1] === '/' || source[i + 1] === '*')) {
      i = source[i + 1] === '/' ? source.indexOf('\n', i) : source.indexOf('*/', i) + 1;
      if (i <= 0) break;
    } else if (c === '/' && /(?:^|[(,=:[!&|?{};\n]|return)\s*$/.test(source.slice(Math.max(0, i - 20), i))) {
      i = endOfRegExp(source, i);
    } else if (c === "'" || c === '"' || c === '`') {
      const [text, end, holes] = literal(source, i);
      const before = source.slice(Math.max(0, i - 12), i);
      const joined = /\+\s*$/.test(before) && texts.at(-1)?.frame === frame;
      if (joined) texts.at(-1).text += text;
      else texts.push({ text, frame, property: frame.property, at: i, path: /(?:from|import\(?)\s*$/.test(before) });
      for (const hole of holes) texts.push(...textsOf(hole).map((t) => ({ ...t, done: true })));
      i = end;
      fresh = false;
    } else if ('([{'.includes(c)) {
      const callee = c === '(' ? /((?:new\s+)?[\w$.#]+)(?:<[^()]*>)?\s*$/.exec(source.slice(Math.max(0, i - 120), i))?.[1] : undefined;
      stack.push({ open: c, callee, start: i, above: frame });
      frames.push(stack.at(-1));
      fresh = true;
    } else if (')]}'.includes(c)) {
      if (stack.length > 1) stack.pop().end = i;
      fresh = c === '}';
    } else if (c === ',' || c === ';') {
      frame.property = undefined;
      fresh = true;
    } else if (fresh && /[\w$]/.test(c)) {
      const [name] = /^[\w$]+/.exec(source.slice(i, i + 60));
      if (frame.open === '{' && /^\s*:/.test(source.slice(i + name.length, i + name.length + 3))) frame.property = name;
      i += name.length - 1;
      fresh = false;
    }
  }
  return texts
    .filter((t) => t.done === true || isText(t))
    .map((t) => (t.done === true ? t : { ...described(source, t), text: t.text, done: true }));
}

function isText({ text, path }) {
  return !path && /[A-Za-z]{2,} +\S/.test(text) && !SQL.test(text);
}

/** What takes a text: the nearest error that is made, else the nearest call or property. */
function described(source, { frame, property, at }) {
  for (let f = frame; f !== undefined; f = f.above) {
    const [, name] = /^new\s+(\w*(?:Error|Refused|Mismatch))$/.exec(f.callee ?? '') ?? [];
    if (name !== undefined) {
      const [, code] = /(?:code:\s*|,\s*)'([a-z]+(?:_[a-z]+)+)'/.exec(source.slice(f.start, f.end)) ?? [];
      return { by: name, code };
    }
  }
  for (let f = frame, p = property; f !== undefined; p = f.property, f = f.above) {
    if (p !== undefined && /message|reason|where|description/i.test(p)) return { by: `${p}:` };
    if (f.callee !== undefined) return { by: `${f.callee.replace(/^new\s+/, '')}()` };
  }
  const [, name] = [...source.slice(0, at).matchAll(/(?:function|const|class)\s+([\w$]+)/g)].at(-1) ?? [];
  return { by: name ?? '–' };
}

/** The text of a literal with {…} for what is filled in, where it ends, and the sources in its holes. */
function literal(source, start) {
  const quote = source[start];
  let text = '';
  const holes = [];
  for (let i = start + 1; i < source.length; i++) {
    const c = source[i];
    if (c === '\\') {
      text += source[i + 1] === 'n' ? '\\n' : source[i + 1];
      i += 1;
    } else if (c === quote) {
      return [text, i, holes];
    } else if (quote === '`' && c === '$' && source[i + 1] === '{') {
      const end = endOfHole(source, i + 2);
      const hole = source.slice(i + 2, end);
      holes.push(hole);
      text += `{${/^[\w$.]+/.exec(hole)?.[0] ?? '…'}}`;
      i = end;
    } else {
      text += c;
    }
  }
  throw new Error('a literal has no end');
}

function endOfHole(source, start) {
  let depth = 0;
  for (let i = start; i < source.length; i++) {
    if (source[i] === '`' || source[i] === "'" || source[i] === '"') [, i] = literal(source, i);
    else if (source[i] === '{') depth += 1;
    else if (source[i] === '}' && depth-- === 0) return i;
  }
  throw new Error('a placeholder has no end');
}

function endOfRegExp(source, start) {
  let inClass = false;
  for (let i = start + 1; i < source.length; i++) {
    if (source[i] === '\\') i += 1;
    else if (source[i] === '[') inClass = true;
    else if (source[i] === ']') inClass = false;
    else if (source[i] === '\n' || (source[i] === '/' && !inClass)) return i;
  }
  return source.length;
}
