/** A first guarded tool and a program that calls it. `typed`: in TypeScript. It uses nothing that a compiler, a bundler or an old target changes. */
export function starterProgram({ typed }: { readonly typed: boolean }): string {
  const type = (text: string): string => (typed ? text : '');
  return `// A first guarded tool: the policies in ./policies decide on each call. Change them and run this again.
import { AegisModule, ForbiddenError, guard, isPending } from 'aegislib';

const aegis = AegisModule.configure({ policies: './policies', agentId: 'agent' });

/** Amounts are in cents, because policies compare whole numbers. */
export const refund = guard(async (order${type(': { id: string; cents: number }')}) => \`refunded \${order.cents / 100} for \${order.id}\`, {
  toolName: 'refund',
});

async function main()${type(': Promise<void>')} {
  console.log(await refund({ id: 'order-1', cents: 1999 }));

  const large = await refund({ id: 'order-2', cents: 25_000 });
  if (isPending(large)) {
    console.log(large.message);
    // a person decides, in your program's own interface; here it is the program itself
    const [request] = await aegis.approvals.list();
    if (request) await aegis.approvals.approve(request.decisionId, { by: 'ann', digest: request.digest });
    console.log(await large.completed);
  }

  try {
    await refund({ id: 'order-3', cents: 1_000_000 });
  } catch (error) {
    if (!(error instanceof ForbiddenError)) throw error;
    console.log(error.message);
  }
  await aegis.close();
}

main().catch((error${type(': unknown')}) => {
  console.error(error);
  process.exitCode = 1;
});
`;
}

export const STARTER_POLICIES = `// Who may do what. A tool that no permit covers is denied. The tests of these policies: npm run test:policies
@id("allow-refunds")
permit (principal == Aegis::Agent::"agent", action == Aegis::Action::"refund", resource);

// Amounts are in cents.
@id("large-refunds") @effect("approval_needed") @reason("refunds over 100 need a person")
forbid (principal, action == Aegis::Action::"refund", resource)
when { context.input.cents > 10000 };

@id("huge-refunds") @reason("refunds over 5000 are not made")
forbid (principal, action == Aegis::Action::"refund", resource)
when { context.input.cents > 500000 };
`;

export const STARTER_TESTS = `{
  "defaults": { "agent": "agent", "tool": "refund" },
  "tests": [
    { "name": "a small refund", "params": { "id": "a", "cents": 1999 }, "expect": { "effect": "allow" } },
    { "name": "a large refund", "params": { "id": "a", "cents": 25000 }, "expect": { "effect": "approval_needed" } },
    { "name": "a huge refund", "params": { "id": "a", "cents": 1000000 }, "expect": { "effect": "deny" } },
    { "name": "no amount", "params": { "id": "a" }, "expect": { "effect": "deny", "code": "policy_error" } },
    { "name": "another agent", "agent": "stranger", "params": { "id": "a", "cents": 1999 }, "expect": { "effect": "deny" } }
  ]
}
`;

/** What the starter is compiled with, and what the README says. */
export const COMPILER_OPTIONS = { target: 'es2022', module: 'nodenext', strict: true, types: ['node'] } as const;
