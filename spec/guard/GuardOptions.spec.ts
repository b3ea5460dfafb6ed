import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** spec/types says what does not compile; this says that the compiler's words lead to the fix. */
describe('A wrong guard does not compile, and the compiler says', function () {
  this.timeout(60_000);

  const cases: readonly (readonly [name: string, member: string, words: RegExp])[] = [
    [
      'how many names are wanted',
      "@AegisGuard({ params: ['to'], approval: 'wait' }) async m(to: string, subject: string): Promise<void> {}",
      /Type '\[string\]' is not assignable to type 'readonly \[to: string, subject: string\]'.*Source has 1 element\(s\) but target requires 2/,
    ],
    [
      'that there are too many names',
      "@AegisGuard({ params: ['to', 'x'], approval: 'wait' }) async m(to: string): Promise<void> {}",
      /Source has 2 element\(s\) but target allows only 1/,
    ],
    [
      'that parameters need names',
      "@AegisGuard({ approval: 'wait' }) async m(at: Date): Promise<void> {}",
      /Property 'params' is missing .* required in type 'ParametersNeedNames<.*readonly \[at: string\]>/,
    ],
    [
      'how a rest parameter is named',
      "@AegisGuard({ params: ['to', 'cc'], approval: 'wait' }) async m(to: string, ...cc: string[]): Promise<void> {}",
      /Type '"cc"' is not assignable to type '`\.\.\.\$\{string\}`'/,
    ],
    [
      'that the return type holds no PendingApproval',
      '@AegisGuard({}) async m(): Promise<string> { return ""; }',
      /Property 'approval' is missing .* required in type 'ReturnTypeHoldsNoPendingApproval<"throw" \| "wait", "add approval: 'wait' or 'throw', or return Promise<Guarded<T>>">'/,
    ],
    [
      'which modes are left',
      "@AegisGuard({ approval: 'defer' }) async m(): Promise<string> { return ''; }",
      /Type '"defer"' is not assignable to type '"throw" \| "wait"'/,
    ],
    [
      'that the return type says nothing',
      '@AegisGuard({}) async m(): Promise<any> {}',
      /required in type 'ReturnTypeSaysNothing<ApprovalMode, "the result is any or unknown, so add approval: 'wait', 'throw' or 'defer'">'/,
    ],
    [
      'which names may be opaque',
      "@AegisGuard({ params: ['to', 'body'], opaque: ['bdoy'], approval: 'wait' }) async m(to: string, body: Date): Promise<void> {}",
      /Type '"bdoy"' is not assignable to type '"body" \| "to"'/,
    ],
    [
      'that a session is an object',
      "@AegisGuard({ approval: 'wait', session: () => 'u' }) async m(): Promise<void> {}",
      /Type 'string' is not assignable to type 'SessionData \| null \| undefined'/,
    ],
  ];

  let said: readonly string[];
  before(() => {
    // beside what was compiled: the sources are nobody's scratch
    const folder = mkdtempSync(fileURLToPath(new URL('../../types-', import.meta.url)));
    try {
      const library = relative(folder, resolve('lib/index.js')).replaceAll(sep, '/');
      const lines = cases.map(([, member], i) => `class C${i} { ${member} } void C${i};`);
      writeFileSync(join(folder, 'wrong.ts'), [`import { AegisGuard } from '${library}';`, ...lines].join('\n'));
      const compilerOptions = { rootDir: resolve('.'), typeRoots: [resolve('node_modules/@types')], noUnusedParameters: false };
      writeFileSync(
        join(folder, 'tsconfig.json'),
        JSON.stringify({ extends: resolve('spec/types/tsconfig.json'), compilerOptions, include: ['.'] }),
      );
      const { stdout } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '--pretty', 'false', '-p', folder], {
        encoding: 'utf8',
      });
      said = stdout.replaceAll(/\n\s+/g, ' ').split('\n');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  for (const [i, [name, , words]] of cases.entries())
    it(name, () => {
      const mine = said.filter((line) => line.includes(`wrong.ts(${i + 2},`));
      expect(mine.join('\n')).to.match(words);
    });

  it('in the words of this library', () => {
    expect(said.join('\n')).to.not.match(/type 'never'/);
  });
});
