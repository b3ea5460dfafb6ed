import type { Opening } from './AuditSink.js';
import { unreadableText } from './storedText.js';

/** Nothing is opened with it. */
const NO_SALT = '';

/** An opening as one line, without its end. */
export function openingText({ seq, decisionId, requester, at, salt, values }: Opening): string {
  return JSON.stringify({ seq, decisionId, requester, at, salt, values });
}

/** The opening in a line; `undefined` where the line holds none, as where it was erased. One that is not UTF-8 was changed: it opens nothing. */
export function openingIn(line: string): Opening | undefined {
  const broken = unreadableText(line);
  let parsed: Partial<Record<keyof Opening, unknown>> | null;
  try {
    parsed = JSON.parse(broken ?? line) as typeof parsed;
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const { seq, decisionId, requester, at, salt, values } = parsed;
  if (!Number.isSafeInteger(seq) || !Number.isSafeInteger(at)) return undefined;
  if (typeof decisionId !== 'string' || typeof salt !== 'string' || !isTexts(values)) return undefined;
  if (requester !== undefined && typeof requester !== 'string') return undefined;
  return {
    seq: seq as number,
    decisionId,
    ...(requester !== undefined && { requester }),
    at: at as number,
    salt: broken === undefined ? salt : NO_SALT,
    values,
  };
}

function isTexts(values: unknown): values is Record<string, string> {
  return typeof values === 'object' && values !== null && Object.values(values).every((text) => typeof text === 'string');
}
