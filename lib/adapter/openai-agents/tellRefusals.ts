import { AegisError } from '../../model/AegisError.js';
import { deniedText } from '../tool/text.js';
import type { OpenAiCallDetails } from './OpenAiTool.js';

/**
 * An `errorFunction` for tools that call guarded methods: the model is told what these methods refuse. By default the SDK hides errors within a tool from the model.
 *
 * @returns the text for the model
 * @example tool({ …, execute: ({ id }) => shop.refund(id), errorFunction: tellRefusals });
 */
export function tellRefusals(_runContext: unknown, error: unknown, details?: OpenAiCallDetails): string {
  if (!AegisError.is(error)) return 'An error occurred while running the tool. Please try again.';
  return deniedText(details?.toolCall?.name ?? '', error);
}
