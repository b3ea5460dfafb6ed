import { resolve } from 'node:path';

const root = resolve('../..');
const external = process.env.PROBE_EXTERNAL;
export default {
  output: 'standalone',
  ...(external ? { serverExternalPackages: [external] } : {}),
  env: { PROBE_EXTERNAL: external ?? '' }, // for the route, at build time
  outputFileTracingRoot: root,
  turbopack: { root },
  outputFileTracingIncludes: { '/*': ['./policies/**', './node_modules/@cedar-policy/cedar-wasm/{package.json,nodejs/**}'] },
};
