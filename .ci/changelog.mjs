// Prints the section of CHANGELOG.md for one version, and fails when it is missing, undated or empty, or when package.json says another.
// Usage: node .ci/changelog.mjs v0.1.0
import { readFileSync } from 'node:fs';

const version = (process.argv[2] ?? '').replace(/^v/, '');
const pkg = JSON.parse(readFileSync('package.json', 'utf8'));
const sections = readFileSync('CHANGELOG.md', 'utf8').split(/^## /m).slice(1);
const section = sections.find((s) => s.startsWith(`[${version}] - `));
const [heading, ...body] = (section ?? '').split('\n');

const problem =
  (version !== pkg.version && `the tag says ${version}, package.json says ${pkg.version}`) ||
  (section === undefined && `CHANGELOG.md has no section "## [${version}] - date"`) ||
  (!/ - \d{4}-\d\d-\d\d$/.test(heading) && `the section of ${version} has no date`) ||
  (body.join('').trim() === '' && `the section of ${version} is empty`);
if (problem) {
  console.error(problem);
  process.exit(1);
}
console.log(body.join('\n').trim());
