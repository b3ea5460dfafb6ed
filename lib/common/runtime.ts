// The only module with side effects (see "sideEffects" in package.json), imported by everything that touches metadata.
//  * reflect-metadata adds the metadata API to the global Reflect; /lite shares its registry with a full copy loaded elsewhere.
//  * Symbol.metadata is missing in Node 20 to 26 and in Bun. Symbol.for() is the key that other compilers' helpers fall back to,
//    so that all of them agree. It is non-writable in the proposal, hence defineProperty.
import 'reflect-metadata/lite';

if (typeof Symbol.metadata === 'undefined') {
  Object.defineProperty(Symbol, 'metadata', { value: Symbol.for('Symbol.metadata') });
}
