// Shows all four effects with policies in this process: `npm start`. A person at the terminal decides on the approval within a minute;
// without a terminal, a simulated operator approves after a moment.
import { closeSync, openSync } from 'node:fs';
import {
  AegisAgent,
  AegisError,
  AegisGuard,
  AegisModule,
  ForbiddenError,
  isPending,
  terminalApprover,
  type Guarded,
  type PendingApproval,
} from 'aegislib';
import { show } from './show.js';

const attended = hasTerminal();
const aegis = AegisModule.configure({
  policies: new URL('../../samples/policies/', import.meta.url),
  agents: { 'ops-agent': { roles: ['support'] } },
  approvalTimeoutMs: 60_000,
  ...(attended ? { approver: terminalApprover({ by: 'you' }) } : {}),
  env: false, // so that the sample behaves the same on every machine
});

@AegisAgent('ops-agent')
class Workspace {
  @AegisGuard({ toolName: 'slack.post_message', params: ['channel', 'text'], approval: 'wait' })
  async post(channel: string, text: string): Promise<string> {
    return `posted "${text}" to ${channel}`;
  }

  @AegisGuard({ toolName: 'mail.send', params: ['to', 'body'], approval: 'wait' })
  async send(to: string, body: string): Promise<string> {
    return `mailed ${to}: ${body}`;
  }

  @AegisGuard({})
  async refund(order: { id: string; cents: number }): Promise<Guarded<string>> {
    return `refunded ${order.cents / 100} for ${order.id}`;
  }
}

const workspace = new Workspace();

show('allow', 'green', await workspace.post('#support', 'Hello!'));

try {
  await workspace.post('#announcements', 'Free money!');
} catch (error) {
  if (!(error instanceof ForbiddenError)) throw error;
  show('deny', 'red', error.message);
}

show('sanitize', 'yellow', await workspace.send('ann@example.com', 'Bob can be reached at bob@example.com.'));

aegis.tasks.on('transition', ({ task, from }) => show('task', 'gray', `${task.toolName}: ${from ?? 'new'} → ${task.status}`));
const refund = await workspace.refund({ id: 'order-7', cents: 25_000 });
if (isPending(refund)) {
  show('approval', 'cyan', refund.message);
  if (!attended) void approveLater(refund);
  try {
    show('approval', 'cyan', await refund.completed);
  } catch (error) {
    // refused, or no one decided in time: it did not run
    if (!AegisError.is(error)) throw error;
    show('approval', 'cyan', `${error.name}: ${error.message}`);
  }
}
await aegis.close();

async function approveLater({ decisionId }: PendingApproval): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 300));
  const request = await aegis.approvals.get(decisionId);
  if (request !== undefined)
    await aegis.approvals.approve(decisionId, { by: 'operator', digest: request.digest, reason: 'customer called' });
}

function hasTerminal(): boolean {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return false;
  try {
    closeSync(openSync('/dev/tty', 'r+'));
    return true;
  } catch {
    return process.platform === 'win32';
  }
}
