/** Compiler settings under which the guards of this library compile and run as they are written. */
const WANTED: readonly { readonly key: string; readonly fits: (value: unknown) => boolean; readonly advice: string }[] = [
  {
    key: 'target',
    fits: (value) => /^es20(1[7-9]|2\d)$/i.test(String(value)),
    advice: '"target": "es2022", because Node cannot run the decorators that "esnext" leaves in the output',
  },
  {
    key: 'module',
    fits: (value) => /^(node\w+|preserve|es\w+)$/i.test(String(value)),
    advice: '"module": "nodenext", or what your bundler asks for, so that the types of every subpath are found',
  },
  { key: 'strict', fits: (value) => value === true, advice: '"strict": true, because the types of guards rely on it' },
];

/** What to change in a tsconfig.json that is there already: it may have comments, so that nothing changes it but its author. */
export function tsconfigAdvice(text: string): readonly string[] {
  const config = parseWithComments(text);
  if (config === undefined) return ['it is not valid JSON with comments, so it was not checked'];
  const options = config['compilerOptions'];
  const found = (typeof options === 'object' && options !== null ? options : {}) as Readonly<Record<string, unknown>>;
  const unsaid = 'extends' in config ? ' (unless the file that it extends says so)' : '';
  return WANTED.filter(({ key, fits }) => !fits(found[key])).map(({ advice, key }) => `${advice}${key in found ? '' : unsaid}`);
}

/** JSON with comments and commas at the end, as TypeScript reads it. */
function parseWithComments(text: string): Readonly<Record<string, unknown>> | undefined {
  const keepStrings = (match: string): string => (match.startsWith('"') ? match : '');
  const plain = text
    .replace(/^\uFEFF/, '')
    .replace(/"(?:\\.|[^"\\\n])*"|\/\/[^\n]*|\/\*[^]*?\*\//g, keepStrings)
    .replace(/"(?:\\.|[^"\\\n])*"|,(?=\s*[}\]])/g, keepStrings);
  try {
    const value = JSON.parse(plain) as unknown;
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}
