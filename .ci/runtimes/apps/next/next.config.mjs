import { resolve } from 'node:path';

const root = resolve('../..');
const external = process.env.PROBE_EXTERNAL;
export default {
  output: 'standalone',
  ...(external ? { serverExternalPackages: [external] } : {}),
  outputFileTracingRoot: root,
  turbopack: { root },
  outputFileTracingIncludes: { '/*': ['./policies/**', './node_modules/@cedar-policy/cedar-wasm/{package.json,nodejs/**}'] },
};
