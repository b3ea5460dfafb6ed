import { canonicalText } from '../../common/data/canonical.js';
import { isPlainObject } from '../../common/data/plainObject.js';
import { AegisError } from '../AegisError.js';
import { frozenCopy } from '../snapshot/copyValue.js';
import { DEFAULT_LIMITS, takeSnapshot } from '../snapshot/takeSnapshot.js';
import { REVERSIBILITIES } from '../preview/CallPreview.js';
import type { CallPreview, PreviewOutcome } from '../preview/CallPreview.js';

/** The most bytes of a preview, in its canonical form. */
export const MAX_PREVIEW_BYTES = 16_384;

const FIELDS: readonly string[] = ['summary', 'changes', 'reversible'] satisfies (keyof CallPreview)[];
const CHANGE_FIELDS: readonly string[] = ['what', 'before', 'after'];
/** Enough to walk a value that is too large, and not enough to be slow. */
const LIMITS = { ...DEFAULT_LIMITS, maxBytes: MAX_PREVIEW_BYTES * 4 };

/**
 * Copies and checks what is said to be a preview: plain data, in which dates and BigInts become their text; nothing is repaired. Nothing of it is read but
 * its own properties, once.
 */
export function readPreview(given: unknown): PreviewOutcome {
  if (given === undefined) return { failure: 'malformed' };
  let value: unknown;
  try {
    value = takeSnapshot(given, '', LIMITS).value;
  } catch (error) {
    return { failure: AegisError.is(error) && /\b(?:larger|more) than\b/.test(error.message) ? 'too_large' : 'not_plain' };
  }
  const content = asJson(value);
  if (!isPreview(content)) return { failure: 'malformed' };
  return Buffer.byteLength(canonicalText(content)) > MAX_PREVIEW_BYTES ? { failure: 'too_large' } : { content: frozenCopy(content) };
}

/** What travels is what is shown and signed, wherever the preview was made. */
function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? item.toString() : item)));
}

function isPreview(value: unknown): value is CallPreview {
  if (!isPlainObject(value) || !hasOnly(value, FIELDS)) return false;
  const { summary, changes = [], reversible } = value as Partial<CallPreview>;
  return isText(summary) && REVERSIBILITIES.includes(reversible as never) && Array.isArray(changes) && changes.every(isChange);
}

function isChange(value: unknown): boolean {
  return isPlainObject(value) && hasOnly(value, CHANGE_FIELDS) && isText((value as { readonly what?: unknown }).what);
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.trim() !== '';
}

function hasOnly(value: object, names: readonly string[]): boolean {
  return Object.keys(value).every((name) => names.includes(name));
}
