// One yes for ten calls: a person approves a refund and lets the yes count for later ones up to 100. The next one asks again.
// Run: npm run samples -- grants
import { AegisGuard, AegisModule } from 'aegislib';

const aegis = AegisModule.configure({
  agentId: 'support-agent',
  policies: {
    text: `
      @id("allow-all")
      permit (principal, action, resource);

      @id("refunds")
      @effect("approval_needed")
      @reason("a person decides refunds")
      @grantable("50 uses; 8h")
      forbid (principal, action == Aegis::Action::"refund", resource);
    `,
  },
});

class Shop {
  @AegisGuard({ toolName: 'refund', params: ['order', 'amount'], approval: 'wait' })
  async refund(order: string, amount: number): Promise<string> {
    return `${order}: ${amount} refunded`;
  }
}

let asked = 0;
aegis.approvals.on('requested', ({ decisionId, digest }) => {
  asked += 1;
  // the first time, the yes counts for ten more; after that, for the one call only
  const grant = asked === 1 ? { uses: 10, forMs: 3_600_000, loosen: { '/amount': { '>=': 0, '<=': 100 } } } : undefined;
  void aegis.approvals.approve(decisionId, { by: 'rita', digest, grant });
});

const shop = new Shop();
for (let i = 1; i <= 12; i++) console.log(await shop.refund('order-7', i * 5), asked === 1 ? '(asked once)' : '(asked twice)');

const [made] = await aegis.grants.list();
if (made !== undefined) console.log(`\n${made.used} of ${made.maxUses} uses. It covers:\n${await aegis.grants.explain(made.id)}`);
await aegis.close();
