// `npm run sample -- ai-sdk` runs one sample, `npm run sample` all of them.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = new URL('./samples/', import.meta.url);
const all = readdirSync(folder).flatMap((file) => (/^(show|policies)\.js$/.test(file) ? [] : (/^(.*)\.js$/.exec(file)?.slice(1) ?? [])));
const wanted = process.argv.slice(2);
for (const name of wanted.length > 0 ? wanted : all) {
  if (!all.includes(name)) throw new Error(`There is no sample '${name}'; there are ${all.join(', ')}.`);
  console.log(`\n${name}`);
  const { status } = spawnSync(process.execPath, ['--enable-source-maps', fileURLToPath(new URL(`${name}.js`, folder))], {
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
}
