// The Data Plane's protocol as it stands on the wire. snake_case lives here alone.
import * as v from 'valibot';
import { parseJsonStrictly } from '../../common/data/parseJsonStrictly.js';
import type { StrictJsonError } from '../../common/data/parseJsonStrictly.js';
import type { DecisionRequest } from '../../model/Decision.js';
import { DecisionUnavailableError } from '../../model/errors/ServiceErrors.js';

/** The body of `POST /v1/decision`. A Date travels as its ISO string, a BigInt as its decimal string, everything else as JSON. */
export function decisionBody(request: DecisionRequest): string {
  const { agentId, toolName, params, session } = request;
  return JSON.stringify({ agent_id: agentId, tool: { name: toolName, params }, session }, wireValue);
}

/** What the service sees of params: the form in which both ends can compute the same digest. */
export function wireForm(params: unknown): unknown {
  return JSON.parse(JSON.stringify(params, wireValue));
}

// a Date's own toJSON has made it an ISO string before this is called
function wireValue(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}

interface WireViolation {
  readonly type: string;
  readonly message: string;
  readonly field?: string | null | undefined;
  readonly condition?: string | null | undefined;
  readonly actual_value?: unknown;
  readonly limit_type?: string | null | undefined;
}

interface WireSanitize {
  readonly message?: string | null | undefined;
  /** An object whose keys and values nobody has looked at yet. */
  readonly params?: unknown;
  readonly removed?: readonly string[] | null | undefined;
  readonly effective_digest?: string | null | undefined;
}

/** A valid answer to `POST /v1/decision`. */
export interface WireDecision {
  readonly request_id: string;
  readonly tenant_id?: string | null | undefined;
  readonly agent_id: string;
  readonly decision_id: string;
  readonly tool: string;
  readonly final_decision: {
    /** One of the four, or one this version does not know. */
    readonly effect: string;
    readonly reason?: string | null | undefined;
    readonly sanitize?: WireSanitize | null | undefined;
    readonly violations?: readonly WireViolation[] | null | undefined;
    readonly approval_id?: string | null | undefined;
  };
  readonly policy_evaluations?: readonly unknown[] | null | undefined;
  readonly latency_ms: number;
}

/** A valid answer to `GET /v1/decision/{id}/status`. */
export interface WireStatus {
  readonly decision_id: string;
  readonly status: string;
  readonly effect?: string | null | undefined;
}

const optionalText = /* @__PURE__ */ (() => v.nullish(v.string()))();
// bounded, because ids are kept
const shortText = /* @__PURE__ */ (() => v.pipe(v.string(), v.maxLength(512)))();
const record = /* @__PURE__ */ (() => v.pipe(v.unknown(), v.check(isRecord, 'an object')))();

const violation = /* @__PURE__ */ (() =>
  v.object({
    type: v.string(),
    message: v.string(),
    field: optionalText,
    condition: optionalText,
    actual_value: v.optional(v.unknown()),
    limit_type: optionalText,
  }))();

// v.record would silently drop forbidden keys: `params` is walked by hand
const sanitize = /* @__PURE__ */ (() =>
  v.pipe(
    record,
    v.object({ message: optionalText, params: v.nullish(record), removed: v.nullish(v.array(v.string())), effective_digest: optionalText }),
  ))();

const decisionAnswer: v.GenericSchema<unknown, WireDecision> = /* @__PURE__ */ (() =>
  v.object({
    request_id: shortText,
    tenant_id: v.nullish(shortText),
    agent_id: v.string(),
    decision_id: v.pipe(shortText, v.check(isUsableId, 'an id that can be part of a URL')),
    tool: v.string(),
    final_decision: v.object({
      effect: v.string(),
      reason: optionalText,
      sanitize: v.nullish(sanitize),
      violations: v.nullish(v.array(violation)),
      approval_id: v.nullish(shortText),
    }),
    policy_evaluations: v.nullish(v.array(v.unknown())),
    latency_ms: v.pipe(v.number(), v.integer()),
  }))();

const statusAnswer: v.GenericSchema<unknown, WireStatus> = /* @__PURE__ */ (() =>
  v.object({ decision_id: v.string(), status: v.string(), effect: optionalText }))();

/** @throws DecisionUnavailableError `malformed` or `duplicate_key`, naming the place and what was expected, never what was there */
export function parseDecision(body: string): WireDecision {
  return validate(decisionAnswer, body);
}

/** @throws DecisionUnavailableError as {@link parseDecision} */
export function parseStatus(body: string): WireStatus {
  return validate(statusAnswer, body);
}

/** Reads the body of an error: JSON with `message` and perhaps `error`, or plain text. Whatever it is, it never throws. */
export function parseErrorBody(body: string): { readonly message?: string | undefined; readonly code?: string | undefined } {
  let answer: unknown;
  try {
    answer = parseJsonStrictly(body);
  } catch {
    // a page of a proxy, or broken JSON, tells a person nothing
    return /^\s*[<{[]/.test(body) ? {} : { message: body };
  }
  if (!isRecord(answer)) return {};
  const { message, error } = answer;
  return { message: typeof message === 'string' ? message : undefined, code: typeof error === 'string' ? error : undefined };
}

/** Whether this can name a decision in a URL: not empty, not a step up (`..`), no half of a character. At most 512 characters. */
export function isUsableId(decisionId: string): boolean {
  return decisionId.length <= 512 && !/^\.{0,2}$|\p{Surrogate}/u.test(decisionId);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function validate<T>(schema: v.GenericSchema<unknown, T>, body: string): T {
  const result = v.safeParse(schema, parse(body), { abortEarly: true });
  if (result.success) return result.output;
  // an issue's own message quotes what it received
  const [issue] = result.issues;
  const path = v.getDotPath(issue) ?? 'the answer';
  const expected = issue.expected ?? (issue.type === 'check' ? issue.message : issue.type);
  throw new DecisionUnavailableError('malformed', `The decision service's answer is malformed at ${path}: expected ${expected}.`);
}

function parse(body: string): unknown {
  try {
    return parseJsonStrictly(body);
  } catch (error) {
    // a strict parser throws nothing else, and never quotes the text
    const { problem, message } = error as StrictJsonError;
    const reason = problem === 'duplicate_key' ? 'duplicate_key' : 'malformed';
    throw new DecisionUnavailableError(reason, `The decision service's answer is malformed: ${message}.`);
  }
}
