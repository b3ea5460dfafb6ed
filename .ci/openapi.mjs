// The OpenAPI document of the Data Plane, made from its table of routes: docs/openapi.json is what GET /openapi.json answers.
//
//   node .ci/openapi.mjs   renews it; spec/server/openApi.spec.ts fails where it is not what the server answers
import { writeFileSync } from 'node:fs';
import { format } from 'prettier';
import { createDataPlane } from '../dist/server/index.js';

const FILE = 'docs/openapi.json';
const plane = createDataPlane({ policies: { text: '@id("none") forbid (principal, action, resource);' } });
const answer = await plane.fetch(new Request('http://localhost/openapi.json'));
await plane.close({ idleMs: 0 });
writeFileSync(FILE, await format(await answer.text(), { parser: 'json', printWidth: 140 }));
