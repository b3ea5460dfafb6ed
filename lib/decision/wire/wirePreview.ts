// The preview of a call: its client sends it with the request for a decision, once the server has asked for it.
import * as v from 'valibot';
import { canonicalDigest } from '../../common/data/canonical.js';
import type { Params } from '../../model/Params.js';
import { PREVIEW_FAILURES, REVERSIBILITIES } from '../../model/preview/CallPreview.js';
import type { ApprovalPreview, CallPreview, PreviewChange, PreviewOutcome } from '../../model/preview/CallPreview.js';
import { readPreview } from '../../model/view/readPreview.js';
import { wireForm } from './readWire.js';

/** The effect of an answer that is not a decision yet: the client makes a preview of what would run, and sends its request again with it. */
export const PREVIEW_NEEDED = 'preview_needed';

/** A preview as its client sends it. */
export interface SentPreview {
  /** SHA-256 of the params that it is of, in their wire form. */
  readonly of: string;
  readonly outcome: PreviewOutcome;
}

/** A preview in a body: what it says, or why there is none. */
export interface WirePreview {
  readonly of: string;
  readonly summary?: string | undefined;
  readonly changes?: readonly PreviewChange[] | undefined;
  readonly reversible?: string | undefined;
  readonly failure?: string | undefined;
}

const fields = /* @__PURE__ */ (() => ({
  summary: v.optional(v.string()),
  changes: v.optional(
    v.array(v.strictObject({ what: v.string(), before: v.optional(v.unknown()), after: v.optional(v.unknown()) })) as never,
  ),
  reversible: v.optional(v.picklist(REVERSIBILITIES)),
  failure: v.optional(v.picklist(PREVIEW_FAILURES)),
}))();

/** The preview in a request. */
export const wirePreview: v.GenericSchema<unknown, WirePreview> = /* @__PURE__ */ (() =>
  v.pipe(
    v.strictObject({
      of: v.pipe(
        v.string(),
        v.check((text) => /^[0-9a-f]{64}$/.test(text), 'a SHA-256 in 64 lower-case hex digits'),
      ),
      ...fields,
    }),
    v.check((given) => outcomeOf(given) !== undefined, 'a preview of at most 16 kB, or why there is none'),
  ) as never)();

/** The preview of an approval, in an answer. */
export const shownPreview: v.GenericSchema = /* @__PURE__ */ (() =>
  v.object({ of: v.string(), digest: v.string(), is_current: v.boolean(), ...fields }))();

/** Names the params that a preview is of, as both ends can. */
export function previewedParams(params: Params): string {
  return canonicalDigest(wireForm(params));
}

export function writePreview({ of, outcome: { content, failure } }: SentPreview): WirePreview {
  return content === undefined ? { of, failure } : { of, ...content };
}

/** @param given a body that its schema has accepted */
export function readSentPreview(given: WirePreview): SentPreview {
  return { of: given.of, outcome: outcomeOf(given) as PreviewOutcome };
}

/** @param digest of the params that would run now */
export function writeShownPreview({ of, digest, content, failure }: ApprovalPreview, current: string): object {
  return { of, digest, is_current: of === current, ...content, ...(failure !== undefined && { failure }) };
}

function outcomeOf({ of: _of, failure, ...content }: WirePreview): PreviewOutcome | undefined {
  if (failure !== undefined)
    return Object.keys(content).length === 0 ? { failure: failure as PreviewOutcome['failure'] & string } : undefined;
  const outcome = readPreview(content as unknown as CallPreview);
  return outcome.content === undefined ? undefined : outcome;
}
