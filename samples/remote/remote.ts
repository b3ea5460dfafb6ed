// Gets decisions from a Data Plane over HTTP, here a simulated one on 127.0.0.1. The status of an approval is polled.
import { AegisGuard, AegisModule, AuthError, ForbiddenError, isPending, type Guarded } from 'aegislib';
import { show } from '../show.js';
import { API_KEY, startDataPlane } from './dataPlane.js';

const plane = await startDataPlane();
const aegis = AegisModule.configure({
  apiKey: API_KEY,
  baseUrl: plane.url, // plain http is allowed on loopback only
  dataPlane: { require: [] }, // it speaks the hosted service's protocol only; a Data Plane of `aegislib/server` can do more, and is asked to by default
  agentId: 'ops-agent',
  approvalPolling: { initialDelayMs: 500 },
  env: false, // so that the sample behaves the same on every machine; a program would read AEGIS_API_KEY and AEGIS_BASE_URL from the environment
});

class Workspace {
  @AegisGuard({ toolName: 'slack.post_message', params: ['channel', 'text'], approval: 'wait' })
  async post(channel: string, text: string): Promise<string> {
    return `posted "${text}" to ${channel}`;
  }

  @AegisGuard({ toolName: 'mail.send', params: ['to', 'body'], approval: 'wait' })
  async send(to: string, body: string): Promise<string> {
    return `mailed ${to}: ${body}`;
  }

  @AegisGuard({ toolName: 'db.drop', params: ['table'], approval: 'wait' })
  async drop(table: string): Promise<string> {
    return `dropped ${table}`;
  }

  @AegisGuard({})
  async refund(order: { id: string; cents: number }): Promise<Guarded<string>> {
    return `refunded ${order.cents / 100} for ${order.id}`;
  }
}

const workspace = new Workspace();

show('allow', 'green', await workspace.post('#support', 'Hello!'));
show('sanitize', 'yellow', await workspace.send('ann@example.com', 'The password is hunter2.'));

try {
  await workspace.drop('users');
} catch (error) {
  if (!(error instanceof ForbiddenError)) throw error;
  show('deny', 'red', `${error.message} (${error.violations.map((v) => v.message).join('; ')})`);
}

const refund = await workspace.refund({ id: 'order-7', cents: 25_000 });
if (isPending(refund)) {
  show('approval', 'cyan', refund.message);
  setTimeout(() => plane.decideAll('allow'), 700); // a person at the Data Plane approves
  show('approval', 'cyan', `${await refund.completed}, after ${plane.polls} polls`);
}

const stranger = AegisModule.create({ apiKey: 'another-key', baseUrl: plane.url, agentId: 'ops-agent', dataPlane: { require: [] } });
class Elsewhere {
  @AegisGuard({ toolName: 'slack.post_message', module: stranger, approval: 'wait' })
  async post(message: { text: string }): Promise<string> {
    return message.text;
  }
}
try {
  await new Elsewhere().post({ text: 'Hello!' });
} catch (error) {
  if (!(error instanceof AuthError)) throw error;
  show('error', 'magenta', `${error.name} ${error.code}: ${error.message}; the call did not run`);
}

await stranger.close();
await aegis.close();
await plane[Symbol.asyncDispose]();
