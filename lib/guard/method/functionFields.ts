/** Spaces and comments, strings, names, operators with `=`, and any other character; templates and regular expressions are skipped by {@link tokensOf}. */
const TOKEN = /(\s+|\/\/.*|\/\*[^]*?\*\/)|'(?:\\[^]|[^'\\])*'|"(?:\\[^]|[^"\\])*"|[#$\w\u0080-\uffff]+|=>|[=!<>]==?|[^]/y;
const REGEXP = /\/(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\[\n])+\/\w*/y;
/** A `/` after one of these starts a regular expression. */
const BEFORE_REGEXP = /^(?:[^)\]}\w$'"]|[=!<>]==?|=>|return|typeof|case|in|of|new|delete|void|throw|await|yield)$/;
const OPENING = '([{';
const CLOSING = ')]}';
const MAX_LENGTH = 1_000_000;

interface Token {
  readonly text: string;
  /** Whether a line ends before it. */
  readonly newLine: boolean;
}

/** What was found in the text of each class, which never changes. */
const known = new WeakMap<object, ReadonlySet<string>>();

/**
 * The names that the instances of a class get as own functions: fields whose initializer is a function, and what its constructor sets on `this`. Their
 * values exist only in an instance, after the constructors of its base classes have run, so the text of the class is read. Only literal functions
 * and names are found: anything else may be guarded. Fields that its base classes declare are theirs.
 */
export function functionFields(type: object): ReadonlySet<string> {
  let found = known.get(type);
  if (found === undefined) known.set(type, (found = fieldsIn(Function.prototype.toString.call(type))));
  return found;
}

function fieldsIn(text: string): ReadonlySet<string> {
  const found = new Set<string>();
  if (text.length > MAX_LENGTH) return found;
  const tokens = tokensOf(text);
  const at = (i: number): string => tokens[i]?.text ?? '';
  let i = bodyOf(at, tokens.length);
  if (at(0) !== 'class') {
    // a constructor from before there were classes
    constructorFields(at, i, found);
    return found;
  }
  const end = closing(at, i);
  for (i += 1; i < end; i++) {
    const start = i;
    while (i < end && !'=({;'.includes(at(i))) i = at(i) === '[' ? closing(at, i) + 1 : i + 1;
    const name = nameAt(at, i - 1);
    if (at(i) === '(') {
      const body = closing(at, i) + 1;
      i = closing(at, body);
      if (name === 'constructor' && at(start) !== 'static') constructorFields(at, body, found);
    } else if (at(i) === '{') i = closing(at, i);
    else if (at(i) === '=') {
      if (at(start) !== 'static' && isFunction(at, i + 1)) found.add(name);
      for (i += 1; i < end && at(i) !== ';' && !endsBefore(tokens, i + 1); i++) if (isOpening(at(i))) i = closing(at, i) - 1;
    }
  }
  return found;
}

/** Whether an initializer without a semicolon ends before this token: a member that follows starts a line, and continues no expression. */
function endsBefore(tokens: readonly Token[], i: number): boolean {
  const next = tokens[i];
  return next?.newLine === true && /^['"#$\w\u0080-\uffff]/.test(next.text) && /[)\]}'"$\w]$/.test((tokens[i - 1] as Token).text);
}

/** What a constructor sets on `this` to a function. `body` is its opening brace. */
function constructorFields(at: (i: number) => string, body: number, found: Set<string>): void {
  const end = closing(at, body);
  for (let i = body; i < end; i++) {
    // functions and classes have a `this` of their own
    if (at(i) === 'function' || at(i) === 'class') i = closing(at, bodyOf(at, end, i));
    if (at(i) !== 'this') continue;
    const [next, name] = [at(i + 1), unquoted(at(i + 2))];
    // this.name = …, this['name'] = …
    const equals = next === '.' ? i + 3 : next === '[' ? i + 4 : 0;
    if (equals > 0 && at(equals) === '=' && isFunction(at, equals + 1)) found.add(name);
    if (next !== ',' || at(i - 1) !== '(') continue;
    // Object.assign(this, { name: … })
    if (at(i + 2) === '{') for (const key of functionsOf(at, i + 2)) found.add(key);
    // __publicField(this, 'name', …), Object.defineProperty(this, 'name', { value: … })
    else if (isFunction(at, i + 4) || (at(i + 4) === '{' && functionsOf(at, i + 4).includes('value'))) found.add(name);
  }
}

/** The keys of an object's literal that hold a function. */
function functionsOf(at: (i: number) => string, brace: number): readonly string[] {
  const found: string[] = [];
  const end = closing(at, brace);
  for (let i = brace + 1; i < end; i++) {
    if (isOpening(at(i))) i = closing(at, i);
    else if ((at(i + 1) === ':' && isFunction(at, i + 2)) || (at(i + 1) === '(' && /^(?:[{,*]|async)$/.test(at(i - 1))))
      found.push(unquoted(at(i)));
  }
  return found;
}

/** Whether an expression that starts here is a function. */
function isFunction(at: (i: number) => string, start: number): boolean {
  const i = at(start) === 'async' ? start + 1 : start;
  if (at(i) === 'function' || at(i + 1) === '=>') return true;
  return at(i) === '(' && (at(closing(at, i) + 1) === '=>' || (i === start && isFunction(at, i + 1)));
}

function nameAt(at: (i: number) => string, i: number): string {
  return unquoted(at(i) === ']' ? at(i - 1) : at(i));
}

function unquoted(text: string): string {
  return /^['"]/.test(text) ? text.slice(1, -1) : text;
}

const isOpening = (text: string): boolean => text !== '' && OPENING.includes(text);

/** The brace of the body, behind a name, parameters and what a class extends. */
function bodyOf(at: (i: number) => string, end: number, start: number = 0): number {
  let i = start;
  while (i < end && at(i) !== '{') i = isOpening(at(i)) ? closing(at, i) + 1 : i + 1;
  return i;
}

/** Where the bracket at `i` is closed, or the end of the text: what was taken for a bracket may be part of a regular expression. */
function closing(at: (i: number) => string, i: number): number {
  let depth = 0;
  let j = i;
  for (; at(j) !== ''; j++) {
    if (OPENING.includes(at(j))) depth += 1;
    else if (CLOSING.includes(at(j))) depth -= 1;
    if (depth === 0) break;
  }
  return j;
}

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let newLine = false;
  for (let i = 0; i < text.length;) {
    const last = tokens.at(-1)?.text ?? ';';
    if (text[i] === '`') {
      i = afterTemplate(text, i);
      tokens.push({ text: '""', newLine });
      newLine = false;
      continue;
    }
    const pattern = text[i] === '/' && !'/*'.includes(text.charAt(i + 1)) && BEFORE_REGEXP.test(last) ? REGEXP : TOKEN;
    pattern.lastIndex = i;
    const [token, space] = pattern.exec(text) ?? ['/', undefined];
    i += token.length;
    if (space !== undefined) {
      newLine ||= space.includes('\n');
      continue;
    }
    tokens.push({ text: pattern === REGEXP ? '""' : token, newLine });
    newLine = false;
  }
  return tokens;
}

/** Where a template that starts at `i` is over. */
function afterTemplate(text: string, i: number): number {
  for (let j = i + 1; j < text.length; j++) {
    if (text[j] === '\\') j += 1;
    else if (text[j] === '`') return j + 1;
    else if (text[j] === '$' && text[j + 1] === '{') j = afterSubstitution(text, j + 2);
  }
  return text.length;
}

/** Where the brace is that ends a substitution of a template. */
function afterSubstitution(text: string, i: number): number {
  let depth = 1;
  for (let j = i; j < text.length; j++) {
    if (text[j] === '`') j = afterTemplate(text, j) - 1;
    else if (text[j] === '{') depth += 1;
    else if (text[j] === '}' && --depth === 0) return j;
  }
  return text.length;
}
