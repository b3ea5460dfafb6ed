// An agent loop in which a pending approval is an answer like any other. Mode 'throw' never runs anything in the background: the agent gets an error,
// does something else, and later calls the tool again with the same arguments. By then a person has approved, and that call runs.
import { AegisModule, ApprovalPendingError, ForbiddenError, guard } from 'aegislib';
import { show } from './show.js';

const aegis = AegisModule.configure({
  agentId: 'treasury-agent',
  env: false,
  policies: {
    text: `
      @id("allow-tools")
      permit (principal == Aegis::Agent::"treasury-agent", action, resource);

      @id("large-transfers") @effect("approval_needed") @reason("transfers over 1000 need a person")
      forbid (principal, action == Aegis::Action::"wire_money", resource)
      when { context.input.cents > 100000 };`,
  },
});

let wired = 0;
const tools = {
  wire_money: guard(
    async (transfer: { to: string; cents: number }) => {
      wired += 1;
      return `wired ${transfer.cents / 100} to ${transfer.to}`;
    },
    { toolName: 'wire_money', approval: 'throw' },
  ),
  read_report: guard(async (report: { month: string }) => `the report of ${report.month} is fine`, {
    toolName: 'read_report',
    approval: 'throw',
  }),
};

type ToolCall =
  | { readonly tool: 'wire_money'; readonly args: { to: string; cents: number } }
  | { readonly tool: 'read_report'; readonly args: { month: string } };

// the calls that a model would choose, turn by turn
const transfer: ToolCall = { tool: 'wire_money', args: { to: 'ACME', cents: 500_000 } };
const turns: readonly ToolCall[] = [transfer, { tool: 'read_report', args: { month: 'May' } }, transfer, transfer];

for (const [turn, call] of turns.entries()) {
  show(`turn ${turn + 1}`, 'gray', `${call.tool} ${JSON.stringify(call.args)}`);
  show('tool', 'cyan', await answer(call));
  if (turn === 1) await somebodyApproves();
}
show('total', 'green', `${wired} transfer ran for one approval`);
await aegis.close();

/** The answer to the model: a result, or a text that it can act on. */
async function answer(call: ToolCall): Promise<string> {
  try {
    return call.tool === 'wire_money' ? await tools.wire_money(call.args) : await tools.read_report(call.args);
  } catch (error) {
    if (error instanceof ApprovalPendingError) return `${error.message}. Go on with something else and call it again later.`;
    if (error instanceof ForbiddenError) return `${error.message}. Do not try this again.`;
    throw error;
  }
}

async function somebodyApproves(): Promise<void> {
  for (const request of await aegis.approvals.list()) {
    await aegis.approvals.approve(request.decisionId, { by: 'ann', digest: request.digest });
    show('person', 'green', `ann approves ${request.toolName} ${JSON.stringify(request.params)}`);
  }
}
