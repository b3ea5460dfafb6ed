import { readFileSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';

/** Puts lines between `<!-- name -->` and `<!-- /name -->` of a page. */
export async function writeTable(page, name, lines) {
  const text = readFileSync(page, 'utf8');
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [start, end] = [text.indexOf(open), text.indexOf(close)];
  if (start < 0 || end < start) throw new Error(`${page} has no place for ${name}`);
  const written = `${text.slice(0, start + open.length)}\n\n${lines.join('\n')}\n\n${text.slice(end)}`;
  writeFileSync(page, await format(written, { ...(await resolveConfig(page)), filepath: page }));
}
