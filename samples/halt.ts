// The kill switch: an agent refunds everything; it is halted, what runs is told, and what waits goes on when the halt is lifted.
import { AegisModule, currentCall, ForbiddenError, guard } from 'aegislib';
import { show } from './show.js';

const aegis = AegisModule.configure({
  agentId: 'support-agent',
  policies: { text: '@id("all") permit (principal, action, resource);' },
  env: false,
});

let begun: () => void = () => {};
const hasBegun = new Promise<void>((resolve) => (begun = resolve));

const refund = guard(async (cents: number) => `refunded ${cents / 100}`, { toolName: 'refund', params: ['cents'], approval: 'wait' });
const refundAll = guard(
  async (orders: number) => {
    const { signal } = currentCall()!; // read it before the first await
    let done = 0;
    begun();
    for (; done < orders && !signal.aborted; done++) await new Promise((resolve) => setTimeout(resolve, 5));
    return `gave up after ${done} of ${orders}`;
  },
  { toolName: 'refund_all', params: ['orders'], approval: 'wait' },
);

show('agent', 'cyan', await refund(1_000));
const running = refundAll(1_000_000);
await hasBegun;

const { id } = await aegis.halts.halt({ agentId: 'support-agent' }, { by: 'ann', reason: 'refunds everything' });
show('ann', 'yellow', 'halted support-agent');
show('agent', 'cyan', (await running).replace(/\d+ of/, 'some of'));
try {
  await refund(2_000);
} catch (error) {
  if (!(error instanceof ForbiddenError)) throw error;
  show('agent', 'red', `${error.code}: ${error.message}`);
}

await aegis.halts.lift(id, { by: 'ann', reason: 'fixed' });
show('ann', 'yellow', 'lifted it');
show('agent', 'cyan', await refund(3_000));
await aegis.close();
