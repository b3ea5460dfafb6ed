import { transformSync } from 'esbuild';

export default {
  process: (code, sourcefile) => transformSync(code, { loader: 'ts', format: 'esm', target: 'es2022', sourcemap: 'inline', sourcefile }),
};
