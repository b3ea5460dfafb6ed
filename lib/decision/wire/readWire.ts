import * as v from 'valibot';
import { parseJsonStrictly } from '../../common/data/parseJsonStrictly.js';
import type { StrictJsonError, StrictJsonOptions } from '../../common/data/parseJsonStrictly.js';
import { DecisionUnavailableError } from '../../model/errors/ServiceErrors.js';
import { isRecord } from '../../common/data/plainObject.js';

/** A body that has the shape of a schema, or what is wrong with it: the place and what was expected, never what was there. */
export type WireReading<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: 'malformed' | 'duplicate_key'; readonly detail: string };

/**
 * Reads a JSON body strictly.
 *
 * @param whole what the body is called where the fault has no narrower place
 */
export function readWire<T>(schema: v.GenericSchema<unknown, T>, body: string, whole: string, options?: StrictJsonOptions): WireReading<T> {
  let json: unknown;
  try {
    json = parseJsonStrictly(body, options);
  } catch (error) {
    // the strict parser throws nothing else, and never quotes the text
    const { problem, message } = error as StrictJsonError;
    return { ok: false, problem: problem === 'duplicate_key' ? 'duplicate_key' : 'malformed', detail: `: ${message}` };
  }
  const result = v.safeParse(schema, json, { abortEarly: true });
  if (result.success) return { ok: true, value: result.output };
  // an issue's own message quotes what it received
  const [issue] = result.issues;
  const path = v.getDotPath(issue) ?? whole;
  const expected =
    issue.expected === 'never' ? 'no field of this name' : (issue.expected ?? (issue.type === 'check' ? issue.message : issue.type));
  return { ok: false, problem: 'malformed', detail: ` at ${path}: expected ${expected}` };
}

/**
 * Reads an answer of a decision service strictly.
 *
 * @throws DecisionUnavailableError `malformed` or `duplicate_key`, naming the place and what was expected, never what was there
 */
export function readAnswer<T>(schema: v.GenericSchema<unknown, T>, body: string, whole: string = 'the answer'): T {
  const reading = readWire(schema, body, whole);
  if (reading.ok) return reading.value;
  const what = whole === 'the answer' ? "The decision service's answer" : 'An event of the decision service';
  throw new DecisionUnavailableError(reading.problem, `${what} is malformed${reading.detail}.`);
}

/** Text that may be absent or null. */
export const optionalText: v.GenericSchema<unknown, string | null | undefined> = /* @__PURE__ */ (() => v.nullish(v.string()))();

/** Bounded, because ids are kept. */
export const shortText: v.GenericSchema<unknown, string> = /* @__PURE__ */ (() => v.pipe(v.string(), v.maxLength(512)))();

/** A JSON object whose keys and values are checked elsewhere: v.record would silently drop forbidden keys. */
export const jsonObject: v.GenericSchema<unknown, Readonly<Record<string, unknown>>> = /* @__PURE__ */ (() =>
  v.pipe(v.unknown(), v.check(isRecord, 'an object')) as never)();

/** The params as the wire carries them, from which both ends can compute the same digest. */
export function wireForm(params: unknown): unknown {
  return JSON.parse(writeWire(params));
}

/** JSON in which a Date is its ISO string and a BigInt its decimal string. */
export function writeWire(value: unknown): string {
  try {
    // a Date's own toJSON makes it an ISO string
    return JSON.stringify(value);
  } catch {
    // it holds a BigInt: a function that is asked about each value takes several times as long
    return JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? item.toString() : item));
  }
}

/** Whether this can name a decision in a URL: not empty, not a step up (`..`), no half of a character. At most 512 characters. */
export function isUsableId(decisionId: string): boolean {
  return decisionId.length <= 512 && !/^\.{0,2}$|\p{Surrogate}/u.test(decisionId);
}
