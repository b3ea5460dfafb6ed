/**
 * What can be done about a call once it has run. `read-only`: it changes nothing. `reversible`: it can be undone here. `external`: what it causes is outside
 * of this system, such as a mail that is sent. `irreversible`: it cannot be taken back.
 */
export type Reversibility = 'read-only' | 'reversible' | 'external' | 'irreversible';

/** What can be done about a call once it has run; from the least to the most that a mistake costs. */
export const REVERSIBILITIES: readonly Reversibility[] = ['read-only', 'reversible', 'external', 'irreversible'];

/** One thing that a call would change. */
export interface PreviewChange {
  /** What it is, in words for the person who decides. */
  readonly what: string;
  /** How it is now: plain data. */
  readonly before?: unknown;
  /** How it would be: plain data. */
  readonly after?: unknown;
}

/** What a call would do, in the words of its tool, for the person who decides. */
export interface CallPreview {
  /** What would happen, in a sentence or two. */
  readonly summary: string;
  /** What would change. @defaultValue nothing is listed */
  readonly changes?: readonly PreviewChange[] | undefined;
  /** What can be done about it afterwards. */
  readonly reversible: Reversibility;
}

/**
 * Why a guard that makes previews has none of a call. `threw`: making it failed. `timeout`: it took too long. `too_large`: it has more than 16 kB.
 * `not_plain`: it has values that are not plain data. `malformed`: it is not a preview. `nested`: the call was made by code that makes a preview.
 */
export type PreviewFailure = 'threw' | 'timeout' | 'too_large' | 'not_plain' | 'malformed' | 'nested';

/** Every {@link PreviewFailure}. */
export const PREVIEW_FAILURES: readonly PreviewFailure[] = ['threw', 'timeout', 'too_large', 'not_plain', 'malformed', 'nested'];

/** A preview, or why there is none. */
export type PreviewOutcome =
  { readonly content: CallPreview; readonly failure?: undefined } | { readonly failure: PreviewFailure; readonly content?: undefined };

/** The preview of an approval, or why its guard could not make one. */
export interface ApprovalPreview {
  /** SHA-256 of the params that it is of: after an edit, others would run. */
  readonly of: string;
  /** SHA-256 over the params' digest, and the preview or why there is none. */
  readonly digest: string;
  /** The preview; left out where there is none, and once nothing can run under the approval. */
  readonly content?: CallPreview | undefined;
  /** Why there is none. */
  readonly failure?: PreviewFailure | undefined;
}
