import { findPackage, type FoundPackage } from '../../common/findPackage.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';

/** The functions of `@cedar-policy/cedar-wasm`. */
export type CedarWasm = typeof import('@cedar-policy/cedar-wasm/nodejs');

let instance: CedarWasm | undefined;
let generation = 0;

/** cedar-wasm itself failed. The instance was dropped; the next use makes a new one. */
export class CedarTrap extends Error {
  override readonly name = 'CedarTrap';
}

/**
 * Calls cedar-wasm. It is loaded at the first use (20 ms), never by an import of this library.
 *
 * Anything thrown inside leaves the instance's stack pointer where it was, and a trap ruins it for ever: so after any throw the instance is
 * dropped, with everything preparsed in it ({@link cedarGeneration} tells).
 *
 * @throws CedarTrap if cedar-wasm threw or trapped; ConfigError if it is not installed
 */
export function useCedar<T>(work: (cedar: CedarWasm) => T): T {
  instance ??= loadCedar();
  try {
    return work(instance);
  } catch (error) {
    instance = undefined;
    generation += 1;
    throw new CedarTrap(`cedar-wasm failed: ${error instanceof Error ? error.message : 'unknown'}`, { cause: error });
  }
}

/** Grows when an instance is dropped: sets that were preparsed under another generation are gone. */
export function cedarGeneration(): number {
  return generation;
}

/** The version that the specs compare compiled policies with. package.json asks for exactly this one. */
export const CEDAR_VERSION = '4.13.0';

/** A private instance: another user of the package in this process neither sees our policies nor can ruin our instance. */
function loadCedar(): CedarWasm {
  const { require, path } = findCedar();
  const others = require.cache[path];
  delete require.cache[path];
  try {
    return withSafeExports(() => checkedVersion(require(path) as CedarWasm));
  } finally {
    if (others === undefined) delete require.cache[path];
    else require.cache[path] = others;
  }
}

/** A bundle includes everything but this package, which reads its WebAssembly from a file of its own. */
function findCedar(): FoundPackage {
  try {
    return findPackage('@cedar-policy/cedar-wasm/nodejs', { file: '@cedar-policy/cedar-wasm/nodejs/cedar_wasm.js' });
  } catch (cause) {
    throw unusable(
      'was not found. Install it; a bundle needs it in a node_modules folder beside it: see docs/bundlers.md of the package',
      cause,
    );
  }
}

/** Beside a bundle there may be another version, which somebody else uses. */
function checkedVersion(cedar: CedarWasm): CedarWasm {
  const found = cedar.getCedarSDKVersion();
  if (found !== CEDAR_VERSION) throw unusable(`was found in version ${found}. Install version ${CEDAR_VERSION}`);
  return cedar;
}

function unusable(what: string, cause?: unknown): ConfigError {
  const message = `The package @cedar-policy/cedar-wasm, which policies need, ${what}.`;
  return new ConfigError([{ where: 'policies', message }], cause === undefined ? undefined : { cause });
}

type Exports = Record<string, unknown>;
interface WasmInstance {
  readonly exports: Exports;
}
interface Wasm {
  Instance: new (...args: unknown[]) => WasmInstance;
}

/**
 * Node 20 and 22 abort the whole process if optimised code that calls wasm directly is discarded during such a call: with cedar-wasm in a hot
 * loop, within seconds. V8 never makes a call of a Proxy direct, so each function that an instance exports becomes a Proxy. Nothing else changes.
 */
function withSafeExports<T>(load: () => T): T {
  const wasm = (globalThis as unknown as { WebAssembly: Wasm }).WebAssembly;
  const { Instance } = wasm;
  const Safe = class extends Instance {
    override get exports(): Exports {
      return Object.fromEntries(
        Object.entries(super.exports).map(([name, value]) => [name, typeof value === 'function' ? new Proxy(value, {}) : value]),
      );
    }
  };
  // false where the program froze what is global: loading must not fail for it
  Reflect.set(wasm, 'Instance', Safe);
  try {
    return load();
  } finally {
    Reflect.set(wasm, 'Instance', Instance);
  }
}
