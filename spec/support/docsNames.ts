import { expect } from 'chai';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as aegis from 'aegislib';
import * as decision from 'aegislib/decision';
import * as policy from 'aegislib/policy';
import { ATTRIBUTES, METRICS, SPANS } from 'aegislib/otel';
import * as store from 'aegislib/store';
import { runInChild } from './runInChild.js';

/** Names of Node, TypeScript, Cedar and others that the pages put in code. */
const FOREIGN = new Set(
  `Array ArrayBuffer AssertionError AsyncLocalStorage AbortSignal BigInt Buffer Date Error EventEmitter Function Long Map NaN Infinity Partial Promise Proxy Record
  RegExp Set String Boolean Symbol TypeError URL Uint8Array Accept Location Ms Bytes Limit Amount`.split(/\s+/),
);

/** Names of spans, metrics and attributes. */
const TELEMETRY: ReadonlySet<string> = new Set([
  ...Object.values(SPANS),
  ...Object.values(ATTRIBUTES),
  ...Object.values(METRICS).map(({ name }) => name),
]);

/** Methods that are called on what is no export. */
const VARIABLES: Readonly<Record<string, () => unknown>> = { aegis: exampleModule };

const VALUES: Readonly<Record<string, unknown>> = { ...aegis, ...decision, ...policy, ...store };

let example: aegis.AegisModule | undefined;

function exampleModule(): aegis.AegisModule {
  const text = '@id("a") permit (principal, action, resource);';
  return (example ??= aegis.AegisModule.create({ policies: { text } }));
}

/** Every public name of the built package, types too. */
export async function publicNames(): Promise<ReadonlySet<string>> {
  const { code, stdout, stderr } = await runInChild(pathToFileURL(resolve('.ci/api.mjs')), { args: ['--names'] });
  expect(code, stderr).to.equal(0);
  return new Set(stdout.split('\n').map((line) => line.trim().replace(/^type /, '')));
}

/**
 * Whether inline code looks like a name of ours and is none: `AegisThing`, `@AegisThing`, `AegisModule.thing()`, `aegis.tasks.thing()`, `thing()`
 * where `thing` is camelCase of ours. Anything else is not judged.
 */
export function unknownCode(code: string, names: ReadonlySet<string>): boolean {
  if (/^aegis(?:\.config)?\.(?:mjs|json|db)$/.test(code)) return false; // a file
  if (/^aegis\.(?:capabilities|consumable|expires_at|views)$/.test(code)) return false; // fields of an answer
  if (TELEMETRY.has(code)) return false;
  const [, name, member] = /^@?([A-Z][A-Za-z]*[a-z][A-Za-z]*)(?:<.*>)?(?:\.([a-z]\w*))?(?:\(.*\))?$/.exec(code) ?? [];
  if (name !== undefined) {
    if (FOREIGN.has(name)) return false;
    if (!names.has(name)) return true;
    return member !== undefined && !hasMember(VALUES[name], member);
  }
  const [, variable = '', path] = /^(?:await )?(\w+)((?:\.[A-Za-z]\w*)+)(?:\(.*\))?$/.exec(code) ?? [];
  const start = Object.hasOwn(VARIABLES, variable) ? VARIABLES[variable] : undefined;
  if (start === undefined || path === undefined) return false;
  const missing = Symbol('missing');
  const end = path
    .slice(1)
    .split('.')
    .reduce<unknown>(
      (at, key) => (typeof at === 'object' && at !== null && key in at ? (at as Record<string, unknown>)[key] : missing),
      start(),
    );
  return end === missing;
}

/** A static member, or one of its instances. Types have no members at run time: those are not judged. */
function hasMember(value: unknown, member: string): boolean {
  if (typeof value !== 'function') return true;
  return member in value || (typeof value.prototype === 'object' && member in (value.prototype as object));
}
