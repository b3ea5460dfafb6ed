import { transform } from 'esbuild';

const decorators = {
  name: 'decorators',
  enforce: 'pre',
  async transform(code, id) {
    if (!id.endsWith('.ts') || !/^\s*@\w/m.test(code)) return null;
    return transform(code, { loader: 'ts', target: 'es2022', sourcemap: true, sourcefile: id });
  },
};
export default { plugins: [decorators], test: { include: ['*.test.ts'], testTimeout: 50_000 } };
