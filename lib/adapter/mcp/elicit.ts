import { canonicalText } from '../../common/data/canonical.js';
import { revealText } from '../../common/data/reveal.js';
import { isPlainObject } from '../../common/data/plainObject.js';
import { clampTimeout } from '../../common/time/SteadyClock.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import type { McpRequest } from './context.js';

/** The answer of the person at the client; undefined where the person dismissed the question. */
export type McpAnswer = 'yes' | 'no' | undefined;

/** The properties that are used of the SDK's `Server`, of either version. */
export interface McpProtocolServer {
  readonly transport?: object | undefined;
  getClientCapabilities?(): unknown;
  elicitInput?(params: never, options?: never): Promise<unknown>;
}

/** The name of the question in version 2. */
export const QUESTION = 'aegis/approve';

const SCHEMA = {
  type: 'object',
  properties: { approve: { type: 'boolean', title: 'Run it', description: 'Whether this call may run, once.' } },
  required: ['approve'],
} as const;

/** The text that the person is shown: the complete call that would run, with hidden characters made visible. */
export function questionOf({ toolName, params, reason }: ApprovalRecord): string {
  const lines = [`May the tool '${revealText(toolName)}' run?`, `Why it asks: ${revealText(reason)}`];
  for (const name of Object.keys(params)) lines.push(`${revealText(name)} = ${revealText(canonicalText(params[name]), { isJson: true })}`);
  return lines.join('\n');
}

/** Whether the client can show a form to its user. */
export function canElicit(server: McpProtocolServer, { rounds }: McpRequest): boolean {
  const capabilities = rounds?.capabilities ?? server.getClientCapabilities?.();
  const elicitation = isPlainObject(capabilities) ? capabilities['elicitation'] : undefined;
  // a client that names no mode supports forms
  return isPlainObject(elicitation) && (Object.hasOwn(elicitation, 'form') || !Object.hasOwn(elicitation, 'url'));
}

/** Version 1: asks the person while the call waits. */
export async function elicit(
  server: McpProtocolServer,
  message: string,
  { id, signal }: McpRequest,
  timeoutMs: number,
): Promise<McpAnswer> {
  const params = { message, requestedSchema: SCHEMA };
  const options = { relatedRequestId: id, signal, timeout: clampTimeout(timeoutMs) };
  return answerOf(await server.elicitInput?.(params as never, options as never));
}

/** Version 2: a result that asks the person. The client calls the tool again with the answer. */
export function inputRequired(message: string, requestState: string): object {
  const params = { mode: 'form', message, requestedSchema: SCHEMA };
  return { resultType: 'input_required', inputRequests: { [QUESTION]: { method: 'elicitation/create', params } }, requestState };
}

/** Version 2: the answer, if this is the second round of a call. */
export function answered({ rounds }: McpRequest): { readonly answer: McpAnswer } | undefined {
  const responses = rounds?.inputResponses;
  if (typeof responses !== 'object' || responses === null || !Object.hasOwn(responses, QUESTION)) return undefined;
  return { answer: answerOf((responses as Readonly<Record<string, unknown>>)[QUESTION]) };
}

function answerOf(response: unknown): McpAnswer {
  const { action, content } = (response ?? {}) as { readonly action?: unknown; readonly content?: { readonly approve?: unknown } | null };
  if (action === 'accept') return content?.approve === true ? 'yes' : 'no';
  return action === 'decline' ? 'no' : undefined;
}
