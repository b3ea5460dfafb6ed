import { ConfigError } from '../../model/errors/SetupErrors.js';
import { bindingOf, checkSoleBinding, noteInstance } from './guardIndex.js';
import { guardInfoOf, listGuards, valueOf } from './guardMetadata.js';

type AnyClass = abstract new (...args: never) => unknown;

/** Binds the guards of a class to it, and to an instance where one is given. @throws ConfigError */
export function registerGuards(target: object): void {
  const isClass = typeof target === 'function';
  const type = (isClass ? target : (target as Partial<object> | null | undefined)?.constructor) as AnyClass | undefined;
  // a function that is no class has no prototype, or guards
  const guards = typeof type === 'function' && typeof type.prototype === 'object' ? listGuards(type) : [];
  if (type === undefined || guards.length === 0) {
    throw new ConfigError([{ where: 'register()', message: 'takes a class that has guarded methods, or an instance of one.' }]);
  }
  for (const info of guards) bindingOf(info)?.belongsTo(type);
  for (const info of guards) checkSoleBinding(info.key);
  for (const info of guards) {
    // what a static method runs on is the class
    const isStatic = guardInfoOf(valueOf(type, info.method)) === info;
    if (!isClass || isStatic) noteInstance(bindingOf(info), isStatic ? type : target);
  }
}
