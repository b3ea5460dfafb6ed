// Two workers and one approver, three processes on one Postgres: one makes the call, another approves it, and any worker that is alive
// runs it. Needs `npm install pg pg-boss` and a database: `DATABASE_URL=postgres://… npm run samples -- durable-fleet`.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { AegisGuard, AegisModule, isPending, type Guarded } from 'aegislib';
import { postgresStore } from 'aegislib/postgres';
import { show } from './show.js';

const POLICIES = `
  @id("allow-tools")
  permit (principal == Aegis::Agent::"ops-agent", action, resource);

  @id("deployments") @effect("approval_needed") @reason("a person has to look at it")
  forbid (principal, action == Aegis::Action::"deploy", resource);`;

class Deployer {
  @AegisGuard({ toolName: 'deploy', params: ['service'] })
  async deploy(service: string): Promise<Guarded<string>> {
    show(name, 'green', `deploying ${service}`);
    return `${service} is deployed`;
  }
}

const url = process.env['DATABASE_URL'];
const [major, minor] = process.versions.node.split('.').map(Number) as [number, number];
const name = process.argv[2] ?? 'all';
if (url === undefined) show('skipped', 'yellow', 'needs a database: set DATABASE_URL to its connection string');
else if (major < 22 || (major === 22 && minor < 12)) show('skipped', 'yellow', 'needs Node 22.12 or newer, as pg-boss does');
else if (name === 'all') await runAll();
else if (name === 'approver') await runApprover(url);
else await runWorker(url);

function configure(connectionString: string): AegisModule {
  return AegisModule.configure({
    agentId: 'ops-agent',
    policies: { text: POLICIES },
    store: postgresStore({ connectionString, schema: 'aegis_sample' }),
    recovery: { leaseMs: 2_000, sweepMs: 500 },
    env: false,
  });
}

/** Guards `deploy`, and makes a call on demand. */
async function runWorker(connectionString: string): Promise<void> {
  const aegis = configure(connectionString);
  const deployer = new Deployer();
  aegis.tasks.on('completed', ({ params, result }) => process.send?.({ did: 'completed', service: params['service'], result }));
  await aegis.ready();
  const ask = async (service: string): Promise<void> => {
    const answer = await deployer.deploy(service);
    show(name, 'cyan', isPending(answer) ? answer.message : answer);
    process.send?.({ did: 'asked', service });
  };
  process.on('message', (service: string) => void ask(service));
  process.send?.({ did: 'started' });
  await once(process, 'disconnect');
  await aegis.close();
}

/** Has the approval desk, and no tools. */
async function runApprover(connectionString: string): Promise<void> {
  const aegis = configure(connectionString);
  await aegis.ready();
  process.send?.({ did: 'started' });
  const approveAll = async (): Promise<void> => {
    for (const request of await aegis.approvals.list()) {
      await aegis.approvals.approve(request.decisionId, { by: 'ann', digest: request.digest });
      show('approver', 'yellow', `ann approves ${JSON.stringify(request.params)}`);
    }
  };
  process.on('message', () => void approveAll());
  await once(process, 'disconnect');
  await aegis.close();
}

async function runAll(): Promise<void> {
  const [one, two, approver] = await Promise.all(['worker-1', 'worker-2', 'approver'].map(start));
  if (one === undefined || two === undefined || approver === undefined) throw new Error('unreachable');

  // its own worker runs it
  one.send('web');
  await told(one, 'asked');
  approver.send('approve');
  await told(two, 'completed'); // worker-2 is notified too

  // its worker is killed, so the other one runs it
  one.send('search');
  await told(one, 'asked');
  one.kill('SIGKILL');
  show('killed', 'red', 'worker-1 is gone');
  approver.send('approve');
  const { result } = await told(two, 'completed');
  show('result', 'green', String(result));
  for (const child of [two, approver]) child.disconnect();
  await Promise.all([once(two, 'exit'), once(approver, 'exit')]);
}

async function start(role: string): Promise<ChildProcess> {
  const child = fork(fileURLToPath(import.meta.url), [role]);
  await told(child, 'started');
  return child;
}

interface Told {
  readonly did: string;
  readonly result?: unknown;
}

async function told(child: ChildProcess, did: string): Promise<Told> {
  for (;;) {
    const [message] = (await once(child, 'message')) as [Told];
    if (message.did === did) return message;
  }
}
