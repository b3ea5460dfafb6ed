import { setTimeout as delay } from 'node:timers/promises';
import { summarizeError } from '../../model/AegisError.js';
import { isPending } from '../../model/PendingApproval.js';
import type { Guarded } from '../../model/PendingApproval.js';
import { guard } from '../../guard/guard.js';

import { AegisModule } from '../../guard/module/AegisModule.js';
import { CliError, type CliIo, EXIT, writeLines } from '../CliIo.js';
import { DEMO_AGENT } from './demoPolicies.js';

/** The options of `aegis demo-agent`. */
export interface DemoAgentFlags {
  readonly url: string;
  readonly everyS?: string | undefined;
  readonly calls?: string | undefined;
}

/**
 * Runs `aegis demo-agent`: an agent in a process of its own, which asks the server of `aegis serve --demo` about its calls. The first four are allowed, denied,
 * sanitized and held for a person; then it asks for another refund every few seconds.
 */
export async function demoAgent({ url, everyS = '20', calls }: DemoAgentFlags, io: CliIo, signal?: AbortSignal): Promise<number> {
  const apiKey = process.env['AEGIS_API_KEY'] ?? '';
  if (apiKey === '') throw new CliError('AEGIS_API_KEY is not set; copy the whole line that npx aegis serve --demo prints');
  const everyMs = Number(everyS) * 1_000;
  if (!(everyMs >= 100 && everyMs <= 3_600_000)) throw new CliError('--every must be a number of seconds from 0.1 to 3600');
  const most = calls === undefined ? Infinity : Number(calls);
  if (!(most >= 1)) throw new CliError('--calls must be a whole number from 1');
  const module = AegisModule.create({ baseUrl: url, apiKey, agentId: DEMO_AGENT });
  const say = (effect: string, text: string): void => writeLines(io.out, [`${effect.padEnd(10)}${text}`]);
  const tools = toolsOf(module);
  const waiting: Promise<void>[] = [];
  const ask = async (what: string, call: () => Promise<unknown>): Promise<void> => {
    try {
      const result = await call();
      if (!isPending(result)) return say(what, String(result));
      say('pending', `refund needs a person: npx aegis approvals approve ${result.decisionId}`);
      waiting.push(
        result.completed.then(
          (done) => say('approved', String(done)),
          (error: unknown) => say('not run', summarizeError(error).message),
        ),
      );
    } catch (error) {
      say('denied', summarizeError(error).message);
    }
  };
  try {
    await ask('allowed', () => tools.lookupOrder('order-7'));
    await ask('denied', () => tools.exportCustomers('csv'));
    await ask('sanitized', () => tools.reply('order-7', 'Write to ann@example.com if it does not arrive.'));
    for (let order = 7; order < 7 + most && signal?.aborted !== true; order++) {
      await ask('allowed', () => tools.refund(`order-${order}`, 25));
      if (order + 1 < 7 + most) await delay(everyMs, undefined, { signal }).catch(() => {});
    }
    const stopped = new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true }));
    if (signal?.aborted !== true) await Promise.race([Promise.all(waiting), stopped]);
  } finally {
    await module.close();
  }
  return EXIT.ok;
}

/** What the tools of the demo do: nothing but say so. */
function toolsOf(module: AegisModule): {
  readonly lookupOrder: (order: string) => Promise<string>;
  readonly exportCustomers: (format: string) => Promise<string>;
  readonly reply: (order: string, text: string) => Promise<string>;
  readonly refund: (order: string, amount: number) => Promise<Guarded<string>>;
} {
  return {
    lookupOrder: guard(async (order: string) => `${order}: shipped yesterday`, {
      toolName: 'lookup_order',
      params: ['order'],
      module,
      approval: 'wait',
    }),
    exportCustomers: guard(async (format: string) => `exported as ${format}`, {
      toolName: 'export_customers',
      params: ['format'],
      module,
      approval: 'wait',
    }),
    reply: guard(async (order: string, text: string) => `replied on ${order}: ${text}`, {
      toolName: 'reply',
      params: ['order', 'text'],
      module,
      approval: 'wait',
    }),
    refund: guard(async (order: string, amount: number): Promise<Guarded<string>> => `refunded ${amount} for ${order}`, {
      toolName: 'refund',
      params: ['order', 'amount'],
      module,
    }),
  };
}
