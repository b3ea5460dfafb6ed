import type { Opening } from './AuditSink.js';

/** An opening as one line, without its end. */
export function openingText({ seq, decisionId, requester, at, salt, values }: Opening): string {
  return JSON.stringify({ seq, decisionId, requester, at, salt, values });
}

/** The opening in a line; `undefined` where the line holds none, as where it was erased. */
export function openingIn(line: string): Opening | undefined {
  let parsed: Partial<Record<keyof Opening, unknown>> | null;
  try {
    parsed = JSON.parse(line) as typeof parsed;
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const { seq, decisionId, requester, at, salt, values } = parsed;
  if (!Number.isSafeInteger(seq) || !Number.isSafeInteger(at)) return undefined;
  if (typeof decisionId !== 'string' || typeof salt !== 'string' || !isTexts(values)) return undefined;
  if (requester !== undefined && typeof requester !== 'string') return undefined;
  return { seq: seq as number, decisionId, ...(requester !== undefined && { requester }), at: at as number, salt, values };
}

function isTexts(values: unknown): values is Record<string, string> {
  return typeof values === 'object' && values !== null && Object.values(values).every((text) => typeof text === 'string');
}
