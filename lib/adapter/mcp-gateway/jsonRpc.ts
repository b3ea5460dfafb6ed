import { isPlainObject, setOwn } from '../../common/data/plainObject.js';

/** Whether a record has no other keys than these. Decoders in other languages ignore case, or read what they find under a key that is unknown here. */
export function hasOnly(record: object, names: readonly string[]): boolean {
  return Object.keys(record).every((key) => names.includes(key));
}

/** The keys of a message of JSON-RPC. */
export const JSON_RPC_NAMES: readonly string[] = ['jsonrpc', 'id', 'method', 'params', 'result', 'error'];

/** Whether a message without a method is an answer: a result or an error, and nothing that only a request has. */
export function isAnswer({ id, params, result, error }: { readonly [K in 'id' | 'params' | 'result' | 'error']?: unknown }): boolean {
  return id !== undefined && params === undefined && (result === undefined) !== (error === undefined);
}

/** The keys that the protocol gives to the params of a tool call. Extensions belong into `_meta`. */
export const CALL_NAMES: readonly string[] = ['name', 'arguments', 'task', '_meta', 'inputResponses', 'requestState'];

/** The methods of the protocol that a client can send, in all of its versions. */
const METHODS: readonly string[] = (
  'initialize ping tools/call tools/list completion/complete logging/setLevel server/discover prompts/get prompts/list ' +
  'resources/list resources/read resources/templates/list resources/subscribe resources/unsubscribe subscriptions/listen ' +
  'tasks/cancel tasks/get tasks/list tasks/result tasks/update notifications/cancelled notifications/initialized ' +
  'notifications/message notifications/progress notifications/roots/list_changed notifications/tasks/status ' +
  'notifications/elicitation/complete'
).split(' ');
const SHAPES: ReadonlySet<string> = /* @__PURE__ */ new Set(METHODS.map(shapeOf));
/** Whether a shape says that a tool is run, in either order of the words. */
const RUNS_TOOLS = /(?:call|run|invoke|execute|exec|use)tool|tools?(?:call|run|invo|exec|use)/;
const PLAIN_METHOD = /^[\w.$:@-]+(?:\/[\w.$:@-]+)*$/;

/**
 * Whether a server that is lax about spelling could take a method for one of the protocol, or for one that runs tools. Servers differ in what they ignore: case,
 * spaces, separators, an escape.
 */
export function isLookAlike(method: string): boolean {
  if (METHODS.includes(method)) return false;
  const shape = shapeOf(method);
  return !PLAIN_METHOD.test(method) || SHAPES.has(shape) || RUNS_TOOLS.test(shape) || /^tools?(?![a-z0-9])/i.test(method);
}

function shapeOf(method: string): string {
  return method.toLowerCase().replace(/[^a-z0-9]/g, '');
}

/** How deep a message may be nested. A deeper one cannot be written by every JSON encoder, nor read by every server. */
export const MAX_NESTING = 256;

/** Whether a value is nested deeper than {@link MAX_NESTING}. */
export function isTooDeep(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_NESTING) return true;
    level = level
      .flatMap((one) => (typeof one === 'object' && one !== null ? Object.values(one) : []))
      .filter((one) => typeof one === 'object');
  }
  return false;
}

/** Copies JSON without the properties that are `null`, because policies cannot read them. Lists keep their nulls, because the position of an item has a meaning. */
export function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isPlainObject(value)) return value;
  const kept: Record<string, unknown> = {};
  for (const name of Object.keys(value)) if (value[name] !== null) setOwn(kept, name, withoutNulls(value[name]));
  return kept;
}
