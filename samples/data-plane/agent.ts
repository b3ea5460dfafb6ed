// The agent, in any process: two settings name the server, and nothing else changes.
import { AegisModule, ForbiddenError, guard, isPending, type Guarded } from 'aegislib';
import { show } from '../show.js';
import { AGENT } from './shopPolicies.js';

/** Asks the server about three calls, and waits for the person who decides on the last one. */
export async function runAgent(baseUrl: string, apiKey: string): Promise<void> {
  const module = AegisModule.create({ baseUrl, apiKey, agentId: AGENT });
  const reply = guard(async (text: string) => `replied: ${text}`, { toolName: 'reply', params: ['text'], approval: 'wait', module });
  const drop = guard(async (table: string) => `dropped ${table}`, { toolName: 'drop', params: ['table'], approval: 'wait', module });
  const refund = guard(async (order: string): Promise<Guarded<string>> => `refunded ${order}`, {
    toolName: 'refund',
    params: ['order'],
    module,
  });

  show('allow', 'green', await reply('It was shipped yesterday.'));
  show('sanitize', 'yellow', await reply('Write to ann@example.com.'));
  try {
    await drop('customers');
  } catch (error) {
    if (!(error instanceof ForbiddenError)) throw error;
    show('deny', 'red', error.message);
  }
  const refunded = await refund('order-7');
  if (isPending(refunded)) {
    show('pending', 'cyan', refunded.message);
    show('approved', 'cyan', await refunded.completed);
  }
  await module.close();
}
