// A program that keeps its calls in a SQLite file. As a process of its own, it asks for four refunds and goes on until it is killed.
import { AegisGuard } from '../../../lib/guard/AegisGuard.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import type { Guarded } from '../../../lib/model/PendingApproval.js';

/** The state key of the program, which a server that opens its file needs too. */
export const STATE_KEY = 'a state key that is long enough, and kept elsewhere';

const POLICIES = `@id("all") permit (principal, action, resource);
  @id("ask") @effect("approval_needed") @reason("a person decides") forbid (principal, action, resource);`;

export class Billing {
  readonly ran: string[] = [];

  @AegisGuard({ toolName: 'refund', key: 'program.refund', params: ['order'] })
  async refund(order: string): Promise<Guarded<string>> {
    this.ran.push(order);
    process.send?.(`ran ${order}`);
    return order;
  }
}

/** Sets the program up on that file. */
export function configureProgram(path: string): AegisModule {
  return AegisModule.configure({
    agentId: 'bot',
    policies: { text: POLICIES },
    store: path,
    stateKey: STATE_KEY,
    env: false,
    keepAlive: true,
    recovery: { leaseMs: 1_000, sweepMs: 100 },
  });
}

if (process.send !== undefined && process.argv[2] === 'refund') {
  const module = configureProgram(process.argv[3] as string);
  const billing = new Billing();
  await module.ready();
  for (const order of ['one', 'two', 'three', 'four']) await billing.refund(order);
  process.send('asked');
  process.on('message', (order: string) => void billing.refund(order).then(() => process.send?.(`asked ${order}`)));
}
