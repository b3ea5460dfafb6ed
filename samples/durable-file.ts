// One process is killed while its call waits for a person; another process, started later, runs the call. The two share only a file.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AegisGuard, AegisModule, currentCall, isPending, type Guarded } from 'aegislib';
import { show } from './show.js';

const POLICIES = `
  @id("allow-tools")
  permit (principal == Aegis::Agent::"billing-agent", action, resource);

  @id("refunds") @effect("approval_needed") @reason("every refund needs a person")
  forbid (principal, action == Aegis::Action::"refund", resource);`;

class Billing {
  @AegisGuard({ toolName: 'refund', params: ['order', 'cents'] })
  async refund(order: string, cents: number): Promise<Guarded<string>> {
    // the same for every attempt to run this approval: use it as the idempotency key of a payment service
    show(
      'method',
      'green',
      `refunding ${cents / 100} for ${order}, idempotency key ${currentCall()?.taskId === undefined ? 'none' : 'set'}`,
    );
    return `refunded ${cents / 100} for ${order}`;
  }
}

const [role, file] = process.argv.slice(2);
if (!isBuiltin('node:sqlite')) show('skipped', 'yellow', 'needs Node 22.13 or newer, which has node:sqlite');
else if (role === 'agent') await runAgent(file as string);
else await runAll();

function configure(path: string): AegisModule {
  return AegisModule.configure({
    agentId: 'billing-agent',
    policies: { text: POLICIES },
    store: path,
    // shorter than the default, so that the sample need not wait half a minute until a process counts as dead
    recovery: { leaseMs: 1_000, sweepMs: 200 },
    keepAlive: true, // this process has nothing else to do
    env: false,
  });
}

/** The process that will be killed. */
async function runAgent(path: string): Promise<void> {
  configure(path);
  const refund = await new Billing().refund('order-7', 25_000);
  if (isPending(refund)) show('agent', 'cyan', refund.message);
  process.send?.('asked');
  setInterval(() => {}, 1_000); // keeps the process alive until it is killed
}

async function runAll(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'aegis-sample-'));
  const path = join(folder, 'aegis.db');
  const agent = fork(fileURLToPath(import.meta.url), ['agent', path], { execArgv: ['--disable-warning=ExperimentalWarning'] });
  await once(agent, 'message');
  agent.kill('SIGKILL');
  await once(agent, 'exit');
  show('killed', 'red', 'the agent is gone; its call is in the file');

  const aegis = configure(path);
  const billing = new Billing(); // the only instance, on which stored calls run
  await aegis.ready();
  const [request] = await aegis.approvals.list();
  if (request === undefined) throw new Error('the approval was lost');
  const completed = once(aegis.tasks, 'completed');
  await aegis.approvals.approve(request.decisionId, { by: 'ann', digest: request.digest });
  show('person', 'yellow', `ann approves ${request.toolName} ${JSON.stringify(request.params)}`);
  const [task] = (await completed) as [{ readonly result: unknown }];
  show('result', 'green', `${String(task.result)}, by another process (${billing.constructor.name} is here too)`);
  await aegis.close();
  rmSync(folder, { recursive: true });
}
