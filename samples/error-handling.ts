// Provokes every error that a guarded program can get, and shows how to handle it. All are AegisErrors with a `name` and a `code`. A guarded call that
// ends with one of them has not run, except after OutcomeUnknownError.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  AegisError,
  AegisModule,
  ApprovalTimeoutError,
  ForbiddenError,
  guard,
  isPending,
  StoreError,
  type PendingApproval,
} from 'aegislib';
import { MemoryTaskStore } from 'aegislib/store';
import { show } from './show.js';

const text = `
  @id("allow-agent") permit (principal == Aegis::Agent::"agent", action, resource);
  @id("no-drop") @reason("no one drops tables") forbid (principal, action == Aegis::Action::"drop", resource);
  @id("ask") @effect("approval_needed") @reason("a person has to look") forbid (principal, action == Aegis::Action::"deploy", resource);
  @id("tag") @effect("sanitize") @reason("calls are tagged") @sanitize("set /tag \\"x\\"")
  forbid (principal, action == Aegis::Action::"send", resource) unless { context.input has tag };`;

const aegis = AegisModule.configure({ policies: { text }, agentId: 'agent', tasks: { maxPending: 2 }, env: false });
const done = async (): Promise<string> => 'done';
const drop = guard(done, { toolName: 'drop' });
const send = guard(async (mail: { to: string }) => mail.to, { toolName: 'send' });
const find = guard(async (query: unknown) => String(query), { toolName: 'find', params: ['query'] });
const deploy = guard(async (service: string) => service, { toolName: 'deploy', params: ['service'] });

show('refused', 'red', 'the call is not allowed: tell the user, do not retry');
await meet('policy said no; `violations` says what about it', () => drop());
await meet('a person said no; duplicate calls stay refused for a while', async () => {
  const pending = await ask('web');
  await aegis.approvals.deny(pending.decisionId, { by: 'ann', reason: 'not today' });
  await pending.completed;
});

show('waiting', 'cyan', 'no one has said no');
await meet('only in mode throw: go on, call again later with the same arguments', async () => {
  const later = guard(async (service: string) => service, { toolName: 'deploy', params: ['service'], approval: 'throw' });
  await later('api');
});
await meet('no one decided in time: ask again if it still matters', async () => {
  const hurried = guard(async (service: string) => service, {
    toolName: 'deploy',
    params: ['service'],
    approvalTimeoutMs: 50,
    approval: 'wait',
  });
  await hurried('web-2');
});
await meet('cancelled by its caller or an operator: nothing to do', async () => {
  const pending = await ask('web-3');
  await pending.cancel();
  await pending.completed;
});
await meet('the AbortSignal of the call was aborted: nothing to do', () =>
  guard(done, { toolName: 'deploy', signal: AbortSignal.abort('the user left') })(),
);
await meet('too much waits already: slow down, try later', async () => {
  await ask('a');
  await ask('b');
  await ask('c');
});

show('arguments', 'yellow', 'the call cannot be decided on: a bug in the caller, or a model that sent nonsense');
await meet('give a name to every parameter that is passed', () => (find as (...args: unknown[]) => Promise<unknown>)('a', 'b'));
await meet('pass plain data, or name the parameter in `opaque`', () => find(new Map([['a', 1]])));
await meet('policy changed the call into one the guard does not know: fix the policy, or give the guard a schema', () =>
  send({ to: 'ann' }),
);

show('service', 'magenta', 'there was no decision, so nothing ran: retry later, or alert');
const remote = await unhappyDataPlane();
const asking = (status: number): Promise<unknown> =>
  guard(done, { toolName: `http.${status}`, module: status === 0 ? remote.hasty : remote.module })();
await meet('the API key is wrong: alert', () => asking(401));
await meet('the service could not read the request: a bug, perhaps of versions', () => asking(400));
await meet('the service does not know the tenant or tool: configuration', () => asking(404));
await meet('the policies could not be evaluated: their owner has to look', () => asking(500));
await meet('the network or the service is down; retries did not help: try later', () => asking(503));
await meet('no answer within timeoutMs over all attempts: try later', () => asking(0));
await meet('an error of a kind this version does not know', () => asking(418));
await meet('an answer that is not valid; `reason` says why: alert', () => asking(200));
await remote.close();
await meet('the store of approvals failed: alert; the cause is the driver’s error', async () => {
  const store = new MemoryTaskStore();
  store.insert = () => {
    throw new StoreError('The disk is full.'); // as a full database would
  };
  await using failing = AegisModule.create({ policies: { text }, agentId: 'agent', store });
  await guard(done, { toolName: 'deploy', module: failing })();
});

show('programs', 'gray', 'mistakes of the program itself: fix them before it starts');
await meet('every problem and its fix is in `problems`', () => AegisModule.create({ policies: { text: 'permit (principal);' } }));
await meet('the guard stands where it cannot guard', () => guard(async () => 1, {}));
await meet('a verdict that cannot stand: show the approval again', async () => {
  const pending = await ask('web-4');
  await aegis.approvals.approve(pending.decisionId, { by: 'ann', digest: 'of something else' });
});
await meet('a task may change along legal edges only', async () => {
  const { taskId } = await aegis.tasks.createTask({ agentId: 'agent', toolName: 'by.hand', decisionId: 'decision-1' });
  await aegis.tasks.updateStatus(taskId, 'approved');
});

show('the end', 'gray', 'what closing a module does to calls');
await meet('it was running when the module closed, and may have run: a person has to find out', async () => {
  const closing = AegisModule.create({ policies: { text }, agentId: 'agent' });
  let started = (): void => undefined;
  const running = new Promise<void>((resolve) => (started = resolve));
  const slow = guard(
    async () => {
      started();
      await new Promise((resolve) => setTimeout(resolve, 300));
    },
    { toolName: 'deploy', module: closing },
  );
  const pending = await slow();
  if (!isPending(pending)) throw new Error('policy should have asked');
  const request = await closing.approvals.get(pending.decisionId);
  await closing.approvals.approve(pending.decisionId, { by: 'ann', digest: request?.digest });
  await running;
  await closing.close({ graceMs: 20 });
  await pending.completed;
});
await aegis.close();
await meet('the module is closed: the program is ending', () => guard(done, { toolName: 'send', module: aegis })());

// tell errors apart by class, by name, or, across copies of the package, by AegisError.is
const error: unknown = new ApprovalTimeoutError('task-1', 'decision-1', 'No one decided in time.');
show('telling', 'green', `${error instanceof ForbiddenError} ${error instanceof AegisError} ${AegisError.is(error)}`);

async function ask(service: string): Promise<PendingApproval<string>> {
  const result = await deploy(service);
  if (!isPending(result)) throw new Error('policy should have asked');
  return result;
}

async function meet(whatToDo: string, call: () => unknown): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (!AegisError.is(error)) throw error;
    await aegis.tasks.clearAll(); // pending approvals must not affect the next case
    show('', 'gray', `${error.name.padEnd(25)} ${error.code.padEnd(31)} ${whatToDo}`);
    return;
  }
  throw new Error(`this should have failed: ${whatToDo}`);
}

/** A Data Plane that answers with the HTTP status in the tool's name; 0 gives no answer. */
async function unhappyDataPlane(): Promise<{ readonly module: AegisModule; readonly hasty: AegisModule; close(): Promise<void> }> {
  const server = createServer((request, reply) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const { tool } = JSON.parse(body) as { tool: { name: string } };
      const status = Number(tool.name.replace('http.', ''));
      if (status !== 0) reply.writeHead(status, { 'content-type': 'application/json' }).end('{"message":"no"}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const options = { apiKey: 'key', baseUrl, agentId: 'agent', retries: 1, dataPlane: { require: [] } };
  const module = AegisModule.create(options);
  const hasty = AegisModule.create({ ...options, timeoutMs: 300 });
  return {
    module,
    hasty,
    async close() {
      await module.close();
      await hasty.close();
      server.closeAllConnections();
      server.close();
    },
  };
}
