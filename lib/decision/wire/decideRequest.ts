// The question of `POST /v1/decision`: a client writes it, a server reads it.
import * as v from 'valibot';
import { canonicalDigest } from '../../common/data/canonical.js';
import type { DecisionRequest } from '../../model/Decision.js';
import { CAPABILITIES } from '../../model/Capability.js';
import type { Capability } from '../../model/Capability.js';
import { BadRequestError } from '../../model/errors/ServiceErrors.js';
import { UnsupportedParamError } from '../../model/errors/CallErrors.js';
import { isId, TOOL_NAME } from '../../model/Params.js';
import type { Params, Session } from '../../model/Params.js';
import { frozenCopy } from '../../model/snapshot/copyValue.js';
import { readSensitive } from '../../model/view/readSensitive.js';
import type { Sensitive } from '../../model/sensitive/Sensitive.js';
import { takeSnapshot } from '../../model/snapshot/takeSnapshot.js';
import { isNameList, readJsonHeader, writeJsonHeader } from './jsonHeader.js';
import { jsonObject, readWire, wireForm, writeWire } from './readWire.js';
import { readSentPreview, wirePreview, writePreview } from './wirePreview.js';
import type { SentPreview, WirePreview } from './wirePreview.js';
import { isWireTypes, restoreTypes, typesOf } from './wireTypes.js';
import type { WireTypes } from './wireTypes.js';
import {
  AMEND,
  APPROVAL_TIMEOUT_HEADER,
  BINDING_HEADER,
  CAPABILITIES_HEADER,
  DIGEST_HEADER,
  EFFECTIVE_DIGEST,
  GUARD_KEY_HEADER,
  IDEMPOTENCY_HEADER,
  isHeaderValue,
  NONCE_HEADER,
  OPAQUE_HEADER,
  PREVIEW,
  REMOVABLE_HEADER,
  TYPES_HEADER,
} from './wireHeaders.js';

/** The most seconds that a header can say. */
const MAX_TIMEOUT_S = 9_999_999_999;

/**
 * Writes the request for a decision on one call. A Date travels as its ISO string, a BigInt as its decimal string, everything else as JSON.
 *
 * @param hosted whether it is for the hosted service: then it has no more than that one's protocol
 * @param preview what the server has asked for
 * @throws BadRequestError where a field cannot be sent in a header
 */
export function writeDecideRequest(
  request: DecisionRequest,
  hosted: boolean,
  preview?: SentPreview,
): {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
} {
  const { callId, bindingBase } = request;
  const paramsDigest = sentDigest(request, hosted);
  const inHeaders = { callId, paramsDigest, bindingBase };
  for (const [name, value] of Object.entries(inHeaders)) {
    if (!isHeaderValue(value))
      throw new BadRequestError(
        `\`${name}\` cannot be sent as a header: it must be 1 to 512 characters of printable ASCII without spaces.`,
      );
  }
  return {
    headers: {
      [IDEMPOTENCY_HEADER]: callId,
      [NONCE_HEADER]: callId,
      [DIGEST_HEADER]: paramsDigest,
      [BINDING_HEADER]: bindingBase,
      ...(hosted ? { [CAPABILITIES_HEADER]: EFFECTIVE_DIGEST } : callHeaders(request)),
    },
    body: writeWire({ ...writeCall(request), ...writeViews(request), ...(preview && { preview: writePreview(preview) }) }),
  };
}

/** The digest of the params as the server has them: of their wire form where their types are not told. The hosted service only sends it back. */
export function sentDigest({ params, paramsDigest, wireTypes }: DecisionRequest, hosted: boolean): string {
  return wireTypes === 'string' && !hosted ? canonicalDigest(wireForm(params)) : paramsDigest;
}

/** A call as a body carries it. */
function writeCall({ agentId, toolName, params, session }: DecisionRequest): object {
  return { agent_id: agentId, tool: { name: toolName, params }, session };
}

/** In the body: a server that does not know it refuses the request, and shows the call to no one. */
function writeViews({ sensitive }: DecisionRequest): { readonly sensitive?: Sensitive | undefined } {
  return sensitive === undefined ? {} : { sensitive };
}

/** What the body does not say of a call, and what this client can do. */
export function callHeaders(request: DecisionRequest): Readonly<Record<string, string>> {
  const { guardKey, toolName, removable, opaque, approvalTimeoutMs } = request;
  const types = typesOfCall(request);
  const values: readonly (readonly [header: string, value: unknown, isSaid: boolean])[] = [
    [GUARD_KEY_HEADER, guardKey, guardKey !== toolName],
    [REMOVABLE_HEADER, removable, removable.length > 0],
    [OPAQUE_HEADER, opaque, opaque.length > 0],
    // also where there are none: a server that does not get it must not be taken for one that knows them
    [TYPES_HEADER, types, true],
  ];
  const said = values.filter(([, , isSaid]) => isSaid).map(([header, value]) => [header, writeJsonHeader(header, value)] as const);
  return {
    [CAPABILITIES_HEADER]: capabilitiesFor(request).join(', '),
    [APPROVAL_TIMEOUT_HEADER]: String(Math.min(Math.ceil(approvalTimeoutMs / 1_000), MAX_TIMEOUT_S)),
    ...Object.fromEntries(said),
  };
}

/** What a person edits comes back with its types: where policies are to see text, no one edits. Only some guards make previews. */
function capabilitiesFor({ wireTypes, preview }: DecisionRequest): readonly Capability[] {
  return CAPABILITIES.filter((name) => (name !== AMEND || wireTypes !== 'string') && (name !== PREVIEW || preview !== undefined));
}

/** What travels as text, unless the guard says that text is what its policies are to see. */
export function typesOfCall({ params, session, wireTypes }: DecisionRequest): WireTypes {
  return wireTypes === 'string' ? {} : { ...typesOf(params, '/params'), ...typesOf(session, '/session') };
}

/** A request for a decision as a server reads it. Params and session are deep-frozen copies, in which values are what the client says they are. */
export interface DecideRequest {
  readonly agentId: string;
  readonly toolName: string;
  readonly params: Params;
  readonly session: Session | null;
  /** JSON pointer of the first null in the params: Cedar would take it for an absent attribute. */
  readonly firstNull: string | undefined;
  readonly idempotencyKey: string | undefined;
  /** Unique to the call; the answer must echo it. */
  readonly nonce: string | undefined;
  /** The client's SHA-256 of its params; the answer must echo it. */
  readonly paramsDigest: string | undefined;
  /** The client's SHA-256 over what its guard knows of the call. */
  readonly bindingBase: string | undefined;
  /** What the client can do beyond the hosted protocol. */
  readonly capabilities: ReadonlySet<string>;
  /** Whether the client said which values travel as text. Where it did not, or that was lost on the way, they are decided on as text. */
  readonly knowsTypes: boolean;
  /** The key of the guard; the tool's name where the client does not say. */
  readonly guardKey: string;
  /** Names of params that a sanitize may remove. */
  readonly removable: readonly string[];
  /** Names of params that the client left out of the request. */
  readonly opaque: readonly string[];
  /** What is not shown to everyone. */
  readonly sensitive?: Sensitive | undefined;
  /** What the call would do, as the client says. */
  readonly preview?: SentPreview | undefined;
  /** How long the client waits for an approval. */
  readonly approvalTimeoutMs: number | undefined;
}

interface WireDecideRequest {
  readonly agent_id: string;
  readonly tool: { readonly name: string; readonly params: Readonly<Record<string, unknown>> };
  readonly session: Readonly<Record<string, unknown>> | null;
  readonly sensitive?: unknown;
}

const wireCall = /* @__PURE__ */ (() => ({
  agent_id: v.pipe(
    v.string(),
    v.check((id) => isId(id), 'a string of 1 to 256 characters'),
  ),
  tool: v.strictObject({
    name: v.pipe(
      v.string(),
      v.check((name) => TOOL_NAME.test(name), 'a tool name of 1 to 128 letters, digits and _ . : / -'),
    ),
    params: jsonObject,
  }),
  session: v.nullable(jsonObject),
  sensitive: v.optional(
    v.pipe(
      v.unknown(),
      v.check((given) => typeof readSensitive(given) !== 'string', 'a map from pointers to views'),
    ),
  ),
}))();

/** The body of `POST /v1/decision`. */
export const decideRequest: v.GenericSchema<unknown, WireDecideRequest & { readonly preview?: WirePreview | undefined }> =
  /* @__PURE__ */ (() => v.strictObject({ ...wireCall, preview: v.optional(wirePreview) }))();

interface WireDryRunCall extends WireDecideRequest {
  readonly guard_key?: string | undefined;
  readonly removable?: readonly string[] | undefined;
  readonly opaque?: readonly string[] | undefined;
  readonly types?: WireTypes | undefined;
}

const nameList = /* @__PURE__ */ (() => v.optional(v.pipe(v.unknown(), v.check(isNameList, 'a list of different names')) as never))();

/** The body of `POST /v1/decisions/dry-run`. What a request for one decision says in headers, each call says itself. */
export const dryRunRequest: v.GenericSchema<unknown, { readonly calls: readonly WireDryRunCall[] }> = /* @__PURE__ */ (() =>
  v.strictObject({
    calls: v.pipe(
      v.array(
        v.strictObject({
          ...wireCall,
          guard_key: v.optional(
            v.pipe(
              v.string(),
              v.check((key) => isId(key), 'a string of 1 to 256 characters'),
            ),
          ),
          removable: nameList,
          opaque: nameList,
          types: v.optional(v.pipe(v.unknown(), v.check(isWireTypes, 'a map from pointers to bigint or date')) as never),
        }),
      ),
      v.maxLength(200),
    ),
  }))();

/** Writes the calls of a dry run. */
export function writeDryRunRequest(requests: readonly DecisionRequest[]): string {
  const calls = requests.map((request): WireDryRunCall => {
    const { agentId, toolName, guardKey, params, session, removable, opaque } = request;
    const types = typesOfCall(request);
    return {
      agent_id: agentId,
      tool: { name: toolName, params },
      session,
      guard_key: guardKey,
      removable,
      opaque,
      types,
      ...writeViews(request),
    };
  });
  return writeWire({ calls });
}

/**
 * Reads a request for a decision strictly: nothing in it is ignored, repaired or guessed.
 *
 * @throws BadRequestError naming the place and what was expected, never what was there
 */
export function readDecideRequest(headers: Pick<Headers, 'get'>, body: string): DecideRequest {
  const reading = readWire(decideRequest, body, 'the request', { exactIntegers: true });
  if (!reading.ok) throw new BadRequestError(`The request is malformed${reading.detail}.`);
  const { tool, preview } = reading.value;
  const types = readJsonHeader(headers, TYPES_HEADER, isWireTypes, 'a map from pointers to bigint or date');
  return Object.freeze({
    ...readCall(reading.value, '', {
      guardKey: readJsonHeader(headers, GUARD_KEY_HEADER, isId, 'a text of 1 to 256 characters') ?? tool.name,
      types: types ?? {},
      removable: readNames(headers, REMOVABLE_HEADER),
      opaque: readNames(headers, OPAQUE_HEADER),
    }),
    idempotencyKey: readHeader(headers, IDEMPOTENCY_HEADER, isHeaderValue, '1 to 512 characters of printable ASCII without spaces'),
    nonce: readHeader(headers, NONCE_HEADER, isHeaderValue, '1 to 512 characters of printable ASCII without spaces'),
    paramsDigest: readHeader(headers, DIGEST_HEADER, isSha256, SHA256),
    bindingBase: readHeader(headers, BINDING_HEADER, isSha256, SHA256),
    capabilities: readCapabilities(headers),
    ...(preview !== undefined && { preview: readSentPreview(preview) }),
    knowsTypes: types !== undefined,
    approvalTimeoutMs: readTimeout(headers),
  });
}

/**
 * Reads the calls of a dry run as strictly.
 *
 * @throws BadRequestError as {@link readDecideRequest}
 */
export function readDryRunRequest(headers: Pick<Headers, 'get'>, body: string): readonly DecideRequest[] {
  const reading = readWire(dryRunRequest, body, 'the request', { exactIntegers: true });
  if (!reading.ok) throw new BadRequestError(`The request is malformed${reading.detail}.`);
  const capabilities = readCapabilities(headers);
  const none = {
    idempotencyKey: undefined,
    nonce: undefined,
    paramsDigest: undefined,
    bindingBase: undefined,
    approvalTimeoutMs: undefined,
    // each call names them in the body
    knowsTypes: true,
  };
  return reading.value.calls.map((call, i) => {
    const { guard_key: guardKey = call.tool.name, types = {}, removable = [], opaque = [] } = call;
    return Object.freeze({ ...readCall(call, `calls.${i}.`, { guardKey, types, removable, opaque }), capabilities, ...none });
  });
}

/** What a request says of a call beside the call itself. */
interface CallNotes {
  readonly guardKey: string;
  readonly types: WireTypes;
  readonly removable: readonly string[];
  readonly opaque: readonly string[];
}

/** @param at where the call is in the body, with a dot at its end */
function readCall(
  { agent_id: agentId, tool, session, sensitive }: WireDecideRequest,
  at: string,
  { guardKey, types, removable, opaque }: CallNotes,
) {
  const params = readValues(tool.params, `${at}tool.params`);
  const sent = { params: params.values, session: session === null ? null : readValues(session, `${at}session`).values };
  const values = restoreTypes(sent, types);
  if (opaque.some((name) => Object.hasOwn(values.params, name)))
    throw new BadRequestError(
      `The request is malformed at ${at}tool.params: a param in it is listed as opaque (${OPAQUE_HEADER}); leave opaque params out.`,
    );
  return {
    agentId,
    toolName: tool.name,
    params: frozenCopy(values.params),
    session: frozenCopy(values.session),
    firstNull: params.firstNull,
    guardKey,
    removable,
    opaque,
    // the schema has accepted it
    ...(sensitive !== undefined && { sensitive: readSensitive(sensitive) as Sensitive }),
  };
}

function readNames(headers: Pick<Headers, 'get'>, name: string): readonly string[] {
  return Object.freeze(readJsonHeader(headers, name, isNameList, 'a list of different names') ?? []);
}

function readTimeout(headers: Pick<Headers, 'get'>): number | undefined {
  const isWhole = (text: string): boolean => /^[1-9][0-9]{0,9}$/.test(text);
  const text = readHeader(headers, APPROVAL_TIMEOUT_HEADER, isWhole, 'a whole number of seconds from 1 to 9,999,999,999');
  return text === undefined ? undefined : Number(text) * 1_000;
}

/** The rules of every snapshot: no forbidden key, finite numbers, bounded size and depth. */
function readValues(wire: unknown, where: string): { readonly values: Params; readonly firstNull: string | undefined } {
  try {
    const { value, firstNull } = takeSnapshot(wire);
    return { values: value as Params, firstNull };
  } catch (error) {
    // pointers name the client's own keys, messages its values' kinds and the limits
    const at = error instanceof UnsupportedParamError && error.path.length <= 200 ? error.path : '';
    throw new BadRequestError(
      `The request is malformed at ${where}${at}: expected JSON with finite numbers and without reserved keys, within the limits of size and depth.`,
    );
  }
}

function readHeader(headers: Pick<Headers, 'get'>, name: string, accepts: (text: string) => boolean, expected: string): string | undefined {
  const text = headers.get(name);
  if (text === null) return undefined;
  if (!accepts(text)) throw new BadRequestError(`The header ${name} is malformed: expected ${expected}, once.`);
  return text;
}

const SHA256 = 'a SHA-256 in 64 lower-case hex digits';

function isSha256(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

function readCapabilities(headers: Pick<Headers, 'get'>): ReadonlySet<string> {
  const isList = (text: string): boolean => /^[a-z0-9-]{1,64}(?:[ \t]*,[ \t]*[a-z0-9-]{1,64}){0,31}$/.test(text);
  const list = readHeader(
    headers,
    CAPABILITIES_HEADER,
    isList,
    'at most 32 names of lower-case letters, digits and -, separated by commas',
  );
  const names = list?.split(/[ \t]*,[ \t]*/) ?? [];
  const capabilities = new Set(names);
  if (capabilities.size < names.length)
    throw new BadRequestError(`The header ${CAPABILITIES_HEADER} is malformed: a capability is listed twice; list each one once.`);
  return capabilities;
}
