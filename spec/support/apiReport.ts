import { readdirSync, readFileSync } from 'node:fs';

const FOLDER = 'etc';

/** An exported declaration of the API report, and the other names in it. */
interface Declaration {
  readonly kind: string;
  readonly text: string;
}

/** Every declaration of the API report, by name. `etc/` has the text that tsc wrote: a statement starts in column 0. */
function declarations(): ReadonlyMap<string, Declaration> {
  const found = new Map<string, Declaration>();
  for (const file of readdirSync(FOLDER)) {
    for (const text of readFileSync(`${FOLDER}/${file}`, 'utf8').split(/\n\n(?=export |\/\/ )/)) {
      const [, kind, name] = /(?:^|\n)(?:export )?(?:declare )?(?:abstract )?(interface|class|function|const|type) (\w+)/.exec(text) ?? [];
      if (kind === undefined || name === undefined || /\} from '/.test(text)) continue;
      // overloads and types of one name in two entries are read together
      found.set(name, { kind, text: `${found.get(name)?.text ?? ''}\n${text}` });
    }
  }
  return found;
}

/** The text between the bracket at `start` and the one that closes it. */
function within(text: string, start: number): string {
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    if ('([{<'.includes(text[i] as string)) depth += 1;
    else if (')]}'.includes(text[i] as string) || (text[i] === '>' && text[i - 1] !== '=')) depth -= 1;
    if (depth === 0) return text.slice(start + 1, i);
  }
  return text.slice(start + 1);
}

/** The parameter lists of a function, or of a class's constructor and methods. */
function parameterLists({ kind, text }: Declaration): readonly string[] {
  if (kind === 'function' || kind === 'const')
    return [...text.matchAll(/(?:function \w+|const \w+: )(?:<[^;]*?>)?(?=\()/g)].map((m) => within(text, m.index + m[0].length));
  if (kind !== 'class') return [];
  return [...text.matchAll(/\n {4}(?:static )?(?!private|get |readonly|abstract)[\w[\].]+(?:<[\w =]*>)?\(/g)].map((m) =>
    within(text, m.index + m[0].length - 1),
  );
}

const names = (text: string): readonly string[] =>
  [...text.replaceAll(/'[^']*'/g, '').matchAll(/(?<![.\w])[A-Z]\w*/g)].map(([name]) => name);

/** What an interface or an object's type holds: types of its properties and what it extends, not what its functions take. */
function held({ kind, text }: Declaration): readonly string[] {
  if (kind !== 'interface' && kind !== 'type') return [];
  return names(text.replaceAll(/\((?:[^()]|\([^()]*\))*\)/g, ''));
}

/**
 * The object types that programs hand to exported functions, constructors and methods, at any depth, and the functions and methods that take an object
 * whose type has no name.
 */
export function handedIn(): { readonly types: readonly string[]; readonly inline: readonly string[] } {
  const all = declarations();
  const inline: string[] = [];
  const open: string[] = [];
  for (const [name, declaration] of all) {
    for (const list of parameterLists(declaration)) {
      open.push(...names(list));
      if (/(?:^|[\s,])[\w}]+\??: \{/.test(list)) inline.push(name);
    }
  }
  // what a returned function or object takes
  open.push(...[...all.keys()].filter((name) => /(?:Options|Query)$/.test(name)));
  const seen = new Set<string>();
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const declaration = all.get(name);
    if (seen.has(name) || declaration === undefined) continue;
    seen.add(name);
    open.push(...held(declaration));
  }
  const isObject = (name: string): boolean => {
    const { kind, text } = all.get(name) as Declaration;
    return kind === 'interface' || (kind === 'type' && text.includes('{\n')) || (kind === 'type' && /= \w*Options|& \w*Options/.test(text));
  };
  return { types: [...seen].filter(isObject).sort(), inline: [...new Set(inline)].sort() };
}

/** The names of the properties of an interface, with those that it extends and without those that an `Omit` leaves out. */
export function propertiesOf(name: string): readonly string[] {
  const all = declarations();
  const { text } = all.get(name) as Declaration;
  const own = [...text.matchAll(/\n {4}(?:readonly )?(\w+)\??:/g)].map(([, property]) => property as string);
  const head = /interface [\s\S]*? \{\n/.exec(text)?.[0];
  const above = head === undefined ? (/ = ([\s\S]*);/.exec(text)?.[1] ?? '') : (/ extends ([\s\S]*) \{\n/.exec(head)?.[1] ?? '');
  const omitted = [...above.matchAll(/'(\w+)'/g)].map(([, property]) => property as string);
  // arguments of what is extended are what its callbacks get
  const inherited = names(above.replace(/Omit<(\w+)/g, '$1 Omit<').replaceAll(/<[^;]*?>(?= |$|,|;|&)/g, ''))
    .filter((n) => n !== name && all.has(n))
    .flatMap((n) => propertiesOf(n));
  return [...new Set([...inherited.filter((property) => !omitted.includes(property)), ...own])];
}
