// One call, and what each audience sees of it: the method and the policies everything, the person who decides a part, a model and the audit log nothing.
// Run: npm run samples -- views
import { AegisModule, VerdictError, guard, guardCall } from 'aegislib';
import { describeApproval } from 'aegislib/decision';
import { show } from './show.js';

const CARD = '4242424242424242';
const aegis = AegisModule.create({
  agentId: 'shop-agent',
  policies: {
    text: `
      @id("all") permit (principal, action, resource);
      @id("pay") @effect("approval_needed") @reason("a person decides payments")
      forbid (principal, action == Aegis::Action::"pay", resource);
      @id("see-it-all") @effect("approval_needed") @show_approver("/card/number")
      forbid (principal, action == Aegis::Action::"pay_all", resource);
    `,
  },
});
const sensitive = {
  '/card/number': 'secret',
  '/mail': { approver: 'domain' },
  '/code': { approver: 'hidden' },
} as const;

interface Order {
  readonly card: { readonly number: string };
  readonly mail: string;
  readonly code: string;
  readonly amount: number;
}
const pay = guard(async ({ card, amount }: Order) => `paid ${amount} with ${card.number}`, {
  toolName: 'pay',
  module: aegis,
  approval: 'wait',
  sensitive,
});

aegis.approvals.on('requested', async (request) => {
  const { decisionId, digest } = request;
  const lines = describeApproval(request);
  const params = lines.slice(
    lines.indexOf('Params that would run:') + 1,
    lines.findIndex((line) => line.startsWith('Digest')),
  );
  for (const line of params) show('approver', 'yellow', line.trim());
  // a yes says how much its person was not shown
  await aegis.approvals.approve(decisionId, { by: 'rita', digest }).catch((error: unknown) => {
    if (error instanceof VerdictError) show('refused', 'red', `${error.status} ${error.code}`);
  });
  await aegis.approvals.approve(decisionId, { by: 'rita', digest, acknowledgeHidden: 3 });
});

const order = { card: { number: CARD }, mail: 'ann@example.com', code: '481', amount: 5 };
show('method', 'green', await pay(order));

// a policy can demand that the person sees it: then the guard that hides it is not even asked about
const outcome = await guardCall(aegis, { agentId: 'shop-agent', toolName: 'pay_all', params: { ...order }, sensitive }, () => 'paid');
if (outcome.kind === 'denied') show('policy', 'red', outcome.error.message);
await aegis.close();
