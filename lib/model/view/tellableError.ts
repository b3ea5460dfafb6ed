import { AegisError, summarizeError } from '../AegisError.js';
import { tellableText, toldIn } from './withoutValues.js';
import type { ToldCall } from './withoutValues.js';

type Tell = (text: string) => string;

/**
 * What a decision service threw, as a program and its log may have it: without the values of the call that they may not have. Clients of HTTP put whole requests
 * into their errors, so that of an error of others only name, message and stack are kept.
 */
export function tellableError(error: unknown, call: ToldCall): unknown {
  return call.sensitive === undefined ? error : toldError(error, (text) => tellableText(text, call));
}

function toldError(error: unknown, told: Tell): unknown {
  if (error === undefined) return undefined;
  if (!AegisError.is(error)) return withoutFields(error, told);
  // its cause is what the caller itself has given
  if (error.name === 'CallAbortedError') return error;
  const fields = Object.entries(Object.getOwnPropertyDescriptors(error)).map(([name, { enumerable = false }]) => {
    const before: unknown = Reflect.get(error, name);
    const value = name === 'cause' ? toldError(before, told) : toldIn(before, told);
    return { name, field: { value, enumerable }, isSame: before === value };
  });
  if (fields.every(({ isSame }) => isSame)) return error;
  const copy: object = Object.create(Object.getPrototypeOf(error) as object, { [Symbol.for('aegis.error')]: { value: true } }) as object;
  for (const { name, field } of fields) Object.defineProperty(copy, name, field);
  return copy;
}

function withoutFields(error: unknown, told: Tell): Error {
  const { name, message } = summarizeError(error);
  const safe = new Error(told(message));
  safe.name = told(name);
  const stack: unknown = error instanceof Error ? error.stack : undefined;
  if (typeof stack === 'string') safe.stack = told(stack);
  return safe;
}
