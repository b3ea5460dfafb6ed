// Makes one file of what many Nodes wrote about coverage, of the library alone: `node .ci/mergedCoverage.mjs FOLDER`. Else c8 reads and merges all of it,
// with specs, packages and Node itself, again for each of its reports.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

// as c8 merges, by the package that it merges with
const { mergeProcessCovs } = createRequire(createRequire(import.meta.url).resolve('c8'))('@bcoe/v8-coverage');

const folder = process.argv[2];
const root = pathToFileURL('./').href;
const isOurs = (url) => url.startsWith(root) && /^(?:\.build\/lib|dist|lib)\//.test(url.slice(root.length));

const processes = [];
const maps = {};
for (const name of existsSync(folder) ? readdirSync(folder) : []) {
  const file = join(folder, name);
  try {
    const written = JSON.parse(readFileSync(file, 'utf8'));
    const result = written.result.filter(({ url }) => isOurs(url));
    if (result.length > 0) processes.push({ result });
    for (const [url, map] of Object.entries(written['source-map-cache'] ?? {})) if (isOurs(url)) maps[url] = map;
  } catch {
    // of a process that was killed while it wrote; c8 passes over it, too
  }
  rmSync(file);
}
if (processes.length > 0)
  writeFileSync(
    join(folder, 'coverage-merged.json'),
    JSON.stringify({ result: mergeProcessCovs(processes).result, 'source-map-cache': maps }),
  );
