// The main job, on policies in this process: `npm start`. Shows all four effects. A person at a terminal decides the approval; where there is no
// terminal, a stand-in approves after a moment, as an operator in another window would.
import { openSync } from 'node:fs';
import { styleText } from 'node:util';
import { AegisAgent, AegisGuard, AegisModule, ForbiddenError, isPending, terminalApprover, type Guarded } from 'aegislib';

const policies = new URL('../../samples/policies/', import.meta.url);
const attended = hasTerminal();
const aegis = AegisModule.configure({
  policies,
  agents: { 'ops-agent': { roles: ['support'] } },
  ...(attended ? { approver: terminalApprover({ by: 'you' }) } : {}),
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
  async refund(order: { id: string; amount: number }): Promise<Guarded<string>> {
    return `refunded ${order.amount} for ${order.id}`;
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
const refund = await workspace.refund({ id: 'order-7', amount: 250 });
if (isPending(refund)) {
  show('approval', 'cyan', refund.message);
  if (!attended) void approveLater(refund.decisionId);
  try {
    show('approval', 'cyan', await refund.completed);
  } catch (error) {
    if (!(error instanceof ForbiddenError)) throw error;
    show('approval', 'cyan', `refused: ${error.message}`);
  }
}
await aegis.close();

async function approveLater(decisionId: string): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 300));
  const [request] = (await aegis.approvals.list()).filter((r) => r.decisionId === decisionId);
  if (request !== undefined) await aegis.approvals.approve(decisionId, { by: 'operator', digest: request.digest, reason: 'the customer called' });
}

function hasTerminal(): boolean {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return false;
  try {
    openSync('/dev/tty', 'r+');
    return true;
  } catch {
    return process.platform === 'win32';
  }
}

function show(label: string, colour: 'green' | 'red' | 'yellow' | 'cyan' | 'gray', text: string): void {
  console.log(`${styleText([colour, 'bold'], label.padEnd(9))} ${text}`);
}
