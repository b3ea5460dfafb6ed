// How much may run: refunds of 100 a day for each user, after which a person is asked, and three mails an hour, after which they are denied.
// Run: npm run samples -- limits
import { AegisModule, ForbiddenError, guard } from 'aegislib';
import { show } from './show.js';

const aegis = AegisModule.configure({
  agentId: 'support-agent',
  policies: {
    text: `
      @id("allow-all")
      permit (principal, action, resource);

      @id("refund-budget")
      @effect("limit")
      @limit("100/1d by agent,session/user_id")
      @cost("/amount")
      @over("approval_needed")
      @warn_at("80")
      @reason("the refunds of this customer reach the budget of the day")
      forbid (principal, action == Aegis::Action::"refund", resource);

      @id("mails-an-hour")
      @effect("limit")
      @limit("3/1h sliding by agent")
      @reason("Three mails an hour.")
      forbid (principal, action == Aegis::Action::"mail", resource);
    `,
  },
  env: false,
});

// the customer in whose name the agent works: a budget is counted for each
const session = { user_id: 'ann' };
const refund = guard(async (amount: number) => `refunded ${amount}`, { toolName: 'refund', params: ['amount'], session, approval: 'wait' });
const mail = guard(async (to: string) => `mailed ${to}`, { toolName: 'mail', params: ['to'], approval: 'wait' });

aegis.approvals.on('requested', ({ decisionId, digest, reason }) => {
  show('rita', 'yellow', `is asked: ${reason}; says yes to this one`);
  void aegis.approvals.approve(decisionId, { by: 'rita', digest });
});

for (const amount of [60, 40]) show('agent', 'cyan', await refund(amount));
// it does not fit: a person lets it run beyond the limit, and it counts
show('agent', 'cyan', await refund(25));

for (let i = 1; i <= 3; i++) show('agent', 'cyan', await mail(`customer ${i}`));
try {
  await mail('customer 4');
} catch (error) {
  if (!(error instanceof ForbiddenError)) throw error;
  // what a model is told: the author's words and a time, and no numbers of others
  show('agent', 'red', `${error.code}: ${error.message.replace(/after .*/, 'after …')}`);
}

for (const { policyId, used, limit, level } of await aegis.limits.list())
  show('limits', 'magenta', `${policyId}: ${used} of ${limit} used (${level})`);
await aegis.close();
